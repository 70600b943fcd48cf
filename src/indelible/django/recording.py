"""`record`: one document into the outbox of Django's current transaction."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connections, transaction
from django.utils.module_loading import import_string

from ..catalogue import Action
from ..errors import InvalidInput
from ..outbox import statements
from ..outbox.prepared import Prepared, prepare
from ..record.document import Actor, Person, Request
from . import context, transactions
from .captured import put_aside

_log = logging.getLogger("indelible.outbox")


def record(
    action: Action | Mapping[str, Any],
    *,
    target: Any = None,
    client: Any = None,
    actor: Actor | None = None,
    clinic: str | None = None,
    people: Iterable[Person] = (),
    request: Request | None = None,
    occurred_at: datetime | None = None,
    operation: Any = None,
    key: Any = None,
    returned: bool = False,
    using: str | None = None,
    apart: bool = False,
    may_refuse: bool = False,
) -> str:
    """Record one action, or a whole event document (a dict), in the current transaction. Returns its row's key.

    `target` is a Target, a tuple (kind, id[, name]), or a model with `activity_target()` that returns one of these;
    `client` a Person, a tuple (id[, name]), or a model with `activity_person()`. What is not given comes from the
    request that is answered, or from `recording_as`. The outbox is that of the database of the target, else of the
    client, else INDELIBLE_OUTBOX_ALIAS; `using` says otherwise. Outside of `atomic()` the document is a transaction of
    its own, as `save()` is. `returned` says that a client who was anonymized is there again, whenever it occurred.

    Raises InvalidInput, StorageFailure. The transaction cannot commit then: where a host swallows the error, it is
    raised again when the block of `atomic()` ends. `may_refuse` lets the change go on without its entry.

    `apart` is for what failed, and must survive the rollback of the request that failed: it commits at once, on a
    connection of its own. On SQLite, where the host's transaction keeps every other from writing, it is written when
    that one ends.
    """
    connection = None
    try:
        connection = connections[using or transactions.alias_of(target, client)]
        if isinstance(action, Mapping):
            said = {"actor": actor, "request": request, "operation": operation}
        else:
            said = _completed(actor, request, operation)
        row = prepare(
            _clinic(clinic), action, target=target, client=client, people=people, occurred_at=occurred_at, key=key,
            returned=returned, **said,
        )  # fmt: skip
        return _apart(connection, row) if apart else _within(connection, row, may_refuse)
    except Exception as error:
        # Of any kind: a change without its entry is what must not be committed.
        if not apart and not may_refuse:
            transactions.remember(connection, error)
        raise


def record_imported(document: Mapping[str, Any], *, clinic: str | None = None, using: str | None = None) -> str:
    """Record a document of the past, marked as imported; it waits behind what happens now. As `record` else."""
    connection = None
    try:
        connection = connections[using or transactions.default_alias()]
        return _within(connection, prepare(_clinic(clinic), document, imported=True))
    except Exception as error:
        transactions.remember(connection, error)
        raise


def _completed(actor: Actor | None, request: Request | None, operation: Any) -> dict[str, Any]:
    actor = actor or context.current_actor()
    if actor is None:
        raise InvalidInput("is not known here; give it, or say it with recording_as(...)", "actor")
    return {
        "actor": actor,
        "request": request or context.current_request(),
        "operation": context.current().operation if operation is None else operation,
    }


def _clinic(given: str | None) -> str:
    found = given or context.current_clinic()
    if found is None:
        raise InvalidInput(
            "is not known here; give it, say it with recording_as(...), or set INDELIBLE_CLINIC", "clinic"
        )
    return found


def _within(connection: Any, row: Prepared, may_refuse: bool = False) -> str:
    transactions.refuse_elsewhere(connection)
    # What the database itself refuses would leave PostgreSQL's whole transaction broken, and here it may go on.
    savepoint = may_refuse and connection.in_atomic_block
    with transaction.atomic(using=connection.alias) if savepoint else contextlib.nullcontext():
        key = _insert(connection, row)
    wake = _wake()
    if wake is not None:
        transaction.on_commit(wake, using=connection.alias, robust=True)
    return key


def _apart(connection: Any, row: Prepared) -> str:
    if transactions.in_testcase(connection):
        put_aside(row)
        return row.key
    if not transactions.in_transaction(connection):
        return _within_its_own(connection, row)
    if connection.vendor == statements.SQLITE:
        transactions.watch(connection).afterwards(lambda: _late(connection, row))
        return row.key
    return _on_a_copy(connection, row)


def _within_its_own(connection: Any, row: Prepared) -> str:
    key = _insert(connection, row)
    wake = _wake()
    if wake is not None:
        with contextlib.suppress(Exception):  # what is committed must not look as if it had failed
            wake()
    return key


def _on_a_copy(connection: Any, row: Prepared) -> str:
    other = connection.copy()
    try:
        return _within_its_own(other, row)
    finally:
        other.close()


def _late(connection: Any, row: Prepared) -> None:
    try:
        _on_a_copy(connection, row)
    except Exception:
        _log.exception("a document of %s that was recorded apart could not be written and is lost", row.action)
        raise


def _insert(connection: Any, row: Prepared) -> str:
    statement, parameters = statements.with_style(*statements.record(connection.vendor, row), "format")
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return row.key if connection.vendor == statements.SQLITE else str(cursor.fetchone()[0])
    except DatabaseError as error:
        cause = error.__cause__
        meant = statements.meaning(cause if isinstance(cause, Exception) else error, "run `manage.py migrate`")
        if meant is not None:
            raise meant from error
        raise


def _wake() -> Callable[[], object] | None:
    """The function that INDELIBLE_OUTBOX_WAKE names, for a drainer that need not wait for its next round."""
    path = getattr(settings, "INDELIBLE_OUTBOX_WAKE", None)
    return import_string(path) if path else None
