"""Drafting, the first step of an entry's life: `Document -> Draft`.

Checks what a document means (actor, ids, times, context against the catalogue), takes every personal value out of what
will be the body, and gives each its one owner:

    a value of actor, client or people       that person
    target.name                              the target if that is a person, else the client concerned, else nobody
    a value of actor.on_behalf_of            that person
    request.ip, request.user_agent           the actor if that is a person, else the client concerned, else nobody
    a personal context field                 as the field says: the client concerned, else the actor, else nobody
    a person in the context                  that person
    key                                      the client concerned, else the actor, else nobody

The client concerned is the one named as `client`, else the client who is the target, else the client on whose behalf
somebody acts, else the client who acts. An agent is no person: its id and its name are no personal values.
"Nobody" is a token of the clinic's own, for values that concern no person: the name of a service, a Stripe payout.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from ..catalogue import PERSON_KINDS, Action, Field, find, placeholders, registered
from ..catalogue.action import is_built_in, takes_target
from ..catalogue.fields import (
    ID_LIMIT,
    NAME_LIMIT,
    USER_AGENT_LIMIT,
    WORD_LIMIT,
    Changed,
    CutText,
    Personal,
    Someone,
    is_plain,
    no_secret,
    opaque_id,
    to_json,
)
from ..catalogue.refusal import in_one_sentence
from ..catalogue.secrecy import check_text
from ..errors import InvalidInput
from ..format import canonical, entry, instant
from .document import ACTOR_KINDS, PEOPLE_ROLES, Actor, Document, Request, Target, is_text

# Personal values in one entry. A group booking of 25 people with id and name fits; a mailing list does not.
PERSONAL_LIMIT = 64
# How far a host's clock may be ahead of ours before we call it wrong.
FUTURE_MINUTES = 5
# Before this lies no clinic's record, but what programs send for "no time": 0001 (.NET, Go), 1601 (Windows), 1753 (SQL
# Server) and 1899 (spreadsheets).
EARLIEST = instant.parse("1900-01-01T00:00:00Z", "")

# What append adds, at most: seq, recorded_at, zone and offset; a token; a group with its commitment; and around a
# value's path.
_NUMBERED, _TOKEN, _GROUP, _PATH = 320, 36, 128, 3
# An owner is one byte beside what is sealed.
_PERSONS = 256
_48_BITS = (1 << 48) - 1
# The digit that begins with the two bits 10 and ends with the last two bits of a random digit.
_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
_REASON = re.compile(r"[a-z][a-z0-9_-]*:[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_SLUG = re.compile(r"[a-z][a-z0-9_]{0,99}", re.ASCII)
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}")
# The members that an actor of a kind cannot have.
_FOREIGN = {
    "staff": ("reason",),
    "client": ("role", "reason", "on_behalf_of"),
    "system": ("id", "name", "role", "on_behalf_of"),
    "integration": ("name", "role", "reason", "on_behalf_of"),
    "support": ("role", "reason"),
    "agent": ("role", "reason"),
}


class Named(NamedTuple):
    """A person of a draft: whose ids (`staff`, `client`, `support`, `nobody`), the host's id, the name if known."""

    realm: str
    id: str
    name: str | None


class Value(NamedTuple):
    """A personal value of a draft. `owner` is an index into the draft's persons; `data` is canonical JSON."""

    owner: int
    personal_class: str
    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """A valid event, not yet numbered: `stem` has the body's members that need no token and no number.

    `values` are in order of owner, class and path.
    `returned` is true where the host says that who was anonymized is there again, whenever it occurred.
    """

    id: str
    occurred_at: int
    dated: bool
    stem: dict[str, Any]
    persons: tuple[Named, ...]
    values: tuple[Value, ...]
    key: str | None
    returned: bool = False

    def __post_init__(self) -> None:
        """Refuse here what append cannot write, because it would take a whole batch with it."""
        if list(self.values) != sorted(self.values):
            raise ValueError("the values of a draft are in order of owner, class and path")
        if self.values and not 0 <= self.values[-1].owner < len(self.persons) <= _PERSONS:
            raise ValueError(f"the values of a draft belong to its persons, who are {_PERSONS} at the most")


NOBODY = Named("nobody", "", None)


def new_id(now: int) -> str:
    """Return a UUIDv7 (RFC 9562 section 5.7) of an instant: 48 bits of milliseconds, 74 random bits."""
    time, random = f"{now // 1000 & _48_BITS:012x}", os.urandom(10).hex()
    return f"{time[:8]}-{time[8:]}-7{random[:3]}-{_VARIANT[random[3]]}{random[4:7]}-{random[7:19]}"


def with_action(document: Document, by_journal: bool = False) -> Document:
    """Return the document with its context checked and made an action object. Raises InvalidInput naming the field."""
    context = _validated(_action_class(document.action, by_journal), document.context)
    return document if context is document.context else replace(document, context=context)


def draft(document: Document, *, now: int, imported: bool = False, by_journal: bool = False) -> Draft:
    """Check a document against the catalogue and return its draft.

    `now` is our clock in microseconds. Raises InvalidInput naming the field.
    """
    cls = _action_class(document.action, by_journal)
    occurred = now if document.occurred_at is None else document.occurred_at
    if occurred > now + FUTURE_MINUTES * 60_000_000:
        raise InvalidInput(
            f"is more than {FUTURE_MINUTES} minutes ahead of our clock; correct the sender's clock", "occurred_at"
        )
    if occurred < EARLIEST:
        raise InvalidInput(
            "is before 1900, as where a program has no time and sends its zero; send the real time, or leave the field "
            "out where it happens now", "occurred_at"
        )  # fmt: skip
    work = _Drafting(document, cls)
    stem = work.stem()
    work.values.sort()
    stem["v"] = entry.VERSION
    stem["id"] = new_id(now)
    stem["occurred_at"] = instant.format(occurred)
    if imported:
        stem["imported"] = True
    _check_size(stem, work)
    return Draft(
        id=stem["id"],
        occurred_at=occurred,
        dated=document.occurred_at is not None,
        stem=stem,
        persons=tuple(work.persons),
        values=tuple(work.values),
        key=document.key,
        returned=document.returned,
    )


def _check_size(stem: dict[str, Any], work: _Drafting) -> None:
    """Refuse here what would not fit into a body, because an append must not: it would take a whole batch with it."""
    size = len(canonical.encode_checked(stem)) + _NUMBERED + _TOKEN * len(work.persons)
    if size + sum([_GROUP + _PATH + 4 * len(value.path) for value in work.values]) <= entry.BODY_LIMIT:
        return  # also if every value were a group of its own, and every character of a path took four bytes
    groups = {(value.owner, value.personal_class) for value in work.values}
    size += _GROUP * len(groups) + sum(len(value.path.encode()) + _PATH for value in work.values)
    if size > entry.BODY_LIMIT:
        raise InvalidInput(f"the entry would have up to {size} bytes, and the limit is {entry.BODY_LIMIT}; send less")


def _action_class(code: str, by_journal: bool) -> type[Action]:
    cls = find(code)
    if cls is None:
        near = difflib.get_close_matches(code, [known.code for known in registered()], 1)
        hint = f"did you mean {near[0]}?" if near else "`indelible actions` lists what can be recorded"
        raise InvalidInput(f"is not an action of the catalogue; {hint}", "action")
    if cls.by_journal and not by_journal:
        raise InvalidInput(f"{code} is written only by the log itself and cannot be recorded", "action")
    return cls


def check_key(text: str) -> str:
    """Return what can be the key of a document. Raises InvalidInput."""
    is_text(text, "key")
    if not text or len(text) > ID_LIMIT or not text.isprintable() or "@" in text:
        raise InvalidInput(f"must be 1 to {ID_LIMIT} printable characters without @, and name no person", "key")
    return _checked(no_secret, text, "key")


class _Drafting:
    """The work of one `draft`: collects persons and personal values while the stem is built."""

    def __init__(self, document: Document, cls: type[Action]) -> None:
        self.document, self.cls = document, cls
        self.persons: list[Named] = []
        self.values: list[Value] = []
        self.cut: list[str] = []
        self.actor: int | None = None
        self.client: int | None = None

    def stem(self) -> dict[str, Any]:
        document, cls = self.document, self.cls
        stem: dict[str, Any] = {"action": cls.code, "action_version": cls.version}
        stem["actor"] = self._actor(document.actor)
        # Everybody is numbered before any value that the client concerned may own.
        if document.client is not None:
            self.client = self._person("client", document.client.id, document.client.name, "client")
            stem["client"] = {"person": self.client}
        elif document.target is None or document.target.kind != "client":
            self.client = self._acting_client(stem["actor"])
        # else the target is the client concerned, as a reader of the body finds it
        if document.target is not None:
            stem["target"] = self._target(document.target)
        elif "target" in placeholders(cls.sentence):
            raise InvalidInput(f"is missing; {cls.code} has a target of kind {' or '.join(cls.targets)}", "target")
        if document.people:
            stem["people"] = [
                {"role": _one_of(person.role, PEOPLE_ROLES, f"people.{index}.role"),
                 "person": self._person("client", person.id, person.name, f"people.{index}")}
                for index, person in enumerate(document.people)
            ]  # fmt: skip
        self._request(document.request, stem)
        stem["context"] = self._context()
        if document.operation is not None:
            stem["operation"] = _id(document.operation, "operation")
        if document.key is not None:
            # Hosts put ids of clients into keys, so a key is a personal value like them.
            self._add(self._owner(self.client, self.actor), "identity", "key", check_key(document.key))
        if self.cut or document.cut:
            stem["cut"] = sorted([*self.cut, *self._cut_before(stem)])
        if len(self.values) > PERSONAL_LIMIT:
            raise InvalidInput(
                f"the document has more than {PERSONAL_LIMIT} personal values; split it into several entries"
            )
        return stem

    def _cut_before(self, stem: dict[str, Any]) -> tuple[str, ...]:
        """What was cut before the document came. Only paths of its own values, because they stand in clear."""
        known = {value.path for value in self.values} | {f"context.{name}" for name in stem["context"]}
        if not known.issuperset(self.document.cut):
            raise InvalidInput("names a value that the document does not have; leave out that path", "cut")
        return tuple(path for path in self.document.cut if path not in self.cut)

    def _actor(self, actor: Actor) -> dict[str, Any]:
        kind = _one_of(actor.kind, ACTOR_KINDS, "actor.kind")
        for name in _FOREIGN[kind]:
            if getattr(actor, name) is not None:
                raise InvalidInput(f"does not belong to an actor of kind {kind}; leave it out", f"actor.{name}")
        if kind == "system":
            if (
                not isinstance(actor.reason, str)
                or not _REASON.fullmatch(actor.reason)
                or len(actor.reason) > WORD_LIMIT
            ):
                raise InvalidInput(
                    "must say why the system acted, such as policy:late-cancel or job:expiry", "actor.reason"
                )
            return {"kind": kind, "reason": actor.reason}
        if actor.id is None:
            raise InvalidInput(f"is missing; an actor of kind {kind} has one", "actor.id")
        if kind == "integration":
            return {"kind": kind, "id": _id(actor.id, "actor.id")}
        if kind == "agent":
            member: dict[str, Any] = {"kind": kind, "id": _id(actor.id, "actor.id")}
            if actor.name is not None:
                member["name"] = _name_in_clear(actor.name, "actor.name")
        else:
            self.actor = self._person(kind, actor.id, actor.name, "actor")
            member = {"kind": kind, "person": self.actor}
            if actor.role is not None:
                member["role"] = _word(actor.role, "actor.role")
        if actor.on_behalf_of is not None:
            member["on_behalf_of"] = self._principal(actor, actor.on_behalf_of)
        return member

    def _principal(self, actor: Actor, principal: Actor) -> dict[str, Any]:
        """The person on whose behalf the actor acts."""
        path = "actor.on_behalf_of"
        if not isinstance(principal, Actor):
            raise InvalidInput('must say for whom, such as Client("cli_77", "Ana Sousa") or Staff("usr_12")', path)
        if principal.kind not in entry.PRINCIPALS:
            raise InvalidInput(f"must be {' or '.join(entry.PRINCIPALS)}", f"{path}.kind")
        for name in ("role", "reason", "on_behalf_of"):
            if getattr(principal, name) is not None:
                raise InvalidInput("does not belong to on_behalf_of, which has kind, id and name; leave it out",
                                   f"{path}.{name}")  # fmt: skip
        if principal.id is None:
            raise InvalidInput(f"is missing; a {principal.kind} has one", f"{path}.id")
        if (principal.kind, principal.id) == (actor.kind, actor.id):
            raise InvalidInput("is the actor; leave it out where somebody acts for themselves", path)
        person = self._person(principal.kind, principal.id, principal.name, path)
        return {"kind": principal.kind, "person": person}

    def _acting_client(self, actor: dict[str, Any]) -> int | None:
        """The client on whose behalf the actor of a body acts, or who acts."""
        for holder in (actor.get("on_behalf_of"), actor):
            if holder is not None and holder["kind"] == "client":
                return int(holder["person"])
        return None

    def _target(self, target: Target) -> dict[str, Any]:
        cls = self.cls
        if not takes_target(cls, target.kind):
            whose = "; an account is named by the person whose it is, a session in the context" * (
                target.kind in ("account", "session")
            )
            raise InvalidInput(f"must be {' or '.join(cls.targets)} for {cls.code}{whose}", "target.kind")
        if target.kind not in PERSON_KINDS:
            member: dict[str, Any] = {"kind": target.kind, "id": _id(target.id, "target.id")}
            owner = self._owner(self.client)
        else:
            owner = self._target_person(target)
            member = {"kind": target.kind, "person": owner}
            self._add(owner, "identity", "target.id", _id(target.id, "target.id"))
            if self.client is None and self.persons[owner].realm == "client":
                self.client = owner
        if target.name is not None:
            self._add(owner, "identity", "target.name", self._cut(target.name, NAME_LIMIT, "target.name"))
        return member

    def _target_person(self, target: Target) -> int:
        """The person behind a target: the client or member of staff that its kind says; a loyalty account's client."""
        if target.kind == "loyalty_account":
            if self.client is None:
                raise InvalidInput("is missing; a loyalty account belongs to a client", "client")
            return self.client
        name = None if target.name is None else target.name[:NAME_LIMIT]  # `_target` marks the cut
        return self._number(Named(target.kind, target.id, name))

    def _owner(self, first: int | None, second: int | None = None) -> int:
        """The first of these persons that there is; else nobody."""
        if first is not None:
            return first
        return self._number(NOBODY) if second is None else second

    def _request(self, request: Request, stem: dict[str, Any]) -> None:
        if request.channel is not None:
            if not _SLUG.fullmatch(is_text(request.channel, "request.channel")):
                raise InvalidInput("must be a short word in lower case, such as staff_web", "request.channel")
            stem["channel"] = request.channel
        if request.ip is not None:
            self._add(self._owner(self.actor, self.client), "network", "request.ip", _address(request.ip))
        if request.user_agent is not None:
            agent = self._cut(request.user_agent, USER_AGENT_LIMIT, "request.user_agent")
            self._add(self._owner(self.actor, self.client), "network", "request.user_agent", agent)

    def _context(self) -> Any:
        context = _validated(self.cls, self.document.context)
        clear: dict[str, Any] = {}
        for field in self.cls.fields_of_context:
            value = getattr(context, field.name)
            if value is None:
                continue
            kind = type(value)
            if field.personal is not None:
                self._personal(field.personal, field.path, value)
            elif kind is bool or kind is int or (kind is str and field.refers is None):
                clear[field.name] = value
            elif field.changed and isinstance(value, Changed):
                clear[field.name] = {
                    side: self._clear(field, getattr(value, side), f"{field.path}.{side}") for side in ("old", "new")
                }
            else:
                clear[field.name] = self._clear(field, value, field.path)
        if not is_built_in(self.cls):
            canonical.check(clear, "context")  # a host's field may take what our own types refuse
        return clear

    def _clear(self, field: Field, value: Any, path: str) -> Any:
        if value is None:
            return None
        if field.refers is not None:
            return {"kind": field.refers, "id": str(value)}
        if field.realm is not None and isinstance(value, Someone):
            return {"person": self._person(field.realm, value.id, value.name, path)}
        if type(value) is CutText:
            self.cut.append(path)
        plain = to_json(value)
        if type(plain) is dict and entry.is_reference(plain):
            raise InvalidInput(
                "is an object of only kind and id, or of only person, or a change of such; a body keeps these for "
                "references",
                path,
            )
        return plain

    def _personal(self, mark: Personal, path: str, value: Any) -> None:
        if type(value) is CutText:
            self.cut.append(path)
        owner = self._owner(self.client, self.actor) if mark.about == "client" else self._owner(self.actor)
        self._add(owner, mark.personal_class, path, to_json(value))

    def _person(self, realm: str, host_id: str, name: str | None, path: str) -> int:
        id_path, name_path = f"{path}.id", f"{path}.name"
        _id(host_id, id_path)
        if name is not None:
            name = self._cut(name, NAME_LIMIT, name_path)
        index = self._number(Named(realm, host_id, name))
        self._add(index, "identity", id_path, host_id)
        if name is not None:
            self._add(index, "identity", name_path, name)
        return index

    def _number(self, person: Named) -> int:
        for index, known in enumerate(self.persons):
            if known.id == person.id and known.realm == person.realm:
                if known.name is None and person.name is not None:
                    self.persons[index] = person
                return index
        self.persons.append(person)
        return len(self.persons) - 1

    def _cut(self, text: str, limit: int, path: str) -> str:
        if type(text) is not str:
            is_text(text, path)
        if "\x00" in text:
            raise InvalidInput("holds a NUL character; remove it", path)
        if len(text) > limit:
            self.cut.append(path)
            text = text[:limit]
        return text

    def _add(self, owner: int, personal_class: str, path: str, value: Any) -> None:
        try:
            data = canonical.encode_text(value) if type(value) is str else canonical.encode(value)
        except (orjson.JSONEncodeError, InvalidInput) as error:
            raise InvalidInput("holds a lone surrogate, half of a character; send whole Unicode text", path) from error
        self.values.append(Value(owner, personal_class, path, data))


def _validated(cls: type[Action], context: Mapping[str, Any] | Action) -> Action:
    if type(context) is cls:
        return context
    if type(context) is not dict and isinstance(context, Action):
        raise InvalidInput(f"is of another action than {cls.code}", "context")
    try:
        return cls.model_validate(context)
    except ValidationError as error:
        raise in_one_sentence(
            cls.code, tuple(cls.model_fields), error
        ) from None  # pydantic's own text may hold the value


def _one_of(value: str | None, known: tuple[str, ...], field: str) -> str:
    if value not in known:
        raise InvalidInput(f"must be one of {', '.join(known)}", field)
    return value


def _checked(check: Callable[[str], str], value: str, field: str) -> str:
    try:
        return check(value)
    except ValueError as error:
        raise InvalidInput(str(error), field) from error


def _id(value: str, field: str) -> str:
    if type(value) is str and is_plain(value):
        return value
    return _checked(opaque_id, is_text(value, field), field)


def _address(value: str) -> str:
    if type(value) is str and _IPV4.fullmatch(value):
        return value
    try:
        address = str(ipaddress.ip_address(str(value)))
    except ValueError:
        address = "%"
    if "%" in address:  # an address with a zone ("fe80::1%eth0") may have any text after the sign
        raise InvalidInput("must be an IPv4 or IPv6 address, without a port and without a zone", "request.ip") from None
    return address


def _word(value: str, field: str) -> str:
    if type(value) is str and is_plain(value):
        return value
    is_text(value, field)
    if not value or len(value) > WORD_LIMIT or not value.isprintable() or "@" in value:
        raise InvalidInput(f"must be 1 to {WORD_LIMIT} printable characters without @", field)
    return _checked(no_secret, value, field)


def _name_in_clear(value: str, field: str) -> str:
    """Check the name of something that is no person; it is not cut, because no one could mend it later."""
    is_text(value, field)
    if not value or len(value) > WORD_LIMIT or not value.isprintable() or "@" in value:
        raise InvalidInput(
            f"must be 1 to {WORD_LIMIT} printable characters without @; it stands in clear, so give the name of the "
            "software and of no person",
            field,
        )
    try:
        check_text(value)
    except ValueError as error:
        raise InvalidInput(str(error), field) from error
    return value
