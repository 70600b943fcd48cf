"""A reading session: one consistent view of a clinic's log, of one moment, for one page, file or story.

    with log.reading() as session:
        page = session.page("category:bookings client:cli_77")
        chart = per_day(session, session.parse("category:bookings"), first=first, last=last)

It is bounded by a number, `up_to`, and holds no transaction: entries up to a number never change, so what is read a
minute later is still of the same moment, and no database has to keep old rows for it. What a page asks for again and
again is read once: the clinic's name, zone and head, the codes and kinds that occur, whom an id means, what a filter
finds. Only values that are erased open no more, in every session at once; whom an id meant when it was asked for, and
which entries a word found, stay as they were.

`hidden` are categories of actions that are in none of its lists, tallies and stories: whoever is given a session cannot
forget to leave them out.

Order everywhere is (occurred_at, seq) descending. A cursor is a place in that order together with the bound of the
session in which the first page was read; it keeps its place while entries arrive and while old history is imported,
because those have higher numbers and do not come in.

    cursor = occurred_at "." seq "." up_to          decimal integers, occurred_at in microseconds since 1970 UTC

Free words that nothing is known by are looked for in the opened values of the entries that the rest of the filter
means (`searching.py`), so a page with such words opens at most SEARCH_LIMIT entries and says how far back it came.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple, Self

from ..catalogue import registered
from ..errors import InvalidInput, MalformedProof, NotFound
from ..format import entry, instant
from ..format.entry import Erasure
from ..keep import erasures as erasing
from ..keep.personal import Sealer, Unreadable
from ..record.document import is_plain_text
from ..stores.contract import (
    AmountTally,
    Before,
    CheckpointRow,
    Clinic,
    EntryRow,
    Known,
    Moment,
    Occurring,
    Rows,
    Selection,
    State,
)
from . import bounds, query, searching, selecting
from .directory import Beginning, Directory
from .query import Query, Vocabulary
from .searching import LookedUp, Search, Sought, Words
from .view import Opening, View, open_each

# Entries that are opened at once; the next ones are fetched when a reader gets there.
CHUNK = 500
# Entries of one page shown to somebody. More is an export.
PAGE_LIMIT = 200
# Entries opened for free words before a page answers: about a second's work.
SEARCH_LIMIT = 20_000

_CURSOR = re.compile(r"(0|-?[1-9][0-9]{0,17})\.([1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,17})", re.ASCII)
_ENTRY_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_NO_ENTRY = "there is no entry with this number or id in this log"

# A filter as a value, as its text, or as the words of its text.
Filter = Query | str | Sequence[str]


class Cursor(NamedTuple):
    """A place in the list: behind the entry (occurred_at, seq), among the entries up to number `up_to`."""

    occurred_at: int
    seq: int
    up_to: int

    def encode(self) -> str:
        return f"{self.occurred_at}.{self.seq}.{self.up_to}"

    @classmethod
    def decode(cls, text: str) -> Cursor:
        """Return the cursor of a text that `encode` wrote. Raises InvalidInput."""
        match = _CURSOR.fullmatch(text)
        if match is None:
            raise InvalidInput("is not a place in the list; take it from the page before", "cursor")
        occurred_at, seq, up_to = map(int, match.groups())
        if not instant.EARLIEST <= occurred_at <= instant.LATEST or seq > up_to:
            raise InvalidInput("is not a place in the list; take it from the page before", "cursor")
        return cls(occurred_at, seq, up_to)


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, newest first. `older` is where the next page begins, None at the end of the list.

    `searched` is how many entries were opened to look for free words, and `searched_to` the instant of the oldest of
    them; 0 and None where the filter has no free words, or all of them were looked up. A page of fewer entries than its
    limit that has an `older` ended because it had opened SEARCH_LIMIT of them: what matches may lie further back.
    `looked_up` says which words were found by index, as the id of something or somebody's name.
    """

    views: Sequence[View]
    up_to: int
    older: Cursor | None
    searched: int = 0
    searched_to: int | None = None
    looked_up: tuple[LookedUp, ...] = ()


class Session:
    """One view of one clinic's log: `clinic` who it is, `state` what it was when the session began, in microseconds
    `now`. It may be used by one thread at a time, and needs no end."""

    def __init__(
        self,
        rows: Rows,
        clinic: Clinic,
        sealer: Sealer,
        directory: Directory,
        now: int,
        *,
        up_to: int | None = None,
        hidden: frozenset[str] = frozenset(),
    ) -> None:
        """`up_to` is the last number that is seen (default: the log's size now). Raises StorageFailure."""
        self._rows, self._directory = rows, directory
        self.clinic, self.sealer, self.now, self.hidden = clinic, sealer, now, hidden
        self.state: State = rows.state()
        self.up_to = self.state.size if up_to is None else min(up_to, self.state.size)
        self._actors_asked = 0
        self._tokens: dict[tuple[str, str], bytes | None] = {}
        self._sought: dict[Query, Sought] = {}
        self._last_search: Search | None = None
        self._step: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    # What it is of

    @property
    def name(self) -> str:
        """What the clinic is called now."""
        return self.state.name

    @property
    def zone(self) -> str:
        """The clinic's present zone, an IANA name."""
        return self.state.zone

    @property
    def size(self) -> int:
        """How many entries the log has."""
        return self.state.size

    @property
    def today(self) -> date:
        """The day that it is in the clinic."""
        return self.day(self.now)

    def day(self, us: int) -> date:
        """Return the day of the clinic on which an instant is."""
        return instant.to_datetime(us, instant.offset_minutes(us, instant.zone(self.zone))).date()

    def last_checkpoint(self) -> CheckpointRow | None:
        """Return the newest signed head."""
        return next(iter(self._rows.checkpoints(1)), None)

    # What can be named

    @cached_property
    def _occurring(self) -> Occurring:
        return self._rows.occurring()

    @property
    def actions(self) -> frozenset[str]:
        """The codes of the actions that occur, also of those that are declared no more."""
        return frozenset(self._occurring.actions)

    @property
    def kinds(self) -> Sequence[str]:
        """The kinds of things and persons that entries refer to."""
        return self._occurring.kinds

    def actors(self, limit: int) -> Sequence[tuple[str, bytes]]:
        """Return up to so many actors of each kind, as (kind, reference)."""
        if self._actors_asked != limit:
            self._occurring = self._rows.occurring(limit)  # what else occurs is in the same look
            self._actors_asked = limit
        return self._occurring.actors

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What a filter of this log can name: the catalogue, and codes that occur here but are declared no more."""
        categories: dict[str, set[str]] = {}
        for cls in registered():
            categories.setdefault(cls.category, set()).add(cls.code)
        if undeclared := self.actions.difference(*categories.values()):
            categories["other"] = set(undeclared)
        return Vocabulary({name: frozenset(codes) for name, codes in categories.items()}, self.actions)

    def codes(self, categories: Iterable[str]) -> set[str]:
        """Return the codes of categories. The catalogue is loaded whole only where there is one."""
        return {code for name in categories for code in self.vocabulary.categories.get(name, ())}

    def parse(self, words: str | Sequence[str]) -> Query:
        """Return the Query of a filter's text. Raises InvalidQuery, pointing at the word."""
        return query.parse(words, vocabulary=lambda: self.vocabulary, clock=lambda: (self.now, self.zone))

    def resolve(self, wanted: Query) -> Query:
        """Return the filter with days in the place of what is relative to now, as it is at the session's `now`: what a
        file or an entry says of it, which is read later."""
        first, last = bounds.resolved(wanted.first, wanted.last, self.now, self.zone)
        return replace(wanted, first=first, last=last)

    def days(self, wanted: Query) -> tuple[date | None, date | None]:
        """Return the first and the last day of a filter, None where it has no such bound."""
        return bounds.days(wanted.first, wanted.last, self.now, self.zone)

    def narrow(self, wanted: Query) -> Query:
        """Return the filter that says of itself what this session does not see."""
        if not self.hidden:
            return wanted
        return replace(wanted, unwanted=replace(wanted.unwanted, categories=wanted.unwanted.categories | self.hidden))

    # Whom an id means

    def token(self, realm: str, host_id: str) -> bytes | None:
        """Return the token of a host's person, or None where the log does not know that person (any more)."""
        who = (realm, host_id)
        if who not in self._tokens:
            self._tokens[who] = self._look_up(realm, host_id)
        return self._tokens[who]

    def _look_up(self, realm: str, host_id: str) -> bytes | None:
        self.sealer.refresh()
        for _, token in self.sealer.tokens(realm, host_id):
            row = next(iter(self._rows.persons([token])), None)
            if row is None:
                return None
            if row.erased_by is None and self.sealer.is_of(token, row.sealed, realm, host_id):
                return token
        raise AssertionError("there is always another token")

    def people(self, tokens: Sequence[bytes]) -> Mapping[bytes, Mapping[str, Any]]:
        """Return what is known of some people, by token: `realm`, `id`, `name` where there is one. Who was erased, or
        whose row is damaged, is left out."""
        found = {}
        for row in self._rows.persons(tokens):
            if row.erased_by is None:
                with suppress(Unreadable):  # verify reports the damaged row
                    found[row.token] = self.sealer.open_person(row.token, row.sealed)
        return found

    def named(self, words: str) -> frozenset[bytes]:
        """Return the tokens of everybody whose name has these words."""
        return self._directory.find(words, self._rows, self.state)

    def begin(self, words: str, limit: int) -> Beginning | None:
        """Return who and what has a name of which these words are beginnings, `limit` of each at most; None while the
        names are being opened. Whether this session sees anything of them is for `few` to say."""
        return self._directory.begin(words, self._rows, self.state, limit)

    # What a filter finds

    def select(self, wanted: Query) -> Selection:
        """Return a filter in the store's terms: days as instants in the clinic's zone, ids as tokens.

        Free words are not in it: `seek` has them too.
        """
        return selecting.select(self, wanted)

    def seek(self, words: Filter) -> Sought:
        """Return how the entries of a filter are found: what is selected, and the free words that must be in it."""
        wanted = words if isinstance(words, Query) else self.parse(words)
        if wanted not in self._sought:
            self._sought[wanted] = searching.search(self, wanted)
        return self._sought[wanted]

    def first_recorded(self, us: int) -> int:
        """Return the first number that was recorded at an instant or later; the one behind the last where none was."""
        return self._rows.first_recorded(us, self.up_to)

    def seq_of(self, entry_id: str) -> int | None:
        """Return the number of the entry with an id, as 32 hexadecimal digits with or without hyphens."""
        bare = entry_id.replace("-", "") if is_plain_text(entry_id) else ""
        if not _ENTRY_ID.fullmatch(bare):
            return None
        found = self._rows.seqs("id", [bytes.fromhex(bare)])
        return next(iter(found.values()), None)

    def linked(self, asked: Sequence[Before]) -> Sequence[bool]:
        """Return, for each question, whether an earlier entry has such a link."""
        return self._rows.linked(asked) if asked else ()

    def known(self, asked: Sequence[tuple[str, bytes]], *, each: int, counted: int) -> Sequence[Known]:
        """Return what links of a kind there are whose reference begins so, as `Rows.known` does."""
        return self._rows.known(asked, self.up_to, each=each, counted=counted) if asked else ()

    def moments(self, selection: Selection, limit: int) -> Sequence[Moment]:
        """Return when the first entries of a selection occurred, newest first; opens nothing."""
        return self._rows.moments(self._seen(selection), limit)

    def counts(self, selection: Selection, edges: Sequence[int]) -> Sequence[int]:
        """Return how many entries of a selection occurred from each edge to before the next one."""
        return self._rows.counts(self._seen(selection), edges)

    def few(self, selection: Selection, limit: int) -> int:
        """Return how many entries of a selection there are, counted up to a limit."""
        return len(self.stored(selection, None, limit))

    def amounts(self, selection: Selection) -> Sequence[AmountTally]:
        """Return the amounts of a selection by action and currency."""
        return self._rows.amounts(self._seen(selection))

    def amounts_between(self, selection: Selection, edges: Sequence[int]) -> Sequence[Sequence[AmountTally]]:
        """Return the same from each edge to before the next one."""
        return self._rows.amounts_between(self._seen(selection), edges)

    def _seen(self, selection: Selection) -> Selection:
        """The part of a selection that this session sees."""
        bounded = replace(selection, up_to=min(selection.up_to, self.up_to))
        if not self.hidden:
            return bounded
        return replace(bounded, not_actions=tuple(sorted({*bounded.not_actions, *self.codes(self.hidden)})))

    def stored(self, selection: Selection, before: tuple[int, int] | None, limit: int) -> Sequence[EntryRow]:
        """Return the rows of a selection, newest first, behind the place `before`."""
        return self._rows.page(self._seen(selection), before, limit)

    # Entries, opened

    def entry(self, which: int | str) -> View:
        """Return one entry by its seq or its id. Raises NotFound, also for one that this session does not see."""
        seq = which if isinstance(which, int) else self.seq_of(which)
        if seq is None or not 1 <= seq <= self.up_to:
            raise NotFound(_NO_ENTRY)
        found = next(self.open(list(self._rows.entries(seq - 1, seq))), None)
        if found is None or found.category in self.hidden:
            raise NotFound(_NO_ENTRY)
        return found

    def read(self, words: Filter = "", *, limit: int | None = None, after_seq: int = 0) -> Iterator[View]:
        """Yield the entries that a filter means, newest first, in constant memory.

        With `after_seq` only what was recorded behind that number. Raises InvalidQuery before the first entry.
        """
        sought = self.seek(words)
        return self.views(replace(sought.selection, from_seq=after_seq + 1), sought.words, limit)

    def views(
        self,
        selection: Selection,
        words: Words = Words(),  # noqa: B008 - immutable
        limit: int | None = None,
        after: Cursor | None = None,
    ) -> Iterator[View]:
        """Yield every entry that is meant, in constant memory; with `after` those behind a place."""
        selection, place = _behind_cursor(selection, after)
        limit = None if limit is None else max(0, min(limit, self.up_to))  # no list has more than its numbers
        at_once = CHUNK if words or limit is None else min(CHUNK, limit)
        chunks = self._chunks(selection, place, at_once)
        found = (view for _, view in self._searched(chunks, words) if view) if words else self._opened(chunks)
        return found if limit is None else islice(found, limit)

    def _chunks(
        self, selection: Selection, before: tuple[int, int] | None, at_once: int
    ) -> Iterator[Sequence[EntryRow]]:
        while found := self.stored(selection, before, at_once):
            yield found
            if len(found) < at_once:
                return
            before = (found[-1].occurred_at, found[-1].seq)

    def _opened(self, chunks: Iterable[Sequence[EntryRow]]) -> Iterator[View]:
        for found in chunks:
            yield from self.open(found)

    def tested(
        self, selection: Selection, words: Words, after: Cursor | None = None
    ) -> Iterator[tuple[EntryRow, bool]]:
        """Yield each row of a selection, newest first, and whether the entry has the words. What the list of the same
        words has tested is not opened again."""
        selection, place = _behind_cursor(selection, after)
        search = self._search_for(words)
        for found in self._chunks(selection, place, CHUNK):
            opening = self._opening()
            for one in found:
                yield one, search.has(one, opening)

    def _searched(self, chunks: Iterable[Sequence[EntryRow]], words: Words) -> Iterator[tuple[EntryRow, View | None]]:
        """Yield each row, with its view where it has the words."""
        search = self._search_for(words)
        for found in chunks:
            opening = self._opening()
            for one in found:
                yield one, search.view(one, opening)

    def _search_for(self, words: Words) -> Search:
        """The search of some words: that of before, where it was of the same."""
        if self._last_search is None or self._last_search.words != words:
            self._last_search = Search(words, SEARCH_LIMIT)
        return self._last_search

    @property
    def search_limit(self) -> int:
        """How many entries are opened for free words before a page, or a tally of it, answers."""
        return SEARCH_LIMIT if self._step is None else min(self._step, SEARCH_LIMIT)

    def answer_within(self, entries: int) -> None:
        """Answer for free words when so many entries were opened, sooner than SEARCH_LIMIT says."""
        self._step = entries

    def page(self, words: Filter = "", *, after: Cursor | None = None, limit: int = 50) -> Page:
        """Return one page of the entries that a filter means, newest first: the first one, or the one after a cursor.

        Free words are looked up as ids and names; with others it opens at most `search_limit` entries and says how
        far back it came (`Page`). Raises InvalidQuery.
        """
        sought, limit = self.seek(words), max(1, min(limit, PAGE_LIMIT))
        selection, place = _behind_cursor(sought.selection, after)
        if sought.words:
            page = self._search(selection, place, sought.words, limit)
        else:
            found = self.stored(selection, place, limit + 1)
            shown = found[:limit]
            older = _behind(selection, shown) if len(found) > limit else None
            page = Page(list(self.open(shown)), selection.up_to, older)
        return replace(page, looked_up=sought.looked_up)

    def _search(self, selection: Selection, place: tuple[int, int] | None, words: Words, limit: int) -> Page:
        hits: list[View] = []
        searched, last, chunks = 0, None, self._chunks(selection, place, CHUNK)
        for last, view in self._searched(chunks, words):
            searched += 1
            if view:
                hits.append(view)
            if len(hits) == limit or searched >= self.search_limit:
                return Page(hits, selection.up_to, _behind(selection, [last]), searched, last.occurred_at)
        return Page(hits, selection.up_to, None, searched, last.occurred_at if last else None)

    def open(self, found: Sequence[EntryRow]) -> Iterator[View]:
        """Open rows with their personal values."""
        return open_each(found, self.sealer, self._erasures, self.zone)

    def _opening(self) -> Opening:
        return Opening(self.sealer, self._erasures, self.zone)

    def _erasures(self, tokens: Sequence[bytes]) -> dict[bytes, Erasure]:
        """What was destroyed of these persons' values, by token; nothing for who was never anonymized."""
        found = {}
        for one in erasing.of(self._rows, tokens):
            with suppress(MalformedProof):  # a body that was changed accounts for nothing
                if (erasure := entry.erasure(entry.decode(one.body))) is not None:
                    found[erasure.token] = erasure
        return found


def _behind_cursor(selection: Selection, after: Cursor | None) -> tuple[Selection, tuple[int, int] | None]:
    """A selection of when the first page was read, and the place behind which to go on."""
    if after is None:
        return selection, None
    return replace(selection, up_to=after.up_to), (after.occurred_at, after.seq)


def _behind(selection: Selection, shown: Sequence[EntryRow]) -> Cursor | None:
    return Cursor(shown[-1].occurred_at, shown[-1].seq, selection.up_to) if shown else None
