"""The SQLite store: one file, WAL, a commit is on disk before it is acknowledged (`synchronous=FULL`).

The writer's lock is SQLite's own, taken by `BEGIN IMMEDIATE` before the head is read. A call has a connection to itself
for as long as it lasts, from a small pool that all threads share.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .. import definitions
from ..errors import Conflict, NotFound, StorageFailure
from ..merkle import EMPTY_ROOT
from ..store import (
    AmountTally,
    Batch,
    CheckpointRow,
    Clinic,
    EntryRow,
    Found,
    Head,
    Installation,
    KeyRow,
    LinkRow,
    PersonRow,
    Selection,
    SourceRow,
    TileRow,
)
from . import sqlite_amounts, sqlite_page, sqlite_schema, sqlite_tally

# How long one process waits for another's transaction. Appends last milliseconds, an import batch about a second.
BUSY_SECONDS = 30.0
# Pages copied in one step of a backup, during which writers wait: 4 MiB.
_PAGES = 1_024
# Connections kept open while nobody uses them.
_IDLE = 8
# Rows fetched at once by the readers that go through everything: keeps memory flat.
_CHUNK = 2_000
# Two tables of one file on the same pages: what is written through one is not seen by the other's triggers.
_SAME_PAGE = (
    "SELECT group_concat(name, ' and ') FROM main.sqlite_schema WHERE rootpage > 0"
    " GROUP BY rootpage HAVING count(*) > 1"
)
# Keys looked up by one statement.
_SOUGHT = 500
# SELECTs merged in one statement. SQLite takes at most 500, and 32,766 bound values in all of them.
_ARMS = 200

_ENTRY = ", ".join(EntryRow._fields)
_INSERT_ENTRY = f"INSERT INTO indelible_entry (clinic, {_ENTRY}) VALUES (?{', ?' * len(EntryRow._fields)})"  # noqa: S608
_FOUND = ", ".join(Found._fields)
_CHECKPOINT = ", ".join(CheckpointRow._fields)
_PERSON = ", ".join(PersonRow._fields)
_PERSONS = f"SELECT {_PERSON} FROM indelible_person WHERE clinic = ?"  # noqa: S608


@contextmanager
def _engine() -> Iterator[None]:
    """Turn the engine's errors into one sentence each."""
    try:
        yield
    except sqlite3.Error as error:
        raise StorageFailure(_sentence(error)) from error
    except UnicodeDecodeError as error:  # a text of the schema or a message that quotes it
        raise StorageFailure("the database file is damaged; restore a backup, then run indelible verify") from error


def _sentence(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return {
        sqlite3.SQLITE_FULL: "the disk is full; nothing of this was recorded: free some space and try again",
        sqlite3.SQLITE_READONLY: "the database is read-only here; nothing was recorded: check the file's permissions",
        sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened; check that it and its folder can be written",
        sqlite3.SQLITE_BUSY: f"the database was locked by another process for {BUSY_SECONDS:.0f} seconds; try again",
        sqlite3.SQLITE_LOCKED: "the database is locked by another statement of this process; try again",
        sqlite3.SQLITE_IOERR: "the disk reported an error; nothing of this was recorded: check the disk and its space",
        sqlite3.SQLITE_CORRUPT: "the database file is damaged; restore a backup, then run indelible verify",
        sqlite3.SQLITE_NOTADB: "the file is not an SQLite database",
    }.get(code, f"the database refused: {error}")


def create(path: Path, installation: Installation, now: int) -> None:
    """Make the log's tables in the SQLite file at `path`. Raises StorageFailure."""
    with _engine():
        connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
        try:
            connection.execute("PRAGMA page_size = 8192")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            sqlite_schema.create(connection, path, installation, now)
            connection.execute("COMMIT")
        finally:
            connection.close()


def upgrade(path: Path) -> tuple[int, int]:
    """Bring the log at `path` to this release's schema; return the versions before and after. Raises StorageFailure."""
    if not path.is_file():
        raise StorageFailure(f"there is no database at {path}; `indelible init` makes one")
    with _engine():
        connection = _connect(path)
        try:
            with _transaction(connection) as db:
                if (found := sqlite_schema.version(db)) == 0 or found > sqlite_schema.VERSION:
                    sqlite_schema.check(path, found)
                return sqlite_schema.upgrade(db)
        finally:
            connection.close()


def copy(source: Path, target: Path, progress: Callable[[int, int], None] = lambda done, every: None) -> None:
    """Copy a database that may be in use into the empty file `target`, by SQLite's own backup; it needs no -wal beside.

    `progress` is called with the pages copied and the pages there are. Raises StorageFailure.
    """
    with _engine():
        connection, made = _connect(source), _connect(target)
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
    with _engine():
        connection = _connect(path)
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        finally:
            connection.close()


class _Pool:
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
            return _connect(self._path)

    def give_back(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction or len(self._free) >= _IDLE:
            connection.close()
        else:
            self._free.append(connection)

    def close(self) -> None:
        if self._process == os.getpid():
            while self._free:
                self._free.pop().close()


class SQLiteStore:
    """One SQLite file that holds an activity log. Implements `indelible.store.Store`."""

    def __init__(self, path: Path) -> None:
        """Open an existing log. Raises StorageFailure where there is none, or one of a newer version."""
        if not path.is_file():
            raise StorageFailure(f"there is no database at {path}; `indelible init` makes one")
        self.path = path
        self._pool = _Pool(path)
        self._numbers: dict[str, int] = {}
        try:
            with self._db() as db:
                found = sqlite_schema.version(db)
            sqlite_schema.check(path, found)
        except StorageFailure:
            self.close()
            raise

    @contextmanager
    def _db(self) -> Iterator[sqlite3.Connection]:
        """A connection for the block alone. Raises StorageFailure."""
        with _engine():
            connection = self._pool.take()
            try:
                yield connection
            finally:
                self._pool.give_back(connection)

    def _number(self, db: sqlite3.Connection, clinic_id: str) -> int:
        """The clinic's number in the tables, which it keeps for ever. Raises NotFound."""
        found = self._numbers.get(clinic_id)
        if found is None:
            found = self._numbers[clinic_id] = _number(db, clinic_id)
        return found

    @contextmanager
    def _of(self, clinic_id: str) -> Iterator[tuple[sqlite3.Connection, int]]:
        """A connection for the block alone, and the clinic's number. Raises NotFound, StorageFailure."""
        with self._db() as db:
            yield db, self._number(db, clinic_id)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that commits when the block ends."""
        with self._db() as db, _transaction(db):
            yield db

    def close(self) -> None:
        """Close what is not in use; whoever uses the store again opens a new connection."""
        self._pool.close()

    def installation(self) -> Installation:
        with self._db() as db:
            row = db.execute("SELECT name, master_key FROM indelible_installation").fetchone()
        if row is None:
            raise StorageFailure("the database has lost its own row, so it is damaged; restore a backup")
        return Installation(*row)

    # Clinics and keys

    def add_clinic(self, clinic: Clinic, keys: Sequence[KeyRow], now: int) -> None:
        with self._writing() as db:
            if db.execute("SELECT 1 FROM indelible_clinic WHERE clinic_id = ?", (clinic.id,)).fetchone():
                raise StorageFailure(f"there is already a clinic {clinic.id}")
            own = (clinic.id, clinic.name, clinic.zone, clinic.origin, clinic.vkey, clinic.nobody, now)
            cursor = db.cursor()
            _write(cursor, "INSERT INTO indelible_clinic VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, NULL)", [own])
            number = _number(db, clinic.id)
            _write(cursor, "INSERT INTO indelible_key VALUES (?, ?, ?, ?)", [(number, *key) for key in keys])
            _write(cursor, "INSERT INTO indelible_head VALUES (?, 0, ?, ?, ?)", [(number, b"", EMPTY_ROOT, now)])

    def clinics(self) -> Sequence[Clinic]:
        with self._db() as db:
            rows = db.execute(
                "SELECT clinic_id, name, time_zone, origin, vkey, nobody, closed_at"
                " FROM indelible_clinic ORDER BY clinic_id"
            )
            return [Clinic(*row) for row in rows]

    def zone(self, clinic_id: str) -> str:
        with self._of(clinic_id) as (db, clinic):
            return _zone(db, clinic)

    def keys(self, clinic_id: str) -> Sequence[KeyRow]:
        with self._of(clinic_id) as (db, clinic):
            rows = db.execute("SELECT kind, number, wrapped FROM indelible_key WHERE clinic = ?", (clinic,))
            return [KeyRow(*row) for row in rows]

    def head(self, clinic_id: str) -> Head:
        with self._of(clinic_id) as (db, clinic):
            return _head(db, clinic)

    def delete_keys(self, clinic_id: str) -> None:
        """Delete a closed clinic's keys. Copies of the file have them still, wrapped: no value follows from them."""
        with self._writing() as db:
            clinic = (self._number(db, clinic_id),)
            db.execute("DELETE FROM indelible_key WHERE clinic = ?", clinic)
            _check_gone(db, "SELECT 1 FROM indelible_key WHERE clinic = ?", clinic)

    # The databases that are drained

    def sources(self) -> Sequence[SourceRow]:
        with self._db() as db:
            rows = db.execute('SELECT outbox, "database", xid FROM indelible_source ORDER BY outbox')
            return [SourceRow(*row) for row in rows]

    def keep_source(self, row: SourceRow) -> None:
        with self._writing() as db:
            db.execute("DELETE FROM indelible_source WHERE outbox = ?", (row.outbox,))
            _write(db.cursor(), "INSERT INTO indelible_source VALUES (?, ?, ?)", [row])

    def advance_source(self, outbox: str, xid: int) -> None:
        with self._writing() as db:
            db.execute("UPDATE indelible_source SET xid = ?2 WHERE outbox = ?1 AND xid < ?2", (outbox, xid))

    # Writing

    @contextmanager
    def appending(self, clinic_id: str) -> Iterator[SQLiteAppending]:
        with self._writing() as db:
            yield SQLiteAppending(db, self._number(db, clinic_id), clinic_id)

    # Reading

    def page(self, clinic_id: str, selection: Selection, before: tuple[int, int] | None, limit: int) -> Sequence[Found]:
        with self._of(clinic_id) as (db, clinic):
            resolved = sqlite_page.resolved(db, clinic, selection)
            by_number = sqlite_page.few_numbers(resolved)
            by_action = not by_number and sqlite_page.is_of_rare_actions(db, clinic, resolved)
            arms = sqlite_page.arms(clinic, resolved, before, by_number=by_number, by_action=by_action)
            parts = [self._merged(db, arms[start : start + _ARMS], limit) for start in range(0, len(arms), _ARMS)]
        if len(parts) == 1:
            return parts[0]
        every = {one.seq: one for part in parts for one in part}.values()
        return sorted(every, key=lambda one: (one.occurred_at, one.seq), reverse=True)[:limit]

    def _merged(self, db: sqlite3.Connection, arms: Sequence[tuple[str, list[Any]]], limit: int) -> list[Found]:
        """The first entries of some SELECTs together. SQLite makes no more rows than are taken from it."""
        sql = " UNION ALL ".join(text for text, _ in arms) + " ORDER BY occurred_at DESC, seq DESC"
        found: list[Found] = []
        for row in db.execute(sql, [value for _, bound in arms for value in bound]):
            if not found or found[-1].seq != row[0]:
                found.append(Found(*row))
                if len(found) == limit:
                    break
        return found

    def counts(self, clinic_id: str, selection: Selection, edges: Sequence[int]) -> Sequence[int]:
        with self._of(clinic_id) as (db, clinic):
            return sqlite_tally.counts(db, clinic, selection, edges)

    def amounts(self, clinic_id: str, selection: Selection) -> Sequence[AmountTally]:
        with self._of(clinic_id) as (db, clinic):
            return sqlite_amounts.amounts(db, clinic, selection)

    def one(self, clinic_id: str, seq: int) -> Found:
        with self._of(clinic_id) as (db, clinic):
            return _one(db, clinic, seq)

    def first_recorded(self, clinic_id: str, instant: int, up_to: int) -> int:
        """By halving: each step reads one entry's `recorded_at`."""
        low, high = 1, up_to + 1
        sql = "SELECT seq, recorded_at FROM indelible_entry WHERE clinic = ? AND seq >= ? ORDER BY seq LIMIT 1"
        with self._of(clinic_id) as (db, clinic):
            while low < high:
                middle = (low + high) // 2
                row = db.execute(sql, (clinic, middle)).fetchone()
                if row is None or row[1] >= instant:
                    high = middle
                else:
                    low = row[0] + 1
        return low

    def find(self, clinic_id: str, entry_id: bytes) -> int | None:
        sql = "SELECT seq FROM indelible_entry WHERE clinic = ? AND id = ?"
        with self._of(clinic_id) as (db, clinic):
            row = db.execute(sql, (clinic, entry_id)).fetchone()
        return row[0] if row else None

    def persons(self, clinic_id: str, tokens: Sequence[bytes]) -> Sequence[PersonRow]:
        with self._of(clinic_id) as (db, clinic):
            return list(_persons(db, clinic, tokens))

    def unscrubbed(self, clinic_id: str) -> Sequence[PersonRow]:
        with self._of(clinic_id) as (db, clinic):
            rows = db.execute(f"{_PERSONS} AND erased_by IS NOT NULL AND scrubbed_by IS NULL", (clinic,))
            return [PersonRow(*row) for row in rows]

    def seqs_of(self, clinic_id: str, token: bytes) -> Sequence[int]:
        sql = "SELECT seq FROM indelible_link WHERE clinic = ? AND kind = 'person' AND ref = ? ORDER BY seq"
        with self._of(clinic_id) as (db, clinic):
            return [seq for (seq,) in db.execute(sql, (clinic, token))]

    def actors(self, clinic_id: str, kind: str, limit: int) -> Sequence[bytes]:
        """The references of the actors of a kind that occur, by skipping through their index: one seek for each."""
        sql = (
            "SELECT actor FROM indelible_entry WHERE clinic = ? AND actor_kind = ? AND actor > ? ORDER BY actor LIMIT 1"
        )
        found: list[bytes] = []
        with self._of(clinic_id) as (db, clinic):
            while len(found) < limit:
                row = db.execute(sql, (clinic, kind, found[-1] if found else b"")).fetchone()
                if row is None:
                    break
                found.append(row[0])
        return found

    def actions(self, clinic_id: str) -> Sequence[str]:
        """The action codes that occur."""
        return self._skipped(clinic_id, "action", "indelible_entry")

    def kinds(self, clinic_id: str) -> Sequence[str]:
        """The kinds of things that entries refer to."""
        return self._skipped(clinic_id, "kind", "indelible_link")

    def _skipped(self, clinic_id: str, column: str, table: str) -> Sequence[str]:
        """The different values of a column, by skipping through its index: one seek for each."""
        sql = f"SELECT {column} FROM {table} WHERE clinic = ? AND {column} > ? ORDER BY {column} LIMIT 1"  # noqa: S608
        values: list[str] = []
        with self._of(clinic_id) as (db, clinic):
            while row := db.execute(sql, (clinic, values[-1] if values else "")).fetchone():
                values.append(row[0])
        return values

    def is_linked(self, clinic_id: str, kind: str, seq: int, occurred_at: int, prefix: bytes) -> bool:
        sql = (
            "SELECT 1 FROM indelible_link WHERE clinic = ? AND kind = ? AND ref >= ? AND ref <= ?"
            " AND occurred_at <= ? AND seq < ? LIMIT 1"
        )
        last = prefix + b"\xff" * 16  # no reference of this kind is longer
        with self._of(clinic_id) as (db, clinic):
            return db.execute(sql, (clinic, kind, prefix, last, occurred_at, seq)).fetchone() is not None

    def erasures(self, clinic_id: str, tokens: Sequence[bytes]) -> Sequence[bytes]:
        """The bodies of the entries by which these persons were anonymized."""
        sql = (
            "SELECT e.body FROM indelible_link l CROSS JOIN indelible_entry e"
            " ON e.clinic = l.clinic AND e.seq = l.seq AND e.action = 'client.anonymized'"
            " WHERE l.clinic = ? AND l.kind = 'person' AND l.ref = ? AND l.as_target = 1"
        )
        with self._of(clinic_id) as (db, clinic):
            return [body for token in tokens for (body,) in db.execute(sql, (clinic, token))]

    def erasures_behind(self, clinic_id: str, seq: int) -> Sequence[Found]:
        """By the index of actions: an account erases few people."""
        sql = (
            f"SELECT {_FOUND} FROM indelible_entry WHERE clinic = ? AND action = 'client.anonymized' AND +seq > ?"  # noqa: S608
            " ORDER BY +seq"
        )
        with self._of(clinic_id) as (db, clinic):
            return [Found(*row) for row in db.execute(sql, (clinic, seq))]

    # Checkpoints

    def bodies(self, clinic_id: str, after: int, up_to: int) -> Iterator[bytes]:
        for start in range(after, up_to, _CHUNK):
            end = min(start + _CHUNK, up_to)
            with self._of(clinic_id) as (db, clinic):
                rows = _bodies(db, clinic, start, end)
            yield from rows
            if len(rows) < end - start:
                return  # the caller finds that entries are missing; a head may say that there are very many more

    def tile(self, clinic_id: str, level: int, number: int) -> bytes | None:
        sql = "SELECT hashes FROM indelible_tile WHERE clinic = ? AND level = ? AND number = ?"
        with self._of(clinic_id) as (db, clinic):
            row = db.execute(sql, (clinic, level, number)).fetchone()
        return row[0] if row else None

    def tile_roots(self, clinic_id: str, level: int, begin: int, end: int) -> Sequence[bytes]:
        with self._of(clinic_id) as (db, clinic):
            return _tile_roots(db, clinic, level, begin, end)

    def last_checkpoint(self, clinic_id: str) -> CheckpointRow | None:
        sql = f"SELECT {_CHECKPOINT} FROM indelible_checkpoint WHERE clinic = ? ORDER BY size DESC LIMIT 1"  # noqa: S608
        with self._of(clinic_id) as (db, clinic):
            row = db.execute(sql, (clinic,)).fetchone()
        return CheckpointRow(*row) if row else None

    def add_checkpoint(self, clinic_id: str, row: CheckpointRow) -> None:
        """Write a checkpoint's row; the same one a second time is no error, since two processes may both finish it."""
        with self._writing() as db:
            clinic = self._number(db, clinic_id)
            known = db.execute(
                "SELECT note FROM indelible_checkpoint WHERE clinic = ? AND size = ?", (clinic, row.size)
            ).fetchone()
            if known is None:
                _write(db.cursor(), "INSERT INTO indelible_checkpoint VALUES (?, ?, ?, ?, ?, ?)", [(clinic, *row)])

    @contextmanager
    def snapshot(self, clinic_id: str) -> Iterator[SQLiteSnapshot]:
        """A read transaction on a connection of its own, so that the caller may write meanwhile."""
        with _engine():
            connection = _connect(self.path)
            try:
                connection.execute("PRAGMA temp_store = FILE")
                connection.execute("BEGIN")
                yield SQLiteSnapshot(connection, _number(connection, clinic_id))
            finally:
                connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    with _engine():
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
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _number(db: sqlite3.Connection, clinic_id: str) -> int:
    row = db.execute("SELECT clinic FROM indelible_clinic WHERE clinic_id = ?", (clinic_id,)).fetchone()
    if row is None:
        raise NotFound(f"there is no clinic {clinic_id} in this database")
    return int(row[0])


def _head(db: sqlite3.Connection | sqlite3.Cursor, clinic: int) -> Head:
    row = db.execute(
        "SELECT size, frontier, root, recorded_at FROM indelible_head WHERE clinic = ?", (clinic,)
    ).fetchone()
    if row is None:
        raise StorageFailure("the head of a clinic's log is gone, so the database is damaged; restore a backup")
    return Head(*row)


def _one(db: sqlite3.Connection | sqlite3.Cursor, clinic: int, seq: int) -> Found:
    sql = f"SELECT {_FOUND} FROM indelible_entry WHERE clinic = ? AND seq = ?"  # noqa: S608 - constant columns
    row = db.execute(sql, (clinic, seq)).fetchone()
    if row is None:
        raise NotFound(f"there is no entry {seq} in this log")
    return Found(*row)


def _bodies(db: sqlite3.Connection | sqlite3.Cursor, clinic: int, after: int, up_to: int) -> list[bytes]:
    sql = "SELECT body FROM indelible_entry WHERE clinic = ? AND seq > ? AND seq <= ? ORDER BY seq"
    return [body for (body,) in db.execute(sql, (clinic, after, up_to))]


def _tile_roots(db: sqlite3.Connection | sqlite3.Cursor, clinic: int, level: int, begin: int, end: int) -> list[bytes]:
    sql = (
        "SELECT root FROM indelible_tile WHERE clinic = ? AND level = ? AND number >= ? AND number < ? ORDER BY number"
    )
    return [root for (root,) in db.execute(sql, (clinic, level, begin, end))]


def _persons(db: sqlite3.Connection | sqlite3.Cursor, clinic: int, tokens: Sequence[bytes]) -> Iterator[PersonRow]:
    for token in tokens:
        row = db.execute(f"{_PERSONS} AND token = ?", (clinic, token)).fetchone()
        if row is not None:
            yield PersonRow(*row)


def _seqs_of_keys(db: sqlite3.Connection | sqlite3.Cursor, clinic: int, keys: Sequence[bytes]) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for start in range(0, len(keys), _SOUGHT):
        some = keys[start : start + _SOUGHT]
        places = ", ".join("?" * len(some))
        sql = f"SELECT key, seq FROM indelible_idempotency WHERE clinic = ? AND key IN ({places})"  # noqa: S608
        found.update(db.execute(sql, (clinic, *some)))
    return found


class SQLiteAppending:
    """An open transaction that holds the head of one clinic. Implements `indelible.store.Appending`."""

    def __init__(self, connection: sqlite3.Connection, clinic: int, clinic_id: str) -> None:
        self._clinic = clinic
        self._cursor = connection.cursor()
        self.head = _head(self._cursor, clinic)
        self.zone = _zone(self._cursor, clinic)
        closed = "SELECT closed_at FROM indelible_clinic WHERE clinic = ? AND closed_at IS NOT NULL"
        if self._cursor.execute(closed, (clinic,)).fetchone():
            raise StorageFailure(f"clinic {clinic_id} was closed; nothing more is recorded in its log")

    def persons(self, tokens: Sequence[bytes]) -> Mapping[bytes, PersonRow]:
        return {row.token: row for row in _persons(self._cursor, self._clinic, tokens)}

    def newest_erasure(self) -> int | None:
        sql = (
            "SELECT occurred_at FROM indelible_entry WHERE clinic = ? AND action = 'client.anonymized'"
            " ORDER BY occurred_at DESC, seq DESC LIMIT 1"
        )
        row = self._cursor.execute(sql, (self._clinic,)).fetchone()
        return row[0] if row else None

    def seqs_of_keys(self, keys: Sequence[bytes]) -> Mapping[bytes, int]:
        return _seqs_of_keys(self._cursor, self._clinic, keys)

    def one(self, seq: int) -> Found:
        return _one(self._cursor, self._clinic, seq)

    def bodies(self, after: int, up_to: int) -> Sequence[bytes]:
        return _bodies(self._cursor, self._clinic, after, up_to)

    def tile_roots(self, level: int, begin: int, end: int) -> Sequence[bytes]:
        return _tile_roots(self._cursor, self._clinic, level, begin, end)

    def scrub(self, rows: Sequence[tuple[int, bytes]]) -> None:
        _write(
            self._cursor,
            "UPDATE indelible_entry SET sealed = ? WHERE clinic = ? AND seq = ?",
            [(left, self._clinic, seq) for seq, left in rows],
        )

    def mark_erased(self, token: bytes, by: int) -> None:
        _write(
            self._cursor,
            "UPDATE indelible_person SET erased_by = ? WHERE clinic = ? AND token = ?",
            [(by, self._clinic, token)],
        )

    def mark_scrubbed(self, token: bytes, by: int) -> None:
        _write(
            self._cursor,
            "UPDATE indelible_person SET scrubbed_by = ? WHERE clinic = ? AND token = ?",
            [(by, self._clinic, token)],
        )

    def close(self, now: int) -> None:
        """Mark the clinic as closed: from here on nothing is appended to its log."""
        self._cursor.execute("UPDATE indelible_clinic SET closed_at = ? WHERE clinic = ?", (now, self._clinic))

    def set_name(self, name: str, *, was: str | None = None) -> None:
        self._set("UPDATE indelible_clinic SET name = ? WHERE clinic = ? AND name = coalesce(?, name)", name, was)

    def set_zone(self, zone: str, *, was: str | None = None) -> None:
        self._set(
            "UPDATE indelible_clinic SET time_zone = ? WHERE clinic = ? AND time_zone = coalesce(?, time_zone)",
            zone, was,
        )  # fmt: skip
        self.zone = zone

    def _set(self, statement: str, value: str, was: str | None) -> None:
        if self._cursor.execute(statement, (value, self._clinic, was)).rowcount == 0:
            raise Conflict("the clinic's settings were changed at the same moment; look at them, and try again")

    def write(self, batch: Batch) -> None:
        """Write a batch and move the head. A crash before the commit leaves nothing of it."""
        clinic = (self._clinic,)
        # sqlite3 looks for an adapter of every value that is no int, float, str or bytearray, which costs more than to
        # make a bytearray of it.
        entries = [
            (*clinic, seq, bytearray(entry_id), occurred, recorded, action, kind, actor and bytearray(actor), minor,
             currency, bytearray(body), bytearray(sealed))
            for seq, entry_id, occurred, recorded, action, kind, actor, minor, currency, body, sealed in batch.entries
        ]  # fmt: skip
        _write(self._cursor, _INSERT_ENTRY, entries)
        _write(self._cursor, "INSERT INTO indelible_tile VALUES (?, ?, ?, ?, ?)", [clinic + row for row in batch.tiles])
        links = [
            (*clinic, kind, bytearray(ref), int(as_target), occurred, seq)
            for kind, ref, as_target, occurred, seq in batch.links
        ]
        _write(self._cursor, "INSERT INTO indelible_link VALUES (?, ?, ?, ?, ?, ?)", links)
        _write(
            self._cursor,
            f"INSERT INTO indelible_person (clinic, {_PERSON}) VALUES (?, ?, ?, ?, ?)",  # noqa: S608 - constant columns
            [clinic + row for row in batch.persons],
        )
        _write(
            self._cursor,
            "UPDATE indelible_person SET sealed = ? WHERE clinic = ? AND token = ?",
            [(row.sealed, self._clinic, row.token) for row in batch.renamed],
        )
        _write(self._cursor, "INSERT INTO indelible_idempotency VALUES (?, ?, ?)", [clinic + row for row in batch.keys])
        _write(
            self._cursor,
            "UPDATE indelible_head SET size = ?, frontier = ?, root = ?, recorded_at = ? WHERE clinic = ?",
            [batch.head + clinic],
        )
        self.head = batch.head


_IN_THE_WAY = "so nothing of this was kept; `indelible verify` says what is in the way"


def _write(cursor: sqlite3.Cursor, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """Write rows, all of them: a trigger that is not ours may swallow one without an error."""
    if rows and cursor.executemany(statement, rows).rowcount != len(rows):
        raise StorageFailure(f"the database did not take every row, {_IN_THE_WAY}")


def _check_gone(db: sqlite3.Connection | sqlite3.Cursor, statement: str, values: Sequence[Any]) -> None:
    """Raise StorageFailure where a row is left of what was deleted: a trigger that is not ours may have kept it."""
    if db.execute(statement, values).fetchone():
        raise StorageFailure(f"the database did not delete every row, {_IN_THE_WAY}")


def _zone(db: sqlite3.Connection | sqlite3.Cursor, clinic: int) -> str:
    (zone,) = db.execute("SELECT time_zone FROM indelible_clinic WHERE clinic = ?", (clinic,)).fetchone()
    return str(zone)


class SQLiteSnapshot:
    """One unmoving view of a clinic's rows. Implements `indelible.store.Snapshot`."""

    def __init__(self, connection: sqlite3.Connection, clinic: int) -> None:
        self._connection, self._clinic = connection, (clinic,)
        self.head = _head(connection, clinic)
        self.zone = _zone(connection, clinic)

    def defects(self) -> Iterator[str]:
        """What is wrong with the database around the rows: definitions that are not ours, an index that lies.

        Lists are read by indexes and verification by tables, so an index that leaves a row out hides an entry.
        """
        yield from definitions.differences(sqlite_schema.found_in(self._connection), sqlite_schema.expected())
        for what in self._contradictions():
            yield f"the database file contradicts itself, so lists may be wrong: {what}"

    def _contradictions(self) -> Iterator[str]:
        """What SQLite finds wrong with our tables and with the file's pages.

        It checks with them whatever else somebody put into the file, and may not be able to: an index can need a
        function or a collation that is not here. Then ours are checked alone.
        """
        try:
            every = [what for (what,) in self._connection.execute("PRAGMA main.integrity_check(10)")]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
                raise
            every = [f"{names} begin at the same page" for (names,) in self._connection.execute(_SAME_PAGE)]
        else:
            if every == ["ok"]:
                return
            every = [what for what in every if what.startswith("*** in database")]  # the pages, not a table's rows
        yield from every
        for one in sqlite_schema.found_in(self._connection):
            if one.kind == "table":
                yield from self._contradictions_in(one.name)

    def _contradictions_in(self, table: str) -> Iterator[str]:
        quoted = table.replace('"', '""')
        try:
            for (what,) in self._connection.execute(f'PRAGMA main.integrity_check("{quoted}")'):
                if what != "ok":
                    yield what
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
                raise
            yield f"{table} cannot be checked: {error}"

    def unguarded(self) -> Sequence[str]:
        found, expected = sqlite_schema.found_in(self._connection), sqlite_schema.expected()
        return [one.name for one in definitions.missing_triggers(found, expected)]

    def entries(self) -> Iterator[EntryRow]:
        sql = f"SELECT {_ENTRY} FROM indelible_entry WHERE clinic = ? ORDER BY seq"  # noqa: S608 - constant columns
        return map(EntryRow._make, self._rows(sql))

    def tiles(self) -> Iterator[TileRow]:
        sql = "SELECT level, number, root, hashes FROM indelible_tile WHERE clinic = ? ORDER BY level, number"
        return map(TileRow._make, self._rows(sql))

    def links(self) -> Iterator[LinkRow]:
        """Sorted by SQLite in a temporary file: an index by seq would cost every append, for verification alone."""
        sql = "SELECT kind, ref, as_target, occurred_at, seq FROM indelible_link WHERE clinic = ? ORDER BY seq"
        return map(LinkRow._make, self._rows(sql))

    def persons(self) -> Iterator[PersonRow]:
        return map(PersonRow._make, self._rows(f"{_PERSONS} ORDER BY token"))

    def seqs_of_keys(self, keys: Sequence[bytes]) -> Mapping[bytes, int]:
        return _seqs_of_keys(self._connection, *self._clinic, keys)

    def used_keys(self) -> Iterator[tuple[bytes, int]]:
        return self._rows("SELECT key, seq FROM indelible_idempotency WHERE clinic = ?")

    def checkpoints(self) -> Iterator[CheckpointRow]:
        return map(
            CheckpointRow._make,
            self._rows(
                f"SELECT {_CHECKPOINT} FROM indelible_checkpoint WHERE clinic = ? ORDER BY size"  # noqa: S608
            ),
        )

    def _rows(self, sql: str) -> Iterator[Any]:
        cursor = self._connection.execute(sql, self._clinic)
        cursor.arraysize = _CHUNK
        return iter(cursor)
