"""What the processes of one installation know together: counts, locks of a moment, and how far a verification is.

One SQLite file beside the database, `activity.db.shared`. Nothing in it is evidence and nothing in it is worth a
backup: whoever deletes it lets counts begin anew. So it is written without waiting for the disk. It holds no name and
no address: what counts are kept by is a digest made with the service's secret.

    bucket    a limit of how often something may be done      service/rate_limits.py
    kept      Django's cache                                  service/shared_cache.py
    task      a verification under way, and its outcome       web/verifications.py
    counted   sums of every process, for /metrics             service/counting.py
    process   who is at work, and when that was last heard
    leader    where the process is told that waits for work   run/leader.py

Where the file cannot be used (a full disk, somebody's lock) a process goes on with counts of its own: limits then hold
in each process, and nobody is shut out. That is logged once, and when it has ended.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from django.conf import settings

BUSY_SECONDS = 5.0  # for another process's transaction, each of which takes microseconds
# Of the tables below: another number, and they are made anew.
_VERSION = 1
_TABLES = """
CREATE TABLE bucket (key BLOB PRIMARY KEY, level REAL NOT NULL, at REAL NOT NULL, ends REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX bucket_ends ON bucket (ends);
CREATE TABLE kept (key BLOB PRIMARY KEY, value BLOB NOT NULL, ends REAL) WITHOUT ROWID;
CREATE INDEX kept_ends ON kept (ends);
CREATE TABLE task (whose TEXT PRIMARY KEY, number TEXT NOT NULL, size INTEGER NOT NULL, at INTEGER NOT NULL,
                   about TEXT NOT NULL, done INTEGER NOT NULL, beat REAL NOT NULL, outcome TEXT) WITHOUT ROWID;
CREATE TABLE counted (name TEXT, labels TEXT, value REAL NOT NULL, PRIMARY KEY (name, labels)) WITHOUT ROWID;
CREATE TABLE process (id TEXT PRIMARY KEY, beat REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE leader (one INTEGER PRIMARY KEY CHECK (one = 1), port INTEGER NOT NULL, word BLOB NOT NULL);
"""
_TASKS_KEPT = 86_400.0  # seconds

_T = TypeVar("_T")
_LOG = logging.getLogger("indelible.shared")


class SharedState:
    """The file. May be used from any thread; each has a connection of its own, and none goes through a fork."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened = threading.local()
        self._lock = threading.Lock()
        self._alone: sqlite3.Connection | None = None  # in memory, where the file cannot be used

    def change(self, do: Callable[[sqlite3.Connection], _T]) -> _T:
        """Call `do` in one transaction that no other process is in, and return what it returns."""
        try:
            done = self._change_shared(do)
        except sqlite3.Error as error:
            self._opened.found = None
            return self._change_alone(do, error)
        if self._alone is not None:
            self._come_back()
        return done

    def _change_shared(self, do: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            return _in_one(self._connection(), do)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
        # Its head may be whole, so that it opens: it would be damaged for ever.
        self.close()
        _delete(self._path)
        return _in_one(self._connection(), do)

    def sweep(self, now: float) -> None:
        """Remove what counts no more at an instant, in seconds since 1970."""

        def run(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM bucket WHERE ends < ?", (now,))
            db.execute("DELETE FROM kept WHERE ends < ?", (now,))
            db.execute("DELETE FROM task WHERE beat < ?", (now - _TASKS_KEPT,))

        self.change(run)

    def clear(self, table: str) -> None:
        """Forget everything of one table."""
        self.change(lambda db: db.execute(f"DELETE FROM {table}"))  # noqa: S608 - a name of ours

    def close(self) -> None:
        """Close this thread's connection, for a program that forks or ends."""
        if (found := getattr(self._opened, "found", None)) is not None and found[1] == os.getpid():
            found[0].close()
        self._opened.found = None

    def _connection(self) -> sqlite3.Connection:
        """This thread's connection, to the file that is there now."""
        found: tuple[sqlite3.Connection, int, tuple[int, int]] | None = getattr(self._opened, "found", None)
        if found is not None and found[1] == os.getpid() and found[2] == self._file():
            return found[0]
        self.close()
        db = _open(self._path)
        self._opened.found = (db, os.getpid(), self._file())
        return db

    def _file(self) -> tuple[int, int]:
        try:
            found = os.stat(self._path)
        except OSError:
            return (0, 0)
        return found.st_dev, found.st_ino

    def _change_alone(self, do: Callable[[sqlite3.Connection], _T], error: sqlite3.Error) -> _T:
        with self._lock:
            if self._alone is None:
                _LOG.error("counts are kept in each process alone, as %s cannot be used: %s", self._path.name,
                           type(error).__name__)  # fmt: skip
                self._alone = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
                self._alone.executescript(_TABLES)
            return _in_one(self._alone, do)

    def _come_back(self) -> None:
        with self._lock:
            found, self._alone = self._alone, None
        if found is not None:
            found.close()
            _LOG.warning("counts are shared by every process again")


def _in_one(db: sqlite3.Connection, do: Callable[[sqlite3.Connection], _T]) -> _T:
    db.execute("BEGIN IMMEDIATE")
    try:
        done = do(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return done


def _open(path: Path) -> sqlite3.Connection:
    """Open the file, made where it is not there, and anew where it is another release's or damaged."""
    try:
        return _try_open(path)
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise
        _delete(path)
        return _try_open(path)


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether what is in the file is wrong, and not that it is locked, full, or somebody else's."""
    return type(error) is sqlite3.DatabaseError


def _delete(path: Path) -> None:
    for name in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        try:
            name.unlink(missing_ok=True)
        except OSError as error:
            raise sqlite3.OperationalError(error.strerror) from error


def _try_open(path: Path) -> sqlite3.Connection:
    try:
        # Only its owner may read it. One that is there is not opened here: closing it would take away the locks that
        # SQLite has on it for other threads.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise sqlite3.OperationalError(error.strerror) from error
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = OFF")
        if _version(db) != _VERSION:
            _in_one(db, _make_tables)
    except BaseException:
        db.close()
        raise
    return db


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _make_tables(db: sqlite3.Connection) -> None:
    if _version(db) == _VERSION:  # another process was first
        return
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        db.execute(f'DROP TABLE "{name}"')
    for statement in filter(str.strip, _TABLES.split(";")):
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {_VERSION}")


clock: Callable[[], float] = time.time  # one for every process, also after the machine was started again

_making = threading.Lock()
_state: SharedState | None = None


def shared_state() -> SharedState:
    """Return this installation's."""
    global _state
    with _making:
        if _state is None:
            _state = SharedState(settings.ENVIRONMENT.shared)
        return _state


def digest(text: str) -> bytes:
    """Return what stands for a text in the file: 32 bytes that nobody without the service's secret can try out."""
    key = hashlib.sha256(settings.SECRET_KEY.encode()).digest()
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=32, key=key).digest()
