"""The filter: what a text means, how it is printed, and what is said about one that cannot be read."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indelible.errors import InvalidInput, InvalidQuery
from indelible.read.bounds import NAMES, Back, Minute, Named, are_exchanged
from indelible.read.query import (
    KINDS,
    LONGEST_TEXT,
    LONGEST_VALUE,
    MOST_VALUES,
    Choice,
    Query,
    Vocabulary,
    format,
    in_words,
    parse,
    point_at,
    word_at,
)

VOCABULARY = Vocabulary(
    categories={
        "bookings": frozenset({"booking.created", "booking.cancelled"}),
        "payments": frozenset({"charge.succeeded", "charge.refunded"}),
    },
    occurring=frozenset({"charge.refunded", "spa.opened"}),
)

values = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=20)
ids = values.filter(lambda value: value.lower() not in KINDS)


def is_free(text: str) -> bool:
    try:
        return bool(Query(words=(text,)))
    except InvalidInput:
        return False


# No more values in all than a filter may have.
choices = st.builds(
    Choice,
    actors=st.frozensets(ids, max_size=3),
    kinds=st.frozensets(st.sampled_from(KINDS), max_size=3),
    actions=st.frozensets(values | st.just("booking.created"), max_size=3),
    categories=st.frozensets(values, max_size=3),
    targets=st.frozensets(values | st.just("service/7"), max_size=1),
    clients=st.frozensets(values, max_size=1),
    abouts=st.frozensets(values | st.just("staff/usr_12"), max_size=1),
    operations=st.frozensets(values, max_size=1),
    stripes=st.frozensets(values, max_size=1),
)
free = st.lists(
    values.filter(is_free) | st.sampled_from(["actor", "10:30", "from:2026-05-01"]), max_size=4, unique=True
)
relative = st.sampled_from(NAMES).map(Named)
ends = st.none() | st.dates() | st.builds(Minute, st.dates(), st.integers(0, 1439)) | relative
starts = ends | st.builds(Back, st.integers(1, 9999), st.sampled_from("dh"))


@st.composite
def queries(draw: st.DrawFn) -> Query:
    first, last = draw(starts), draw(ends)
    if are_exchanged(first, last):
        first, last = last, first
    return Query(draw(choices), draw(choices), first, last, tuple(draw(free)), tuple(draw(free)))


def refused(text: str | list[str], vocabulary: Vocabulary | None = VOCABULARY) -> InvalidQuery:
    with pytest.raises(InvalidQuery) as caught:
        parse(text, vocabulary=None if vocabulary is None else lambda: vocabulary)
    return caught.value


def test_each_key_goes_to_its_place() -> None:
    text = "actor:usr_12 action:booking.cancelled category:payments from:2026-05-01 to:2026-05-31 -actor:system"
    assert parse(text, vocabulary=lambda: VOCABULARY) == Query(
        Choice(frozenset({"usr_12"}), frozenset(), frozenset({"booking.cancelled"}), frozenset({"payments"})),
        Choice(kinds=frozenset({"system"})),
        date(2026, 5, 1),
        date(2026, 5, 31),
    )


def test_each_key_of_an_id_goes_to_its_place() -> None:
    text = "target:service/7 client:cli_77 about:staff/usr_12 operation:req_5f2c stripe:pi_3Q -client:cli_1 -about:bk_9"
    assert parse(text, vocabulary=lambda: VOCABULARY) == Query(
        Choice(
            targets=frozenset({"service/7"}),
            clients=frozenset({"cli_77"}),
            abouts=frozenset({"staff/usr_12"}),
            operations=frozenset({"req_5f2c"}),
            stripes=frozenset({"pi_3Q"}),
        ),
        Choice(clients=frozenset({"cli_1"}), abouts=frozenset({"bk_9"})),
    )


def test_kinds_of_actor_are_plain_ids_for_the_other_keys() -> None:
    assert parse("target:staff client:System").wanted == Choice(
        targets=frozenset({"staff"}), clients=frozenset({"System"})
    )


def test_a_key_repeated_collects_its_values() -> None:
    query = parse("actor:usr_1 actor:client actor:usr_2 actor:usr_1 -category:payments -category:bookings")
    assert query.wanted == Choice(frozenset({"usr_1", "usr_2"}), frozenset({"client"}))
    assert query.unwanted == Choice(categories=frozenset({"payments", "bookings"}))


@pytest.mark.parametrize("text", ["", "   ", "\t\n", [], ["", ""]])
def test_no_words_mean_every_entry(text: str | list[str]) -> None:
    assert parse(text) == Query()
    assert format(Query()) == ""
    assert in_words(Query(), "Europe/Lisbon") == "every entry"


def test_a_quoted_value_may_hold_spaces_quotes_and_backslashes() -> None:
    assert parse(r'actor:"usr 12" actor:"a\"b" actor:"c\\d" actor:e\f').wanted.actors == {
        "usr 12",
        'a"b',
        r"c\d",
        r"e\f",
    }


def test_a_value_may_hold_colons_and_hyphens() -> None:
    assert parse("actor:urn:usr:-7 -actor:a-b").wanted.actors == {"urn:usr:-7"}


@pytest.mark.parametrize(
    "words",
    [
        ["actor:usr_12", "-action:charge.refunded"],
        ["actor:usr_12 -action:charge.refunded"],
        ["", "  actor:usr_12 ", "-action:charge.refunded"],
    ],
)
def test_arguments_are_read_as_the_text_that_joins_them(words: list[str]) -> None:
    assert parse(words) == parse("actor:usr_12 -action:charge.refunded")


def test_an_argument_with_a_quoted_space_is_one_value() -> None:
    assert parse(['actor:"usr 12"', "category:payments"]).wanted.actors == {"usr 12"}


def test_a_single_day_is_a_range() -> None:
    query = parse("from:2026-05-01 to:2026-05-01")
    assert (query.first, query.last) == (date(2026, 5, 1), date(2026, 5, 1))


def test_an_action_that_occurs_but_is_declared_no_more_can_be_asked_for() -> None:
    assert parse("action:spa.opened", vocabulary=lambda: VOCABULARY).wanted.actions == {"spa.opened"}


def test_the_vocabulary_is_asked_for_once_and_only_for_actions_and_categories() -> None:
    asked: list[Vocabulary] = []

    def vocabulary() -> Vocabulary:
        asked.append(VOCABULARY)
        return VOCABULARY

    parse("actor:usr_12 from:2026-05-01 client:cli_77 Ana", vocabulary=vocabulary)
    assert not asked
    parse("action:booking.cancelled category:payments -category:bookings", vocabulary=vocabulary)
    assert len(asked) == 1


def test_without_a_vocabulary_every_code_is_read() -> None:
    assert parse("action:nail.painted category:nails").wanted.actions == {"nail.painted"}


@given(queries())
@example(Query(Choice(actors=frozenset({'"', "\\", '\\"', "“a”", "a b", "-x", ":", "\u3000"}))))
def test_the_printed_text_reads_back_as_the_same_query(query: Query) -> None:
    assert parse(format(query)) == query
    assert format(parse(format(query))) == format(query)


def test_the_printed_text_has_one_order() -> None:
    text = "-actor:system to:2026-05-31 category:payments actor:usr_2 from:2026-05-01 actor:staff actor:usr_1"
    assert format(parse(text)) == (
        "actor:staff actor:usr_1 actor:usr_2 category:payments from:2026-05-01 to:2026-05-31 -actor:system"
    )
    keys = ("actor", "action", "category", "target", "client", "about", "operation", "stripe")
    ids = " ".join(f"{key}:x" for key in keys)
    assert format(parse(" ".join(reversed(ids.split())))) == ids


def test_the_longest_query_can_be_printed_and_read() -> None:
    ids = frozenset(f'{number:03}"' + '"' * (LONGEST_VALUE - 4) for number in range(MOST_VALUES))
    query = Query(unwanted=Choice(operations=ids), first=date(2026, 5, 1), last=date(2026, 5, 1))
    assert len(format(query)) < LONGEST_TEXT
    assert parse(format(query)) == query


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "category:payments action:booking.cancelled from:2026-05-01 to:2026-05-31 -actor:system",
            "action booking.cancelled; category payments; from 1 May 2026 to 31 May 2026 (days in Europe/Lisbon); "
            "not actor system",
        ),
        ("actor:usr_2 actor:usr_1 actor:client", "actor client or usr_1 or usr_2"),
        ("from:2026-12-09", "from 9 December 2026 on (days in Europe/Lisbon)"),
        ("to:2026-02-28", "up to 28 February 2026 (days in Europe/Lisbon)"),
        ("from:2026-05-01 to:2026-05-01", "on 1 May 2026 (days in Europe/Lisbon)"),
        ('actor:"a; not actor b"', 'actor "a; not actor b"'),
        ("from:today", "from today on (days in Europe/Lisbon)"),
        ("from:week", "from the beginning of this week on (days in Europe/Lisbon)"),
        ("from:last-month to:last-month", "last month (days in Europe/Lisbon)"),
        ("from:last-year to:yesterday", "from the beginning of last year to yesterday (days in Europe/Lisbon)"),
        ("from:-7d", "in the last 7 days (days in Europe/Lisbon)"),
        ("from:-1h", "in the last hour (times in Europe/Lisbon)"),
        (
            "from:2026-12-05T14:00 to:2026-12-05T18:00",
            "from 5 December 2026 14:00 to 5 December 2026 18:00 (times in Europe/Lisbon)",
        ),
        (
            "stripe:ch_1 about:booking/7 client:cli_78 client:cli_77 -operation:req_1 target:bk_1",
            "target bk_1; client cli_77 or cli_78; about booking/7; stripe ch_1; not operation req_1",
        ),
    ],
)
def test_a_filter_in_words(text: str, words: str) -> None:
    assert in_words(parse(text), "Europe/Lisbon") == words


@pytest.mark.parametrize(
    ("text", "word", "reason"),
    [
        ("actor:a acton:b", "acton", "did you mean action?"),
        ("Actor:a", "Actor", "did you mean actor?"),
        ("since:2026-05-01", "since", "one of the keys actor, action, category, target, client, about"),
        (":a", ":a", "unknown key"),
        (
            "since:2026-05-01",
            "since",
            "about, only, operation, stripe, from, to, ip, in, recorded, or, to search for a text with a colon",
        ),
        (
            "stripes:ch_1",
            "stripes",
            "did you mean stripe? (to search for a text with a colon, put it in double quotes)",
        ),
        ("-customer:x", "-customer", "unknown key"),
        ("–actor:system", "–actor", "one plain hyphen: -actor:"),
        ("--actor:system", "--actor", "one plain hyphen: -actor:"),
        ("actor:a M", "M", "at least 2 characters"),
        ('actor:a "M"', '"M"', "at least 2 characters"),
        ('actor:a "Maria', '"Maria', "must end with a double quote"),
        ('actor:a Ma"ria', 'Ma"ria', "straight double quotes"),
        ("- actor:a", "-", "at least 2 characters"),
        ("actor: usr_12", "actor:", "has no value"),
        ('category:payments actor:""', "actor", "has no value"),
        ('actor:"usr 12', "actor", "must end with a double quote"),
        ('actor:"usr"12', "actor", "must end with a double quote"),
        (r'actor:"a\n"', "actor", "must end with a double quote"),
        ('actor:a"b', "actor", "straight double quotes"),
        ('target:a"b', "target", 'as in target:"..."'),
        ("client: cli_77", "client:", "write client: and the value"),
        ("-about:\0", "-about", "control character"),
        ("stripe:" + "x" * (LONGEST_VALUE + 1), "stripe", "more than 200 characters"),
        ("actor:“usr”", "actor", "straight double quotes"),
        ("actor:System", "actor", "write actor:system"),
        ("-actor:STAFF", "-actor", "write actor:staff"),
        ("category:payment", "category", "there are bookings, payments"),
        ("action:booking.canceled", "action", "did you mean booking.cancelled?"),
        ("action:payments", "action", "write category:payments"),
        ("action:zzzzzzzzz", "action", "unknown action"),
        ("from:2026-02-29", "from", "the calendar does not have"),
        ("from:0000-01-01", "from", "the calendar does not have"),
        ("to:31.05.2026", "to", "write it as to:2026-05-31"),
        ("to:2026-5-1", "to", "write it as to:2026-05-31"),
        ("to:٢٠٢٦-05-01", "to", "write it as to:2026-05-31"),
        ("actor:a from:2026-05-01 from:2026-05-01", "from", "given twice"),
        ("from:last-moth", "from", "did you mean from:last-month?"),
        ("from:0d to:today", "from", "is not a day; write it as from:2026-05-31"),
        ("from:-0d", "from", "is not a day"),
        ("from:-10000d", "from", "is not a day"),
        ("from:-\u0667d", "from", "is not a day"),
        ("from:Today", "from", "did you mean from:today?"),
        ("to:-7d", "to", "cannot count back"),
        ("from:2026-05-01T24:00", "from", "is not a day"),
        ("from:2026-02-30T10:00", "from", "the calendar does not have"),
        ("from:2026-05-01T09:30 to:2026-05-01T09:29", "to", "from is after to"),
        ("from:2026-05-01T00:00 to:2026-04-30", "to", "from is after to"),
        ("from:2026-05-02 to:2026-05-01", "to", "from is after to"),
        ("to:2026-05-01 from:2026-05-02", "from", "from is after to"),
        ("-from:2026-05-01", "-from", "cannot be excluded"),
        ("actor:a\0b", "actor", "control character"),
        ("actor:a\ud800", "actor", "half a character"),
        ('actor:"a\nb"', "actor", "line break"),
        ('actor:"a\u2028b"', "actor", "line break"),
        ("\0\0", "\0\0", "control character"),
        ("actor:" + "x" * (LONGEST_VALUE + 1), "actor", "more than 200 characters"),
    ],
)
def test_an_error_points_at_the_word_and_says_what_to_write(text: str, word: str, reason: str) -> None:
    error = refused(text)
    assert reason in str(error)
    assert error.position == text.rindex(word)


def test_an_error_repeats_no_value() -> None:
    for text in ("actor:maria@example.com,", "maria@example.com", "maria@example.com:x", 'actor:"maria@example.com'):
        try:
            parse(text)
        except InvalidQuery as error:
            assert "maria" not in str(error)


def test_in_several_arguments_the_position_counts_in_the_joined_text() -> None:
    words = ["actor:usr_1", "acton:b"]
    assert refused(words).position == len("actor:usr_1 ")


def test_too_many_values_and_too_long_a_text_are_refused() -> None:
    many = " ".join(f"actor:{number}" for number in range(MOST_VALUES + 1))
    assert "more than 50 values" in str(refused(many))
    assert "more than 50 values" in str(refused("actor:a " * 100))
    assert "longer than" in str(refused("x" * (LONGEST_TEXT + 1)))


def test_a_query_that_has_no_text_form_cannot_be_made() -> None:
    for wrong in (
        {"actors": {""}},
        {"actors": {"System"}},
        {"actors": {"system"}},
        {"actions": {"a\0"}},
        {"kinds": {"x"}},
        {"targets": {""}},
        {"clients": {"a\nb"}},
        {"abouts": {"\ud800"}},
        {"operations": {"x" * (LONGEST_VALUE + 1)}},
        {"stripes": {"\u2028"}},
    ):
        with pytest.raises(InvalidInput):
            Choice(**{name: frozenset(members) for name, members in wrong.items()})
    with pytest.raises(InvalidInput):
        Query(first=date(2026, 5, 2), last=date(2026, 5, 1))


signs = st.sampled_from('-:" \\/“\0\ud800é\u0301')
key_words = st.sampled_from(
    ["actor", "action:", "from:", "from:-2h", "to:week", "to:2026-05-01", "category:payments", "target:", "about:a/b"]
)
free_words = st.sampled_from(["late", "Ana", '"Ana Sousa"', '-"10:30"', "operation"])
pieces = signs | key_words | free_words
texts = st.text() | st.text(st.characters()) | st.lists(pieces, max_size=12).map("".join)


def test_a_range_that_has_no_day_now_is_refused_where_there_is_a_clock() -> None:
    monday = 1_780_272_000_000_000  # 2026-06-01T00:00:00Z
    text = "actor:usr_1 from:week to:yesterday"
    with pytest.raises(InvalidQuery, match="from is after to today") as caught:
        parse(text, clock=lambda: (monday, "UTC"))
    assert caught.value.position == text.index("to:")
    assert format(parse(text, clock=lambda: (monday + 86_400_000_000, "UTC"))) == text
    assert format(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("acton:booking.cancelled", "action:booking.cancelled"),
        ("-acton:booking.cancelled", "-action:booking.cancelled"),
        ("action:booking.canceled", "action:booking.cancelled"),
        ("-action:payments", "-category:payments"),
        ("category:payment", "category:payments"),
        ("--actor:system", "-actor:system"),
        ("from:yesterdy", "from:yesterday"),
        ("since:2026-05-01", ""),
        ("acton:", ""),
    ],
)
def test_the_word_that_was_probably_meant_is_given_where_one_is_near(text: str, nearest: str) -> None:
    assert refused(text).nearest == nearest
    if nearest:
        assert parse(nearest, vocabulary=lambda: VOCABULARY) != Query()


def test_a_text_is_taken_apart_at_the_word() -> None:
    text = 'actor:usr_1 acton:"a b" late'
    assert word_at(text, refused(text).position) == ("actor:usr_1 ", 'acton:"a b"', " late")


@given(texts, st.integers(0, 60))
def test_a_text_taken_apart_is_whole(text: str, position: int) -> None:
    assert "".join(word_at(text, position)) == text


@given(texts | st.lists(texts, max_size=4), st.sampled_from([None, VOCABULARY]))
@example("actor:a\ud800", None)
@example("\0", VOCABULARY)
def test_any_text_is_a_query_or_an_invalid_query(text: str | list[str], vocabulary: Vocabulary | None) -> None:
    whole = text if isinstance(text, str) else " ".join(text)
    known = None if vocabulary is None else lambda: vocabulary
    try:
        query = parse(text, vocabulary=known)
    except InvalidQuery as error:
        assert 0 <= error.position < max(1, len(whole))
        line, carets = point_at(text, error).split("\n")
        assert carets.strip(" ").strip("^") == ""
        assert line.isprintable()
    else:
        assert parse(format(query), vocabulary=known) == query


def test_carets_stand_under_the_word() -> None:
    text = "actor:usr_1 acton:b category:payments"
    assert point_at(text, refused(text)) == "actor:usr_1 acton:b category:payments\n" + " " * 12 + "^" * 7


def test_carets_stand_under_the_word_behind_wide_letters() -> None:
    text = "actor:山田 acton:b"
    assert point_at(text, refused(text)).split("\n")[1] == " " * 11 + "^" * 7


def test_carets_take_several_arguments() -> None:
    words = ["actor:usr_1", "acton:b"]
    assert point_at(words, refused(words)) == "actor:usr_1 acton:b\n" + " " * 12 + "^" * 7


def test_a_long_text_is_shown_around_the_word() -> None:
    text = "actor:a " * 40 + "acton:b " + "actor:a " * 40
    line, carets = point_at(text, refused(text)).split("\n")
    assert len(line) <= 110
    assert line[carets.index("^") : carets.rindex("^") + 1] == "acton:b"
    assert line.startswith("...") and line.endswith("...")
