"""Personal values: sealed outside the body, found again by HMAC, and gone when their row is gone.

One row for each (entry, person, class):

    sealed    = 0x01 || key number (u32 big-endian) || nonce[12] || AES-256-GCM(data key, nonce, plain, place)
    plain     = seed[32] || canonical JSON {path: value}
    place     = "indelible/personal-row/v1" 0x00 || entry id[16] || token[16] || class

One row for each person that the clinic's log knows:

    sealed    = as above
    plain     = canonical JSON {"id", "realm", "name"?, "named_at"}
    place     = "indelible/person-row/v1" 0x00 || token
    lookup    = HMAC-SHA256(lookup key, "person" 0x00 realm 0x00 host id)

The seed is what makes the commitments of the row unguessable (`commitment.py`); with the row it is deleted.
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass, field
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from . import canonical
from .commitment import SEED_BYTES
from .errors import KeyUnavailable

TOKEN_BYTES = 16
_NONCE_BYTES = 12
_HEADER = 1 + 4
_ROW = b"indelible/personal-row/v1\x00"
_PERSON = b"indelible/person-row/v1\x00"


class Unreadable(Exception):
    """A sealed row does not open: it was changed, moved to another entry, or its key is gone."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a personal row holds: the 32-byte seed, and the values by path (JSON without floats)."""

    seed: bytes
    values: dict[str, Any]


@dataclass(slots=True)
class Sealer:
    """Seals and opens one clinic's personal values, and computes the HMACs that find things again."""

    data_keys: dict[int, bytes] = field(repr=False)
    lookup_key: bytes = field(repr=False)
    _ciphers: dict[int, AESGCM] = field(init=False, repr=False)
    _current: int = field(init=False)

    def __post_init__(self) -> None:
        if not self.data_keys:
            raise KeyUnavailable("this clinic's data keys were destroyed; its personal values cannot be read")
        self._ciphers = {number: AESGCM(key) for number, key in self.data_keys.items()}
        self._current = max(self.data_keys)

    def seal_values(self, entry_id: bytes, token: bytes, personal_class: str, seed: bytes, values: bytes) -> bytes:
        """Return the sealed row of one group; `values` is canonical JSON."""
        return self._seal(seed + values, _ROW + entry_id + token + personal_class.encode())

    def open_values(self, entry_id: bytes, token: bytes, personal_class: str, sealed: bytes) -> Opened:
        """Return seed and values of a sealed row. Raises Unreadable."""
        plain = self._open(sealed, _ROW + entry_id + token + personal_class.encode())
        try:
            values = orjson.loads(plain[SEED_BYTES:])
        except orjson.JSONDecodeError as error:
            raise Unreadable from error
        if type(values) is not dict:
            raise Unreadable
        return Opened(plain[:SEED_BYTES], values)

    def seal_person(self, token: bytes, person: dict[str, Any]) -> bytes:
        return self._seal(canonical.encode_checked(person), _PERSON + token)

    def open_person(self, token: bytes, sealed: bytes) -> dict[str, Any]:
        """Return {"id", "realm", "name"?, "named_at"} of a person's row. Raises Unreadable."""
        try:
            person = orjson.loads(self._open(sealed, _PERSON + token))
        except orjson.JSONDecodeError as error:
            raise Unreadable from error
        if type(person) is not dict:
            raise Unreadable
        return person

    def find_person(self, realm: str, host_id: str) -> bytes:
        """Return the look-up value of a host's person: 32 bytes."""
        return hmac.digest(self.lookup_key, f"person\x00{realm}\x00{host_id}".encode(), "sha256")

    def find(self, kind: str, text: str) -> bytes:
        """Return the look-up value of another secret text (an idempotency key, a Stripe id): 32 bytes."""
        return hmac.digest(self.lookup_key, f"{kind}\x00{text}".encode(), "sha256")

    def find_evidence(self, value: Any) -> bytes:
        """Return the look-up value of an evidence value (JSON): 32 bytes."""
        return self.find("evidence", orjson.dumps(value).decode())

    def _seal(self, plain: bytes, place: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        number = self._current
        return b"\x01" + number.to_bytes(4, "big") + nonce + self._ciphers[number].encrypt(nonce, plain, place)

    def _open(self, sealed: bytes, place: bytes) -> bytes:
        cipher = self._ciphers.get(int.from_bytes(sealed[1:_HEADER], "big"))
        if sealed[:1] != b"\x01" or cipher is None:
            raise Unreadable
        nonce = sealed[_HEADER : _HEADER + _NONCE_BYTES]
        try:
            return cipher.decrypt(nonce, sealed[_HEADER + _NONCE_BYTES :], place)
        except (InvalidTag, ValueError) as error:
            raise Unreadable from error
