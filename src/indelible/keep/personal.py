"""Personal values: sealed beside the body under keys that follow from the clinic's keep, and dead when these are.

Nothing here is random but the nonces. Every key follows from the key tree (`keytree.py`), whose cover is in the keep,
and from the look-up key, so recording writes nothing to the keep; and what is cut out of the tree cannot be computed
any more, by anybody, from anything.

    who(realm, id, n)  = HMAC-SHA256(look-up key, "person" || 0 || realm || 0 || id || 0 || u32 n)
    token              = first 16 bytes of SHA-256("token" || key of point("name", who))
    person key         = key of point("person", token)
    period key         = key of point("period", class || 0 || month)     "2026-05", of the time in the entry's id
    row secret         = HMAC-SHA256(person key, period key || token || class)
    cipher key         = HMAC-SHA256(row secret, "seal")
    seed               = HMAC-SHA256(row secret, entry id)                  32 bytes: `format/commitment.py`

For class `evidence` the person key is that of the clinic's "nobody", which is never cut out: evidence outlives its
person. n is 0, and one more for each time that somebody of this id was erased.

    sealed values   = a part for each group of the body, in their order
    part            = owner (one byte: index into tokens) || class (e, i or n) || u32 length of the rest || nonce[12]
                      || AES-256-GCM(cipher key, nonce, values, place)
    values          = canonical JSON: an array of the values, in the order in which the body has their paths
    place           = "indelible/values/v2" 0x00 || part(log origin) || entry id[16] || token[16] || class

    person's row    = nonce[12] || AES-256-GCM(HMAC-SHA256(person key, "row"), nonce, details, place)
    details         = canonical JSON {"realm", "id", "n", "since", "name"?, "named_at"}
    place           = "indelible/person/v2" 0x00 || part(log origin) || token[16]

`since` is the occurred_at of the entry that first met the person, `named_at` of the one that used the name last.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from typing import Any, NamedTuple, TypeVar

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..format import canonical
from ..format.commitment import part
from .folder import Kept
from .keytree import point

TOKEN_BYTES = 16
# HMACs that find something again are cut to as many bytes: nobody can make two texts of one.
FOUND_BYTES = 16
_NONCE_BYTES = 12
_HEADER = struct.Struct(">BBI")
_HEADER_BYTES = _HEADER.size
_VALUES = b"indelible/values/v2\x00"
_PERSON = b"indelible/person/v2\x00"
_EVIDENCE = "evidence"
_LETTERS = {"evidence": b"e", "identity": b"i", "network": b"n"}
_CLASSES = {letter[0]: name for name, letter in _LETTERS.items()}
_NAMES = {name: name.encode() for name in _LETTERS}
_DAY = 86_400_000  # milliseconds
# What HMAC fills a key up to, and what it adds to each byte of it for its two hashes.
_BLOCK = 64
_INNER, _OUTER = bytes(n ^ 0x36 for n in range(256)), bytes(n ^ 0x5C for n in range(256))

# Keys held in memory of each kind, so that a busy clinic computes few anew: a cipher takes 480 bytes, a key 100.
_HELD = 30_000

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Unreadable(Exception):
    """Sealed bytes do not open: they were changed, or moved to another entry."""


class Dead(Unreadable):
    """The key of what is sealed was cut out of the key tree: its person is erased."""


class Part(NamedTuple):
    """What is sealed of one group: the owner's index into the body's tokens, the class, and the bytes."""

    owner: int
    personal_class: str
    data: bytes


def join(parts: Iterable[Part]) -> bytes:
    """Return the sealed values of an entry; `split` is its inverse."""
    pieces: list[bytes] = []
    for owner, personal_class, data in parts:
        pieces += (owner.to_bytes(1, "big"), _LETTERS[personal_class], len(data).to_bytes(4, "big"), data)
    return b"".join(pieces)


def split(sealed: bytes) -> list[Part]:
    """Return the parts of an entry's sealed values. Raises Unreadable where they are of another form."""
    parts = []
    at, size = 0, len(sealed)
    try:
        while at < size:
            owner, letter, length = _HEADER.unpack_from(sealed, at)
            start = at + _HEADER_BYTES
            at = start + length
            # Part(...), at a third of its time
            parts.append(tuple.__new__(Part, (owner, _CLASSES[letter], sealed[start:at])))
    except (struct.error, KeyError) as error:
        raise Unreadable from error
    if at != size:
        raise Unreadable
    return parts


@dataclass(frozen=True, slots=True)
class OpenedGroup:
    """What a group holds: the 32-byte seed, and the values by path (JSON without floats)."""

    seed: bytes
    values: dict[str, Any]


class _Mac:
    """HMAC-SHA256 (RFC 2104) under a key of at most 64 bytes that is used many times: its two blocks are hashed once.

    A quarter of the time of `hmac.digest`, which sets up the key at every call.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        self._inner = sha256(key.ljust(_BLOCK, b"\0").translate(_INNER))
        self._outer = sha256(key.ljust(_BLOCK, b"\0").translate(_OUTER))

    def __call__(self, message: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


class GroupKeys:
    """What the groups of one person, class and month are sealed with."""

    __slots__ = ("_cipher", "seed")

    def __init__(self, secret: bytes) -> None:
        # Takes an entry's 16-byte id, and returns the 32-byte seed of the salts of its group.
        self.seed = _Mac(secret)
        self._cipher = AESGCM(self.seed(b"seal"))

    def seal(self, plain: bytes, place: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place)
        except (InvalidTag, ValueError) as error:
            raise Unreadable from error


class _Keys:
    """The keys that follow from one cover, as far as they were asked for. Dropped as a whole with it."""

    __slots__ = ("groups", "kept", "periods", "persons", "tokens")

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.tokens: dict[tuple[str, str, int], bytes | None] = {}
        self.persons: dict[bytes, bytes | None] = {}
        self.periods: dict[tuple[str, str], bytes | None] = {}
        self.groups: dict[tuple[bytes, str, str], GroupKeys] = {}

    def key(self, kind: str, x: bytes) -> bytes | None:
        return self.kept.cover.key(point(kind, x))


class Sealer:
    """Seals and opens one clinic's personal values, and computes the HMACs that find things again. Any thread may."""

    def __init__(self, origin: str, lookup_key: bytes, nobody: bytes, read: Callable[[], Kept]) -> None:
        """`read` returns what the keep has of this log now, and costs little where nothing changed."""
        self._lookup, self._nobody, self._read = _Mac(lookup_key), nobody, read
        self._values_place = _VALUES + part(origin.encode())
        self._person_place = _PERSON + part(origin.encode())
        self._keys = _Keys(read())
        self._months: dict[int, str] = {}

    def __repr__(self) -> str:
        return "Sealer()"  # no key is ever printed

    def refresh(self) -> None:
        """Take up what the keep has now, and drop every key of before. Raises KeyUnavailable, StorageFailure.

        An older copy of the keep, put back meanwhile, is not taken up: it opens who was erased since.
        """
        kept, held = self._read(), self._keys.kept
        if kept is held or kept.up_to < held.up_to:
            return
        # Not by the version alone: a copy that was put back, and replaced anew, may have come to the same number.
        if kept.version != held.version or kept.cover.encode() != held.cover.encode():
            self._keys = _Keys(kept)
        else:
            self._keys.kept = kept

    def at(self, kept: Kept) -> Sealer:
        """Return the sealer of the same log with what the keep has, or had, at some moment."""
        made = copy(self)
        made._read, made._keys = lambda: kept, _Keys(kept)
        return made

    @property
    def kept(self) -> Kept:
        """What the keep had of this log when it was read last."""
        return self._keys.kept

    # People

    def token(self, realm: str, host_id: str, n: int) -> bytes | None:
        """Return the 16-byte token of the n-th person of a host's id; None where that one was erased."""
        keys, which = self._keys, (realm, host_id, n)
        try:
            return keys.tokens[which]
        except KeyError:
            key = keys.key("name", self._who(realm, host_id, n))
            token = None if key is None else sha256(b"token" + key).digest()[:TOKEN_BYTES]
            if token is not None and self._person_key(keys, token) is None:
                token = None  # the row that said whose it is was lost, so the name could not be cut out with it
            return _held(keys.tokens, which, token)

    def tokens(self, realm: str, host_id: str) -> Iterator[tuple[int, bytes]]:
        """Yield (n, token) of everybody of a host's id who was not erased, without end: the first is the present one,
        but for who was erased a moment ago or, by chance, has the point of somebody else."""
        for n in count():
            if (token := self.token(realm, host_id, n)) is not None:
                yield n, token

    def points(self, token: bytes, sealed: bytes | None) -> set[int]:
        """Return the points of the key tree that die with a person: of the token, and of the name, which the person's
        row says; none where they are dead."""
        if self.is_dead(token):
            return set()
        points = {point("person", token)}
        try:
            person = self.open_person(token, b"" if sealed is None else sealed)
            realm, host_id, n = person["realm"], person["id"], person["n"]
        except (Unreadable, KeyError):
            return points
        if self.token(realm, host_id, n) == token:
            points.add(point("name", self._who(realm, host_id, n)))
        return points

    def _who(self, realm: str, host_id: str, n: int) -> bytes:
        text = b"person\x00%b\x00%b\x00" % (realm.encode(), host_id.encode())
        return self._lookup(text + n.to_bytes(4, "big"))

    def is_dead(self, token: bytes) -> bool:
        """Whether a person's key was cut out."""
        return self._person_key(self._keys, token) is None

    def seal_person(self, token: bytes, person: dict[str, Any]) -> bytes:
        """Return the row of a person. Raises Dead."""
        nonce = os.urandom(_NONCE_BYTES)
        plain = canonical.encode_checked(person)
        return nonce + self._person_cipher(token).encrypt(nonce, plain, self._person_place + token)

    def open_person(self, token: bytes, sealed: bytes) -> dict[str, Any]:
        """Return {"realm", "id", "n", "since", "name"?, "named_at"} of a person's row. Raises Unreadable."""
        cipher = self._person_cipher(token)
        try:
            plain = cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], self._person_place + token)
            person = orjson.loads(plain)
        except (InvalidTag, ValueError) as error:
            raise Unreadable from error
        if type(person) is not dict or type(person.get("n")) is not int or not 0 <= person["n"] < 1 << 32:
            raise Unreadable
        if type(person.get("realm")) is not str or type(person.get("id")) is not str:
            raise Unreadable
        return person

    def is_of(self, token: bytes, sealed: bytes, realm: str, host_id: str) -> bool:
        """Whether a person's row is that of a host's id. One that does not open is: verify reports it."""
        try:
            person = self.open_person(token, sealed)
        except Unreadable:
            return True
        return (person["realm"], person["id"]) == (realm, host_id)

    def _person_cipher(self, token: bytes) -> AESGCM:
        key = self._person_key(self._keys, token)
        if key is None:
            raise Dead
        return AESGCM(_Mac(key)(b"row"))

    def _person_key(self, keys: _Keys, token: bytes) -> bytes | None:
        try:
            return keys.persons[token]
        except KeyError:
            return _held(keys.persons, token, keys.key("person", token))

    # Values

    def group(self, entry_id: bytes, token: bytes, personal_class: str) -> GroupKeys:
        """Return the keys of one group of an entry (its 16-byte id). Raises Dead."""
        keys, month = self._keys, self._month(entry_id)
        which = token, personal_class, month
        try:
            return keys.groups[which]
        except KeyError:
            owner = self._nobody if personal_class == _EVIDENCE else token
            person, period = self._person_key(keys, owner), self._period_key(keys, personal_class, month)
            if person is None or period is None:
                raise Dead from None
            secret = _Mac(person)(period + token + personal_class.encode())
            return _held(keys.groups, which, GroupKeys(secret))

    def place(self, entry_id: bytes, token: bytes, personal_class: str) -> bytes:
        """Return what binds sealed values to their place."""
        return self._values_place + entry_id + token + personal_class.encode()

    def seal_values(self, entry_id: bytes, token: bytes, personal_class: str, values: bytes) -> bytes:
        """Return the sealed bytes of one group; `values` is a canonical JSON array in order of paths. Raises Dead."""
        keys = self.group(entry_id, token, personal_class)
        return keys.seal(values, self.place(entry_id, token, personal_class))

    def open_values(
        self, entry_id: bytes, token: bytes, personal_class: str, sealed: bytes, paths: Sequence[str]
    ) -> OpenedGroup:
        """Return seed and values of what is sealed of a group, whose body has these paths. Raises Dead, Unreadable."""
        seed, values = self.open_group(entry_id, token, personal_class, sealed)
        if len(values) != len(paths):
            raise Unreadable
        return OpenedGroup(seed, dict(zip(paths, values, strict=True)))

    def plain(self, entry_id: bytes, token: bytes, personal_class: str, sealed: bytes) -> bytes:
        """Return the bytes of what is sealed of a group, which are JSON that nobody has looked at. Raises Dead,
        Unreadable."""
        keys = self.group(entry_id, token, personal_class)
        return keys.open(sealed, self._values_place + entry_id + token + personal_class.encode())

    def open_group(self, entry_id: bytes, token: bytes, personal_class: str, sealed: bytes) -> tuple[bytes, list[Any]]:
        """Return the seed of what is sealed of a group, and its values in order of their paths. Raises Dead,
        Unreadable."""
        (opened,) = self.open_groups(entry_id, [(token, personal_class, sealed)])
        if isinstance(opened, Unreadable):
            raise opened
        return opened

    def open_groups(
        self, entry_id: bytes, groups: Iterable[tuple[bytes, str, bytes]]
    ) -> list[tuple[bytes, list[Any]] | Unreadable]:
        """`open_group` of each (token, class, sealed) of one entry; in place of what does not open, why."""
        opened: list[tuple[bytes, list[Any]] | Unreadable] = []
        known, month, place = self._keys.groups, self._month(entry_id), self._values_place + entry_id
        for token, personal_class, sealed in groups:
            try:
                keys = known.get((token, personal_class, month)) or self.group(entry_id, token, personal_class)
                plain = keys.open(sealed, place + token + _NAMES[personal_class])
                opened.append((keys.seed(entry_id), _listed(plain)))
            except Unreadable as error:
                opened.append(error)
        return opened

    def _opened(self, keys: GroupKeys, entry_id: bytes, token: bytes, personal_class: str, sealed: bytes) -> list[Any]:
        return _listed(keys.open(sealed, self.place(entry_id, token, personal_class)))

    def _period_key(self, keys: _Keys, personal_class: str, month: str) -> bytes | None:
        which = personal_class, month
        try:
            return keys.periods[which]
        except KeyError:
            key = keys.key("period", f"{personal_class}\x00{month}".encode())
            return _held(keys.periods, which, key)

    def _month(self, entry_id: bytes) -> str:
        """The month, UTC, of the time in an entry's id: 48 bits of milliseconds since 1970."""
        day = int.from_bytes(entry_id[:6], "big") // _DAY
        try:
            return self._months[day]
        except KeyError:
            try:
                month = datetime.fromtimestamp(day * _DAY // 1000, UTC).strftime("%Y-%m")
            except (ValueError, OverflowError):  # an id that nobody made here
                month = ""
            return _held(self._months, day, month)

    # Finding

    def find(self, kind: str, text: str) -> bytes:
        """Return the look-up value of a secret text (an idempotency key, a Stripe id): 16 bytes."""
        return self._lookup(f"{kind}\x00{text}".encode())[:FOUND_BYTES]

    def find_evidence(self, value: Any) -> bytes:
        """Return the look-up value of an evidence value (JSON): 16 bytes."""
        return self.find("evidence", orjson.dumps(value).decode())

    def recognised(self, token: bytes, kind: str, text: str | None = None) -> bytes:
        """Return the reference of a link by which a person's device or network is recognised, 16 bytes; without a text
        the 8 bytes that all of theirs of a kind begin with. Raises Dead."""
        key = self._person_key(self._keys, token)
        if key is None:
            raise Dead
        mac = _Mac(key)
        anything = mac(kind.encode())[: FOUND_BYTES // 2]
        return anything if text is None else anything + mac(f"{kind}\x00{text}".encode())[: FOUND_BYTES // 2]


def _listed(plain: bytes) -> list[Any]:
    """The values of a group. Raises Unreadable."""
    try:
        values = orjson.loads(plain)
    except orjson.JSONDecodeError as error:
        raise Unreadable from error
    if type(values) is not list:
        raise Unreadable
    return values


def _held(cache: dict[_Key, _Value], key: _Key, value: _Value) -> _Value:
    """Put a value into a cache that is emptied when it is full, and return it."""
    if len(cache) >= _HELD:
        cache.clear()
    cache[key] = value
    return value
