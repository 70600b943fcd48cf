"""RFC 6962 once more, as its section 2.1 defines it and by nobody else's code: slow, and for trees of tests."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from hashlib import sha256


def leaf(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _split(size: int) -> int:
    """The largest power of two below a size."""
    return 1 << (size - 1).bit_length() - 1


def root(leaves: Sequence[bytes]) -> bytes:
    """MTH of section 2.1."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    cut = _split(len(leaves))
    return _node(root(leaves[:cut]), root(leaves[cut:]))


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH of section 2.1.1."""
    if len(leaves) == 1:
        return []
    cut = _split(len(leaves))
    if index < cut:
        return [*path(index, leaves[:cut]), root(leaves[cut:])]
    return [*path(index - cut, leaves[cut:]), root(leaves[:cut])]


def grown(old: int, leaves: Sequence[bytes], whole: bool = True) -> list[bytes]:
    """PROOF and SUBPROOF of section 2.1.2."""
    if old == len(leaves):
        return [] if whole else [root(leaves)]
    cut = _split(len(leaves))
    if old <= cut:
        return [*grown(old, leaves[:cut], whole), root(leaves[cut:])]
    return [*grown(old - cut, leaves[cut:], False), root(leaves[:cut])]


def unpacked(hashes: Sequence[str]) -> list[bytes]:
    return [b64decode(one, validate=True) for one in hashes]
