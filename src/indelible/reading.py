"""Reading: the entries that a selection means, newest first, page by page.

Order everywhere is (occurred_at, seq) descending. A cursor is a place in that order together with the head when the
first page was read; it keeps its place while entries arrive and while old history is imported, because those have
higher numbers than the head of then and do not come in.

    cursor = occurred_at "." seq "." up_to          decimal integers, occurred_at in microseconds since 1970 UTC

Free words are looked for in the opened values of the entries that the rest of the filter means, so a page with free
words opens at most SEARCH_LIMIT entries and says how far back it came.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

from . import entry, instant
from .errors import InvalidInput, MalformedProof
from .personal import Sealer
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
    them; 0 and None where the filter has no free words.
    """

    views: Sequence[View]
    up_to: int
    older: Cursor | None
    searched: int = 0
    searched_to: int | None = None


class Words(NamedTuple):
    """Free words: every one of `wanted` must occur in an entry, and none of `unwanted`."""

    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()

    def test(self) -> Callable[[View], bool]:
        """Return whether a view has the words, as a function; words are compared without case and accents."""
        wanted, unwanted = [fold(word) for word in self.wanted], [fold(word) for word in self.unwanted]

        def has(view: View) -> bool:
            text = fold(searchable(view))
            return all(word in text for word in wanted) and not any(word in text for word in unwanted)

        return has


@dataclass(frozen=True, slots=True)
class Reader:
    """What it takes to read one clinic's log."""

    store: Store
    clinic_id: str
    sealer: Sealer

    def views(self, selection: Selection, words: Words = Words(), limit: int | None = None) -> Iterator[View]:  # noqa: B008
        """Yield every entry that is meant, in constant memory."""
        left = limit
        has = words.test() if any(words) else None
        before: tuple[int, int] | None = None
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
        if any(words):
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
        rows = self.store.personal(self.clinic_id, [one.seq for one in found])
        return open_each(found, rows, self.sealer, self.erasures)

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


def searchable(view: View) -> str:
    """The texts of an entry that free words are looked for in: what it says, its values, the ids in it."""
    texts = [view.sentence, view.label, view.id, view.members.get("operation", "")]
    _collect(view.values, texts)
    _collect(view.context, texts)
    if target := view.target:
        texts.append(target.get("id") or "")
    return "\n".join(texts)


def _collect(value: Any, texts: list[str]) -> None:
    if type(value) is str:
        texts.append(value)
    elif isinstance(value, dict):
        for member in value.values():
            _collect(member, texts)
    elif isinstance(value, list):
        for member in value:
            _collect(member, texts)


def fold(text: str) -> str:
    """Return text as it is compared: without case and without accents."""
    if text.isascii():
        return text.lower()
    return _fold(text) if len(text) < 200 else _fold.__wrapped__(text)


@lru_cache(maxsize=4096)
def _fold(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFKC", "".join(c for c in parts if not unicodedata.combining(c))).casefold()
