"""The key tree: one secret from which a key follows for every point, and from which single points can be cut out.

A puncturable pseudorandom function: the tree of Goldreich, Goldwasser and Micali (1986), punctured as by Boneh and
Waters (2013). It is 4-ary, has 32 levels, and a leaf for each of 2^64 points.

    child(node, i)  = SHA-256(i || node)                    i one byte, 0 to 3; node 32 bytes
    leaf            = SHA-256(4 || node at level 32)        the key of a point, 32 bytes
    point(type, x)  = first 64 bits of SHA-256(type || 0x00 || x), as a big-endian number

The way to a point takes two of its bits at each level, the highest first. What is kept is a cover: the nodes from which
every leaf follows that was not cut out, and no other. Of a new tree that is its root, 32 random bytes. To cut a point
out is to put, in the place of the node above it, that node's other children along the way: at most 96. So a cover says
which nodes it has and nothing of the order in which points were cut out, and no key of such a point can be computed
from it, by anybody, whatever else they have.

    cover  = records in order of position, 41 bytes each:  level (one byte) || position (u64 big-endian) || node

where position is the first point below the node.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from hashlib import sha256
from operator import add, gt, mod
from struct import Struct
from typing import NamedTuple, Self

from ..errors import KeyUnavailable

LEVELS = 32
NODE_BYTES = 32
RECORD_BYTES = 41
POINTS = 1 << 64

# How many points are below a node of each level.
_WIDTHS = tuple(1 << 2 * (LEVELS - level) for level in range(LEVELS + 1))
_POSITION = Struct(">xQ32x")
_CHILD = tuple(bytes([i]) for i in range(4))
_LEAF = b"\x04"
_DAMAGED = "the cover of the key tree is damaged; put back the newest copy of the keep"


class Node(NamedTuple):
    """One node of a cover: how far below the root, the first point below it, and its 32 bytes."""

    level: int
    position: int
    secret: bytes


class Cover:
    """The nodes of a tree from which every leaf follows but those that were cut out. It is never changed.

    The nodes stay the records that they are stored as, so that a cover after a thousand erasures is there at once.
    """

    __slots__ = ("_levels", "_positions", "_records")

    def __init__(self, nodes: Sequence[Node]) -> None:
        """`nodes` are in order of position, and none is below another. Raises KeyUnavailable for others."""
        self._take(_packed(nodes))
        self._check()

    def _take(self, records: bytes) -> None:
        self._records = records
        self._levels = records[::RECORD_BYTES]
        self._positions = [position for (position,) in _POSITION.iter_unpack(records)]

    def _check(self) -> None:
        if max(self._levels, default=0) > LEVELS:
            raise KeyUnavailable(_DAMAGED)
        widths = [_WIDTHS[level] for level in self._levels]
        ends = map(add, self._positions, widths)
        if any(map(mod, self._positions, widths)) or any(map(gt, ends, [*self._positions[1:], POINTS])):
            raise KeyUnavailable(_DAMAGED)

    @classmethod
    def new(cls) -> Self:
        """Return the cover of a new tree, with nothing cut out."""
        return cls([Node(0, 0, os.urandom(NODE_BYTES))])

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the cover of the bytes that `encode` wrote. Raises KeyUnavailable."""
        if len(data) % RECORD_BYTES:
            raise KeyUnavailable(_DAMAGED)
        cover = cls.__new__(cls)
        cover._take(data)
        cover._check()
        return cover

    def encode(self) -> bytes:
        """Return the cover's records."""
        return self._records

    def __len__(self) -> int:
        return len(self._positions)

    def key(self, point: int) -> bytes | None:
        """Return the 32-byte key of a point; None where it was cut out."""
        number = self._above(point)
        if number < 0:
            return None
        first, _, secret = self._node(number)
        for level in range(first, LEVELS):
            secret = sha256(_CHILD[point >> _shift(level) & 3] + secret).digest()
        return sha256(_LEAF + secret).digest()

    def without(self, points: Iterable[int]) -> Cover:
        """Return the cover with these points cut out; those that are out already change nothing."""
        cut: dict[int, list[int]] = {}  # the points below each record
        for point in set(points):
            if (number := self._above(point)) >= 0:
                cut.setdefault(number, []).append(point)
        parts, taken = list[bytes](), 0
        for number, theirs in sorted(cut.items()):
            parts.append(self._records[taken * RECORD_BYTES : number * RECORD_BYTES])
            parts.append(_packed(_without(self._node(number), theirs)))
            taken = number + 1
        cover = Cover.__new__(Cover)
        cover._take(b"".join([*parts, self._records[taken * RECORD_BYTES :]]))
        return cover

    def _above(self, point: int) -> int:
        """The number of the record above a point; -1 where there is none."""
        if not 0 <= point < POINTS:
            raise ValueError("a point is a number of 64 bits")
        at = bisect_right(self._positions, point) - 1
        return at if at >= 0 and point < self._positions[at] + _WIDTHS[self._levels[at]] else -1

    def _node(self, number: int) -> Node:
        end = (number + 1) * RECORD_BYTES
        return Node(self._levels[number], self._positions[number], self._records[end - NODE_BYTES : end])


def point(kind: str, x: bytes) -> int:
    """Return the point of something: of a name (`name`), of a token (`person`), of a class and month (`period`)."""
    return int.from_bytes(sha256(kind.encode() + b"\x00" + x).digest()[:8], "big")


def _without(node: Node, points: Sequence[int]) -> list[Node]:
    """The nodes, in order of position, from which every leaf below a node follows but those of some points below it."""
    if not points:
        return [node]
    if node.level == LEVELS:
        return []
    found, width = list[Node](), _WIDTHS[node.level + 1]
    for i in range(4):
        first = node.position + i * width
        child = Node(node.level + 1, first, sha256(_CHILD[i] + node.secret).digest())
        found += _without(child, [point for point in points if first <= point < first + width])
    return found


def _packed(nodes: Iterable[Node]) -> bytes:
    return b"".join(bytes([level]) + position.to_bytes(8, "big") + secret for level, position, secret in nodes)


def _shift(level: int) -> int:
    """How far the two bits of a point are shifted that choose a child of a node at a level."""
    return 2 * (LEVELS - 1 - level)
