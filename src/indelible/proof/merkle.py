"""The Merkle tree of RFC 6962 section 2.1 (the same tree as RFC 9162 section 2.1): hashes, append, proofs.

    leaf hash  = SHA-256(0x00 || data)
    node hash  = SHA-256(0x01 || left || right)
    empty root = SHA-256("")                      the root of a tree without leaves; not the hash of an empty leaf
    root of n  = node hash(root of the first k leaves, root of the others)
                 k = the largest power of two smaller than n; the root of one leaf is its leaf hash

Every hash is 32 bytes. An `index` counts leaves from 0; a `size` is a number of leaves, at most 2^63 - 1.

The same tree row by row: row 0 holds the leaf hashes; the next row holds the node hash of every two neighbours, and an
odd last one moves up as it is (it is never paired with itself). The last row is the root. The proofs below are read off
these rows.

A frontier is what append needs of a tree: the roots of its perfect subtrees, one for each bit that is 1 in the size,
from the largest to the smallest. It is also called a compact range. Encoded: the hashes one after another; the size
says how many there are.

A range proof shows that given leaves are leaves `begin` to `end` - 1 of the tree of `size` leaves, all of them and in
order (0 <= begin <= end <= size). It is two lists of hashes, at most 63 and 124 of them:

    left   the frontier of the first `begin` leaves
    right  the roots of the perfect subtrees that cover leaves `end` to `size` - 1, from left to right, each as large as
           can be. Start with at = end; while at < size, the next subtree has the next 2^h leaves, and at grows by 2^h.
           2^h = the largest power of two that divides `at` and is at most size - at (every power of two divides 0)

To check it, given begin, the leaf hashes, left, right, and size and root out of one checkpoint:

    1. end = begin + the number of leaf hashes. Refuse it if end > size, if `left` has not one hash for each bit that is
       1 in begin, if `right` has not one hash for each subtree that the rule gives for end and size, or if any hash is
       not 32 bytes.
    2. Make a list of pairs (hash, count of leaves): the hashes of `left` in order, with the powers of two that add up
       to begin, largest first.
    3. Append every leaf hash with count 1, then every hash of `right` with its 2^h. After each, as long as the last two
       pairs have the same count, put in their place the node hash of both (the earlier one left) with twice the count.
    4. Hash the list together from its end: r = the last hash, then for each pair before it r = node hash(hash, r). For
       an empty list r is the empty root. Refuse the proof if r is not the root.

A proof does not tell every two sizes apart (that of the first leaf of 3 leads to the same root if it is read as that of
the first leaf of 4): so size and root are taken from one checkpoint with a checked signature, never from whoever sent
the proof.

Nothing here reads a clock, a disk or a setting. `check_inclusion`, `check_consistency` and `check_range` raise
MalformedProof, and nothing else, for any arguments at all; so do the others for a hash that is not 32 bytes and for a
size out of range.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import NamedTuple

from ..errors import MalformedProof

HASH_SIZE = 32
LARGEST_SIZE = 2**63 - 1  # sizes and indexes fit a signed 64-bit integer in every database and language
EMPTY_ROOT = sha256(b"").digest()
_PART = 2**16  # leaves hashed at a time, so that millions need some megabytes beside their own


def leaf_hash(data: bytes) -> bytes:
    """Return the 32-byte hash of a leaf that holds `data` (RFC 6962 section 2.1)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the 32-byte hash of the node above two 32-byte hashes (RFC 6962 section 2.1)."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The roots of the perfect subtrees of a tree with `size` leaves, largest first; 32 bytes each."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        _check_size(self.size, 0)
        if type(self.hashes) is not tuple or len(self.hashes) != self.size.bit_count():
            raise MalformedProof("a frontier has one hash for each bit that is 1 in its size")
        _check_hashes(self.hashes)

    def append(self, leaf: bytes) -> Frontier:
        """Return the frontier of the tree with one more leaf, given its 32-byte leaf hash."""
        return extend(self, (leaf,))

    def root(self) -> bytes:
        """Return the 32-byte root of the tree."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in self.hashes[-2::-1]:
            root = node_hash(left, root)
        return root

    def encode(self) -> bytes:
        """Return the hashes one after another, 32 bytes for each bit that is 1 in the size."""
        return b"".join(self.hashes)

    @classmethod
    def decode(cls, size: int, data: bytes) -> Frontier:
        """Return the frontier of `size` leaves that `encode` wrote as `data`. Raises MalformedProof."""
        if type(data) is not bytes or len(data) % HASH_SIZE:
            raise MalformedProof("a frontier is whole hashes of 32 bytes")
        return cls(size, tuple(data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)))


def extend(frontier: Frontier, leaf_hashes: Iterable[bytes]) -> Frontier:
    """Return the frontier of the tree with these 32-byte leaf hashes appended in order.

    Row by row, so that the work on one leaf is little more than one node hash. Holds all of `leaf_hashes` at once (some
    hundred bytes each): a caller with millions gives them in parts. Raises MalformedProof.
    """
    row = list(leaf_hashes)
    _check_hashes(row)
    size = frontier.size + len(row)
    larger = list(frontier.hashes)  # of the old tree, those not yet joined with the new leaves; the smallest is last
    kept: list[bytes] = []  # of the new tree, smallest first
    height = 0
    while row or larger:
        if frontier.size >> height & 1:
            row.insert(0, larger.pop())
        if len(row) & 1:
            kept.append(row.pop())
        row = _pairs(row)
        height += 1
    return Frontier(size, tuple(reversed(kept)))


def complete(frontier: Frontier, size: int, right: Sequence[bytes]) -> bytes:
    """Return the 32-byte root of the tree of `size` leaves that begins with this frontier and ends with `right`.

    `right` is that of a range proof for the leaves before `frontier.size`. With `extend` from `Frontier(begin, left)`
    it does what `check_range` does, for a caller who has the leaf hashes in parts. Raises MalformedProof.
    """
    _check_size(size, frontier.size)
    _check_hashes(right)
    subtrees = list(_subtrees(frontier.size, size))
    if len(right) != len(subtrees):
        raise MalformedProof("a range proof has one hash for each subtree to the right of its leaves")
    hashes = list(frontier.hashes)
    for (start, height), subtree in zip(subtrees, right, strict=True):
        alike = start >> height
        while alike & 1:  # the last subtree has as many leaves
            subtree, alike = node_hash(hashes.pop(), subtree), alike >> 1
        hashes.append(subtree)
    return Frontier(size, tuple(hashes)).root()


class RangeProof(NamedTuple):
    """The hashes on both sides of a range of leaves, 32 bytes each: the frontier before it, the subtrees behind it."""

    left: tuple[bytes, ...]
    right: tuple[bytes, ...]


class Proofs(ABC):
    """The proofs from one tree of `size` leaves, read off its rows, of which a subclass gives single hashes."""

    __slots__ = ("size",)
    size: int

    @abstractmethod
    def hash(self, height: int, index: int) -> bytes:
        """Return hash `index` of row `height`, 32 bytes; index * 2^height < size.

        It is the root of the leaves from index * 2^height on, 2^height of them or as many as the tree has there.
        """

    def root(self) -> bytes:
        """Return the 32-byte root of the tree."""
        return self.hash((self.size - 1).bit_length(), 0) if self.size else EMPTY_ROOT

    def inclusion(self, index: int) -> tuple[bytes, ...]:
        """Return the hashes, leaf side first, that show leaf `index` to be in the tree (RFC 9162 section 2.1.3.1).

        Raises MalformedProof where there is no such leaf.
        """
        if type(index) is not int or not 0 <= index < self.size:
            raise MalformedProof("an index is from 0 to the size of the tree less 1")
        return tuple(self._siblings(0, index))

    def consistency(self, old_size: int) -> tuple[bytes, ...]:
        """Return the hashes that show the tree of the first `old_size` leaves to be a beginning of this one.

        RFC 9162 section 2.1.4.1. Empty where both are the same tree. Raises MalformedProof for an `old_size` of 0 (see
        `check_consistency`) or beyond the tree.
        """
        if type(old_size) is not int or not 1 <= old_size <= self.size:
            raise MalformedProof("a consistency proof starts from a size of 1 to the size of the tree")
        if old_size == self.size:
            return ()
        height, index = 0, old_size - 1
        while index & 1:  # climb to the root of the last perfect subtree of the old tree
            height, index = height + 1, index >> 1
        start = [self.hash(height, index)] if index else []  # at index 0 it is the old root, which the checker has
        return (*start, *self._siblings(height, index))

    def range(self, begin: int, end: int) -> RangeProof:
        """Return the proof that leaves `begin` to `end` - 1 are those of the tree (0 <= begin <= end <= size).

        Raises MalformedProof for other numbers.
        """
        _check_size(begin, 0)
        _check_size(end, begin)
        if end > self.size:
            raise MalformedProof("a range ends within the tree")
        return RangeProof(self._cover(0, begin), self._cover(end, self.size))

    def _cover(self, begin: int, end: int) -> tuple[bytes, ...]:
        return tuple(self.hash(height, start >> height) for start, height in _subtrees(begin, end))

    def _siblings(self, height: int, index: int) -> Iterator[bytes]:
        """What stands beside the way up from a hash, lowest first; where nothing does, a step adds nothing."""
        while 1 << height < self.size:
            if (index ^ 1) << height < self.size:
                yield self.hash(height, index ^ 1)
            height, index = height + 1, index >> 1


class Prover(Proofs):
    """Every row of one tree, packed to 64 bytes a leaf in all, from which proofs are read without hashing."""

    __slots__ = ("_rows",)

    def __init__(self, leaf_hashes: Iterable[bytes]) -> None:
        """Hash the tree of these 32-byte leaf hashes once. Raises MalformedProof."""
        leaves = pack(leaf_hashes)
        self.size = len(leaves) // HASH_SIZE
        self._rows = packed_rows(leaves)

    def hash(self, height: int, index: int) -> bytes:
        """Return hash `index` of row `height`, 32 bytes."""
        return self._rows[height][index * HASH_SIZE : (index + 1) * HASH_SIZE]


def pack(hashes: Iterable[bytes]) -> bytes:
    """Return 32-byte hashes one after another. Raises MalformedProof where one is not 32 bytes."""
    packed, rest = bytearray(), iter(hashes)
    while part := list(islice(rest, _PART)):
        _check_hashes(part)
        packed += b"".join(part)
    return bytes(packed)


def packed_rows(row: bytes) -> list[bytes]:
    """Return the rows of the tree above a packed row of hashes: first the row itself, last the root (32 bytes).

    A packed row is its hashes one after another. Without a hash there is one row, which is empty.
    """
    rows = [row]
    while len(rows[-1]) > HASH_SIZE:
        rows.append(_packed_parents(rows[-1]))
    return rows


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Return `Prover(leaf_hashes).inclusion(index)`, for one proof from a tree."""
    return Prover(leaf_hashes).inclusion(index)


def consistency_proof(leaf_hashes: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """Return `Prover(leaf_hashes).consistency(old_size)`, for one proof from a tree."""
    return Prover(leaf_hashes).consistency(old_size)


def check_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> None:
    """Return if `path` shows the leaf hash `leaf` to be number `index` in the tree of `size` leaves with this `root`.

    RFC 9162 section 2.1.3.2. Take `size` and `root` from a checkpoint whose signature was checked, never from whoever
    sent the path. Raises MalformedProof if it does not show that.
    """
    _check_size(index, 0)
    _check_size(size, index + 1)
    _check_hashes((leaf, root))
    _check_hashes(path)
    fn, sn = index, size - 1
    r = leaf
    for p in path:
        if sn == 0:
            raise MalformedProof("the inclusion proof has too many hashes")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise MalformedProof("the inclusion proof has too few hashes")
    if r != root:
        raise MalformedProof("the inclusion proof leads to another root")


def check_consistency(old_size: int, new_size: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> None:
    """Return if `path` shows the tree with the old size and root to be a beginning of the one with the new.

    RFC 9162 section 2.1.4.2. Raises MalformedProof if it does not show that. An `old_size` of 0 is always refused, even
    with an empty path: every tree begins with the empty one, so there is nothing to check, and a caller who starts from
    nothing trusts the first tree that it sees. Equal sizes need an empty path and equal roots.
    """
    _check_size(old_size, 1)
    _check_size(new_size, old_size)
    _check_hashes((old_root, new_root))
    _check_hashes(path)
    if old_size == new_size:
        if path or old_root != new_root:
            raise MalformedProof("two trees of one size need equal roots and an empty proof")
        return
    if not path:
        raise MalformedProof("the consistency proof is empty")
    hashes = iter(path) if old_size & (old_size - 1) else iter((old_root, *path))
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = next(hashes)
    for c in hashes:
        if sn == 0:
            raise MalformedProof("the consistency proof has too many hashes")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise MalformedProof("the consistency proof has too few hashes")
    if fr != old_root or sr != new_root:
        raise MalformedProof("the consistency proof leads to other roots")


def check_range(begin: int, size: int, leaf_hashes: Sequence[bytes], proof: RangeProof, root: bytes) -> None:
    """Return if the tree of `size` leaves with this `root` has these leaf hashes, a list or tuple, from `begin` on.

    Take `size` and `root` from a checkpoint whose signature was checked. Without leaf hashes it shows that both sides
    make the root. Raises MalformedProof if it does not show that.
    """
    if not isinstance(leaf_hashes, tuple | list) or type(proof) is not RangeProof:
        raise MalformedProof("a range is a list of leaf hashes and a proof of two lists")
    _check_hashes((root,))
    frontier = Frontier(begin, proof.left)
    for at in range(0, len(leaf_hashes), _PART):
        frontier = extend(frontier, leaf_hashes[at : at + _PART])
    if complete(frontier, size, proof.right) != root:
        raise MalformedProof("the range proof leads to another root")


def _subtrees(at: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut leaves `at` to `end` - 1 into perfect subtrees from left to right: (first leaf, height) of each."""
    while at < end:
        largest = (end - at).bit_length() - 1
        height = min(largest, (at & -at).bit_length() - 1) if at else largest
        yield at, height
        at += 1 << height


def _pairs(row: Sequence[bytes]) -> list[bytes]:
    """Return the node hash of every two neighbours; an odd last one is left out."""
    hashes = iter(row)
    return list(map(node_hash, hashes, hashes))  # one iterator twice: each call takes the next two


def _packed_parents(row: bytes) -> bytes:
    """Return the next row of the tree, both packed: the node hash of every two neighbours, an odd last one as it is."""
    pairs = range(0, len(row) - HASH_SIZE, 2 * HASH_SIZE)  # node_hash of two that stand together:
    parents = [sha256(b"\x01" + row[at : at + 2 * HASH_SIZE]).digest() for at in pairs]
    parents.append(row[len(row) // (2 * HASH_SIZE) * (2 * HASH_SIZE) :])
    return b"".join(parents)


def _check_size(value: int, least: int) -> None:
    if type(value) is not int or not least <= value <= LARGEST_SIZE:
        raise MalformedProof(f"a size or index here is an integer from {least} to 2^63 - 1")


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if not isinstance(hashes, tuple | list) or set(map(type, hashes)) - {bytes} or set(map(len, hashes)) - {HASH_SIZE}:
        raise MalformedProof("a hash is 32 bytes, and a proof is a list of hashes")
