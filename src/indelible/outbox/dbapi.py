"""Recording on a DB-API connection: sqlite3, psycopg, and what keeps to PEP 249 as they do.

    outbox = Outbox("c_lisbon")
    with connection:                                    # the host's transaction
        connection.execute("UPDATE booking ...")
        outbox.record(connection, BookingCancelled(late=True), actor=..., target=("booking", "bk_1"))

The document commits or rolls back with whatever else the transaction does. A connection in autocommit makes the record
a transaction of its own, as it does with any other statement.

DB-API has no hook at which a swallowed refusal could be raised again: a host that catches InvalidInput and commits has
changed something without an entry. `indelible.sqlalchemy` and Django's adapter do not let it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from ..catalogue import Action
from ..errors import InvalidInput
from ..record.document import Actor, Person, Request
from . import statements
from .prepared import Prepared, prepare

# Drivers by the package that their connections are of.
_ENGINES = {
    "sqlite3": statements.SQLITE,
    "pysqlite3": statements.SQLITE,
    "sqlcipher3": statements.SQLITE,
    "psycopg": statements.POSTGRES,
    "psycopg2": statements.POSTGRES,
    "pg8000": statements.POSTGRES,
}


class Outbox:
    """Records documents of one clinic; `clinic` is its id, or a function that says it each time."""

    def __init__(self, clinic: str | Callable[[], str]) -> None:
        self._clinic = clinic

    def prepare(self, action: Action | Mapping[str, Any], **members: Any) -> Prepared:
        """Check what is to be recorded and return its row, for a driver that is no DB-API. Raises InvalidInput."""
        return prepare(self._clinic() if callable(self._clinic) else self._clinic, action, **members)

    def record(
        self,
        connection: Any,
        action: Action | Mapping[str, Any],
        *,
        actor: Actor | None = None,
        target: Any = None,
        client: Any = None,
        people: Iterable[Person] = (),
        request: Request | None = None,
        occurred_at: datetime | None = None,
        operation: Any = None,
        key: Any = None,
        returned: bool = False,
    ) -> str:
        """Record one action, or a whole event document, in the connection's transaction. Returns the row's key.

        `returned` says that a client who was anonymized is there again, whenever it occurred.
        Raises InvalidInput before any SQL, and the transaction can go on; StorageFailure where this database has no
        outbox for this role. Errors of the driver's own go through as they are.
        """
        row = self.prepare(
            action, actor=actor, target=target, client=client, people=people, request=request, occurred_at=occurred_at,
            operation=operation, key=key, returned=returned,
        )  # fmt: skip
        return insert(connection, row)

    def record_imported(self, connection: Any, document: Mapping[str, Any]) -> str:
        """Record a document of the past, marked as imported; it waits behind what happens now. As `record` else."""
        return insert(connection, self.prepare(document, imported=True))


def insert(connection: Any, row: Prepared) -> str:
    """Put a row into the outbox in the connection's transaction, and return its key."""
    driver = driver_of(connection)
    engine = _ENGINES[driver]
    statement, parameters = statements.with_style(*statements.record(engine, row), sys.modules[driver].paramstyle)
    cursor = cursor_of(connection)
    try:
        cursor.execute(statement, parameters)
        return row.key if engine == statements.SQLITE else str(cursor.fetchone()[0])
    except Exception as error:
        if (meant := statements.meaning(error)) is not None:
            raise meant from error
        raise
    finally:
        cursor.close()


def engine_of(connection: Any) -> str:
    """Return the engine of a connection. Raises InvalidInput for what is no connection of a known driver."""
    return _ENGINES[driver_of(connection)]


def driver_of(connection: Any) -> str:
    """Return the package that a connection is of, also where the host's class is derived from it."""
    names = (cls.__module__.partition(".")[0] for cls in type(connection).__mro__)
    found = next((name for name in names if name in _ENGINES), None)
    if found is None or not hasattr(connection, "cursor"):
        raise InvalidInput(
            "is no DB-API connection of SQLite or PostgreSQL (sqlite3, psycopg, psycopg2, pg8000); a session of "
            "SQLAlchemy is for indelible.sqlalchemy", "connection"
        )  # fmt: skip
    if inspect.iscoroutinefunction(getattr(connection, "execute", None)):
        raise InvalidInput("is asynchronous; record with indelible.sqlalchemy, or run what `prepare` returns yourself",
                           "connection")  # fmt: skip
    return found


def cursor_of(connection: Any) -> Any:
    """A cursor whose rows are tuples, whatever the host has its own made into."""
    driver = driver_of(connection)
    if driver == "psycopg":
        return connection.cursor(row_factory=sys.modules["psycopg.rows"].tuple_row)
    if driver == "psycopg2":
        return connection.cursor(cursor_factory=sys.modules["psycopg2.extensions"].cursor)
    return connection.cursor()
