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
forget to leave them out. With `only` it sees nothing but the entries that refer to one client, booking or person
(`only.py`), and answers as a log would that had no other entries: whom the others name is not known to it, what only
they have does not occur, and `up_to` is the highest number among its own. Of a client who was anonymized it sees
nothing, and does not say why. What it shares with the log are the numbers of its entries, and the signed checkpoint.

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
from itertools import groupby, islice
from typing import Any, NamedTuple, Self

import orjson

from ..catalogue import registered
from ..catalogue.recognition import SIGN_INS
from ..errors import InvalidInput, MalformedProof, NotFound
from ..format import entry, instant
from ..format.entry import Erasure
from ..keep import erasures as erasing
from ..keep.personal import Dead, Sealer, Unreadable
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
    Reference,
    Rows,
    Selection,
    State,
)
from . import bounds, query, searching, selecting
from .directory import Beginning, Directory
from .only import Only
from .query import Query, Vocabulary
from .searching import LookedUp, Search, Sought, Words
from .view import Opening, View, open_each

# Entries that are opened at once; the next ones are fetched when a reader gets there.
CHUNK = 500
# Entries of one page shown to somebody. More is an export.
PAGE_LIMIT = 200
# Entries opened for free words before a page answers: about a second's work.
SEARCH_LIMIT = 20_000
# Entries of a narrowed session that are looked at for what occurs in it: more than a client or a booking has. Of a
# person who has more, lists of what to choose from are made of the newest; a filter finds the others too.
LOOKED_AT = 2_000

_CURSOR = re.compile(r"(0|-?[1-9][0-9]{0,17})\.([1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,17})", re.ASCII)
_ENTRY_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
# Whose actors are persons, and those of them who are of the clinic.
_REALMS = frozenset({"client", "staff", "support"})
_OURS = frozenset({"staff", "support"})
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
        only: Only | None = None,
    ) -> None:
        """`up_to` is the last number that is seen (default: the log's size now). Raises StorageFailure."""
        self._rows, self._directory = rows, directory
        self.clinic, self.sealer, self.now, self.hidden = clinic, sealer, now, hidden
        self.state: State = rows.state()
        self.up_to = self.state.size if up_to is None else min(up_to, self.state.size)
        self._actors_asked = 0
        self.only = only
        self._tokens: dict[tuple[str, str], bytes | None] = {}
        self._referred: dict[bytes, bool] = {}
        self._sought: dict[Query, Sought] = {}
        self._last_search: Search | None = None
        self._step: int | None = None
        if only is not None and up_to is None:
            self.up_to = self._highest()

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
        """How many entries the log has; of a narrowed session the highest number that it sees."""
        return self.state.size if self.only is None else self.up_to

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
        return self._rows.occurring() if self.only is None else self._occurring_here()

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
        if self.only is not None:
            return self._some_of_each(limit)
        if self._actors_asked != limit:
            self._occurring = self._rows.occurring(limit)  # what else occurs is in the same look
            self._actors_asked = limit
        return self._occurring.actors

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What a filter of this log can name: the catalogue, and codes that occur here but are declared no more."""
        if self.only is None:
            return Vocabulary(self._categories, self.actions)
        undeclared = frozenset(code for code in self._categories.get("other", ()) if self._has_action(code))
        known = {name: codes for name, codes in self._categories.items() if name != "other"}
        return Vocabulary({**known, "other": undeclared} if undeclared else known, self.actions | undeclared)

    @cached_property
    def _categories(self) -> Mapping[str, frozenset[str]]:
        """The codes of each category, also those that a narrowed session does not see: they may be hidden."""
        categories: dict[str, set[str]] = {}
        for cls in registered():
            categories.setdefault(cls.category, set()).add(cls.code)
        occurring = self.actions if self.only is None else self._rows.occurring().actions
        if undeclared := set(occurring).difference(*categories.values()):
            categories["other"] = undeclared
        return {name: frozenset(codes) for name, codes in categories.items()}

    def codes(self, categories: Iterable[str]) -> set[str]:
        """Return the codes of categories. The catalogue is loaded whole only where there is one."""
        return {code for name in categories for code in self._categories.get(name, ())}

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
        if self.hidden:
            unwanted = replace(wanted.unwanted, categories=wanted.unwanted.categories | self.hidden)
            wanted = replace(wanted, unwanted=unwanted)
        if self.only is not None:
            wanted = replace(wanted, wanted=replace(wanted.wanted, onlys=wanted.wanted.onlys | {self.only.value}))
        return wanted

    # Whom an id means

    def token(self, realm: str, host_id: str) -> bytes | None:
        """Return the token of a host's person, or None where the log does not know that person (any more), or where
        nothing that a narrowed session sees refers to them."""
        token = self._token_in_log(realm, host_id)
        return token if token is not None and self._refers_to(token) else None

    def has_person(self, realm: str, host_id: str) -> bool:
        """Whether the log knows a host's person, also one of whom a narrowed session sees nothing: for what may be
        written down, and never for what is shown."""
        return self._token_in_log(realm, host_id) is not None

    def _token_in_log(self, realm: str, host_id: str) -> bytes | None:
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
        whose row is damaged, is left out, and who is not in a narrowed session; of other clients that has no name but
        what its entries say."""
        found = {}
        for row in self._rows.persons([one for one in tokens if self._refers_to(one)]):
            if row.erased_by is None:
                with suppress(Unreadable):  # verify reports the damaged row
                    found[row.token] = self._told(row.token, self.sealer.open_person(row.token, row.sealed))
        return found

    def _told(self, token: bytes, person: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.only is None or person["realm"] != "client" or token == self._own_token:
            return person
        return {name: value for name, value in person.items() if name != "name"}

    def named(self, words: str) -> frozenset[bytes]:
        """Return the tokens of everybody whose name has these words; in a narrowed session, of whom it is of and of who
        acts in it."""
        found = self._directory.find(words, self._rows, self.state)
        return found if self.only is None else found & self._nameable

    def begin(self, words: str, limit: int) -> Beginning | None:
        """Return who and what has a name of which these words are beginnings, `limit` of each at most; None while the
        names are being opened. Whether this session sees anything of them is for `few` to say."""
        if self.only is None:
            return self._directory.begin(words, self._rows, self.state, limit)
        found = self._directory.begin(words, self._rows, self.state, limit, self._nameable)
        if found is None:
            return None
        offered = (one for one in found.offered if self._has(Reference(one.kind, one.id.encode())))
        return found._replace(offered=tuple(islice(offered, limit)))

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
        """Return the number of the entry with an id, as 32 hexadecimal digits with or without hyphens; None for one
        that a narrowed session does not see."""
        bare = entry_id.replace("-", "") if is_plain_text(entry_id) else ""
        if not _ENTRY_ID.fullmatch(bare):
            return None
        found = self._rows.seqs("id", [bytes.fromhex(bare)])
        seq = next(iter(found.values()), None)
        return None if seq is None or (self.only is not None and not self._row(seq)) else seq

    def linked(self, asked: Sequence[Before]) -> Sequence[bool]:
        """Return, for each question, whether an earlier entry has such a link; in a narrowed session no entry has one
        that is somebody else's."""
        kept = [one for one in asked if self._is_own(one.kind, one.prefix)]
        answers = iter(self._rows.linked(kept) if kept else ())
        return [self._is_own(one.kind, one.prefix) and next(answers) for one in asked]

    def known(self, asked: Sequence[tuple[str, bytes]], *, each: int, counted: int) -> Sequence[Known]:
        """Return what links of a kind there are whose reference begins so, as `Rows.known` does; in a narrowed session
        none that is somebody else's."""
        asked = [one for one in asked if self._is_own(*one)]
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
        if self.hidden:
            hidden = tuple(sorted({*bounded.not_actions, *self.codes(self.hidden)}))
            bounded = replace(bounded, not_actions=hidden)
        if self.only is None or self._own in bounded.references:
            return bounded
        return replace(bounded, references=(self._own, *bounded.references))

    # What a narrowed session sees

    @cached_property
    def _own_token(self) -> bytes | None:
        """Whom the session is narrowed to; None for a thing, and for who is not known (any more)."""
        if self.only is None or not self.only.is_person:
            return None
        return self._token_in_log(self.only.kind, self.only.id)

    @cached_property
    def _own(self) -> tuple[Reference, ...]:
        """What the session is narrowed to, as links have it: nothing is seen where there is none."""
        if self.only is None or self.only.is_person:
            return () if self._own_token is None else (Reference("person", self._own_token),)
        return (Reference(self.only.kind, self.only.id.encode()),)

    def _highest(self) -> int:
        """The highest number that is seen. Of more entries than are looked at, that of the log."""
        found = self._rows.moments(self._seen(Selection(up_to=self.up_to)), LOOKED_AT)
        return self.up_to if len(found) == LOOKED_AT else max((one.seq for one in found), default=0)

    def _has(self, reference: Reference) -> bool:
        return self.few(Selection(up_to=self.up_to, references=((reference,),)), 1) > 0

    def _has_action(self, code: str) -> bool:
        return self.few(Selection(up_to=self.up_to, actions=(code,)), 1) > 0

    def _refers_to(self, token: bytes) -> bool:
        """Whether something that this session sees refers to somebody."""
        if self.only is None:
            return True
        if token not in self._referred:
            self._referred[token] = self._has(Reference("person", token))
        return self._referred[token]

    def _row(self, seq: int) -> Sequence[EntryRow]:
        """The entry with a number, if this session sees it."""
        return self.stored(Selection(up_to=seq, from_seq=seq), None, 1)

    def _is_own(self, kind: str, prefix: bytes) -> bool:
        """Whether links that begin so are of whom the session is narrowed to; of a session of the log all are."""
        if self.only is None:
            return True
        if self._own_token is None or self.codes(self.hidden) >= SIGN_INS:
            return False
        try:
            return prefix.startswith(self.sealer.recognised(self._own_token, kind))
        except Dead:
            return False

    @cached_property
    def _newest(self) -> Sequence[EntryRow]:
        return self.stored(Selection(up_to=self.up_to), None, LOOKED_AT)

    def _occurring_here(self) -> Occurring:
        """What occurs in the newest entries. Of a longer list the kinds are the log's: an id may mean any of them."""
        found = self._newest
        actors = sorted({(row.actor_kind, row.actor) for row in found if row.actor is not None})
        self._referred.update((ref, True) for kind, ref in actors if kind in _REALMS)
        kinds = self._rows.occurring().kinds if len(found) == LOOKED_AT else sorted(_kinds_in(found))
        return Occurring(sorted({row.action for row in found}), kinds, actors)

    def _some_of_each(self, limit: int) -> Sequence[tuple[str, bytes]]:
        by_kind = groupby(self._occurring.actors, key=lambda one: one[0])
        return [one for _, some in by_kind for one in islice(some, limit)]

    @cached_property
    def _nameable(self) -> frozenset[bytes]:
        """Who can be found by what they are called now: whom the session is of, and who of the clinic acts in it. What
        others are called now, its entries may not say."""
        acting = {ref for kind, ref in self._occurring.actors if kind in _OURS}
        return frozenset(acting | ({self._own_token} if self._own_token else set()))

    def stored(self, selection: Selection, before: tuple[int, int] | None, limit: int) -> Sequence[EntryRow]:
        """Return the rows of a selection, newest first, behind the place `before`."""
        return self._rows.page(self._seen(selection), before, limit)

    # Entries, opened

    def entry(self, which: int | str) -> View:
        """Return one entry by its seq or its id. Raises NotFound, also for one that this session does not see."""
        seq = which if isinstance(which, int) else self.seq_of(which)
        if seq is None or not 1 <= seq <= self.up_to:
            raise NotFound(_NO_ENTRY)
        rows = list(self._rows.entries(seq - 1, seq)) if self.only is None else self._row(seq)
        found = next(self.open(rows), None)
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


def _kinds_in(rows: Iterable[EntryRow]) -> set[str]:
    """The kinds of what some entries refer to."""
    kinds: set[str] = set()
    for row in rows:
        with suppress(KeyError, TypeError, ValueError):  # a body that was changed; verify reports it
            kinds.update(kind for kind, _, _ in entry.links(orjson.loads(row.body)))
    return kinds


def _behind_cursor(selection: Selection, after: Cursor | None) -> tuple[Selection, tuple[int, int] | None]:
    """A selection of when the first page was read, and the place behind which to go on."""
    if after is None:
        return selection, None
    return replace(selection, up_to=after.up_to), (after.occurred_at, after.seq)


def _behind(selection: Selection, shown: Sequence[EntryRow]) -> Cursor | None:
    return Cursor(shown[-1].occurred_at, shown[-1].seq, selection.up_to) if shown else None
