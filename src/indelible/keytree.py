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
from typing import NamedTuple, Self

from .errors import KeyUnavailable

LEVELS = 32
NODE_BYTES = 32
RECORD_BYTES = 41
POINTS = 1 << 64

_CHILD = tuple(bytes([i]) for i in range(4))
_LEAF = b"\x04"
_DAMAGED = "the cover of the key tree is damaged; put back the newest copy of the keep"


class Node(NamedTuple):
    """One node of a cover: how far below the root, the first point below it, and its 32 bytes."""

    level: int
    position: int
    secret: bytes

    @property
    def end(self) -> int:
        """The point behind the last one below it."""
        return self.position + _width(self.level)


class Cover:
    """The nodes of a tree from which every leaf follows but those that were cut out. It is never changed."""

    __slots__ = ("_nodes", "_positions")

    def __init__(self, nodes: Sequence[Node]) -> None:
        """`nodes` are in order of position, and none is below another."""
        self._nodes = tuple(nodes)
        self._positions = [node.position for node in nodes]

    @classmethod
    def new(cls) -> Self:
        """Return the cover of a new tree, with nothing cut out."""
        return cls([Node(0, 0, os.urandom(NODE_BYTES))])

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the cover of the bytes that `encode` wrote. Raises KeyUnavailable."""
        if len(data) % RECORD_BYTES:
            raise KeyUnavailable(_DAMAGED)
        nodes, end = [], 0
        for at in range(0, len(data), RECORD_BYTES):
            node = Node(data[at], int.from_bytes(data[at + 1 : at + 9], "big"), data[at + 9 : at + RECORD_BYTES])
            if node.level > LEVELS or node.position % _width(node.level) or node.position < end:
                raise KeyUnavailable(_DAMAGED)
            nodes.append(node)
            end = node.end
        return cls(nodes)

    def encode(self) -> bytes:
        """Return the cover's records."""
        return b"".join(
            bytes([level]) + position.to_bytes(8, "big") + secret for level, position, secret in self._nodes
        )

    def __len__(self) -> int:
        return len(self._nodes)

    def key(self, point: int) -> bytes | None:
        """Return the 32-byte key of a point; None where it was cut out."""
        node = self._above(point)
        if node is None:
            return None
        secret = node.secret
        for level in range(node.level, LEVELS):
            secret = sha256(_CHILD[point >> _shift(level) & 3] + secret).digest()
        return sha256(_LEAF + secret).digest()

    def without(self, points: Iterable[int]) -> Cover:
        """Return the cover with these points cut out; those that are out already change nothing."""
        cover = self
        for point in sorted(set(points)):
            node = cover._above(point)
            if node is not None:
                at = bisect_right(cover._positions, node.position) - 1
                cover = Cover([*cover._nodes[:at], *_others(node, point), *cover._nodes[at + 1 :]])
        return cover

    def _above(self, point: int) -> Node | None:
        """The node of the cover above a point."""
        if not 0 <= point < POINTS:
            raise ValueError("a point is a number of 64 bits")
        at = bisect_right(self._positions, point) - 1
        if at < 0 or point >= self._nodes[at].end:
            return None
        return self._nodes[at]


def point(kind: str, x: bytes) -> int:
    """Return the point of something: of a name (`name`), of a token (`person`), of a class and month (`period`)."""
    return int.from_bytes(sha256(kind.encode() + b"\x00" + x).digest()[:8], "big")


def _others(node: Node, point: int) -> list[Node]:
    """The nodes below a node, in order of position, from which every leaf follows but that of a point below it."""
    before: list[Node] = []
    behind: list[Node] = []
    level, position, secret = node
    while level < LEVELS:
        way, width = point >> _shift(level) & 3, _width(level + 1)
        children = [Node(level + 1, position + i * width, sha256(_CHILD[i] + secret).digest()) for i in range(4)]
        before += children[:way]
        behind[:0] = children[way + 1 :]
        level, position, secret = children[way]
    return before + behind


def _shift(level: int) -> int:
    """How far the two bits of a point are shifted that choose a child of a node at a level."""
    return 2 * (LEVELS - 1 - level)


def _width(level: int) -> int:
    """How many points are below a node at a level."""
    return 1 << 2 * (LEVELS - level)
