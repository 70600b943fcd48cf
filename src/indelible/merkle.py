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

Nothing here reads a clock, a disk or a setting. `check_inclusion` and `check_consistency` raise MalformedProof, and
nothing else, for any arguments at all; so do the others for a hash that is not 32 bytes and for a size out of range.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from .errors import MalformedProof

HASH_SIZE = 32
LARGEST_SIZE = 2**63 - 1  # sizes and indexes fit a signed 64-bit integer in every database and language
EMPTY_ROOT = sha256(b"").digest()


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


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Return the hashes, leaf side first, that show leaf `index` to be in the tree of all these leaf hashes.

    RFC 9162 section 2.1.3.1. Hashes the whole tree once. Raises MalformedProof where there is no such leaf.
    """
    _check_hashes(leaf_hashes)
    if type(index) is not int or not 0 <= index < len(leaf_hashes):
        raise MalformedProof("an index is from 0 to the size of the tree less 1")
    return tuple(_siblings(leaf_hashes, index))


def consistency_proof(leaf_hashes: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """Return the hashes that show the tree of the first `old_size` leaf hashes to be a beginning of the tree of all.

    RFC 9162 section 2.1.4.1. Hashes the whole tree once. Empty where both are the same tree. Raises MalformedProof for
    an `old_size` of 0 (see `check_consistency`) or beyond the tree.
    """
    _check_hashes(leaf_hashes)
    if type(old_size) is not int or not 1 <= old_size <= len(leaf_hashes):
        raise MalformedProof("a consistency proof starts from a size of 1 to the size of the tree")
    if old_size == len(leaf_hashes):
        return ()
    row, index = leaf_hashes, old_size - 1
    while index & 1:  # climb to the root of the last perfect subtree of the old tree
        row, index = _parents(row), index >> 1
    start = [row[index]] if index else []  # at index 0 it is the old root, which the checker has
    return (*start, *_siblings(row, index))


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


def _pairs(row: Sequence[bytes]) -> list[bytes]:
    """Return the node hash of every two neighbours; an odd last one is left out."""
    hashes = iter(row)
    return list(map(node_hash, hashes, hashes))  # one iterator twice: each call takes the next two


def _parents(row: Sequence[bytes]) -> list[bytes]:
    """Return the next row of the tree: the pairs, and an odd last one as it is."""
    return [*_pairs(row), *row[len(row) & ~1 :]]


def _siblings(row: Sequence[bytes], index: int) -> list[bytes]:
    """Return what stands beside the way up from row[index], lowest first; where nothing does, a step adds nothing."""
    path = []
    while len(row) > 1:
        if index ^ 1 < len(row):
            path.append(row[index ^ 1])
        row, index = _parents(row), index >> 1
    return path


def _check_size(value: int, least: int) -> None:
    if type(value) is not int or not least <= value <= LARGEST_SIZE:
        raise MalformedProof(f"a size or index here is an integer from {least} to 2^63 - 1")


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if not isinstance(hashes, tuple | list) or set(map(type, hashes)) - {bytes} or set(map(len, hashes)) - {HASH_SIZE}:
        raise MalformedProof("a hash is 32 bytes, and a proof is a list of hashes")
