"""What one INSERT into an outbox needs, checked whole before any SQL: a document that the log would refuse never waits.

The log drafts the document again when it takes it, in the clinic's zone and by its own clock. What can be refused for
what the document says is refused here, in the host's own request, where somebody can still mend it.

What comes from outside and cannot be text, a NUL or half a character in a user agent or a name, is taken out and marked
as cut. It must never abort a booking.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import orjson

from ..catalogue import Action
from ..catalogue.fields import CutText, to_json
from ..errors import InvalidInput
from ..format import instant
from ..record import document, drafting
from ..record.document import Actor, Document, Person, Request, Target
from .source import own_key

_Named = TypeVar("_Named", Actor, Target, Person)


@dataclass(frozen=True, slots=True)
class Prepared:
    """One row of an outbox.

    `key` is the row's own (UUID text), `document` JSON text, `at` the time in microseconds since 1970 UTC. PostgreSQL
    finds key, action, target and time by itself, from clinic and document.
    """

    clinic: str
    action: str
    target_kind: str | None
    target_id: str | None
    key: str
    document: str
    at: int
    imported: bool = False


def prepare(
    clinic: object,
    action: Action | Mapping[str, Any],
    *,
    actor: Actor | None = None,
    target: Any = None,
    client: Any = None,
    people: Iterable[Person] = (),
    request: Request | None = None,
    occurred_at: datetime | None = None,
    operation: object = None,
    key: object = None,
    returned: bool = False,
    imported: bool = False,
) -> Prepared:
    """Check what is to be recorded, and return its row. Raises InvalidInput naming the field, without its value.

    `action` is an action of the catalogue with the rest beside it, or a whole event document, a dict. `target` is a
    Target, (kind, id[, name]) or an object with activity_target(); `client` a Person, (id[, name]) or an object with
    activity_person(). `returned` says that a client who was anonymized is there again, whenever it occurred.
    """
    if isinstance(action, Action):
        event = document.of_action(
            action,
            actor=actor,
            target=target,
            client=client,
            people=people,
            request=request,
            occurred_at=occurred_at,
            operation=operation,
            key=key,
            returned=returned,
        )
    elif isinstance(action, Mapping):
        beside = (actor, target, client, request, occurred_at, operation, key)
        if people != () or returned or any(one is not None for one in beside):
            raise InvalidInput("is a whole document; say actor, target and the rest in it and not beside it", "action")
        event = document.parse(_context_cleaned(dict(action)))
    else:
        raise InvalidInput("must be an action of the catalogue, such as BookingCancelled(...), or a document", "action")
    return _row(document.as_clinic(clinic), event, imported)


def _row(clinic: str, event: Document, imported: bool) -> Prepared:
    now = time.time_ns() // 1000
    checked = drafting.with_action(_cleaned(event))
    drafting.draft(checked, now=now, imported=imported)
    if imported and checked.occurred_at is None:
        raise InvalidInput("is missing; history says when it happened", "occurred_at")
    if checked.key is not None:
        own_key(checked.key)
    text = orjson.dumps(written(checked))
    if len(text) > document.DOCUMENT_LIMIT:
        raise InvalidInput(f"the document has more than {document.DOCUMENT_LIMIT} bytes; leave out what is not needed")
    target = checked.target
    return Prepared(
        clinic=clinic,
        action=checked.action,
        target_kind=None if target is None else target.kind,
        target_id=None if target is None else target.id,
        key=str(uuid.uuid4()),
        document=text.decode(),
        at=now,
        imported=imported,
    )


def written(event: Document) -> dict[str, Any]:
    """Return a checked document as JSON, so that `document.parse` gives the same one again."""
    context = event.context
    fields = _fields(context)
    cut = {*event.cut, *(f"context.{name}" for name, value in fields.items() if type(value) is CutText)}
    members: dict[str, Any] = {
        "action": event.action,
        "occurred_at": None if event.occurred_at is None else instant.format(event.occurred_at),
        "actor": _actor(event.actor),
        "target": _said(event.target, "kind", "id", "name"),
        "client": _said(event.client, "id", "name"),
        "people": [_said(person, "role", "id", "name") for person in event.people],
        "context": {name: to_json(value) for name, value in fields.items()},
        "request": _said(event.request, "channel", "ip", "user_agent"),
        "operation": event.operation,
        "key": event.key,
        "cut": sorted(cut),
        "returned": event.returned or None,
    }
    return {name: value for name, value in members.items() if value not in (None, [], {})}


def _fields(context: Mapping[str, Any] | Action) -> dict[str, Any]:
    """What a context says, without what it does not."""
    if isinstance(context, Action):
        said = vars(context)
        return {field.name: said[field.name] for field in context.fields_of_context if said[field.name] is not None}
    return {name: value for name, value in context.items() if value is not None}


def _actor(actor: Actor) -> dict[str, Any]:
    members = _said(actor, "kind", "id", "name", "role", "reason")
    if actor.on_behalf_of is not None:
        members["on_behalf_of"] = _said(actor.on_behalf_of, "kind", "id", "name")
    return members


def _said(holder: object, *names: str) -> dict[str, Any]:
    """The members that an object has; an address may be given as one of Python's, and is written as text."""
    return {name: str(value) for name in names if (value := getattr(holder, name, None)) is not None}


# What no text can hold


def _whole(text: str) -> str:
    """Text without NUL and without halves of characters; two halves that belong together are joined."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "ignore")


def _cleaned(event: Document) -> Document:
    cut = list(event.cut)

    def name_of(holder: _Named, path: str) -> _Named:
        name = clean(holder.name, f"{path}.name")
        return holder if name is holder.name else replace(holder, name=name)

    def clean(text: Any, path: str) -> Any:
        if not isinstance(text, str) or (whole := _whole(text)) == text:
            return text
        if whole:
            cut.append(path)
        return whole or None

    actor = name_of(event.actor, "actor")
    if isinstance(actor.on_behalf_of, Actor):
        principal = name_of(actor.on_behalf_of, "actor.on_behalf_of")
        if principal is not actor.on_behalf_of:
            actor = replace(actor, on_behalf_of=principal)
    target = None if event.target is None else name_of(event.target, "target")
    client = None if event.client is None else name_of(event.client, "client")
    people = tuple(name_of(person, f"people.{index}") for index, person in enumerate(event.people))
    request, agent = event.request, clean(event.request.user_agent, "request.user_agent")
    if agent is not request.user_agent:
        request = replace(request, user_agent=agent)
    before = (event.actor, event.target, event.client, *event.people, event.request)
    if all(old is new for old, new in zip(before, (actor, target, client, *people, request), strict=True)):
        return event  # as nearly every one
    return replace(
        event, actor=actor, target=target, client=client, people=people, request=request, cut=tuple(dict.fromkeys(cut))
    )


def _context_cleaned(value: dict[str, Any]) -> dict[str, Any]:
    """A document's JSON whose context is clean; an action object was checked when it was made."""
    context, cut = value.get("context"), value.get("cut") or []
    if not isinstance(context, dict) or not isinstance(cut, list):
        return value  # which `parse` refuses
    clean = {name: _clean_json(member) for name, member in context.items()}
    changed = [f"context.{name}" for name in clean if clean[name] != context[name]]
    return value | {"context": clean} | ({"cut": [*cut, *changed]} if changed else {})


def _clean_json(value: Any) -> Any:
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, list):
        return [_clean_json(member) for member in value]
    if isinstance(value, dict):
        return {name: _clean_json(member) for name, member in value.items()}
    return value
