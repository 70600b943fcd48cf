"""What a log's keeper hands over to be verified: rows as they are stored, in spans, and what is sealed in them, opened.

The log goes on meanwhile. Entries, links and tiles up to the size that was read first never change, and these are what
is verified. The rest may move between one span and the next: entries come behind that size, somebody is erased, what is
sealed and dead is removed, a checkpoint is added. `log.py` says how that is told from tampering.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol

from ...format import entry
from ..note import Verifier
from .report import Finding

# A whole row of an entry: (seq, *columns, body, sealed), the columns as `entry.Columns` has them.
Row = tuple[int, bytes, int, int, str, str, bytes | None, int | None, str | None, bytes, bytes]
# A whole row of a link: (kind, ref, as_target, occurred_at, seq).
LinkRow = tuple[str, bytes, bool, int, int]
# A whole row of a tile: (level, number, root, hashes).
TileRow = tuple[int, int, bytes, bytes]

# Before every number that a row may have, and behind it: what stands out there is of no log.
FIRST, LAST = -(1 << 63), (1 << 63) - 1


class Unopened(Enum):
    """Why a group has no values to be compared."""

    SEALED = "nobody tries to open it"
    UNREADABLE = "it does not open"
    DEAD = "nobody can open it, because its key was destroyed"
    GONE = "it is not there"


# An opened group: the seed, and its values in order of the body's paths.
Opened = tuple[bytes, Sequence[object]]


class Span(NamedTuple):
    """What is stored of the entries between two numbers, in order: their rows, their links that a body can imply, and
    the tiles of level 0 that begin among them."""

    rows: Sequence[Row]
    links: Sequence[LinkRow]
    tiles: Sequence[TileRow]


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint as stored: what its row says, and the note. `frontier` is None where it is not kept."""

    size: int
    root: bytes
    note: bytes
    frontier: bytes | None = None


class Source(Protocol):
    """A log to be verified. `size`, `root` and `frontier` are its head as it was read first. `erased_to` is the number
    of the last erasure that the keys knew of before that; it is behind `size` where the database is an older one.
    `renewed_to` is that of the last entry whose values were lost with a keep, 0 where none was.

    `verify_log` asks for the spans in order of their numbers, for `open` of each row that it can read before the next
    span, then for `beside` once, for `open` of entries behind `size` where what it found is in doubt, and for `others`.
    """

    origin: str
    verifier: Verifier
    size: int
    root: bytes
    frontier: bytes
    erased_to: int
    renewed_to: int

    def span(self, after: int, up_to: int) -> Span:
        """What is stored of the entries with after < seq <= up_to."""
        ...

    def next_seq(self, after: int) -> int | None:
        """The number of the next entry that is stored; None where there is none."""
        ...

    def open(self, row: Row, body: entry.Body) -> Sequence[Opened | Unopened]:
        """What is sealed of each group of an entry's body."""
        ...

    def tiles_above(self) -> Iterator[TileRow]:
        """The tiles of the levels above 0, and of levels that there cannot be."""
        ...

    def checkpoints(self) -> Iterator[Signed]:
        """Those that are stored, in order of size."""
        ...

    def last_signed(self) -> Signed | None:
        """The head store's, as it was before the head was read."""
        ...

    def beside(self) -> bool:
        """Compare the rows that only the keeper can judge (persons); return whether some do not fit the entries."""
        ...

    def size_now(self) -> int: ...
    def others(self) -> Iterator[Finding]:
        """Findings about the rows that only the keeper can judge."""
        ...
