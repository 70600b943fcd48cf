"""The bundle, version 1: some entries of a log with all that it takes to check them offline, in one zip file.

docs/spec/bundle.md is the specification, written so that somebody can write another verifier. In short:

    README.txt        for the auditor, in plain words
    bundle.json       what this is: a Statement
    rendering.json    the exporter's wording: labels, categories, signs of amounts, devices in words, offsets of zones
    entries.jsonl     the entries, newest first: body, leaf hash, openings; one Line each
    entries.csv       the same as a table
    export.json       the entry `log.exported` that records this export, and its proof; a Proven
    erasures.jsonl    the entries that account for values which were erased, those that bundle.json names; Proven, one
                      a line
    proofs.jsonl      kind selection: the inclusion proof of each line of entries.jsonl
    range.json        kind complete: the hashes that make the whole tree of the entries' leaves
    checkpoint        the signed head that everything is proven against
    key.txt           the log's public key, as the exporter says

Every JSON text is canonical JSON (`format/canonical.py`), hashes are base64url without padding, and nothing else is
accepted. A seal of each of the first five files stands in the body of export.json, which the checkpoint covers: so none
of them can change after the export, and no row can be taken out. The other files prove themselves.

    seal = HMAC-SHA256(key = nonce, message = SHA-256(file))        nonce: 32 random bytes, in bundle.json only

The log keeps the seals for ever and never the nonce. A bare digest of a file could be tried against likely names and
addresses after the client was anonymized; a seal cannot, without the bundle, which holds the values themselves.
"""

from __future__ import annotations

import hmac
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from ..errors import MalformedProof
from ..format import canonical, commitment, entry, instant, money
from ..format.offsets import Table

SCHEMA = "indelible/bundle/v1"
RENDERING_SCHEMA = "indelible/rendering/v1"

# The files whose seals the log itself holds.
SEALED = ("README.txt", "bundle.json", "entries.csv", "entries.jsonl", "rendering.json")

# A body, escaped as a JSON string, with the values of 64 openings of 4,000 characters.
LINE_LIMIT = 2 * 1024 * 1024
# The files that are read at once. A rendering has a line for each action and device.
FILE_LIMIT = 16 * 1024 * 1024
# Hashes beside one leaf are at most 63, and on one side of a range twice that, in a tree of 2^63 leaves.
HASHES_LIMIT = 126

Kind = Literal["selection", "complete"]
# Members of bundle.json that are lists, in order and without repetition.
_LISTS = ("given", "withheld", "erasures")


def order(kind: Kind) -> tuple[str, ...]:
    """The files that a bundle of this kind has, in the order in which they stand in the zip."""
    proofs = "range.json" if kind == "complete" else "proofs.jsonl"
    return (
        *("entries.jsonl", "entries.csv", "rendering.json", "bundle.json", "README.txt", proofs),
        *("export.json", "erasures.jsonl", "checkpoint", "key.txt"),
    )


@dataclass(frozen=True, slots=True)
class Statement:
    """bundle.json: what the exporter says that this is.

    `given` are the classes of personal values whose openings are in it, but for those at the paths of `withheld`;
    `erasures` are the numbers of the entries in erasures.jsonl. For kind complete the entries are those from
    `first_seq` to `last_seq`, all of them; for kind selection they are what `filter` meant among the entries up to
    `last_seq`, and `first_seq` is 1. `time_zone` is the clinic's at the export.
    """

    kind: Kind
    log_origin: str
    clinic: str
    clinic_name: str
    time_zone: str
    filter: str
    filter_in_words: str
    first_seq: int
    last_seq: int
    rows: int
    given: tuple[str, ...]
    withheld: tuple[str, ...]
    erasures: tuple[int, ...]
    indelible: str
    nonce: bytes

    def encode(self) -> bytes:
        nonce = commitment.encode(self.nonce)
        lists = {name: list(getattr(self, name)) for name in _LISTS}
        return canonical.encode({"schema": SCHEMA} | asdict(self) | lists | {"nonce": nonce})

    @classmethod
    def decode(cls, data: bytes) -> Statement:
        """Return the statement. Raises MalformedProof."""
        members = _object(canonical.decode(data), "bundle.json", {"schema", *cls.__dataclass_fields__})
        if members.pop("schema") != SCHEMA:
            raise MalformedProof("bundle.json is of another version than 1")
        numbers = ("first_seq", "last_seq", "rows")
        good = all(type(members[name]) is int and members[name] >= 0 for name in numbers)
        good = good and all(type(members[name]) is list for name in _LISTS)
        good = good and all(name in entry.CLASSES for name in members["given"])
        good = good and all(type(path) is str for path in members["withheld"])
        good = good and all(type(seq) is int and seq >= 1 for seq in members["erasures"])
        good = good and all(type(members[name]) is str for name in members if name not in (*numbers, *_LISTS))
        good = good and (
            members["kind"] == "complete" or (members["kind"] == "selection" and members["first_seq"] == 1)
        )
        if not good or any(members[name] != sorted(set(members[name])) for name in _LISTS):
            raise MalformedProof("bundle.json does not have the form of version 1")
        lists = {name: tuple(members[name]) for name in _LISTS}
        return cls(**members | lists | {"nonce": commitment.decode(members["nonce"])})


def seal(nonce: bytes, digest: bytes) -> str:
    """Return the seal of a file, in base64url, from its SHA-256."""
    return commitment.encode(hmac.digest(nonce, digest, "sha256"))


class Opening(NamedTuple):
    """A personal value with its 32-byte salt."""

    salt: bytes
    value: Any


class GivenGroup(NamedTuple):
    """A group of a body that is given: its place in `personal`, the leaf of each of its paths, openings of some."""

    place: int
    leaves: tuple[bytes, ...]
    openings: dict[str, Opening]


class Line(NamedTuple):
    """One line of entries.jsonl. `groups` are in order of their places, none twice."""

    seq: int
    leaf: bytes
    body: bytes
    groups: tuple[GivenGroup, ...]

    def encode(self) -> bytes:
        return _line(
            {
                "seq": self.seq,
                "leaf": commitment.encode(self.leaf),
                "body": self.body.decode(),
                "groups": [
                    {
                        "group": one.place,
                        "leaves": [*map(commitment.encode, one.leaves)],
                        "openings": {
                            path: {"salt": commitment.encode(opening.salt), "value": opening.value}
                            for path, opening in one.openings.items()
                        },
                    }
                    for one in self.groups
                ],
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> Line:
        """Return the line. Raises MalformedProof."""
        members = _object(_unline(data), "a line of entries.jsonl", {"seq", "leaf", "body", "groups"})
        if type(members["groups"]) is not list:
            raise MalformedProof("groups is not a list")
        groups = tuple(map(_group, members["groups"]))
        places = [one.place for one in groups]
        if places != sorted(set(places)):
            raise MalformedProof("groups are not in their order, or one is there twice")
        return cls(_seq(members), commitment.decode(members["leaf"]), _body(members), groups)


def _group(value: Any) -> GivenGroup:
    given = _object(value, "a group", {"group", "leaves", "openings"})
    place, leaves, openings = given["group"], given["leaves"], given["openings"]
    if type(place) is not int or place < 0 or type(leaves) is not list or type(openings) is not dict:
        raise MalformedProof("a group does not have the form of version 1")
    opened = {}
    for path, one in openings.items():
        one = _object(one, "an opening", {"salt", "value"})
        opened[path] = Opening(commitment.decode(one["salt"]), one["value"])
    return GivenGroup(place, tuple(map(commitment.decode, leaves)), opened)


class Proven(NamedTuple):
    """An entry with its inclusion proof: export.json, and a line of erasures.jsonl."""

    seq: int
    body: bytes
    path: tuple[bytes, ...]

    def encode(self) -> bytes:
        return _line({"seq": self.seq, "body": self.body.decode(), "path": [*map(commitment.encode, self.path)]})

    @classmethod
    def decode(cls, data: bytes) -> Proven:
        """Return the entry and its proof. Raises MalformedProof."""
        members = _object(_unline(data), "a proven entry", {"seq", "body", "path"})
        return cls(_seq(members), _body(members), _hashes(members["path"]))


def encode_path(path: tuple[bytes, ...]) -> bytes:
    """Return a line of proofs.jsonl: the hashes of an inclusion proof, leaf side first."""
    return _line([*map(commitment.encode, path)])


def decode_path(data: bytes) -> tuple[bytes, ...]:
    """Return the hashes of a line of proofs.jsonl. Raises MalformedProof."""
    return _hashes(_unline(data))


def encode_range(left: tuple[bytes, ...], right: tuple[bytes, ...]) -> bytes:
    """Return range.json: the hashes on both sides of the entries' leaves (`merkle.RangeProof`)."""
    return canonical.encode({"left": [*map(commitment.encode, left)], "right": [*map(commitment.encode, right)]})


def decode_range(data: bytes) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Return the hashes left and right. Raises MalformedProof."""
    members = _object(canonical.decode(data), "range.json", {"left", "right"})
    return _hashes(members["left"]), _hashes(members["right"])


class Wording(NamedTuple):
    """One action's words: label, category, what it does to money (one of money.EFFECTS)."""

    label: str
    category: str
    money: str


@dataclass(frozen=True, slots=True)
class Rendering:
    """rendering.json: the words of actions by code, of devices by user agent, the digits of currencies, and what the
    clocks of zones showed (`format/offsets.py`).

    Nothing proves these words; they are the exporter's.
    """

    actions: dict[str, Wording]
    devices: dict[str, str]
    currencies: dict[str, int]
    offsets: dict[str, Table]

    def encode(self) -> bytes:
        return canonical.encode(
            {
                "schema": RENDERING_SCHEMA,
                "actions": {code: wording._asdict() for code, wording in self.actions.items()},
                "devices": [list(pair) for pair in sorted(self.devices.items())],
                "currencies": self.currencies,
                "offsets": {
                    zone: [[instant.format(begin), ahead] for begin, ahead in table]
                    for zone, table in self.offsets.items()
                },
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> Rendering:
        """Return the rendering. Raises MalformedProof."""
        members = _object(canonical.decode(data), "rendering.json", {"schema", *cls.__dataclass_fields__})
        try:
            actions = {code: Wording(**wording) for code, wording in members["actions"].items()}
            devices = dict(members["devices"])
            currencies = dict(members["currencies"])
            tables = {zone: _table(pairs) for zone, pairs in members["offsets"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise MalformedProof("rendering.json does not have the form of version 1") from error
        texts = [*devices, *devices.values()]
        for wording in actions.values():
            texts += [wording.label, wording.category, wording.money]
        right = type(members["devices"]) is list and all(type(text) is str for text in texts)
        right = right and all(type(n) is int for n in currencies.values())
        right = right and all(wording.money in money.EFFECTS for wording in actions.values())
        if not right or members["schema"] != RENDERING_SCHEMA or any(not 0 <= n <= 9 for n in currencies.values()):
            raise MalformedProof("rendering.json does not have the form of version 1")
        made = cls(actions, devices, currencies, tables)
        if made.encode() != data:  # dict() also reads pairs in another order, twice, or of another kind
            raise MalformedProof("rendering.json does not have the form of version 1")
        return made


def _table(pairs: list[list[Any]]) -> Table:
    """Return the table of a zone. Raises MalformedProof, TypeError and ValueError."""
    table = tuple((instant.parse_canonical(begin), ahead) for begin, ahead in pairs)
    begins = [begin for begin, _ in table]
    right = all(type(ahead) is int and abs(ahead) < 1440 for _, ahead in table)
    if not right or not table or begins != sorted(set(begins)):
        raise MalformedProof("rendering.json does not have the form of version 1")
    return table


def _line(value: Any) -> bytes:
    return canonical.encode_checked(value) + b"\n"


def _unline(data: bytes) -> Any:
    if not data.endswith(b"\n"):
        raise MalformedProof("a line that does not end, or is too long")
    return canonical.decode(data[:-1])


def _object(value: Any, what: str, members: set[str]) -> dict[str, Any]:
    if type(value) is not dict or value.keys() != members:
        raise MalformedProof(f"{what} does not have the members of version 1")
    return value


def _seq(members: dict[str, Any]) -> int:
    seq = members["seq"]
    if type(seq) is not int or seq < 1:
        raise MalformedProof("seq is not a number from 1")
    return seq


def _body(members: dict[str, Any]) -> bytes:
    if type(members["body"]) is not str:
        raise MalformedProof("body is not a text")
    return members["body"].encode()


def _hashes(value: Any) -> tuple[bytes, ...]:
    if type(value) is not list or len(value) > HASHES_LIMIT:
        raise MalformedProof("a proof is a list of hashes")
    return tuple(commitment.decode(text) for text in value)
