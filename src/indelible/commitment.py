"""Commitments: what a body holds in the place of a personal value.

    salt       = HMAC-SHA256(key = seed, message = path)
    commitment = SHA-256("indelible/personal/v1" 0x00 || part(log origin) || part(entry id) || part(path)
                         || part(salt) || part(canonical value))
    part(x)    = u32 big-endian length of x in bytes || x

`seed` is 32 random bytes, one for each (entry, person, class), kept with the values and destroyed with them. Texts are
UTF-8; the entry id is its 36-character text; the value is canonical JSON (`canonical.py`). In a body a commitment is
written in base64url without padding, 43 characters.

Without the seed a commitment cannot be tried against a list of likely values: the salt is as unguessable as the seed.
With the seed and the value anybody can check it, and nobody can find another value for it (SHA-256).
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode
from binascii import b2a_base64
from hashlib import sha256

from .errors import MalformedProof

SEED_BYTES = 32
_DOMAIN = b"indelible/personal/v1\x00"
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
_LENGTH = 43
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_SPELLING = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", re.ASCII)
_SALT_PART = (32).to_bytes(4, "big")


def part(data: bytes) -> bytes:
    """Return `data` with its length, u32 big-endian, before it."""
    return len(data).to_bytes(4, "big") + data


def salt(seed: bytes, path: str) -> bytes:
    """Return the 32-byte salt of one path under a group's 32-byte seed."""
    return hmac.digest(seed, path.encode(), "sha256")


class Committer:
    """Commits the personal values of one entry. Keeps the parts that all of them share."""

    __slots__ = ("_inner", "_outer", "_seed", "_start")

    def __init__(self, origin: str, entry_id: str) -> None:
        self._start = _DOMAIN + part(origin.encode()) + part(entry_id.encode())
        self._seed = b""

    def commit(self, seed: bytes, path: str, value: bytes) -> str:
        """Return the commitment, in base64url, to `value` (canonical bytes) at `path` under the group's `seed`."""
        if seed is not self._seed:
            # HMAC-SHA256 by its definition (RFC 2104 section 2): a commitment in 1.8 us, with hmac.digest 2.8 us.
            self._seed, padded = seed, seed.ljust(64, b"\x00")
            self._inner, self._outer = padded.translate(_INNER), padded.translate(_OUTER)
        name = path.encode()
        return self._digest(name, sha256(self._outer + sha256(self._inner + name).digest()).digest(), value)

    def commit_salted(self, salt: bytes, path: str, value: bytes) -> str:
        """Return the commitment to `value` at `path` under the 32-byte salt of that path, as an opening gives it."""
        return self._digest(path.encode(), salt, value)

    def _digest(self, name: bytes, salt: bytes, value: bytes) -> str:
        digest = sha256(
            self._start
            + len(name).to_bytes(4, "big")
            + name
            + _SALT_PART
            + salt
            + len(value).to_bytes(4, "big")
            + value
        ).digest()
        return encode(digest)


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
