"""Connections to one SQLite file: how one is opened, the pool that all threads share, and the engine's errors in words.

A commit is on disk before it is acknowledged (`synchronous=FULL`). The writer's lock is SQLite's own, taken by
`BEGIN IMMEDIATE` before anything is read.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import StorageFailure

# How long one process waits for another's transaction. Appends last milliseconds, an import batch about a second.
BUSY_SECONDS = 30.0
# Connections kept open while nobody uses them.
_IDLE = 8

DAMAGED = "the database file is damaged; restore a backup, then run indelible verify"
IN_THE_WAY = "so nothing of this was kept; `indelible verify` says what is in the way"


@contextmanager
def engine() -> Iterator[None]:
    """Turn the engine's errors into one sentence each."""
    try:
        yield
    except sqlite3.Error as error:
        raise StorageFailure(_sentence(error)) from error
    except UnicodeDecodeError as error:  # a text of the schema or a message that quotes it
        raise StorageFailure(DAMAGED) from error


def _sentence(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return {
        sqlite3.SQLITE_FULL: "the disk is full; nothing of this was recorded: free some space and try again",
        sqlite3.SQLITE_READONLY: "the database is read-only here; nothing was recorded: check the file's permissions",
        sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened; check that it and its folder can be written",
        sqlite3.SQLITE_BUSY: f"the database was locked by another process for {BUSY_SECONDS:.0f} seconds; try again",
        sqlite3.SQLITE_LOCKED: "the database is locked by another statement of this process; try again",
        sqlite3.SQLITE_IOERR: "the disk reported an error; nothing of this was recorded: check the disk and its space",
        sqlite3.SQLITE_CORRUPT: DAMAGED,
        sqlite3.SQLITE_NOTADB: "the file is not an SQLite database",
    }.get(code, f"the database refused: {error}")


def connect(path: Path) -> sqlite3.Connection:
    with engine():
        connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA cache_size = -65536")  # 64 MiB: an import's index pages stay in memory
            connection.execute("PRAGMA temp_store = MEMORY")
        except sqlite3.Error:
            connection.close()
            raise
        return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def write(db: sqlite3.Connection | sqlite3.Cursor, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """Write rows, all of them: a trigger that is not ours may swallow one without an error."""
    if rows and db.executemany(statement, rows).rowcount != len(rows):
        raise StorageFailure(f"the database did not take every row, {IN_THE_WAY}")


class Pool:
    """Open connections to one file. Those of a process that this one was forked from are neither used nor closed."""

    def __init__(self, path: Path) -> None:
        self._path, self._process = path, os.getpid()
        self._free: list[sqlite3.Connection] = []
        self._inherited: list[sqlite3.Connection] = []

    def take(self) -> sqlite3.Connection:
        if self._process != os.getpid():
            self._inherited, self._free, self._process = self._inherited + self._free, [], os.getpid()
        try:
            return self._free.pop()
        except IndexError:
            return connect(self._path)

    def give_back(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction or len(self._free) >= _IDLE:
            connection.close()
        else:
            self._free.append(connection)

    def close(self) -> None:
        if self._process == os.getpid():
            while self._free:
                self._free.pop().close()
