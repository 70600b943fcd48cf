"""The schema of the SQLite store: numbered migrations in `sql/sqlite/`, applied in order, each file once.

`indelible_schema` holds the number of the last one applied. `create` applies all of them to a new file, `upgrade` the
missing ones to an old log, so a schema is always the sum of the migrations.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from ..errors import StorageFailure
from ..store import Installation

MIGRATIONS = ("0001_initial.sql", "0002_links_and_erasure.sql", "0003_late_entries.sql")
VERSION = len(MIGRATIONS)


def create(connection: sqlite3.Connection, path: Path, installation: Installation, now: int) -> None:
    """Make the tables in an open transaction. Raises StorageFailure where there is a log already."""
    if version(connection):
        raise StorageFailure(f"{path} already holds an activity log")
    connection.execute("CREATE TABLE indelible_schema (version INTEGER NOT NULL) STRICT")
    connection.execute("INSERT INTO indelible_schema VALUES (0)")
    upgrade(connection)
    connection.execute(
        "INSERT INTO indelible_installation VALUES (1, ?, ?, ?)", (installation.name, installation.master_key, now)
    )


def upgrade(connection: sqlite3.Connection, to: int = VERSION) -> tuple[int, int]:
    """Apply the missing migrations in an open transaction; return the versions before and after."""
    (before,) = connection.execute("SELECT version FROM indelible_schema").fetchone()
    for name in MIGRATIONS[before:to]:
        for statement in _statements(name):
            connection.execute(statement)
    connection.execute("UPDATE indelible_schema SET version = ?", (max(before, to),))
    return before, max(before, to)


def definitions(connection: sqlite3.Connection | None = None) -> dict[str, str]:
    """Return how tables, indexes and views of ours are defined, by name, and any trigger that is not ours.

    Without a connection: how this release defines them. A trigger of ours may be missing, since it guards against
    mistakes only: who can write the file can drop it.
    """
    if connection is None:
        made = sqlite3.connect(":memory:")
        try:
            made.execute("CREATE TABLE indelible_schema (version INTEGER NOT NULL) STRICT")
            made.execute("INSERT INTO indelible_schema VALUES (0)")
            upgrade(made)
            return definitions(made)
        finally:
            made.close()
    rows = connection.execute(
        "SELECT type, name, sql FROM sqlite_schema WHERE tbl_name LIKE 'indelible!_%' ESCAPE '!' AND sql IS NOT NULL"
    ).fetchall()
    return {f"{kind} {name}": " ".join(sql.split()) for kind, name, sql in rows if kind != "trigger" or not _ours(name)}


def _ours(trigger: str) -> bool:
    return trigger.startswith(("indelible_entry_no_", "indelible_checkpoint_no_"))


def version(connection: sqlite3.Connection) -> int:
    """The schema's version, 0 where there is no log: also where a table of this name is not ours."""
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'indelible_schema'").fetchone():
        return 0
    row = connection.execute("SELECT version FROM indelible_schema").fetchone()
    return row[0] if row and isinstance(row[0], int) else 0


def check(path: Path, found: int) -> None:
    """Raise StorageFailure where a log is of another version than this release writes."""
    if found == 0:
        raise StorageFailure(f"{path} is a database without an activity log; `indelible init` makes one in it")
    if found > VERSION:
        raise StorageFailure(
            f"{path} was made by a newer Indelible (schema {found}; this one knows {VERSION}); update it"
        )
    if found < VERSION:
        raise StorageFailure(
            f"{path} was made by an older Indelible (schema {found}; this one needs {VERSION}); "
            "make a backup, then run `indelible upgrade`"
        )


def _statements(name: str) -> Iterator[str]:
    """The statements of a migration; a trigger holds semicolons of its own, so SQLite says where one ends."""
    text = files(__package__).joinpath("sql/sqlite").joinpath(name).read_text("utf-8")
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
