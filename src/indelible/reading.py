"""Reading: the entries that a selection means, newest first, page by page.

Order everywhere is (occurred_at, seq) descending. A cursor is a place in that order together with the head when the
first page was read; it keeps its place while entries arrive and while old history is imported, because those have
higher numbers than the head of then and do not come in.

    cursor = occurred_at "." seq "." up_to          decimal integers, occurred_at in microseconds since 1970 UTC

Free words that nothing is known by are looked for in the opened values of the entries that the rest of the filter
means (`searching.py`), so a page with such words opens at most SEARCH_LIMIT entries and says how far back it came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NamedTuple

from . import entry, instant
from .errors import InvalidInput, MalformedProof
from .personal import Sealer
from .searching import LookedUp, Words
from .store import Found, Selection, Store
from .view import View, open_each

# Entries that a reader opens at once; the next ones are fetched when it gets there.
CHUNK = 500
# Entries of one page shown to somebody. More is an export.
PAGE_LIMIT = 200
# Entries opened for free words before a page answers: about a second's work.
SEARCH_LIMIT = 20_000

_CURSOR = re.compile(r"(0|-?[1-9][0-9]{0,17})\.([1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,17})", re.ASCII)


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


@dataclass(frozen=True, slots=True)
class Reader:
    """What it takes to read one clinic's log. `zone` is the clinic's present one."""

    store: Store
    clinic_id: str
    sealer: Sealer
    zone: str = ""

    def views(
        self,
        selection: Selection,
        words: Words = Words(),  # noqa: B008 - immutable
        limit: int | None = None,
        after: Cursor | None = None,
    ) -> Iterator[View]:
        """Yield every entry that is meant, in constant memory; with `after` those behind a place."""
        left = limit
        has = words.test() if words else None
        before: tuple[int, int] | None = None
        if after is not None:
            selection, before = replace(selection, up_to=after.up_to), (after.occurred_at, after.seq)
        while left is None or left > 0:
            wanted = CHUNK if left is None or has else min(CHUNK, left)
            found = self.store.page(self.clinic_id, selection, before, wanted)
            for view in self.open(found):
                if has is None or has(view):
                    yield view
                    left = None if left is None else left - 1
                    if left == 0:
                        return
            if len(found) < wanted:
                return
            before = (found[-1].occurred_at, found[-1].seq)

    def page(self, selection: Selection, after: Cursor | None, words: Words, limit: int) -> Page:
        """Return the page that begins behind a cursor, or the first one."""
        if after is not None:
            selection = replace(selection, up_to=after.up_to)
        place = None if after is None else (after.occurred_at, after.seq)
        if words:
            return self._search(selection, place, words, limit)
        found = self.store.page(self.clinic_id, selection, place, limit + 1)
        shown = found[:limit]
        return Page(list(self.open(shown)), selection.up_to, _behind(selection, shown) if len(found) > limit else None)

    def _search(self, selection: Selection, place: tuple[int, int] | None, words: Words, limit: int) -> Page:
        has = words.test()
        hits: list[View] = []
        searched, last = 0, None
        while searched < SEARCH_LIMIT:
            found = self.store.page(self.clinic_id, selection, place, CHUNK)
            for one, view in zip(found, self.open(found), strict=True):
                searched, last = searched + 1, one
                if has(view):
                    hits.append(view)
                if len(hits) == limit:
                    return Page(hits, selection.up_to, _behind(selection, [one]), searched, one.occurred_at)
            if len(found) < CHUNK:
                return Page(hits, selection.up_to, None, searched, last.occurred_at if last else None)
            place = (found[-1].occurred_at, found[-1].seq)
        assert last is not None  # noqa: S101 - the loop ran
        return Page(hits, selection.up_to, _behind(selection, [last]), searched, last.occurred_at)

    def open(self, found: Sequence[Found]) -> Iterator[View]:
        """Open the entries of a page with their personal values."""
        return open_each(found, self.sealer, self.erasures, self.zone)

    def erasures(self, tokens: Sequence[bytes]) -> dict[bytes, entry.Erasure]:
        """Return what was destroyed of these persons' values, by token; nothing for who was never anonymized."""
        found = {}
        for body in self.store.erasures(self.clinic_id, tokens):
            with suppress(MalformedProof):  # a body that was changed accounts for nothing
                if (erasure := entry.erasure(entry.decode(body))) is not None:
                    found[erasure.token] = erasure
        return found


def _behind(selection: Selection, shown: Sequence[Found]) -> Cursor | None:
    return Cursor(shown[-1].occurred_at, shown[-1].seq, selection.up_to) if shown else None
