"""The rows of a log that is verified, by ranges of seq: the one place that knows how they are got from the store.

A range is asked for once, and behind the one before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import Generic, Protocol, TypeVar

from ..stores import contract
from ..stores.contract import EVERY, CheckpointRow, EntryRow, LinkRow, PersonRow, State, TileRow

_Row = TypeVar("_Row")

# Rows read from the store together.
_AT_ONCE = 1_000
_FIRST = -(2**63)


class Rows(Protocol):
    """The rows of one clinic, each read when it is asked for. Ranges are of after < seq <= up_to."""

    def state(self) -> State: ...
    def entries(self, after: int, up_to: int) -> Sequence[EntryRow]: ...
    def next_seq(self, after: int) -> int | None:
        """The number of the first entry behind one; None where there is none."""
        ...

    def links(self, after: int, up_to: int) -> Sequence[LinkRow]: ...
    def used_keys(self, after: int, up_to: int) -> Sequence[tuple[bytes, int]]: ...
    def tiles(self, begin: int, end: int) -> Sequence[TileRow]:
        """The tiles of level 0 from one number to before another."""
        ...

    def tiles_above(self) -> Iterator[TileRow]:
        """Those of every other level."""
        ...

    def persons(self) -> Iterator[PersonRow]: ...
    def checkpoints(self) -> Iterator[CheckpointRow]: ...


class StoredRows:
    """The rows of a store. Its links and keys cost a look at all of them, so each of these is asked for once."""

    def __init__(self, rows: contract.Rows) -> None:
        self._rows = rows
        self._links = _Ranges(rows.links(_FIRST, EVERY), itemgetter(4))
        self._keys = _Ranges(rows.used_keys(_FIRST, EVERY), itemgetter(1))

    def state(self) -> State:
        return self._rows.state()

    def entries(self, after: int, up_to: int) -> Sequence[EntryRow]:
        return [*self._rows.entries(after, up_to)]

    def next_seq(self, after: int) -> int | None:
        return next((row.seq for row in self._rows.entries(after, EVERY)), None)

    def links(self, after: int, up_to: int) -> Sequence[LinkRow]:
        return self._links.up_to(up_to)

    def used_keys(self, after: int, up_to: int) -> Sequence[tuple[bytes, int]]:
        return self._keys.up_to(up_to)

    def tiles(self, begin: int, end: int) -> Sequence[TileRow]:
        return [*self._rows.tiles(0, begin, end)]

    def tiles_above(self) -> Iterator[TileRow]:
        return (row for row in self._rows.tiles() if row.level != 0)

    def persons(self) -> Iterator[PersonRow]:
        return self._rows.persons("all")

    def checkpoints(self) -> Iterator[CheckpointRow]:
        return self._rows.checkpoints()


class _Ranges(Generic[_Row]):
    """Rows in order of a number, taken up to one number after another."""

    def __init__(self, rows: Iterator[_Row], number: Callable[[_Row], int]) -> None:
        self._rows, self._number = rows, number
        self._read: list[_Row] = []  # and not taken yet

    def next(self) -> int | None:
        if not self._read:
            self._read += islice(self._rows, _AT_ONCE)
        return self._number(self._read[0]) if self._read else None

    def up_to(self, last: int) -> list[_Row]:
        taken = list[_Row]()
        while True:
            if not self._read:
                self._read += islice(self._rows, _AT_ONCE)
            end = bisect_right(self._read, last, key=self._number)
            taken += self._read[:end]
            del self._read[:end]
            if self._read or not end:
                return taken
