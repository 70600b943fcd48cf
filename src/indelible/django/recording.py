"""`record`: one entry in Django's current transaction."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from datetime import datetime
from typing import Any

from django.db import connections, transaction

from ..append import Appended
from ..catalogue import Action
from ..document import Actor, Person, Request
from ..errors import InvalidInput
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
    `client` a Person, a tuple (id[, name]), or a model with `activity_person()`. What is not given comes from the
    request that is answered, or from `recording_as`. Raises InvalidInput, Conflict, NotFound, StorageFailure: nothing
    is recorded then, and the transaction can go on. Raises TransactionManagementError in one that cannot.

    Outside of `atomic()` the entry is a transaction of its own, as `save()` is: what has no change beside it, such as a
    failed sign-in, needs no block around it.
    """
    actor = actor or context.current_actor()
    if actor is None:
        raise InvalidInput("is not known here; give it, or say it with recording_as(...)", "actor")
    alias = log.alias()
    host = connections[alias]
    found = log.journal().clinic(clinic or context.current_clinic())
    # `append` has a savepoint of its own; another around it would only cost.
    with nullcontext() if host.in_atomic_block else transaction.atomic(using=alias):
        host.ensure_connection()
        host.validate_no_broken_transaction()
        appended = found.record(
            action,
            actor=actor,
            target=target,
            client=client,
            people=people,
            request=request or context.current_request(),
            occurred_at=occurred_at,
            operation=operation or context.current().operation,
            key=key,
            connection=host.connection,
        )
        # Not before the commit: signing writes through a connection of its own, which would wait for this
        # transaction's lock. Robust: what is committed must not look as if it had failed.
        transaction.on_commit(found.sign_when_due, using=alias, robust=True)
    return appended
