"""`record`: one entry in Django's current transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connections, transaction

from ..append import Appended
from ..catalogue import Action
from ..document import Actor, Person, Request
from ..errors import InvalidInput
from ..journal import ClinicLog
from . import context, log


def record(
    action: Action,
    *,
    target: Any = None,
    client: Any = None,
    actor: Actor | None = None,
    clinic: str | None = None,
    people: Iterable[Person] = (),
    request: Request | None = None,
    occurred_at: datetime | None = None,
    operation: str | None = None,
    key: str | None = None,
) -> Appended:
    """Record one action in the current transaction, and return its entry's number and id.

    `target` is a Target, a tuple (kind, id[, name]), or a model with `activity_target()` that returns one of these;
    `client` a Person, a tuple (id[, name]), or a model with `activity_person()`. Outside of `atomic()` the entry is a
    transaction of its own. Raises InvalidInput, Conflict, NotFound, StorageFailure; the transaction can then go on.
    """
    actor = actor or context.current_actor()
    if actor is None:
        raise InvalidInput("is not known here; give it, or say it with recording_as(...)", "actor")
    found = log.journal().clinic(clinic or context.current_clinic())
    alias = log.alias()
    with transaction.atomic(using=alias):
        connection = connections[alias]
        if not connection.in_atomic_block or connection.connection is None:
            connection.ensure_connection()
        appended = found.record(
            action,
            actor=actor,
            target=_said(target, "activity_target"),
            client=_said(client, "activity_person"),
            people=people,
            request=request or context.current_request(),
            occurred_at=occurred_at,
            operation=operation or _operation(),
            key=key,
            connection=connection.connection,
        )
        # Not before: signing writes through a connection of its own, which would wait for this transaction's lock.
        transaction.on_commit(partial(_sign, found), using=alias)
    return appended


def _said(thing: Any, method: str) -> Any:
    """What a model says of itself; anything else as it is, for the log to check."""
    told = getattr(thing, method, None)
    return thing if told is None else told()


def _operation() -> str | None:
    found = context.current()
    return found.operation if found.request is not None else None


def _sign(found: ClinicLog) -> None:
    found.sign_when_due()
