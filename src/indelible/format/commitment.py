"""Commitments: what a body holds in the place of personal values, one for each group (one owner, one class).

    salts        = SHAKE-256("indelible/salts/v1" 0x00 || seed), 32 bytes for each path of the group, in their order
    leaf         = SHA-256(part(salt) || part(path) || part(canonical value))
    commitment   = SHA-256("indelible/personal/v1" 0x00 || part(log origin) || part(entry id) || part(class)
                           || leaf || leaf ...)                                                   in order of the paths
    part(x)      = u32 big-endian length of x in bytes || x

`seed` is 32 random bytes, one for each (entry, person, class), kept with the values and destroyed with them. Texts are
UTF-8; the entry id is its 36-character text; the value is canonical JSON (`canonical.py`); paths are in order of their
code points, none twice. In a body a commitment is written in base64url without padding, 43 characters.

One value is shown by its salt and the other leaves of its group. Without the seed a leaf cannot be tried against a list
of likely values: the salt is as unguessable as the seed. With salt and value anybody can check it, and nobody can find
another value for it (SHA-256).
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import sha256, shake_256

from ..errors import MalformedProof

SEED_BYTES = SALT_BYTES = 32
_DOMAIN = b"indelible/personal/v1\x00"
_SALTS = b"indelible/salts/v1\x00"
_LENGTH = 43
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_SPELLING = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", re.ASCII)
_SALT_PART = SALT_BYTES.to_bytes(4, "big")


def part(data: bytes) -> bytes:
    """Return `data` with its length, u32 big-endian, before it."""
    return len(data).to_bytes(4, "big") + data


def salts(seed: bytes, count: int) -> list[bytes]:
    """Return the 32-byte salts of a group of `count` values under its 32-byte seed, in order of their paths."""
    stream = shake_256(_SALTS + seed).digest(SALT_BYTES * count)
    return [stream[start : start + SALT_BYTES] for start in range(0, len(stream), SALT_BYTES)]


# The paths of a catalogue, the classes and a log's origin come again in every entry.
@lru_cache(maxsize=4096)
def _named(text: str) -> bytes:
    return part(text.encode())


def leaf(salt: bytes, path: str, value: bytes) -> bytes:
    """Return the 32-byte hash of one value (canonical bytes) at its path under its 32-byte salt."""
    return sha256(_SALT_PART + salt + _named(path) + len(value).to_bytes(4, "big") + value).digest()


@lru_cache(maxsize=4096)
def _all_named(paths: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple([_named(path) for path in paths])


def leaves(seed: bytes, values: Sequence[tuple[str, bytes]]) -> list[bytes]:
    """Return the leaves of a whole group: its paths and canonical values, in order of the paths."""
    return leaves_at(seed, tuple([path for path, _ in values]), [value for _, value in values])


def leaves_at(seed: bytes, paths: tuple[str, ...], values: Sequence[bytes]) -> list[bytes]:
    """`leaves` of the paths of a group, and its canonical values in their order."""
    stream = shake_256(_SALTS + seed).digest(SALT_BYTES * len(paths))
    return [  # `leaf`, without a call for each
        sha256(_SALT_PART + stream[at : at + SALT_BYTES] + named + len(value).to_bytes(4, "big") + value).digest()
        for at, named, value in zip(range(0, len(stream), SALT_BYTES), _all_named(paths), values, strict=True)
    ]


class Committer:
    """Commits the groups of one entry. Keeps the parts that all of them share."""

    __slots__ = ("_start",)

    def __init__(self, origin: str, entry_id: str) -> None:
        self._start = _DOMAIN + _named(origin) + part(entry_id.encode())

    def commit(self, personal_class: str, leaves: Iterable[bytes]) -> str:
        """Return the commitment, in base64url, to the leaves of a group, in order of their paths."""
        return encode(sha256(self._start + _named(personal_class) + b"".join(leaves)).digest())


def encode(digest: bytes) -> str:
    """Return 32 bytes as 43 characters of base64url without padding."""
    return b2a_base64(digest, newline=False)[:_LENGTH].translate(_URL_SAFE).decode("ascii")


def decode(text: str) -> bytes:
    """Return the 32 bytes that `encode` wrote. Raises MalformedProof."""
    if type(text) is not str or not is_commitment(text):
        raise MalformedProof("43 characters of base64url are expected")
    return urlsafe_b64decode(text + "=")


def is_commitment(text: str) -> bool:
    """Whether a text is 43 characters of base64url in their one spelling: the last character has two zero bits."""
    return _SPELLING.fullmatch(text) is not None


def are_commitments(texts: Iterable[str]) -> bool:
    """`is_commitment` of each. Raises TypeError where one is no text."""
    return all(map(_SPELLING.fullmatch, texts))
