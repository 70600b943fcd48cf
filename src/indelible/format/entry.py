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
from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from ..errors import MalformedProof
from . import canonical, commitment, instant

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
_TOKENS = re.compile(r"[0-9a-f]{32}(?: [0-9a-f]{32})*", re.ASCII)


# What a holder of a person has: by itself, as a target or principal, as a staff actor, among the people, as the erased.
_PERSON = frozenset({"person"})
_TARGET, _OTHER, _ACTOR = _PERSON | {"kind"}, _PERSON | {"role"}, _PERSON | {"kind", "role"}
_ERASURE = _PERSON | {"classes", "up_to_seq"}
_THING = frozenset({"kind", "id"})
_SYSTEM = frozenset({"kind", "reason"})
_GROUP, _FOUR = itemgetter("owner", "class", "paths", "commitment"), frozenset({4})
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

    @property
    def columns(self) -> Columns:
        return columns(self.members, self.recorded_at, self.occurred_at)

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


# A named tuple of its members, at a third of the time that its class takes.
_made = tuple.__new__


# One thing that an entry refers to: its kind, a token (kind person) or the UTF-8 id, and whether it was acted on. A
# plain tuple, because an entry has five.
Link = tuple[str, bytes, bool]


def id_bytes(entry_id: str) -> bytes:
    """Return the 16 bytes of an entry's id, as keys and rows have it. Raises ValueError for other text."""
    return bytes.fromhex(entry_id.replace("-", ""))


def decode(data: bytes) -> Body:
    """Return the body of canonical bytes. Raises MalformedProof where any rule of this format is broken."""
    if len(data) > BODY_LIMIT:
        raise MalformedProof(f"a body of more than {BODY_LIMIT} bytes")
    members = canonical.decode_typed(data)
    if type(members) is not dict:
        raise MalformedProof("a body that is not an object")
    if not _are_members(tuple(members)):
        raise MalformedProof("a body with a member missing or unknown to version 1")
    if members["v"] != VERSION or type(members["v"]) is not int:
        raise MalformedProof("a body of another version")
    tokens = _tokens(members["tokens"])
    _check_shape(members, len(tokens))
    return _made(
        Body,
        (
            members["id"],
            members["seq"],
            instant.parse_canonical(members["recorded_at"]),
            instant.parse_canonical(members["occurred_at"]),
            tokens,
            _groups(members["personal"], len(tokens), members.get("left_out", ())),
            members,
        ),
    )


# The members of a body come in order of their names, so that few tuples of names occur.
@lru_cache(maxsize=512)
def _are_members(names: tuple[str, ...]) -> bool:
    return _REQUIRED <= frozenset(names) <= _KNOWN


def _tokens(listed: Any) -> tuple[str, ...]:
    if type(listed) is not list:
        raise _malformed("tokens")
    try:
        is_right = not listed or _TOKENS.fullmatch(" ".join(listed)) is not None
    except TypeError:  # one of them is no text
        is_right = False
    if not is_right or (len(listed) > 1 and len(set(listed)) != len(listed)):
        raise _malformed("tokens")
    return tuple(listed)


def _check_shape(members: dict[str, Any], people: int) -> None:
    """Raise MalformedProof where a member that every body has is not of its form."""
    seq, context = members["seq"], members["context"]
    offset, version = members["offset_minutes"], members["action_version"]
    if type(members["id"]) is not str or not _ID.fullmatch(members["id"]):
        raise _malformed("id")
    if type(seq) is not int or seq < 1:
        raise _malformed("seq")
    if type(members["zone"]) is not str or type(members["action"]) is not str:
        raise _malformed("zone or action")
    if type(offset) is not int or not -1440 < offset < 1440:
        raise _malformed("offset_minutes")
    if type(version) is not int or version < 1:
        raise _malformed("action_version")
    _check_actor(members["actor"], people)
    if type(context) is not dict:
        raise _malformed("context")
    if not canonical.are_plain(context.values(), canonical.DEPTH_LIMIT - 2):
        raise _malformed("context")
    for holder in _holders(context):
        if "person" in holder and not _is_person(holder, people):
            raise _malformed("context")
    if len(members) > len(_REQUIRED):
        _check_optional(members, people)


def _check_optional(members: dict[str, Any], people: int) -> None:
    """Raise MalformedProof where a member that a body may have is not of its form."""
    if "target" in members:
        target = members["target"]
        if type(target) is not dict or type(target.get("kind")) is not str:
            raise _malformed("target")
        if not (_is_person(target, people, _TARGET) or is_holder(target)):
            raise _malformed("target")
    if "client" in members and not _is_person(members["client"], people):
        raise _malformed("client")
    if "people" in members:
        listed = members["people"]
        if type(listed) is not list or not listed:
            raise _malformed("people")
        if not all(_is_person(one, people, _OTHER) and type(one["role"]) is str for one in listed):
            raise _malformed("people")
    for name in ("channel", "operation"):
        if name in members and type(members[name]) is not str:
            raise _malformed(name)
    for name in ("cut", "left_out"):
        if name in members and not (type(members[name]) is list and members[name] and _are_texts(members[name])):
            raise _malformed(name)
    if "left_out" in members and members["left_out"] != sorted(set(members["left_out"])):
        raise _malformed("left_out")
    if "imported" in members and members["imported"] is not True:
        raise _malformed("imported")
    if "erases" in members:
        _check_erases(members, people)


def _check_erases(members: dict[str, Any], people: int) -> None:
    erases, target = members["erases"], members.get("target", {})
    _require(members["action"] == ANONYMIZED and _is_person(erases, people, _ERASURE), "erases")
    _require(target.get("kind") == "client" and target.get("person") == erases["person"], "erases")
    classes, up_to = erases["classes"], erases["up_to_seq"]
    _require(type(classes) is list and classes and all(name in ERASED_CLASSES for name in classes), "erases")
    _require(classes == sorted(set(classes)), "erases")
    _require(type(up_to) is int and 1 <= up_to < members["seq"], "erases")


def _check_actor(actor: Any, people: int) -> None:
    if type(actor) is not dict or type(kind := actor.get("kind")) is not str:
        raise _malformed("actor")
    if "on_behalf_of" in actor:
        if kind not in DEPUTIES:
            raise _malformed("actor")
        _check_principal(actor["on_behalf_of"], actor.get("person"), people)
        actor = {name: value for name, value in actor.items() if name != "on_behalf_of"}
    if kind in PERSON_ACTORS:
        members = _ACTOR if "role" in actor else _TARGET
        holds = _is_person(actor, people, members) and type(actor.get("role", "")) is str
    elif kind == "agent":
        holds = {"kind", "id"} <= actor.keys() <= {"kind", "id", "name"} and _are_texts(actor.values())
    elif kind == "system":
        holds = actor.keys() == _SYSTEM and type(actor["reason"]) is str
    else:
        holds = kind == "integration" and actor.keys() == _THING and type(actor["id"]) is str
    if not holds:
        raise _malformed("actor")


def _check_principal(principal: Any, actor: Any, people: int) -> None:
    _require(_is_person(principal, people, _TARGET) and type(principal["kind"]) is str, "on_behalf_of")
    _require(principal["kind"] in PRINCIPALS and principal["person"] != actor, "on_behalf_of")


def _are_texts(listed: Iterable[Any]) -> bool:
    return _TEXT.issuperset(map(type, listed))


def _is_person(holder: Any, people: int, members: frozenset[str] = _PERSON) -> bool:
    if type(holder) is not dict or len(holder) != len(members) or not members.issuperset(holder):
        return False
    index = holder["person"]
    return type(index) is int and 0 <= index < people


def _groups(listed: Any, people: int, left_out: Sequence[str]) -> tuple[Group, ...]:
    if type(listed) is not list:
        raise _malformed("personal")
    groups, form = [], []
    try:
        for owner, personal_class, paths, committed in map(_GROUP, listed):
            if type(owner) is not int or not 0 <= owner < people or type(paths) is not list:
                raise _malformed("personal")
            paths = tuple(paths)
            form.append((owner, personal_class, paths))
            groups.append(_made(Group, (owner, personal_class, paths, committed)))
        is_right = (
            _FOUR.issuperset(map(len, listed))
            and commitment.are_commitments([group[3] for group in groups])
            and _are_in_order(tuple(form), tuple(left_out))
        )
    except (KeyError, TypeError):  # a member is missing, or of another type
        is_right = False
    if not is_right:
        raise _malformed("personal")
    return tuple(groups)


# The groups of a catalogue's actions come again in every entry.
@lru_cache(maxsize=512)
def _are_in_order(groups: tuple[tuple[int, str, tuple[str, ...]], ...], left_out: tuple[str, ...]) -> bool:
    """Whether groups are of a class and in order, each with paths in order, none of them there twice or left out."""
    if not all(personal_class in CLASSES and paths and _are_texts(paths) for _, personal_class, paths in groups):
        return False
    order = [(owner, personal_class) for owner, personal_class, _ in groups]
    every = [*left_out, *(path for _, _, paths in groups for path in paths)]
    return (
        all(list(paths) == sorted(paths) for _, _, paths in groups)
        and order == sorted(set(order))
        and len(every) == len(set(every))
    )


def _require(holds: object, what: str) -> None:
    if not holds:
        raise _malformed(what)


def _malformed(what: str) -> MalformedProof:
    return MalformedProof(f"a body whose {what} is not of version 1's form")


def erasure(body: Body) -> Erasure | None:
    """Return what a body says was destroyed, or None where it is of another kind."""
    erases = body.members.get("erases")
    if erases is None:
        return None
    return Erasure(body.token(erases), tuple(erases["classes"]), erases["up_to_seq"])


def columns(members: dict[str, Any], recorded_at: int, occurred_at: int) -> Columns:
    """Return the table columns that the members of a body imply, with its instants as a `Body` has them. The money that
    counts is context.amount_minor with its currency."""
    actor, context = members["actor"], members["context"]
    amount = currency = None
    if "amount_minor" in context and type(context["amount_minor"]) is int:
        amount = context["amount_minor"]
        if type(context.get("currency")) is str:
            currency = context["currency"]
    if "person" in actor:
        reference: bytes | None = bytes.fromhex(members["tokens"][actor["person"]])
    else:
        reference = actor["id"].encode() if "id" in actor else None
    entry_id = id_bytes(members["id"])
    made = entry_id, occurred_at, recorded_at, members["action"], actor["kind"], reference, amount, currency
    return _made(Columns, made)


def links(members: dict[str, Any]) -> set[Link]:
    """Return the links that the members of a body imply: its people by token, and the things it refers to by id, each
    once."""
    tokens, actor = members["tokens"], members["actor"]
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
        ("person", bytes.fromhex(tokens[holder["person"]]), False)
        if "person" in holder
        else (holder["kind"], holder["id"].encode(), False)
        for holder in holders
    }
    if "operation" in members:
        implied.add(("operation", members["operation"].encode(), False))
    if "target" in members:
        target = members["target"]
        if "person" in target:
            kind, ref = "person", bytes.fromhex(tokens[target["person"]])
        else:
            kind, ref = target["kind"], target["id"].encode()
        implied.discard((kind, ref, False))
        implied.add((kind, ref, True))
    return implied


def is_holder(value: Any) -> bool:
    """Whether a JSON value reads as a reference in a context: {"person": P} or {"kind", "id"}."""
    if type(value) is not dict:
        return False
    if len(value) == 1:
        return "person" in value
    return len(value) == 2 and type(value.get("kind")) is str and type(value.get("id")) is str


def is_reference(value: Any) -> bool:
    """Whether a value in a context would be read as a reference, or as a change of one."""
    return bool(_holders({"": value}))


def _holders(context: dict[str, Any]) -> list[dict[str, Any]]:
    """The references in a context: a field itself, or the old and the new side of a change."""
    found = []
    for value in [value for value in context.values() if type(value) is dict]:
        if is_holder(value):
            found.append(value)
        elif len(value) == 2 and "old" in value and "new" in value:
            found += [side for side in (value["old"], value["new"]) if is_holder(side)]
    return found
