"""Free words of the filter: what is searched for, how it is printed, and that the log's form of a filter has none."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indelible.errors import InvalidInput, InvalidQuery
from indelible.read.query import (
    KEYS,
    LONGEST_TEXT,
    LONGEST_VALUE,
    MOST_VALUES,
    Choice,
    Query,
    format,
    in_words,
    parse,
    point_at,
    without_words,
)


def refused(text: str) -> InvalidQuery:
    with pytest.raises(InvalidQuery) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("late", ("late",)),
        ('"Ana Sousa"', ("Ana Sousa",)),
        ("Ana Sousa", ("Ana", "Sousa")),
        ("zebra apple", ("zebra", "apple")),
        ("late Late late", ("late", "Late")),
        ('late "late"', ("late",)),
        ('"10:30"', ("10:30",)),
        ('"from:2026-05-01"', ("from:2026-05-01",)),
        ('"-late"', ("-late",)),
        (r'"a\"b" "c\\d"', ('a"b', r"c\d")),
        (r"a\b", (r"a\b",)),
        ("bk_1 203.0.113.9 O'Neill", ("bk_1", "203.0.113.9", "O'Neill")),
        ("–late", ("–late",)),
    ],
)
def test_a_word_without_a_colon_or_in_quotes_is_free(text: str, words: tuple[str, ...]) -> None:
    assert parse(text) == Query(words=words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-late", ("late",)),
        ('-"Ana Sousa"', ("Ana Sousa",)),
        ("-late -LATE -late", ("late", "LATE")),
        ("--late", ("-late",)),
        ('-"-10:30"', ("-10:30",)),
    ],
)
def test_a_hyphen_excludes_a_free_word(text: str, words: tuple[str, ...]) -> None:
    assert parse(text) == Query(unwanted_words=words)


@pytest.mark.parametrize("key", KEYS)
def test_the_name_of_a_key_alone_is_a_free_word(key: str) -> None:
    assert parse(f'{key} -{key} "{key}:"') == Query(words=(key, f"{key}:"), unwanted_words=(key,))


def test_free_words_stand_among_the_others() -> None:
    assert parse('late client:cli_77 -"Ana Sousa" from:2026-05-01 train') == Query(
        Choice(clients=frozenset({"cli_77"})),
        first=date(2026, 5, 1),
        words=("late", "train"),
        unwanted_words=("Ana Sousa",),
    )


def test_a_word_may_be_both_wanted_and_not() -> None:
    assert parse("late -late") == Query(words=("late",), unwanted_words=("late",))


def test_a_phrase_in_one_argument_needs_its_quotes() -> None:
    assert parse(["Ana Sousa"]).words == ("Ana", "Sousa")
    assert parse(['"Ana Sousa"', "late"]).words == ("Ana Sousa", "late")


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (Query(words=("late", "Ana Sousa")), 'late "Ana Sousa"'),
        (Query(words=("zebra", "apple"), unwanted_words=("zz", "aa")), "zebra apple -zz -aa"),
        (Query(words=("10:30", "-late", 'a"b', "“a”", r"a\b")), r'"10:30" "-late" "a\"b" "“a”" a\b'),
        (Query(unwanted_words=("-late", "Ana Sousa")), '-"-late" -"Ana Sousa"'),
        (
            Query(Choice(abouts=frozenset({"booking/7"})), Choice(kinds=frozenset({"system"})), words=("late",)),
            "about:booking/7 -actor:system late",
        ),
    ],
)
def test_free_words_are_printed_last_and_quoted_only_where_needed(query: Query, text: str) -> None:
    assert format(query) == text
    assert parse(text) == query


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'category:payments client:cli_77 about:booking/7 "Ana Sousa" late -xy from:2026-05-01 -actor:system',
            "category payments; client cli_77; about booking/7; with “Ana Sousa” and “late”; "
            "without “xy”; from 1 May 2026 on (days in Europe/Lisbon); not actor system",
        ),
        ("-aa -bb", "without “aa” or “bb”"),
        ('"a”; not actor b"', 'with "a”; not actor b"'),
    ],
)
def test_free_words_in_words(text: str, words: str) -> None:
    assert in_words(parse(text), "Europe/Lisbon") == words


def test_the_form_for_the_log_holds_no_free_word() -> None:
    query = parse('client:cli_77 -category:payments to:2026-05-31 "Ana Sousa" -late')
    assert without_words(query) == parse("client:cli_77 -category:payments to:2026-05-31")
    assert without_words(parse("Ana")) == Query()


@pytest.mark.parametrize("text", ["a", "-", "-a", '""', '-""', '"  "', '"a "', "\u0301\u0301", "e\u0301"])
def test_a_word_that_is_in_nearly_every_entry_is_refused(text: str) -> None:
    error = refused(f"late {text}")
    assert "at least 2 characters" in str(error)
    assert "one letter is in nearly every entry" in str(error)
    assert error.position == len("late ")


@pytest.mark.parametrize(
    ("text", "word", "reason"),
    [
        ("late “Ana Sousa”", "“Ana", "straight double quotes"),
        ('late 5"', "5", 'as in "..."'),
        ('late "Ana Sousa', '"Ana', "must end with a double quote"),
        ('late "Ana"Sousa', '"Ana', "must end with a double quote"),
        (r'late "a\nb"', '"a', "must end with a double quote"),
        ("late 10:30", "10:30", "to search for a text with a colon, put it in double quotes"),
        ("late -10:30", "-10:30", "to search for a text with a colon, put it in double quotes"),
        ("late acton:b", "acton", "to search for a text with a colon, put it in double quotes"),
        ('late "a\nb"', '"a', "line break"),
        ("late a\0b", "a\0b", "control character"),
        ("late a\ud800", "a\ud800", "half a character"),
        ("late " + "x" * (LONGEST_VALUE + 1), "x" * (LONGEST_VALUE + 1), "more than 200 characters"),
    ],
)
def test_an_error_points_at_the_free_word(text: str, word: str, reason: str) -> None:
    error = refused(text)
    assert reason in str(error)
    assert error.position == text.rindex(word)


def test_free_words_repeat_in_no_error() -> None:
    long = "maria" * 50
    for text in ("“maria", '"maria', "maria:x", 'maria"', "maria\0", long, f"-{long}", '"maria"sousa'):
        assert "maria" not in str(refused(text))


def test_carets_stand_under_a_whole_phrase() -> None:
    text = 'late -"Ana \t" train'
    assert point_at(text, refused(text)) == 'late -"Ana  " train\n' + " " * 5 + "^" * 8


def test_free_words_count_to_the_most_values() -> None:
    words = [f"word{number}" for number in range(MOST_VALUES)]
    half = MOST_VALUES // 2
    assert len(parse(" ".join(words)).words) == MOST_VALUES
    mixed = [*words[:half], *(f"-{word}" for word in words[half:])]
    assert "more than 50 values" in str(refused(" ".join([*mixed, "client:cli_77"])))
    with pytest.raises(InvalidInput):
        Query(Choice(clients=frozenset({"cli_77"})), words=tuple(words[:half]), unwanted_words=tuple(words[half:]))


def test_the_longest_free_words_can_be_printed_and_read() -> None:
    words = tuple(f"{number:03} " + '"' * (LONGEST_VALUE - 4) for number in range(MOST_VALUES))
    query = Query(first=date(2026, 5, 1), last=date(2026, 5, 1), unwanted_words=words)
    assert len(format(query)) < LONGEST_TEXT
    assert parse(format(query)) == query


@pytest.mark.parametrize("word", ["", "a", " ", "a\0b", "a\u2028b", "\ud800x", "x" * (LONGEST_VALUE + 1)])
def test_a_query_with_a_word_that_has_no_text_form_cannot_be_made(word: str) -> None:
    for wrong in ({"words": (word,)}, {"unwanted_words": ("late", word)}):
        with pytest.raises(InvalidInput):
            Query(**wrong)


def test_a_query_has_no_word_twice() -> None:
    with pytest.raises(InvalidInput, match="twice"):
        Query(words=("late", "late"))
    with pytest.raises(InvalidInput, match="twice"):
        Query(unwanted_words=("late", "late"))


plain = st.from_regex(re.compile(r"[^\W_]{2,8}"), fullmatch=True)


@given(st.lists(st.tuples(st.booleans(), plain), max_size=10))
def test_words_keep_the_order_in_which_they_were_first_typed(typed: list[tuple[bool, str]]) -> None:
    query = parse(" ".join(f"{'-' if negated else ''}{word}" for negated, word in typed))
    wanted, unwanted = ([word for negated, word in typed if negated is side] for side in (False, True))
    assert query.words == tuple(sorted(set(wanted), key=wanted.index))
    assert query.unwanted_words == tuple(sorted(set(unwanted), key=unwanted.index))
