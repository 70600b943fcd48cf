"""`recorded`: what a block put into the outbox, for a host's own tests, inside their transaction.

    with recorded(connection) as documents:          # DB-API, or a Session of SQLAlchemy
        cancel(booking)
    assert [one["action"] for one in documents] == ["booking.cancelled"]

    async with recorded(async_session) as documents: ...

The list is filled when the block ends, in the order in which the documents were recorded, and needs no log and no key.
While the transaction is open it has this transaction's documents, else all that were committed meanwhile. What was
rolled back in the block is not in it. Where an exception ends the block, it stays empty.

On PostgreSQL the role needs SELECT on `indelible.outbox`, as the owner of a test database has it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..errors import InvalidInput
from . import dbapi, statements

_Query = Callable[[str], list[Any]]

# `document` as text, because drivers make different things of JSON.
_NEWEST = {
    statements.POSTGRES: "SELECT coalesce(max(id), 0) FROM indelible.outbox",
    statements.SQLITE: "SELECT coalesce(max(id), 0) FROM indelible_outbox",
}
_SINCE = {
    statements.POSTGRES: (
        "SELECT CAST(document AS text) FROM indelible.outbox WHERE id > {newest} AND "
        "xid = coalesce(pg_current_xact_id_if_assigned(), xid) ORDER BY id"
    ),
    statements.SQLITE: "SELECT document FROM indelible_outbox WHERE id > {newest} ORDER BY id",
}


class recorded:  # noqa: N801 - reads as the function that it is used as
    """A block's documents: a list of event documents (dicts). Raises InvalidInput for what is no connection."""

    def __init__(self, where: Any) -> None:
        self._where = where
        self._documents: list[dict[str, Any]] = []
        self._newest = 0

    def __enter__(self) -> list[dict[str, Any]]:
        if hasattr(self._where, "run_sync"):
            raise InvalidInput("is asynchronous; write `async with recorded(...)`", "session")
        self._begin(self._where)
        return self._documents

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._end(self._where)

    async def __aenter__(self) -> list[dict[str, Any]]:
        await self._where.run_sync(self._begin)
        return self._documents

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            await self._where.run_sync(self._end)

    def _begin(self, where: Any) -> None:
        engine, query = _asking(where)
        self._newest = int(query(_NEWEST[engine])[0])

    def _end(self, where: Any) -> None:
        engine, query = _asking(where)
        self._documents += [json.loads(text) for text in query(_SINCE[engine].format(newest=self._newest))]


def _asking(where: Any) -> tuple[str, _Query]:
    """The engine, and how to ask it: by a session's connection of this moment, or by a cursor."""
    if hasattr(where, "ensure_connection"):  # Django's own, whose driver's connection may be another by now
        where.ensure_connection()
        where = where.connection
    if hasattr(where, "get_bind"):
        found = where.connection()
        return found.dialect.name, lambda statement: list(found.exec_driver_sql(statement).scalars())
    engine = dbapi.engine_of(where)

    def query(statement: str) -> list[Any]:
        cursor = dbapi.cursor_of(where)
        try:
            cursor.execute(statement)
            return [row[0] for row in cursor.fetchall()]
        finally:
            cursor.close()

    return engine, query
