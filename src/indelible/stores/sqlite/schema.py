"""The schema of the SQLite store: numbered migrations beside this file, applied in order, each file once.

`indelible_schema` holds the number of the last one applied. `create` applies all of them to a new file, `upgrade` the
missing ones to an old log, so a schema is always the sum of the migrations.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from ...errors import StorageFailure
from ...files.definitions import Definition, definitions, missing_triggers
from ..contract import Installation

MIGRATIONS = ("0001_initial.sql",)
VERSION = len(MIGRATIONS)
# Every name of ours begins with it; what else is in the file is a host's.
PREFIX = "indelible_"


def create(connection: sqlite3.Connection, path: Path, installation: Installation) -> None:
    """Make the tables in an open transaction. Raises StorageFailure where there is a log already."""
    if version(connection):
        raise StorageFailure(f"{path} already holds an activity log")
    _begin(connection)
    _migrate(connection)
    own = (installation.name, installation.master_key)
    connection.execute("INSERT INTO indelible_installation VALUES (1, ?, ?)", own)


def _begin(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE indelible_schema (version INTEGER NOT NULL) STRICT")
    connection.execute("INSERT INTO indelible_schema VALUES (0)")


def upgrade(connection: sqlite3.Connection) -> tuple[int, int]:
    """Apply the missing migrations in an open transaction; return the versions before and after.

    Triggers of ours that somebody dropped are made again.
    """
    versions = _migrate(connection)
    for one in missing_triggers(found_in(connection), expected()):
        connection.execute(str(one.sql))
    return versions


def _migrate(connection: sqlite3.Connection) -> tuple[int, int]:
    (before,) = connection.execute("SELECT version FROM indelible_schema").fetchone()
    for name in MIGRATIONS[before:VERSION]:
        for statement in _statements(name):
            connection.execute(statement)
    connection.execute("UPDATE indelible_schema SET version = ?", (max(before, VERSION),))
    return before, max(before, VERSION)


def found_in(connection: sqlite3.Connection) -> list[Definition]:
    """Return what is ours in a database, which may be a host's: by its own name, or by that of its table."""
    return definitions(connection, PREFIX)


def expected() -> list[Definition]:
    """Return what this release makes."""
    made = sqlite3.connect(":memory:")
    try:
        _begin(made)
        _migrate(made)
        return found_in(made)
    finally:
        made.close()


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
    text = files(__package__).joinpath(name).read_text("utf-8")
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
