"""Tiles: the hashes of the tree in blocks of 256, from which a proof is made without the leaves.

The layout is that of C2SP tlog-tiles (https://c2sp.org/tlog-tiles, "Merkle Tree"), 32 bytes a hash:

    hash i of tile (level, index)  = root of the 256^level leaves from leaf (index * 256 + i) * 256^level on
    tile                           = 256 hashes one after another, 8,192 bytes
    hash i of tile (level + 1, index) is the root of the 256 hashes of tile (level, index * 256 + i)

So level 0 holds the leaf hashes, and level L holds row 8 * L of the tree (merkle.py), as far as that row's hashes have
all their leaves. Level and index count from 0.

A full tile never changes, and only full tiles are stored. Of each level the tree of `size` leaves has beside them one
open tile, with (size >> 8 * level) % 256 hashes (C2SP calls it partial). These are its edge. The edge is not stored: at
level 0 it is the hashes of the last leaves, at most 255; above it is the roots of at most 255 stored tiles of the level
below. The tree of 70,000 leaves has 273 tiles and 112 open hashes at level 0, one tile and 17 open hashes at level 1,
and one open hash at level 2.

Nobody needs to believe a stored tile. Whoever has the leaves makes its edge grow anew, and compares what that makes
with what is stored. Whoever has a root that is signed compares it with that of the edge; from there the prover checks
each tile that it reads against the tile above, so that its proofs lead to that root or are not made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..errors import MalformedProof
from .merkle import HASH_SIZE, LARGEST_SIZE, Frontier, Proofs, extend, pack, packed_rows

HEIGHT = 8  # rows of the tree from one level to the next
WIDTH = 1 << HEIGHT  # hashes in a tile
TILE_BYTES = WIDTH * HASH_SIZE
_KEPT = 256  # tiles that a prover keeps with the rows above them: 16 KB each, 4 MB in all


@dataclass(frozen=True, slots=True)
class Tile:
    """A full tile: its level and index, its 256 hashes (8,192 bytes), and their root (32), a hash of the level above.

    The root is stored beside the hashes, so that an edge is read without reading and hashing 255 tiles a level.
    """

    level: int
    index: int
    hashes: bytes
    root: bytes


@dataclass(frozen=True, slots=True)
class Edge:
    """The open tiles of the tree of `size` leaves: of each level from 0 on its hashes one after another.

    There are as many levels as have a hash, open or in a full tile, and always level 0. Raises MalformedProof for
    other lengths.
    """

    size: int = 0
    open: tuple[bytes, ...] = (b"",)

    def __post_init__(self) -> None:
        right = [count % WIDTH * HASH_SIZE for count in _counts(self.size)]
        if not 0 <= self.size <= LARGEST_SIZE or list(map(len, self.open)) != right:
            raise MalformedProof("the open tiles have other numbers of hashes than a tree of this size")

    @classmethod
    def read(cls, size: int, leaf_hashes: Iterable[bytes], roots: Callable[[int, int, int], Iterable[bytes]]) -> Edge:
        """Return the edge of the tree of the first `size` leaves, also where more are stored.

        `leaf_hashes` are those of the last size % 256 leaves; `roots(level, begin, end)` gives the stored roots of the
        full tiles `begin` to `end` - 1 of a level, in order, and is asked for at most 255. Raises MalformedProof where
        any is missing.
        """
        tiles = enumerate(_counts(size)[1:])  # a tile of one level is a hash of the next
        return cls(size, (pack(leaf_hashes), *(pack(roots(level, n - n % WIDTH, n)) for level, n in tiles)))

    def extend(self, leaf_hashes: Iterable[bytes]) -> tuple[Edge, list[Tile]]:
        """Return the edge of the tree with these leaf hashes appended, and the tiles that this makes full.

        The tiles come level by level, each in order of index. A growth that does not reach the next multiple of 256
        fills none, and then nobody needs the edge to append. Raises MalformedProof.
        """
        new = pack(leaf_hashes)
        size, tiles, still_open = self.size + len(new) // HASH_SIZE, list[Tile](), list[bytes]()
        for level in range(len(_counts(size))):
            row = self.open[level] + new if level < len(self.open) else new
            first, filled = self.size >> HEIGHT * (level + 1), len(row) // TILE_BYTES
            full = [_tile(level, first + n, row[n * TILE_BYTES : (n + 1) * TILE_BYTES]) for n in range(filled)]
            tiles += full
            still_open.append(row[filled * TILE_BYTES :])
            new = b"".join(tile.root for tile in full)
        return Edge(size, tuple(still_open)), tiles

    def frontier(self) -> Frontier:
        """Return the frontier of the tree."""
        levels = (extend(Frontier(), _unpack(row)).hashes for row in reversed(self.open))
        return Frontier(self.size, tuple(subtree for hashes in levels for subtree in hashes))


class Prover(Proofs):
    """The proofs from a tree of which the edge is here and the full tiles are stored; it reads those that it needs.

    An inclusion proof needs one tile a level. The last 256 are kept, so proofs in order of index read each tile once.
    The proofs are those of `merkle.Prover`. In place of one that a missing or changed tile would make wrong, they raise
    MalformedProof; that the edge itself is right is the caller's to check, by `root`.
    """

    __slots__ = ("_edge", "_frontier", "_rows", "_stored")

    def __init__(self, edge: Edge, stored: Callable[[int, int], bytes | None]) -> None:
        """`stored(level, index)` gives the 8,192 bytes of a full tile, or None where it is missing."""
        self.size = edge.size
        self._edge, self._frontier, self._stored = edge, edge.frontier(), stored
        self._rows = lru_cache(_KEPT)(self._read)

    def hash(self, height: int, index: int) -> bytes:
        """Return hash `index` of row `height` of the tree, 32 bytes."""
        if (index + 1) << height > self.size:
            return self._last(height)
        level, row = divmod(height, HEIGHT)
        tile, at = divmod(index, WIDTH >> row)
        return self._rows(level, tile)[row][at * HASH_SIZE : (at + 1) * HASH_SIZE]

    def _last(self, height: int) -> bytes:
        """The hash at the end of a row that has not all its leaves: it is the root of the size % 2^height last ones."""
        rest = self.size % (1 << height)
        return Frontier(rest, self._frontier.hashes[-rest.bit_count() :]).root()

    def _read(self, level: int, index: int) -> list[bytes]:
        """A tile and the rows above it. Of an open tile, only what has all its leaves is asked for."""
        if index == self.size >> HEIGHT * (level + 1):
            return packed_rows(self._edge.open[level])
        tile = self._stored(level, index)
        if tile is not None and len(tile) == TILE_BYTES:
            rows = packed_rows(tile)
            if rows[HEIGHT] == self.hash(HEIGHT * (level + 1), index):
                return rows
        raise MalformedProof(f"tile {index} of level {level} is missing, or is not what the tile above it says")


def _tile(level: int, index: int, hashes: bytes) -> Tile:
    return Tile(level, index, hashes, packed_rows(hashes)[HEIGHT])


def _counts(size: int) -> list[int]:
    """How many hashes each level has, in full tiles and open, up to the last level that has any."""
    return [size >> shift for shift in range(0, max(size.bit_length(), 1), HEIGHT)]


def _unpack(row: bytes) -> Sequence[bytes]:
    return [row[at : at + HASH_SIZE] for at in range(0, len(row), HASH_SIZE)]
