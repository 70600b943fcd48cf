"""The file as a whole: made, brought to this release, copied while it is used, and put back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from ...errors import StorageFailure
from ..contract import Installation
from . import connection as sqlite_connection
from . import schema as sqlite_schema
from .connection import engine, transaction

# Pages copied in one step of a backup, during which writers wait: 4 MiB.
_PAGES = 1_024


def create(path: Path, installation: Installation) -> None:
    """Make the log's tables in the SQLite file at `path`. Raises StorageFailure."""
    with engine():
        connection = sqlite3.connect(path, isolation_level=None, timeout=sqlite_connection.BUSY_SECONDS)
        try:
            connection.execute("PRAGMA page_size = 8192")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            sqlite_schema.create(connection, path, installation)
            connection.execute("COMMIT")
        finally:
            connection.close()


def upgrade(path: Path) -> tuple[int, int]:
    """Bring the log at `path` to this release's schema; return the versions before and after. Raises StorageFailure."""
    if not path.is_file():
        raise StorageFailure(f"there is no database at {path}; `indelible init` makes one")
    with engine():
        connection = sqlite_connection.connect(path)
        try:
            with transaction(connection) as db:
                if (found := sqlite_schema.version(db)) == 0 or found > sqlite_schema.VERSION:
                    sqlite_schema.check(path, found)
                return sqlite_schema.upgrade(db)
        finally:
            connection.close()


def copy(source: Path, target: Path, progress: Callable[[int, int], None] = lambda done, every: None) -> None:
    """Copy a database that may be in use into the empty file `target`, by SQLite's own backup; it needs no -wal beside.

    `progress` is called with the pages copied and the pages there are. Raises StorageFailure.
    """
    with engine():
        connection, made = sqlite_connection.connect(source), sqlite_connection.connect(target)
        try:
            connection.backup(made, pages=_PAGES, progress=lambda _, left, every: progress(every - left, every))
            made.execute("PRAGMA journal_mode = DELETE").fetchone()
            if (verdict := made.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise StorageFailure(f"the copy is damaged ({verdict}); check the disk and the source")
        finally:
            made.close()
            connection.close()


def open_for_writing(path: Path) -> None:
    """Set a restored file to the way in which a log is written."""
    with engine():
        connection = sqlite_connection.connect(path)
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        finally:
            connection.close()


def check_writable(path: Path) -> None:
    """Raise StorageFailure where the file, or what SQLite keeps beside it, can only be read."""
    with engine():
        connection = sqlite_connection.connect(path)
        try:
            with transaction(connection) as db:
                db.execute("UPDATE indelible_installation SET one = one WHERE one = 0")  # there is none
        finally:
            connection.close()
