"""Django's transactions: which one a document belongs to, and what one must not forget when it ends.

**A transaction in which a document was refused cannot commit.** `set_rollback(True)` would end it in silence, and the
host would answer that all is well. So the refusal is raised again in `commit`, and in `savepoint_commit` of a block
within: these are where a block of `atomic()` ends that nobody told of an error. Until then queries work as before. A
savepoint that is rolled back takes the refusals behind it with it.

These methods are wrapped on the one connection, of one thread, when it first has something to remember.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections, router
from django.db.models import Model

from ..errors import InvalidInput
from ..outbox import statements

# The engines that have an outbox, as Django's `vendor` calls them.
VENDORS = (statements.POSTGRES, statements.SQLITE)

_ATTRIBUTE = "indelible_outbox"


def default_alias() -> str:
    """The database of what is recorded about no model: INDELIBLE_OUTBOX_ALIAS, else `default`."""
    return str(getattr(settings, "INDELIBLE_OUTBOX_ALIAS", None) or DEFAULT_DB_ALIAS)


def alias_of(*things: object) -> str:
    """The database of the first model among these: where it is being written, else where it would be."""
    for thing in things:
        if isinstance(thing, Model):
            found = thing._state.db
            if found is not None and in_transaction(connections[found]):
                return str(found)
            return str(router.db_for_write(type(thing), instance=thing))
    return default_alias()


def in_transaction(connection: Any) -> bool:
    """Whether the host has a transaction open; what Django's `TestCase` puts around a test is none of the host's."""
    if connection.atomic_blocks:
        return any(not block._from_testcase for block in connection.atomic_blocks)
    return connection.connection is not None and not connection.autocommit


def in_testcase(connection: Any) -> bool:
    """Whether everything here is rolled back at the end of a test."""
    return any(block._from_testcase for block in connection.atomic_blocks)


def _open() -> Iterator[Any]:
    yield from filter(in_transaction, connections.all(initialized_only=True))


def refuse_elsewhere(connection: Any) -> None:
    """Raises InvalidInput where only another database's transaction is open: the two would not commit together."""
    other = None if in_transaction(connection) else next(_open(), None)
    if other is not None:
        raise InvalidInput(
            f"the outbox of {connection.alias} is in no transaction and {other.alias} is in one, so they would not "
            f"commit together; say using={other.alias!r}, or open atomic(using={connection.alias!r})", "using"
        )  # fmt: skip


def remember(connection: Any, error: Exception) -> None:
    """Let no transaction commit that the change may be in whose document was refused."""
    for one in [connection] if connection is not None and in_transaction(connection) else _open():
        watch(one).refuse(error)


def watch(connection: Any) -> Watch:
    """What is remembered of a connection's transaction."""
    found = getattr(connection, _ATTRIBUTE, None)
    if found is None:
        found = Watch(connection)
        setattr(connection, _ATTRIBUTE, found)
    return found


@dataclass(frozen=True, slots=True)
class _Refusal:
    error: Exception
    savepoints: int  # how many had been made on the connection


class Watch:
    """Stands before a connection's commit, rollback and close."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._refusals: list[_Refusal] = []
        self._afterwards: list[Callable[[], object]] = []
        for name in ("commit", "rollback", "close", "savepoint_commit", "savepoint_rollback"):
            setattr(self, f"_{name}", getattr(connection, name))
            setattr(connection, name, getattr(self, name))

    _commit: Callable[[], None]
    _rollback: Callable[[], None]
    _close: Callable[[], None]
    _savepoint_commit: Callable[[str | None], None]
    _savepoint_rollback: Callable[[str | None], None]

    def refuse(self, error: Exception) -> None:
        self._refusals.append(_Refusal(error, self._connection.savepoint_state))

    def afterwards(self, call: Callable[[], object]) -> None:
        """Call it when the transaction has ended, either way. What it raises goes nowhere."""
        self._afterwards.append(call)

    def commit(self) -> None:
        refusal = self._behind(0)
        if refusal is None:
            self._commit()
            self._ended()
            return
        try:
            self.rollback()
        except Error:
            self.close()  # as `atomic()` does: what cannot be rolled back is dropped
        raise refusal.error

    def rollback(self) -> None:
        self._rollback()
        self._ended()

    def close(self) -> None:
        self._close()
        if self._connection.connection is None or self._connection.closed_in_transaction:
            self._ended()  # a database in memory stays open

    def savepoint_commit(self, sid: str | None) -> None:
        refusal = None if sid is None else self._behind(_number(sid))
        if refusal is not None:
            self.savepoint_rollback(sid)
        self._savepoint_commit(sid)
        if refusal is not None:
            raise refusal.error

    def savepoint_rollback(self, sid: str | None) -> None:
        self._savepoint_rollback(sid)
        if sid is not None:
            self._refusals = [one for one in self._refusals if one.savepoints < _number(sid)]

    def _behind(self, savepoint: int) -> _Refusal | None:
        """The first refusal that came when this savepoint had been made."""
        return next((one for one in self._refusals if one.savepoints >= savepoint), None)

    def _ended(self) -> None:
        self._refusals.clear()
        calls, self._afterwards = self._afterwards, []
        for call in calls:
            with contextlib.suppress(Exception):  # the transaction's own outcome is what the host must hear
                call()


def _number(sid: str) -> int:
    """Savepoints are numbered as they are made: s140737_x3."""
    return int(sid.rpartition("_x")[2])
