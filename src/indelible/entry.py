"""The body of an entry: the bytes that the leaf hash covers, written once and never changed. Version 1.

A body is canonical JSON (`canonical.py`) of at most 65,535 bytes: the entry limit of the tlog-tiles format. Members, of
which those marked ? are absent where there is nothing to say (never null):

    v               1
    id              UUIDv7 as lower-case text
    seq             integer from 1: the leaf index plus 1
    recorded_at     UTC time YYYY-MM-DDTHH:MM:SS.ffffffZ; never decreases from one entry to the next
    occurred_at     the same form
    zone            IANA name of the clinic's time zone when this was recorded
    offset_minutes  integer, the zone's offset east of UTC at occurred_at
    action          code, such as booking.rescheduled
    action_version  integer from 1: which fields the context has
    actor           {"kind": "staff" | "support", "person": P, "role"?, "on_behalf_of"?: B}
                    | {"kind": "client", "person": P, "role"?}
                    | {"kind": "system", "reason"} | {"kind": "integration", "id"}
                    | {"kind": "agent", "id", "name"?, "on_behalf_of"?: B}
                    B is {"kind": "client" | "staff", "person": P}, another person than the actor
    target?         {"kind", "id"} | {"kind", "person": P}
    client?         {"person": P}: the client concerned, where it is neither actor nor target nor acted for
    people?         [{"role", "person": P}, ...]
    context         object; a member that refers to a thing is {"kind", "id"}, to a person {"person": P}, a change
                    {"old", "new"} of such; instants are UTC text as above
    channel?        how it was done: staff_web, client_app, webhook, import, ...
    operation?      ties together the entries of one click
    tokens          [32 lower-case hexadecimal digits, ...]; P is an index into this list
    personal        [{"owner": P, "class": C, "paths": [path, ...], "commitment"}, ...] in order of owner and class; C
                    is evidence, identity or network; paths are those of the event document (actor.name,
                    context.reason_text), in order; the one commitment of a group is to all of its values
    cut?            [path, ...] of the values that were cut at their limit
    left_out?       [path, ...] of the values that were not kept, because the record came after its person was erased
    imported?       true where the entry was brought from a file by `import` and not recorded as it happened
    erases?         only in client.anonymized, of which it is the effect: {"person": P, "classes": [class, ...],
                    "up_to_seq": n}: the values of these classes that P owns in the entries up to n are destroyed. P is
                    the target; classes are in order and without "evidence"; n is less than this entry's seq

No id or name of a person is in a body. `decode` accepts what `encode` prints and raises MalformedProof for all else.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from . import canonical, commitment, instant
from .errors import MalformedProof

BODY_LIMIT = 65_535
VERSION = 1
PERSON_ACTORS = frozenset({"staff", "client", "support"})
# Who may act on behalf of somebody, and of whom.
DEPUTIES = ("agent", "staff", "support")
PRINCIPALS = ("client", "staff")
CLASSES = ("evidence", "identity", "network")
# What an anonymization destroys. Evidence stays: tax and payment law want it kept, and it names nobody by itself.
ERASED_CLASSES = ("identity", "network")
ANONYMIZED = "client.anonymized"
# What says that nothing is sealed any more of who was erased.
SCRUBBED = "log.scrubbed"

_REQUIRED = frozenset(
    (
        *("v", "id", "seq", "recorded_at", "occurred_at", "zone", "offset_minutes", "action", "action_version"),
        *("actor", "context", "tokens", "personal"),
    )
)
_OPTIONAL = frozenset(["target", "client", "people", "channel", "operation", "cut", "left_out", "imported", "erases"])
_KNOWN = _REQUIRED | _OPTIONAL
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII)
_TOKEN = re.compile(r"[0-9a-f]{32}", re.ASCII)


# What a holder of a person has: by itself, as a target or principal, as a staff actor, among the people, as the erased.
_PERSON = frozenset({"person"})
_TARGET, _OTHER, _ACTOR = _PERSON | {"kind"}, _PERSON | {"role"}, _PERSON | {"kind", "role"}
_ERASURE = _PERSON | {"classes", "up_to_seq"}
_THING, _CHANGE = frozenset({"kind", "id"}), frozenset({"old", "new"})
_GROUP = frozenset({"owner", "class", "paths", "commitment"})
_TEXT = frozenset({str})


class Group(NamedTuple):
    """The personal values of one owner and class in one entry: their paths, and the commitment (base64url) to them."""

    owner: int
    personal_class: str
    paths: tuple[str, ...]
    commitment: str


class Body(NamedTuple):
    """A decoded body. Instants are microseconds since 1970 UTC; `members` is the JSON object itself."""

    id: str
    seq: int
    recorded_at: int
    occurred_at: int
    tokens: tuple[str, ...]
    groups: tuple[Group, ...]
    members: dict[str, Any]

    @property
    def action(self) -> str:
        return str(self.members["action"])

    def token(self, holder: dict[str, Any]) -> bytes:
        """Return the 16-byte token of a member that has "person"."""
        return bytes.fromhex(self.tokens[holder["person"]])


class Erasure(NamedTuple):
    """What an entry says was destroyed: the values of these classes that a token owns in the entries up to a seq."""

    token: bytes
    classes: tuple[str, ...]
    up_to_seq: int


class Columns(NamedTuple):
    """The projections of a body that the `entry` table keeps beside it, for its indexes."""

    id: bytes
    occurred_at: int
    recorded_at: int
    action: str
    actor_kind: str
    actor: bytes | None
    amount_minor: int | None
    currency: str | None


class Link(NamedTuple):
    """One thing that an entry refers to. `ref` is a token (kind person) or the UTF-8 id; `as_target` is true of what
    was acted on."""

    kind: str
    ref: bytes
    as_target: bool


def decode(data: bytes) -> Body:
    """Return the body of canonical bytes. Raises MalformedProof where any rule of this format is broken."""
    if len(data) > BODY_LIMIT:
        raise MalformedProof(f"a body of more than {BODY_LIMIT} bytes")
    members = canonical.decode_typed(data)
    if type(members) is not dict:
        raise MalformedProof("a body that is not an object")
    if not (_KNOWN.issuperset(members) and members.keys() >= _REQUIRED):
        raise MalformedProof("a body with a member missing or unknown to version 1")
    if members["v"] != VERSION or type(members["v"]) is not int:
        raise MalformedProof("a body of another version")
    _check_shape(members)
    tokens = tuple(members["tokens"])
    return Body(
        id=members["id"],
        seq=members["seq"],
        recorded_at=instant.parse_canonical(members["recorded_at"]),
        occurred_at=instant.parse_canonical(members["occurred_at"]),
        tokens=tokens,
        groups=_groups(members["personal"], len(tokens), members.get("left_out", [])),
        members=members,
    )


def _check_shape(members: dict[str, Any]) -> None:
    tokens, seq = members["tokens"], members["seq"]
    offset, version = members["offset_minutes"], members["action_version"]
    _require(type(members["id"]) is str and _ID.fullmatch(members["id"]), "id")
    _require(type(seq) is int and seq >= 1, "seq")
    _require(type(members["zone"]) is str and type(members["action"]) is str, "zone or action")
    _require(type(offset) is int and abs(offset) < 1440, "offset_minutes")
    _require(type(version) is int and version >= 1, "action_version")
    _require(type(tokens) is list and _are_texts(tokens) and all(map(_TOKEN.fullmatch, tokens)), "tokens")
    people = len(tokens)
    _require(len(set(tokens)) == people, "tokens")
    _check_actor(members["actor"], people)
    if "target" in members:
        target = members["target"]
        _require(type(target) is dict and type(target.get("kind")) is str, "target")
        _require(_is_person(target, people, _TARGET) or is_holder(target), "target")
    if "client" in members:
        _require(_is_person(members["client"], people), "client")
    if "people" in members:
        listed = members["people"]
        _require(type(listed) is list and listed, "people")
        _require(all(_is_person(p, people, _OTHER) and type(p["role"]) is str for p in listed), "people")
    context = members["context"]
    _require(type(context) is dict and canonical.is_plain(context, canonical.DEPTH_LIMIT - 1), "context")
    for holder in _holders(context):
        _require("person" not in holder or _is_person(holder, people), "context")
    _require(type(members.get("channel", "")) is str, "channel")
    _require(type(members.get("operation", "")) is str, "operation")
    if "cut" in members:
        cut = members["cut"]
        _require(type(cut) is list and cut and _are_texts(cut), "cut")
    if "left_out" in members:
        left_out = members["left_out"]
        _require(type(left_out) is list and left_out and _are_texts(left_out), "left_out")
        _require(left_out == sorted(set(left_out)), "left_out")
    _require(members.get("imported", True) is True, "imported")
    if "erases" in members:
        _check_erases(members)


def _check_erases(members: dict[str, Any]) -> None:
    erases, target = members["erases"], members.get("target", {})
    _require(members["action"] == ANONYMIZED and _is_person(erases, len(members["tokens"]), _ERASURE), "erases")
    _require(target.get("kind") == "client" and target.get("person") == erases["person"], "erases")
    classes, up_to = erases["classes"], erases["up_to_seq"]
    _require(type(classes) is list and classes and all(name in ERASED_CLASSES for name in classes), "erases")
    _require(classes == sorted(set(classes)), "erases")
    _require(type(up_to) is int and 1 <= up_to < members["seq"], "erases")


def _check_actor(actor: Any, people: int) -> None:
    _require(type(actor) is dict, "actor")
    kind = actor.get("kind")
    _require(type(kind) is str, "actor")
    if "on_behalf_of" in actor:
        _require(kind in DEPUTIES, "actor")
        _check_principal(actor["on_behalf_of"], actor.get("person"), people)
        actor = {name: value for name, value in actor.items() if name != "on_behalf_of"}
    if kind in PERSON_ACTORS:
        members = _ACTOR if "role" in actor else _TARGET
        _require(_is_person(actor, people, members) and type(actor.get("role", "")) is str, "actor")
    elif kind == "agent":
        _require({"kind", "id"} <= actor.keys() <= {"kind", "id", "name"}, "actor")
        _require(all(type(value) is str for value in actor.values()), "actor")
    elif kind == "system":
        _require(set(actor) == {"kind", "reason"} and type(actor["reason"]) is str, "actor")
    else:
        _require(kind == "integration" and set(actor) == {"kind", "id"} and type(actor["id"]) is str, "actor")


def _check_principal(principal: Any, actor: Any, people: int) -> None:
    _require(_is_person(principal, people, _TARGET) and type(principal["kind"]) is str, "on_behalf_of")
    _require(principal["kind"] in PRINCIPALS and principal["person"] != actor, "on_behalf_of")


def _are_texts(listed: list[Any]) -> bool:
    return set(map(type, listed)) <= _TEXT


def _is_person(holder: Any, people: int, members: frozenset[str] = _PERSON) -> bool:
    if type(holder) is not dict or holder.keys() != members:
        return False
    index = holder["person"]
    return type(index) is int and 0 <= index < people


def _groups(listed: Any, people: int, left_out: list[str]) -> tuple[Group, ...]:
    _require(type(listed) is list, "personal")
    groups = []
    for item in listed:
        _require(type(item) is dict and item.keys() == _GROUP, "personal")
        owner, paths, committed = item["owner"], item["paths"], item["commitment"]
        _require(type(owner) is int and 0 <= owner < people, "personal")
        _require(type(item["class"]) is str and type(paths) is list and _are_texts(paths), "personal")
        _require(type(committed) is str and commitment.is_commitment(committed), "personal")
        groups.append(Group(owner, item["class"], tuple(paths), committed))
    form = tuple([group[:3] for group in groups])
    _require(_are_in_order(form, tuple(left_out)), "personal")
    return tuple(groups)


# The groups of a catalogue's actions come again in every entry.
@lru_cache(maxsize=512)
def _are_in_order(groups: tuple[tuple[int, str, tuple[str, ...]], ...], left_out: tuple[str, ...]) -> bool:
    """Whether groups are in order, each with paths in order, and none of the paths is there twice or left out."""
    order = [(owner, personal_class) for owner, personal_class, _ in groups]
    every = [*left_out, *(path for _, _, paths in groups for path in paths)]
    return (
        all(personal_class in CLASSES and paths and list(paths) == sorted(paths) for _, personal_class, paths in groups)
        and order == sorted(set(order))
        and len(every) == len(set(every))
    )


def _require(holds: object, what: str) -> None:
    if not holds:
        raise MalformedProof(f"a body whose {what} is not of version 1's form")


def erasure(body: Body) -> Erasure | None:
    """Return what a body says was destroyed, or None where it is of another kind."""
    erases = body.members.get("erases")
    if erases is None:
        return None
    return Erasure(body.token(erases), tuple(erases["classes"]), erases["up_to_seq"])


def columns(body: Body) -> Columns:
    """Return the table columns that a body implies. The money that counts is context.amount_minor with its currency."""
    members = body.members
    actor, context = members["actor"], members["context"]
    amount = context.get("amount_minor")
    amount = amount if type(amount) is int else None
    currency = context.get("currency")
    return Columns(
        bytes.fromhex(body.id.replace("-", "")),
        body.occurred_at,
        body.recorded_at,
        members["action"],
        actor["kind"],
        _reference(body, actor),
        amount,
        currency if amount is not None and type(currency) is str else None,
    )


def _reference(body: Body, holder: dict[str, Any]) -> bytes | None:
    if "person" in holder:
        return body.token(holder)
    return holder["id"].encode() if "id" in holder else None


def links(body: Body) -> set[Link]:
    """Return the links that a body implies: its people by token, and the things it refers to by id, each once."""
    members, tokens = body.members, body.tokens
    actor = members["actor"]
    holders = _holders(members["context"])
    if "person" in actor:
        holders.append(actor)
    if "on_behalf_of" in actor:
        holders.append(actor["on_behalf_of"])
    if "client" in members:
        holders.append(members["client"])
    if "people" in members:
        holders += members["people"]
    implied = {
        Link("person", bytes.fromhex(tokens[holder["person"]]), False)
        if "person" in holder
        else Link(holder["kind"], holder["id"].encode(), False)
        for holder in holders
    }
    if "operation" in members:
        implied.add(Link("operation", members["operation"].encode(), False))
    if "target" in members:
        target = members["target"]
        kind, ref = ("person", body.token(target)) if "person" in target else (target["kind"], target["id"].encode())
        implied.discard(Link(kind, ref, False))
        implied.add(Link(kind, ref, True))
    return implied


def is_holder(value: Any) -> bool:
    """Whether a JSON value reads as a reference in a context: {"person": P} or {"kind", "id"}."""
    if type(value) is not dict:
        return False
    names = value.keys()
    return names == _PERSON or (names == _THING and type(value["kind"]) is str and type(value["id"]) is str)


def is_reference(value: Any) -> bool:
    """Whether a value in a context would be read as a reference, or as a change of one."""
    return bool(_holders({"": value}))


def _holders(context: dict[str, Any]) -> list[dict[str, Any]]:
    """The references in a context: a field itself, or the old and the new side of a change."""
    found = []
    for value in context.values():
        if type(value) is not dict:
            continue
        if is_holder(value):
            found.append(value)
        elif value.keys() == _CHANGE:
            found += [side for side in (value["old"], value["new"]) if is_holder(side)]
    return found
