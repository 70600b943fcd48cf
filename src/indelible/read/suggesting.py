"""Suggesting: what somebody may mean by what they have typed so far. `text -> Suggestion, Suggestion, …`

    an id       of an entry, a booking, a charge, a client, an operation, a Stripe id: whole, as it is written
    people      by the beginnings of the words of their names, as they are called now (`directory.py`)
    things      services and rewards by name, likewise (`offer.py`)
    days        as the reader's language writes them: what happened then, and the bookings that begin then
    actions     and categories, by the beginnings of the words by which the reader knows them
    amounts     among the newest entries with money
    addresses   of the internet, and networks

Each comes with the filter that it means and with how many entries that finds, counted up to MOST by an index; what
finds nothing for this reader is not suggested. Nothing here opens an entry to look for text: that is what `everywhere`
asks for, and it comes last. So an answer costs the same in a log of any size, also where nothing is meant. Telephone
numbers and e-mail addresses are in the texts of entries alone.

Keys that stand in the text (`category:payments ana`) stay in every filter that is suggested.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

import orjson

from ..catalogue import registered
from ..errors import InvalidInput, InvalidQuery, NotFound
from ..format import instant, money, planned
from ..stores.contract import EntryRow, Reference, Selection
from .matching import fold, network_of, pattern
from .query import Choice, Query
from .selecting import known_by
from .session import Session
from .view import View

# Entries that are counted at most; more are said as "200+".
MOST = 200
# What is suggested of one sort: more is a list to read, and a few letters more say what is meant.
_PEOPLE, _THINGS, _ACTIONS, _BOOKINGS, _IDS = 6, 4, 4, 5, 4
# People who are asked for, as some may not be for this reader to see.
_ASKED = 3 * _PEOPLE
# Entries whose bodies are read for a day's bookings, and rows that are looked at for an amount: some 20 ms each.
_BODIES, _ROWS = 1_500, 2_000
# A longer text is no name, id or label.
LONGEST = 200

_WORD = re.compile(r"\w+")
_BEGINNINGS = ("booking.created", "booking.rescheduled")


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the reader's language makes of a text: what actions and categories are called, by code, and the days that
    the text may mean, the likeliest first."""

    actions: Mapping[str, str] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)
    days: Sequence[date] = ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What may be meant. `kind` is entry, evidence, operation, day, bookings, action, category, amount, address, or
    else the kind of a person or a thing, which has the id `id`. `text` is what it is called: a name, an id, a code, a
    day as YYYY-MM-DD. `count` is how many entries `wanted` finds, up to MOST + 1, None where only a search can tell;
    with `among` only so many of the newest were looked at. `view` is an entry that says more
    about it; a booking of a day comes with that day, `begins`."""

    kind: str
    text: str
    wanted: Query
    count: int | None = None
    id: str = ""
    among: int = 0
    view: View | None = None
    begins: date | None = None
    deleted: bool = False
    amount: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What a text may mean, the most certain first, and `everywhere`: the search of every text for it, None where it
    is too short. `people` is how many have such a name, more than are suggested; None where that is not for this
    reader. `ready` is false while the names are still being opened."""

    found: Sequence[Suggestion] = ()
    everywhere: Query | None = None
    people: int | None = None
    ready: bool = True


def suggest(session: Session, text: str, spoken: Spoken) -> Suggestions:
    """Return what a text may mean to who reads in a session. Raises StorageFailure."""
    base, words = _read(session, text)
    if not fold(words).strip() or len(words) > LONGEST:
        return Suggestions()
    work = _Work(session, base, words)
    names = session.begin(words, _ASKED)
    named = names is not None and bool(names.people or names.offered)
    found = [
        *(() if named and words.isalpha() else work.ids()),  # seldom an id; Enter looks for one all the same
        *work.people(names.people if names else ()),
        *work.things(names.offered if names else ()),
        *(one for day in spoken.days for one in work.day(day)),
        *work.said("action", spoken.actions, _ACTIONS),
        *work.said("category", spoken.categories, _ACTIONS),
        *work.amounts(),
        *work.addresses(),
    ]
    count = names.how_many if names and not session.hidden else None
    return Suggestions(_once(found), _everywhere(session, text, base, words), count, names is not None)


def _read(session: Session, text: str) -> tuple[Query, str]:
    """The keys of a text as a filter, and its free words. What is not finished, as `from:` or one quote, is words."""
    try:
        wanted = session.parse(text)
    except InvalidQuery:
        return Query(), text.replace('"', " ").strip()
    return replace(wanted, words=(), in_text=False), " ".join(wanted.words)


def _everywhere(session: Session, text: str, base: Query, words: str) -> Query | None:
    try:
        return replace(session.parse(text), in_text=True)
    except InvalidQuery:
        try:
            return replace(base, words=(words,), in_text=True)
        except InvalidInput:
            return None


def _once(found: Sequence[Suggestion]) -> Sequence[Suggestion]:
    """Each filter once: somebody whose id is typed may have it as a name too."""
    return list({one.wanted: one for one in reversed(found)}.values())[::-1]


class _Work:
    """One text in one session."""

    def __init__(self, session: Session, base: Query, words: str) -> None:
        self._session, self._base, self._words = session, base, words
        self._parts = _WORD.findall(fold(words))

    def _counted(self, kind: str, text: str, wanted: Query | None, **more: Any) -> Iterator[Suggestion]:
        """A suggestion with its count, where there is something to count."""
        if wanted is None:
            return
        if count := self._session.few(self._session.select(wanted), MOST + 1):
            yield Suggestion(kind, text, wanted, count, **more)

    def _narrowed(self, **values: str) -> Query | None:
        """The keys that were typed and one more value; None where that has no text form."""
        choice = self._base.wanted
        try:
            added = {name: getattr(choice, name) | {value} for name, value in values.items()}
            return replace(self._base, wanted=replace(choice, **added))
        except InvalidInput:
            return None

    # What is exactly there

    def ids(self) -> Iterator[Suggestion]:
        text = self._words
        if not text or any(char.isspace() for char in text):
            return
        if (seq := self._session.seq_of(text)) is not None:
            with suppress(NotFound):  # of a category that is hidden here
                view = self._session.entry(seq)
                yield Suggestion("entry", view.id, replace(self._base, words=(view.id,)), 1, view.id, view=view)
        found = 0
        for kind, ref in dict.fromkeys((one.kind, one.ref) for one in known_by(self._session, text)):
            selection = Selection(up_to=self._session.up_to, references=((Reference(kind, ref),),))
            if found == _IDS or not self._session.few(selection, 1):
                continue
            found += 1
            if kind == "person":
                yield from self.people([ref])
            elif kind in ("evidence", "operation"):
                wanted = self._narrowed(**{"stripes" if kind == "evidence" else "operations": text})
                yield from self._counted(kind, text, wanted)
            else:
                bare = text.removeprefix(f"{kind}/")
                yield from self._counted(kind, bare, self._narrowed(abouts=f"{kind}/{bare}"), id=bare)

    # What has a name

    def people(self, tokens: Sequence[bytes]) -> Iterator[Suggestion]:
        known, shown = self._session.people(tokens), 0
        for person in (known[token] for token in tokens if token in known):
            realm, host_id, name = person["realm"], person["id"], person.get("name") or person["id"]
            key = "clients" if realm == "client" else "actors"
            for one in self._counted(realm, name, self._narrowed(**{key: host_id}), id=host_id):
                yield one
                shown += 1
            if shown == _PEOPLE:
                return

    def things(self, offered: Sequence[Any]) -> Iterator[Suggestion]:
        for one in offered[:_THINGS]:
            wanted = self._narrowed(abouts=f"{one.kind}/{one.id}")
            yield from self._counted(one.kind, one.name, wanted, id=one.id, deleted=one.deleted)

    def said(self, kind: str, names: Mapping[str, str], limit: int) -> Iterator[Suggestion]:
        """Actions or categories of whose words each that was typed is a beginning."""
        if not any(char.isalpha() for part in self._parts for char in part):
            return
        folded = {code: f" {' '.join(_WORD.findall(fold(name)))} " for code, name in names.items()}
        found = [code for code, name in folded.items() if all(f" {part}" in name for part in self._parts)]
        shown = 0
        for code in sorted(found, key=lambda code: (not folded[code].startswith(f" {self._parts[0]}"), names[code])):
            member = "actions" if kind == "action" else "categories"
            for one in self._counted(kind, code, self._narrowed(**{member: code})):
                yield one
                shown += 1
            if shown == limit:
                return

    # When

    def day(self, day: date) -> Iterator[Suggestion]:
        try:
            wanted = replace(self._base, first=day, last=day)
        except InvalidInput:
            return
        yield from self._counted("day", day.isoformat(), wanted)
        yield from self._bookings(day)

    def _bookings(self, day: date) -> Iterator[Suggestion]:
        """The bookings that begin on a day, as far as the entries say that were made of late before it."""
        session, intervals = self._session, instant.day_intervals(self._session.zone, day, day)
        until = max((end for _, end in intervals if end is not None), default=None)
        before = Selection(up_to=session.up_to, actions=_BEGINNINGS, intervals=((None, until),))
        # What moved a booking away names this day too, and no clock is further than a day from another.
        near = range(max(1, day.toordinal() - 1), min(date.max.toordinal(), day.toordinal() + 1) + 1)
        texts = [date.fromordinal(number).isoformat().encode() for number in near]
        begins: dict[str, tuple[int, EntryRow]] = {}
        for row in session.stored(before, None, _BODIES):
            booking, us = _beginning(row) if any(text in row.body for text in texts) else ("", 0)
            if booking and booking not in begins:  # newer entries come first: it may have been moved since
                begins[booking] = us, row
        those = [
            (us, booking, row)
            for booking, (us, row) in begins.items()
            if any(start is not None and end is not None and start <= us < end for start, end in intervals)
        ]
        for _, booking, row in sorted(those, key=lambda one: one[:2])[:_BOOKINGS]:
            view = next(session.open([row]))
            yield from self._counted("booking", booking, self._narrowed(abouts=f"booking/{booking}"), id=booking,
                                     view=view, begins=day)  # fmt: skip

    # What only a search finds

    def amounts(self) -> Iterator[Suggestion]:
        asked = {} if network_of(self._words) else dict.fromkeys(pattern(self._words).amounts)
        if not asked:
            return
        actions = tuple(sorted(cls.code for cls in registered() if "amount_minor" in cls.model_fields))
        rows = self._session.stored(Selection(up_to=self._session.up_to, actions=actions), None, _ROWS)
        category = {cls.code: cls.category for cls in registered()}
        counted: Counter[tuple[int, str]] = Counter()
        where: dict[tuple[int, str], set[str]] = {}
        for row in rows:
            if row.amount_minor is None or row.currency is None:
                continue
            value = Decimal(abs(row.amount_minor)).scaleb(-money.EXPONENTS.get(row.currency, 2))
            if any(value == mine and code in ("", row.currency) for mine, code in asked):
                amount = abs(row.amount_minor), row.currency
                counted[amount] += 1
                where.setdefault(amount, set()).add(category[row.action])
        for (minor, currency), count in counted.most_common(2):
            word = f"{money.decimal_text(minor, currency)} {currency}"
            choice = Choice(categories=frozenset(where[minor, currency]))
            wanted = replace(self._base, wanted=_both(self._base.wanted, choice), words=(word,))
            yield Suggestion("amount", word, wanted, min(count, MOST + 1), among=len(rows), amount=(minor, currency))

    def addresses(self) -> Iterator[Suggestion]:
        if network_of(self._words) is not None:
            yield Suggestion("address", self._words, replace(self._base, words=(self._words,)))


def _both(one: Choice, other: Choice) -> Choice:
    return replace(one, categories=one.categories or other.categories)


def _beginning(row: EntryRow) -> tuple[str, int]:
    """The booking of an entry, and when it is to begin; nothing where the entry does not say."""
    try:
        members = orjson.loads(row.body)
        begins = members["context"]["starts_at"]
        said = planned.if_canonical(begins["new"] if isinstance(begins, dict) else begins)
        return (str(members["target"]["id"]), said.us) if said else ("", 0)
    except (KeyError, TypeError, ValueError):
        return "", 0
