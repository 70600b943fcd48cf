"""The event document, version 1: what a host records.

    {"action", "occurred_at"?, "actor", "target"?, "client"?, "people"?, "context"?, "request"?, "operation"?, "key"?,
     "cut"?}

A member that is null is as if it were not there. A target is needed where the action's sentence prints it. `client`
and `people` have ids of the host's clients; a target that is a person is of kind `client` or `staff`, an account too.
An actor of kind `agent` is software that decides, and no person; it, staff and support may act `on_behalf_of` a person:

    {"kind": "agent", "id": "assistant_1", "name"?, "on_behalf_of"?: {"kind": "client" | "staff", "id", "name"?}}

`cut` lists the paths of values (`request.user_agent`, `context.reason_text`) that were shortened before the document
came; what is too long here is cut here, and marked with them.

`parse` checks the shape of a JSON value; what it means is checked when it becomes a draft (`drafting.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ..catalogue import Action
from ..catalogue.fields import as_id, as_text
from ..catalogue.refusal import shown, unknown
from ..errors import InvalidInput
from ..format import instant

# A document's JSON text; leaves room for the commitments in a body of 65,535 bytes.
DOCUMENT_LIMIT = 48 * 1024

# What a clinic may be called by a host; plain, because it becomes part of file names.
_CLINIC_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)

# Keys of ours in a clinic's log: a document without a key is drained under this and the key of its row. In an outbox a
# host's own may not begin like this.
OWN_KEYS = "outbox:"

ACTOR_KINDS = ("staff", "client", "system", "integration", "support", "agent")
PEOPLE_ROLES = ("payer", "recipient", "guardian", "mentioned")

# An id as a host's database has it; the log keeps it as text.
HostId = str | int | UUID


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. `id` for everybody but the system; `reason` (policy:late-cancel) for the system.

    `on_behalf_of` is a client or a member of staff, with an id and perhaps a name.
    """

    kind: str
    id: str | None = None
    name: str | None = None
    role: str | None = None
    reason: str | None = None
    on_behalf_of: Actor | None = None

    def __post_init__(self) -> None:
        if type(self.id) is not str or type(self.name) is not str:
            _as_texts(self)


def Staff(  # noqa: N802 - reads as a type
    id: HostId, name: str | None = None, role: str | None = None, on_behalf_of: Actor | None = None
) -> Actor:
    """A member of the clinic's staff as actor, perhaps on behalf of a Client(...) or of other Staff(...)."""
    return Actor("staff", as_id(id), name, role, on_behalf_of=on_behalf_of)


def Client(id: HostId, name: str | None = None) -> Actor:  # noqa: N802 - reads as a type
    """A client as actor."""
    return Actor("client", as_id(id), name)


def System(reason: str) -> Actor:  # noqa: N802 - reads as a type
    """The system as actor, and why: `policy:late-cancel`, `job:voucher-expiry`."""
    return Actor("system", reason=reason)


def Integration(id: HostId) -> Actor:  # noqa: N802 - reads as a type
    """Another system as actor, such as `stripe`."""
    return Actor("integration", as_id(id))


def Support(  # noqa: N802 - reads as a type
    id: HostId, name: str | None = None, on_behalf_of: Actor | None = None
) -> Actor:
    """A person of the platform's support as actor, perhaps in the place of a Client(...) or of Staff(...)."""
    return Actor("support", as_id(id), name, on_behalf_of=on_behalf_of)


def Agent(  # noqa: N802 - reads as a type
    id: HostId, name: str | None = None, on_behalf_of: Actor | None = None
) -> Actor:
    """Software that decides, such as a booking assistant, perhaps on behalf of a Client(...) or of Staff(...).

    It is no person: its id and name stand in clear for ever.
    """
    return Actor("agent", as_id(id), name, on_behalf_of=on_behalf_of)


@dataclass(frozen=True, slots=True)
class Target:
    """What it was done to. `name` is the name at that time."""

    kind: str
    id: str
    name: str | None = None

    def __post_init__(self) -> None:
        if type(self.id) is not str or type(self.name) is not str:
            _as_texts(self)


@dataclass(frozen=True, slots=True)
class Person:
    """A person that the entry concerns: the client, or with a role one of `people`."""

    id: str
    name: str | None = None
    role: str | None = None

    def __post_init__(self) -> None:
        if type(self.id) is not str or type(self.name) is not str:
            _as_texts(self)


def _as_texts(holder: Actor | Target | Person) -> None:
    """Take an integer or a UUID as the id that it is in the host's database, and a lazy text as its text."""
    if type(holder.id) is not str:
        object.__setattr__(holder, "id", as_id(holder.id))
    if holder.name is not None and type(holder.name) is not str:
        object.__setattr__(holder, "name", as_text(holder.name))


@dataclass(frozen=True, slots=True)
class Request:
    """Where the request came from: channel (staff_web, client_app, webhook, ...), IP address, user agent."""

    channel: str | None = None
    ip: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One event as the host sends it, its shape checked. `context` is JSON, or an action object already valid."""

    action: str
    actor: Actor
    context: Mapping[str, Any] | Action
    occurred_at: int | None = None
    target: Target | None = None
    client: Person | None = None
    people: tuple[Person, ...] = ()
    request: Request = Request()
    operation: str | None = None
    key: str | None = None
    cut: tuple[str, ...] = ()
    returned: bool = False

    def __post_init__(self) -> None:
        if type(self.returned) is not bool:
            raise InvalidInput("must be true, where a client who was anonymized is there again, or false", "returned")
        if self.operation is not None and type(self.operation) is not str:
            object.__setattr__(self, "operation", as_id(self.operation))
        if self.key is not None and type(self.key) is not str:
            object.__setattr__(self, "key", as_id(self.key))


class _Shape:
    """The members of an object, in the order in which an error lists them."""

    __slots__ = ("known", "names", "required")

    def __init__(self, required: tuple[str, ...], optional: tuple[str, ...]) -> None:
        self.names, self.required = required + optional, required
        self.known = frozenset(self.names)


_DOCUMENT = _Shape((), ("action", "occurred_at", "actor", "target", "client", "people", "context", "request",
                        "operation", "key", "cut", "returned"))  # fmt: skip
_ACTOR = _Shape(("kind",), ("id", "name", "role", "reason", "on_behalf_of"))
_TARGET = _Shape(("kind", "id"), ("name",))
_CLIENT = _Shape(("id",), ("name",))
_PERSON = _Shape(("role", "id"), ("name",))
_REQUEST = _Shape((), ("channel", "ip", "user_agent"))
_NO_REQUEST = Request()


def parse_json(data: bytes) -> Document:
    """Return the document in UTF-8 JSON text. Raises InvalidInput."""
    if len(data) > DOCUMENT_LIMIT:
        raise InvalidInput(f"the document has more than {DOCUMENT_LIMIT} bytes; leave out what is not needed")
    return parse(json_value(data))


def json_value(data: bytes) -> Any:
    """Return the value of UTF-8 JSON text, as strictly as documents are read. Raises InvalidInput."""
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"the document is not UTF-8 text (byte {error.start + 1})") from error
    except json.JSONDecodeError as error:
        raise InvalidInput(f"the document is not JSON: {error.msg.lower()} at character {error.pos + 1}") from error
    except RecursionError as error:
        raise InvalidInput("the document is nested too deeply") from error
    except ValueError as error:  # Python refuses to read an integer of more than 4,300 digits
        raise InvalidInput("the document holds a number with more digits than any field takes") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidInput("the document has an object with the same member twice; keep one of them")
    return members


def _no_constant(name: str) -> Any:
    raise InvalidInput(f"the document holds {name}, which is not JSON; send an integer or text")


def parse(value: object) -> Document:
    """Return the document in a JSON value. Raises InvalidInput naming the field."""
    member = _object(value, "", _DOCUMENT).get
    for name in ("action", "actor"):
        if member(name) is None:
            raise InvalidInput("is missing; every document has one", name)
    context, people, cut, returned = member("context"), member("people"), member("cut"), member("returned")
    if not (type(context) is dict or context is None or isinstance(context, Mapping)):
        raise InvalidInput("must be an object", "context")
    if not (people is None or isinstance(people, list)):
        raise InvalidInput("must be a list of objects", "people")
    if not (cut is None or isinstance(cut, list)):
        raise InvalidInput("must be a list of paths, such as request.user_agent", "cut")
    if not (returned is None or type(returned) is bool):
        raise InvalidInput("must be true, where a client who was anonymized is there again, or absent", "returned")
    occurred, target, client, request = member("occurred_at"), member("target"), member("client"), member("request")
    operation, key = member("operation"), member("key")
    return Document(
        action=is_text(member("action"), "action"),
        occurred_at=None if occurred is None else instant.parse(is_text(occurred, "occurred_at"), "occurred_at"),
        actor=_actor(member("actor")),
        target=None if target is None else Target(**_texts(target, "target", _TARGET)),
        client=None if client is None else Person(**_texts(client, "client", _CLIENT)),
        people=tuple([Person(**_texts(one, f"people.{index}", _PERSON)) for index, one in enumerate(people or ())]),
        request=_NO_REQUEST if request is None else Request(**_texts(request, "request", _REQUEST)),
        context={} if context is None else context,
        operation=None if operation is None else is_text(as_id(operation), "operation"),
        key=None if key is None else is_text(as_id(key), "key"),
        cut=tuple([is_text(path, f"cut.{index}") for index, path in enumerate(cut or ())]),
        returned=returned is True,
    )


def _actor(value: object) -> Actor:
    members = _object(value, "actor", _ACTOR)
    principal = members.get("on_behalf_of")
    if "on_behalf_of" in members:
        members = {name: member for name, member in members.items() if name != "on_behalf_of"}
    texts = _texts(members, "actor", _ACTOR)
    if principal is None:
        return Actor(**texts)
    return Actor(**texts, on_behalf_of=Actor(**_texts(principal, "actor.on_behalf_of", _TARGET)))


def _object(value: object, field: str, shape: _Shape) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput("must be an object" if field else "the document must be a JSON object", field)
    if not value.keys() <= shape.known:
        name = next(name for name in value if name not in shape.known)
        raise InvalidInput(unknown(str(name), shape.names), f"{field}.{shown(name)}" if field else shown(name))
    return value


def _texts(value: object, field: str, shape: _Shape) -> dict[str, Any]:
    """The members of an object, each a text. One that is null is as if it were not there, but for a required one."""
    members = _object(value, field, shape)
    for name in shape.required:
        if name not in members:
            raise InvalidInput("is missing", f"{field}.{name}")
    texts = {}
    for name, member in members.items():
        if type(member) is str:
            texts[name] = member
        elif member is not None or name in shape.required:
            texts[name] = is_text(as_id(member) if name == "id" else member, f"{field}.{name}")
    return texts


def is_plain_text(value: object) -> bool:
    """Whether it is text, also where its type says so: not everybody checks types before they run."""
    return isinstance(value, str)


def is_text(value: object, field: str) -> str:
    """Return the value if it is text. Raises InvalidInput naming the field."""
    if not isinstance(value, str):
        raise InvalidInput(f"must be text, not {_json_kind(value)}", field)
    return value


def _json_kind(value: object) -> str:
    names = {dict: "an object", list: "a list", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "null")


def of_action(
    action: Action,
    *,
    actor: object,
    target: object = None,
    client: object = None,
    people: object = (),
    request: object = None,
    occurred_at: datetime | None = None,
    operation: Any = None,
    key: Any = None,
    returned: bool = False,
) -> Document:
    """Return the document of an action with what a program says beside it. Raises InvalidInput naming the field."""
    return Document(
        action=action.code,
        context=action,
        actor=as_actor(actor),
        target=as_target(target),
        client=as_person(client, "client"),
        people=as_people(people),
        request=as_request(request),
        occurred_at=from_datetime(occurred_at),
        operation=operation,
        key=key,
        returned=returned,
    )


def from_datetime(value: datetime | None) -> int | None:
    """Return the instant of an aware datetime given as `occurred_at`, or None. Raises InvalidInput for a naive one."""
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise InvalidInput("must be a datetime with a time zone, such as datetime.now(UTC)", "occurred_at")
    return instant.from_datetime(value, "occurred_at")


def as_actor(value: object) -> Actor:
    """Return an actor as it is. Raises InvalidInput with the mend."""
    if not isinstance(value, Actor):
        raise InvalidInput(
            'must say who did it, such as Staff("usr_12", "Maria Fernandes") or System("job:x")', "actor"
        )
    return value


def as_clinic(value: object) -> str:
    """Return the id of a clinic. Raises InvalidInput."""
    if not isinstance(value, str) or not _CLINIC_ID.fullmatch(value):
        raise InvalidInput("must be 1 to 64 letters, digits, dots, hyphens or underscores", "clinic")
    return value


def _told(thing: object, method: str) -> object:
    """What a host's own object says of itself; anything else as it is."""
    said = None if isinstance(thing, type) else getattr(thing, method, None)
    return said() if callable(said) else thing


def as_target(value: object) -> Target | None:
    """Return a target, also one that is written as (kind, id) or (kind, id, name), or told by `activity_target()`.

    Raises InvalidInput.
    """
    value = _told(value, "activity_target")
    if value is None or isinstance(value, Target):
        return value
    if isinstance(value, tuple | list) and 2 <= len(value) <= 3:
        return Target(*value)
    raise InvalidInput(
        'must be a kind and an id, such as ("booking", "bk_1"), with a name behind it if you have one, or an object '
        "whose activity_target() returns that", "target"
    )  # fmt: skip


def as_person(value: object, field: str) -> Person | None:
    """Return a person, also one that is written as (id,) or (id, name), or told by `activity_person()`.

    Raises InvalidInput.
    """
    value = _told(value, "activity_person")
    if value is None or isinstance(value, Person):
        return value
    if isinstance(value, tuple | list) and 1 <= len(value) <= 2:
        return Person(*value)
    raise InvalidInput(
        'must be an id and a name, such as ("cli_77", "Ana Sousa"), or an object whose activity_person() returns that',
        field,
    )


def as_people(value: object) -> tuple[Person, ...]:
    """Return people, each with a role. Raises InvalidInput."""
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        people = tuple(value)
        if all(isinstance(one, Person) for one in people):
            return people
    raise InvalidInput('must be a list of people, such as [Person("cli_78", "Rui", role="payer")]', "people")


def as_request(value: object) -> Request:
    """Return where a request came from. Raises InvalidInput."""
    if value is None:
        return Request()
    if not isinstance(value, Request):
        raise InvalidInput('must be a Request, such as Request(channel="staff_web", ip="203.0.113.9")', "request")
    return value
