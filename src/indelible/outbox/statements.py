"""The statements that record, for each engine, and what its answers mean.

Parameters are named as SQLAlchemy names them (`:clinic`); `with_style` writes them for drivers. A cast is never written
`::`, which would look like one.

PostgreSQL's own function checks once more, fills the other columns, and returns the row's key. SQLite has no functions
in the database, so there the row is inserted as it is.
"""

from __future__ import annotations

import re
from typing import Any

from ..errors import IndelibleError, InvalidInput, StorageFailure
from .prepared import Prepared

POSTGRES, SQLITE = "postgresql", "sqlite"

_RECORD = {
    (POSTGRES, False): "SELECT indelible.record(:clinic, CAST(:document AS json))",
    (POSTGRES, True): "SELECT indelible.record_imported(:clinic, CAST(:document AS json))",
}
_INSERT = (
    "INSERT INTO indelible_outbox (key, clinic, action, target_kind, target_id, document, at, imported) "
    "VALUES (:key, :clinic, :action, :target_kind, :target_id, :document, :at, :imported)"
)
_FIELD = re.compile(r"[a-z_]+(\.[a-z0-9_]+)*")
_PARAMETER = re.compile(r":([a-z_]+)")

# What PostgreSQL says where there is no outbox (no schema, no function, no table), or not for this role.
_NOT_THERE = ("3F000", "42883", "42P01")
_NOT_ALLOWED = "42501"


def record(engine: str, row: Prepared) -> tuple[str, dict[str, Any]]:
    """Return the statement that records a row, and its parameters. Raises InvalidInput for another engine."""
    if engine == POSTGRES:
        return _RECORD[engine, row.imported], {"clinic": row.clinic, "document": row.document}
    if engine == SQLITE:
        names = _PARAMETER.findall(_INSERT)
        return _INSERT, {name: getattr(row, name) for name in names} | {"imported": int(row.imported)}
    raise InvalidInput(f"is a database of {engine}, which has no outbox; PostgreSQL and SQLite have", "connection")


def with_style(statement: str, parameters: dict[str, Any], style: str) -> tuple[str, Any]:
    """Return a statement and its parameters in a DB-API `paramstyle`: qmark, numeric, named, format or pyformat."""
    if style == "named":
        return statement, parameters
    if style == "pyformat":
        return _PARAMETER.sub(r"%(\1)s", statement), parameters
    values = [parameters[name] for name in _PARAMETER.findall(statement)]
    if style == "numeric":
        numbers = iter(range(1, len(values) + 1))
        return _PARAMETER.sub(lambda _: f":{next(numbers)}", statement), values
    return _PARAMETER.sub({"qmark": "?", "format": "%s"}[style], statement), values


def meaning(
    error: Exception, install: str = "put what `indelible outbox sql` prints into its migrations"
) -> IndelibleError | None:
    """Return what an engine's error means for who records; None where it is the host's own: a lost connection, a lock.

    `install` is how a host gets an outbox. PostgreSQL's function says itself what is wrong with a document, in one
    sentence and without its values.
    """
    state = _sqlstate(error)
    if state in _NOT_THERE or (state is None and "no such table: indelible_outbox" in str(error)):
        return StorageFailure(f"this database has no outbox; {install}")
    if state == _NOT_ALLOWED:
        return StorageFailure("this role may not record; GRANT indelible_recorder TO it")
    if state is not None and state[:2] in ("22", "23"):
        field, _, sentence = _sentence(error).partition(": ")
        return InvalidInput(sentence, field) if _FIELD.fullmatch(field) else InvalidInput(_sentence(error))
    return None


def _sqlstate(error: Exception) -> str | None:
    """The five characters of PostgreSQL's error, as psycopg, asyncpg, psycopg2 and pg8000 keep them."""
    for name in ("sqlstate", "pgcode"):
        if isinstance(state := getattr(error, name, None), str):
            return state
    state = _fields(error).get("C")
    return state if isinstance(state, str) else None


def _fields(error: Exception) -> dict[str, Any]:
    """The fields of the server's message by their letters, which is all that pg8000 says."""
    first = error.args[0] if error.args else None
    return first if isinstance(first, dict) else {}


def _sentence(error: Exception) -> str:
    message = getattr(getattr(error, "diag", None), "message_primary", None) or _fields(error).get("M")
    text = str(message or error).strip().splitlines()[0]
    return text.partition(">: ")[2] or text  # asyncpg's error as SQLAlchemy hands it on begins with its class
