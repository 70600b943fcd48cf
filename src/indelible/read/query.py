"""The filter: which entries are meant, as a value and as text.

    text   = words separated by white space; the empty text means every entry
    word   = ["-"] (key ":" value | free); a hyphen at the beginning always excludes
    key    = "actor" | "action" | "category" | "target" | "client" | "about" | "only" | "operation" | "stripe" | "from"
           | "to" | "ip" | "in" | "recorded"
    value  = bare | quoted
    free   = bare without a colon | quoted
    bare   = characters other than white space and double quotes, straight or curly
    quoted = '"' characters, with \\" for a double quote and \\\\ for a backslash '"'

    actor     the id of an actor, or staff, client, system, integration, support or agent: everybody of that kind
    action    the code of an action, such as booking.cancelled
    category  the name of a category, such as payments
    target    the id of what it was done to, or kind/id where several kinds use one id: bk_99812, service/7
    client    the id of a client concerned in any role: actor, on whose behalf, target, client, payer, mentioned, ...
    about     the id of a thing or a person in any role, or kind/id: booking/7, staff/usr_12
    only      the same as about, but an entry must have each that is given: only:client/7 only:booking/8
    operation the id of an operation: the entries of one click
    stripe    a Stripe id, as pasted from its dashboard: ch_..., re_..., pi_..., evt_...
    ip        an address, the beginning of one that ends with a dot or a colon, or a network: 203.0.113.0/24. It is a
              free word that must be one of these, and is printed as such
    in        "text": free words are looked for in the text of every entry, also where they are an id or a name
    free      an id or the name of a person, or else text that occurs in the entry: in what it says, or in one of its
              personal values (`searching.py`), however it is spelled (`matching.py`)
    from, to  a day of the clinic, YYYY-MM-DD, a minute, or what is relative to today and stays so: today, last-month,
              -7d, -2h (`bounds.py`); both belong to the range; each at most once, never with "-"
    recorded  when the log took the entry: a day, a range of days or of numbers, or `late` (`recorded.py`); a range at
              most once, and never with "-"

The same key again means "or", but for `only`; different keys mean "and"; each word with "-" means "and not". Every free
word must occur, and none that has a "-"; the name of a key without a colon is a free word, and so is an IPv6 address. A
free word has at least two characters as it is compared, white space not counted. An actor whose id is one of the six
kinds cannot be asked for by id. kind/id is kept as it is written; the log decides which kinds there are. Nothing holds
a control character, a line separator or a lone surrogate.

A filter may also come as several words, the arguments of a command line: they are the text with single spaces between,
so one argument may hold several words, and a value or a phrase with spaces needs its quotes also there.

`format` prints one text for each Query and `parse` reads it back; `parse` also reads other orders and needless quotes.
Free words keep their order and their letters. Messages hold no value from the text: it could be a name. For the same
reason the log records a filter `without_words`.
"""

from __future__ import annotations

import difflib
import functools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from ..errors import InvalidInput, InvalidQuery
from . import bounds, matching
from .bounds import Bound
from .recorded import LATE, End, Recorded

KEYS = (
    *("actor", "action", "category", "target", "client", "about", "only", "operation", "stripe", "from", "to"),
    *("ip", "in", "recorded"),
)
KINDS = ("staff", "client", "system", "integration", "support", "agent")

# Ids and codes are shorter; it bounds what a manifest and an index look-up carry.
LONGEST_VALUE = 200

# What a filter that leaves nothing out is in words.
EVERY = "every entry"
# A shorter free word is in nearly every entry.
SHORTEST_WORD = 2

# Each value is a parameter of an SQL statement, and a person must be able to read the filter in a manifest.
MOST_VALUES = 50

# More than `format` can print (50 words of two escaped characters per character); it bounds the time for one text.
LONGEST_TEXT = 32_768

_NO_ADDRESS = (
    "ip is no address; write ip:203.0.113.9 for one, ip:203.0.113. for all that begin so, "
    "or ip:203.0.113.0/24 for a network"
)
_COLON = "to search for a text with a colon, put it in double quotes"
# Keys whose values are ids, and the member of Choice that holds them.
_IDS = {
    "target": "targets", "client": "clients", "about": "abouts", "only": "onlys", "operation": "operations",
    "stripe": "stripes",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a filter can name: per category its action codes; and codes in the log that are declared no more."""

    categories: Mapping[str, frozenset[str]]
    occurring: frozenset[str] = frozenset()

    def actions(self) -> frozenset[str]:
        return self.occurring.union(*self.categories.values())


@dataclass(frozen=True, slots=True)
class Choice:
    """Values of the keys that repeat, all of them wanted or all of them not.

    `kinds` are some of KINDS, of actors; `actors` are ids. `targets`, `abouts` and `onlys` are ids or kind/id, as
    written.
    """

    actors: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    actions: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    clients: frozenset[str] = frozenset()
    abouts: frozenset[str] = frozenset()
    operations: frozenset[str] = frozenset()
    stripes: frozenset[str] = frozenset()
    onlys: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        ids = [(key, getattr(self, member)) for key, member in _IDS.items()]
        for key, values in (("actor", self.actors), ("action", self.actions), ("category", self.categories), *ids):
            for value in values:
                problem = _problem(key, value) or (value in KINDS and key == "actor" and "is a kind of actor")
                if problem:
                    raise InvalidInput(problem, key)
        if not self.kinds <= set(KINDS):
            raise InvalidInput(f"is not one of {', '.join(KINDS)}", "kind")

    def pairs(self) -> list[tuple[str, str]]:
        """Every (key, value) in the canonical order: by key, then kinds before ids, then by code point."""
        kinds = [kind for kind in KINDS if kind in self.kinds]
        return [
            *(("actor", value) for value in (*kinds, *sorted(self.actors))),
            *(("action", value) for value in sorted(self.actions)),
            *(("category", value) for value in sorted(self.categories)),
            *((key, value) for key, member in _IDS.items() for value in sorted(getattr(self, member))),
        ]


@dataclass(frozen=True, slots=True)
class Query:
    """A filter. An entry is meant if all of these hold:

    - `wanted` has no actors and no kinds, or the actor's id is in `wanted.actors`, or its kind in `wanted.kinds`
    - `wanted.actions` is empty or holds the action; `wanted.categories` likewise the category
    - `wanted.targets`, `clients`, `abouts`, `operations` and `stripes` are each empty or hold one that the entry has;
      it has every one of `wanted.onlys`
    - nothing in `unwanted` holds the actor's id, its kind, the action, the category, or an id that the entry has
    - every one of `words` finds it, and none of `unwanted_words`; each is there once, as typed and in the order typed.
      With `in_text` a word that is an id or a name is looked for in the texts of all entries too
    - it happened when `first` begins or later, and before `last` is over: a day of the clinic, a minute of its clock,
      or what is relative to now (`bounds.py`)
    - the log took it in the range `recorded`; with `late`, more than an hour after it happened

    Raises InvalidInput for what has no text form.
    """

    wanted: Choice = field(default=Choice())
    unwanted: Choice = field(default=Choice())
    first: Bound | None = None
    last: Bound | None = None
    words: tuple[str, ...] = ()
    unwanted_words: tuple[str, ...] = ()
    in_text: bool = False
    recorded: Recorded | None = None
    late: bool = False

    def __post_init__(self) -> None:
        bounds.check(self.first, self.last)
        free = (*self.words, *self.unwanted_words)
        for problem in map(_problem_of_word, free):
            if problem:
                raise InvalidInput(problem)
        if len(set(self.words)) != len(self.words) or len(set(self.unwanted_words)) != len(self.unwanted_words):
            raise InvalidInput("the filter has a word twice")
        if len(self.wanted.pairs()) + len(self.unwanted.pairs()) + len(free) > MOST_VALUES:
            raise InvalidInput(f"the filter has more than {MOST_VALUES} values")


@dataclass(frozen=True, slots=True)
class _Word:
    """One word. A free word has no key."""

    position: int
    negated: bool
    key: str
    value: str


def parse(
    text: str | Sequence[str],
    *,
    vocabulary: Callable[[], Vocabulary] | None = None,
    clock: Callable[[], tuple[int, str]] | None = None,
) -> Query:
    """Return the Query of a text, or of several words.

    With a vocabulary, unknown categories and action codes are refused; without, any are read. It is asked for only
    where a word is one of these, as it takes the whole catalogue and a look into the log. With a clock, an instant and
    the clinic's zone, a range that has no day now is refused, such as from:week to:yesterday on a Monday. Raises
    InvalidQuery with the
    position of the word in the text; for several words, in the text that joins them with single spaces.
    """
    whole = _joined(text)
    if len(whole) > LONGEST_TEXT:
        raise InvalidQuery(f"the filter is longer than {LONGEST_TEXT} characters", LONGEST_TEXT)
    ends: dict[str, tuple[_Word, Bound]] = {}
    wanted: dict[str, set[str]] = {name: set() for name in Choice.__dataclass_fields__}
    unwanted: dict[str, set[str]] = {name: set() for name in Choice.__dataclass_fields__}
    free: tuple[dict[str, None], dict[str, None]] = ({}, {})  # in the order in which they were typed
    in_text = late = False
    recorded: Recorded | None = None
    known = None if vocabulary is None else functools.cache(vocabulary)
    for count, word in enumerate(_words(whole), 1):
        # Five words more than values: from, to, in, and both of recorded.
        if count > MOST_VALUES + 5:
            raise InvalidQuery(f"the filter has more than {MOST_VALUES} values", word.position)
        if word.key in ("from", "to"):
            ends[word.key] = word, _bound(word, ends)
        elif word.key == "in":
            in_text = True
        elif word.key == "recorded" and word.value == LATE:
            late = True
        elif word.key == "recorded":
            recorded = _range(word, recorded)
        elif word.key in ("", "ip"):
            free[word.negated][word.value] = None
        else:
            if known is not None and word.key in ("action", "category"):
                _check_known(word, known())
            (unwanted if word.negated else wanted)[_member(word)].add(word.value)
    _check_order(ends, clock)
    first, last = (ends[key][1] if key in ends else None for key in ("from", "to"))
    try:
        return Query(
            _choice(wanted), _choice(unwanted), first, last, tuple(free[0]), tuple(free[1]), in_text, recorded, late
        )
    except InvalidInput as error:
        raise InvalidQuery(str(error), 0) from error


def format(query: Query) -> str:
    """Return the canonical text of a Query: what is wanted, the days, what is not; free words last."""
    words = [printed(key, value) for key, value in query.wanted.pairs()]
    if query.first:
        words.append(f"from:{bounds.format(query.first)}")
    if query.last:
        words.append(f"to:{bounds.format(query.last)}")
    if query.recorded:
        words.append(f"recorded:{query.recorded.format()}")
    if query.late:
        words.append(f"recorded:{LATE}")
    words += [f"-{key}:{_quoted(value)}" for key, value in query.unwanted.pairs()]
    words += [_quoted_word(word) for word in query.words]
    words += [f"-{_quoted_word(word)}" for word in query.unwanted_words]
    if query.in_text:
        words.append("in:text")
    return " ".join(words)


def printed(key: str, value: str) -> str:
    """Return one word of a filter's text, as `format` prints it."""
    return f"{key}:{_quoted(value)}"


def without_words(query: Query) -> Query:
    """Return the query without both kinds of free words: what the log may record, since a word may be a name."""
    return replace(query, words=(), unwanted_words=(), in_text=False)


def in_words(query: Query, zone: str) -> str:
    """Return the filter in English, free words included. `zone` is the clinic's, an IANA name.

    "category payments; with “late”; from 1 May 2026 to 31 May 2026 (days in Europe/Lisbon); not actor system"
    """
    parts = [f"{key} {' or '.join(values)}" for key, values in _by_key(query.wanted)]
    if query.words:
        where = " (looked for in every text)" if query.in_text else ""
        parts.append(f"with {' and '.join(map(_cited, query.words))}{where}")
    if query.unwanted_words:
        parts.append(f"without {' or '.join(map(_cited, query.unwanted_words))}")
    if query.first or query.last:
        parts.append(bounds.in_words(query.first, query.last, zone))
    if (taken := query.recorded) is not None:
        days = f" (days in {zone})" if isinstance(taken.first, date) or isinstance(taken.last, date) else ""
        parts.append(f"recorded {_range_in_words(taken.first, taken.last)}{days}")
    if query.late:
        parts.append("recorded more than an hour after it happened")
    parts += [f"not {key} {' or '.join(values)}" for key, values in _by_key(query.unwanted)]
    return "; ".join(parts) or EVERY


def word_at(text: str, position: int) -> tuple[str, str, str]:
    """Return a text in three parts: before the word at a position, the word, and behind it."""
    position = min(position, len(text))
    end = _end_of_word(text, position)
    return text[:position], text[position:end], text[end:]


def point_at(text: str | Sequence[str], error: InvalidQuery) -> str:
    """Return two lines: the text as `parse` read it, and carets under the word at `error.position`.

    A long text is shown in part, with dots where it goes on. Characters that cannot be printed become "?".
    """
    whole = "".join(" " if char.isspace() else char if char.isprintable() else "?" for char in _joined(text))
    position = min(error.position, len(whole))
    length = max(1, min(_end_of_word(whole, position) - position, 40))
    start = 0 if position <= 60 else position - 40
    end = max(position + length, start + 100)
    before = ("..." if start else "") + whole[start:position]
    after = whole[position + length : end] + ("..." if end < len(whole) else "")
    marked = whole[position : position + length]
    return f"{before}{marked}{after}".rstrip() + "\n" + " " * _cells(before) + "^" * max(1, _cells(marked))


def _joined(text: str | Sequence[str]) -> str:
    if isinstance(text, str):
        return text
    if not isinstance(text, list | tuple) or not all(isinstance(word, str) for word in text):
        raise InvalidInput("must be text such as category:bookings, or a list of such words", "filter")
    return " ".join(text)


def _words(text: str) -> Iterator[_Word]:
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        end = _end_of_word(text, position)
        yield _read_word(text[position:end], position)
        position = end


def _end_of_word(text: str, position: int) -> int:
    """The index after the word: the next white space outside quotes; a quote opens a free word, or follows a colon."""
    quoted = escaped = False
    opens = position + text.startswith("-", position)
    for index in range(position, len(text)):
        char = text[index]
        if quoted:
            quoted = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char.isspace():
            return index
        elif char == '"' and (index == opens or (index > position and text[index - 1] == ":")):
            quoted = True
    return len(text)


def _read_word(word: str, position: int) -> _Word:
    negated = word.startswith("-")
    key, colon, raw = word[negated:].partition(":")
    if not colon or word.startswith('"', negated) or (key not in KEYS and matching.network_of(word[negated:])):
        return _read_free(word[negated:], negated, position)
    if key not in KEYS:
        raise InvalidQuery(*_unknown_key(key, word, position))
    if negated and key in ("from", "to"):
        raise InvalidQuery(f"{key} cannot be excluded with a hyphen; use from and to for the days you want", position)
    if negated and key == "recorded":
        raise InvalidQuery("recorded cannot be excluded with a hyphen; write the range that you want", position)
    value = _unquoted(raw, key, position)
    problem = _problem(key, value)
    if problem:
        raise InvalidQuery(f"{key} {problem}", position)
    if key == "in" and (negated or value != "text"):
        raise InvalidQuery("in takes only in:text, without a hyphen: free words are looked for in every text", position)
    if key == "ip" and matching.network_of(value) is None:
        raise InvalidQuery(_NO_ADDRESS, position)
    return _Word(position, negated, key, value)


def _read_free(raw: str, negated: bool, position: int) -> _Word:
    value = _unquoted(raw, "a text to search for", position, '"..."')
    if problem := _problem_of_word(value):
        raise InvalidQuery(problem, position)
    return _Word(position, negated, "", value)


def _unknown_key(key: str, word: str, position: int) -> tuple[str, int, str]:
    """What is said about it, where it stands, and the word with the key that was probably meant."""
    negated, value = "-" * word.startswith("-"), word.partition(":")[2]
    plain = key.lstrip("-\u2010\u2011\u2012\u2013\u2014\u2212")
    if plain != key and plain in KEYS:
        return f"a word that excludes begins with one plain hyphen: -{plain}:", position, f"-{plain}:{value}"
    near = difflib.get_close_matches(plain[:40].lower(), KEYS, n=1)
    if near:
        said = f"unknown key; did you mean {near[0]}? ({_COLON})"
        return said, position, f"{negated}{near[0]}:{value}" if value else ""
    return f"unknown key; write key:value with one of the keys {', '.join(KEYS)}, or, {_COLON}", position, ""


def _unquoted(raw: str, key: str, position: int, form: str = "") -> str:
    if not raw.startswith('"'):
        if any(quote in raw for quote in '"\u201c\u201d\u201e'):
            form = form or f'{key}:"..."'
            raise InvalidQuery(f"{key}: put the whole value in straight double quotes, as in {form}", position)
        return raw
    if not re.fullmatch(r'"(?:[^"\\]|\\["\\])*"', raw):
        raise InvalidQuery(
            f'{key}: the quoted value must end with a double quote; write \\" and \\\\ for " and \\ in it', position
        )
    return re.sub(r"\\(.)", r"\1", raw[1:-1])


def _quoted(value: str) -> str:
    if any(char.isspace() or char in '"\u201c\u201d\u201e' for char in value):
        return _in_quotes(value)
    return value


def _quoted_word(word: str) -> str:
    """A free word as `parse` reads it back: in quotes also where it would be read as a key or an exclusion."""
    return _in_quotes(word) if ":" in word or word.startswith("-") else _quoted(word)


def _in_quotes(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _cited(word: str) -> str:
    """A free word in a sentence, in quotes that it cannot close itself."""
    return _in_quotes(word) if "\u201c" in word or "\u201d" in word else f"\u201c{word}\u201d"


def _problem_of_word(word: str) -> str:
    """What is wrong with a free word, as a sentence; empty where nothing is."""
    if problem := word and _problem("", word):
        return f"a text to search for {problem}"
    if len(matching.fold(word).replace(" ", "")) < SHORTEST_WORD:
        return (
            f"a text to search for has at least {SHORTEST_WORD} characters, spaces, accents and apostrophes not "
            "counted; one letter is in nearly every entry"
        )
    return ""


def _problem(key: str, value: str) -> str:
    """What is wrong with a value for a key, as the end of a sentence; empty where nothing is."""
    if not value:
        return f"has no value; write {key}: and the value without a space between"
    if len(value) > LONGEST_VALUE:
        return f"has more than {LONGEST_VALUE} characters; shorten it"
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in value):
        return "has a control character, a line break or half a character in it; leave it out"
    if key == "actor" and value not in KINDS and value.lower() in KINDS:
        return f"is a kind of actor in capital letters; write actor:{value.lower()}"
    return ""


def _bound(word: _Word, ends: Mapping[str, object]) -> Bound:
    if word.key in ends:
        raise InvalidQuery(f"{word.key} is given twice; once is enough", word.position)
    try:
        return bounds.parse(word.value, word.key)
    except InvalidInput as error:
        near = difflib.get_close_matches(word.value[:40].lower(), bounds.NAMES, n=1)
        nearest = f"{word.key}:{near[0]}" if near else ""
        mend = f"; did you mean {nearest}?" if nearest else ""
        raise InvalidQuery(str(error).replace(": ", " ", 1) + mend, word.position, nearest) from error


def _range(word: _Word, before: Recorded | None) -> Recorded:
    if before is not None:
        raise InvalidQuery("recorded has two ranges; write one, as in recorded:2026-05-01..2026-05-31", word.position)
    try:
        return Recorded.parse(word.value)
    except InvalidInput as error:
        raise InvalidQuery(str(error).replace(": ", " ", 1), word.position) from error


def _check_order(ends: Mapping[str, tuple[_Word, Bound]], clock: Callable[[], tuple[int, str]] | None) -> None:
    if len(ends) < 2 or isinstance(ends["to"][1], bounds.Back):
        return
    (start, first), (end, last) = ends["from"], ends["to"]
    later = max(start.position, end.position)
    if bounds.are_exchanged(first, last):
        raise InvalidQuery("from is after to, so no day is between them; exchange the two days", later)
    if clock is not None and bounds.are_exchanged(*bounds.resolved(first, last, *clock())):
        raise InvalidQuery("from is after to today, so no day is between them; exchange them, or leave one out", later)


def _check_known(word: _Word, vocabulary: Vocabulary) -> None:
    if word.key == "category" and word.value not in vocabulary.categories:
        nearest = _nearest(word, vocabulary.categories)
        meant = f"did you mean {nearest.partition(':')[2]}? " if nearest else ""
        there_are = f"unknown category; {meant}there are {', '.join(sorted(vocabulary.categories))}"
        raise InvalidQuery(there_are, word.position, nearest)
    if word.key == "action":
        known = vocabulary.actions()
        if word.value not in known:
            nearest = _nearest(word, known)
            mend = f"did you mean {nearest.partition(':')[2]}?" if nearest else "the list of actions has their codes"
            if word.value in vocabulary.categories:
                nearest = f"{'-' * word.negated}category:{word.value}"
                mend = f"this is a category, so write category:{word.value}"
            raise InvalidQuery(f"unknown action; {mend}", word.position, nearest)


def _nearest(word: _Word, known: Iterable[str]) -> str:
    """The word with the value that was probably meant; empty where none is near."""
    near = difflib.get_close_matches(word.value.lower(), sorted(known), n=1)
    return f"{'-' * word.negated}{word.key}:{near[0]}" if near else ""


def _member(word: _Word) -> str:
    if word.key == "actor":
        return "kinds" if word.value in KINDS else "actors"
    return {"action": "actions", "category": "categories", **_IDS}[word.key]


def _choice(values: Mapping[str, Iterable[str]]) -> Choice:
    return Choice(**{name: frozenset(members) for name, members in values.items()})


def _by_key(choice: Choice) -> list[tuple[str, list[str]]]:
    pairs = choice.pairs()
    return [
        (key, [_quoted(value) for name, value in pairs if name == key])
        for key in dict.fromkeys(name for name, _ in pairs)
    ]


def _range_in_words(first: End | None, last: End | None) -> str:
    if first == last and first:
        return f"{'as' if isinstance(first, int) else 'on'} {_end_in_words(first)}"
    if first and last:
        return f"from {_end_in_words(first)} to {_end_in_words(last)}"
    if first:
        return f"from {_end_in_words(first)} on"
    return f"up to {_end_in_words(last)}" if last else ""


def _end_in_words(end: End) -> str:
    """A day, or the number of an entry."""
    return f"entry {end}" if isinstance(end, int) else bounds.day_in_words(end)


def _cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
