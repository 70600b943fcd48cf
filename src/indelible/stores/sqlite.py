"""The SQLite store: one file, WAL, a commit is on disk before it is acknowledged (`synchronous=FULL`).

The writer's lock is SQLite's own: `BEGIN IMMEDIATE` for our transactions, and in a host's transaction a write to the
head row before it is read, which takes the lock that the host would need anyway. A connection belongs to one thread.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson

from ..errors import NotFound, StorageFailure
from ..merkle import EMPTY_ROOT
from ..store import (
    Batch,
    CheckpointRow,
    Clinic,
    EntryRow,
    Found,
    Head,
    Installation,
    KeyRow,
    LinkRow,
    PersonalRow,
    PersonRow,
    Selection,
)
from . import sqlite_page

SCHEMA_VERSION = 1

# How long one process waits for another's transaction. Appends last milliseconds, an import batch about a second.
BUSY_SECONDS = 30.0
# Rows fetched at once by the readers that go through everything: keeps memory flat.
_CHUNK = 2_000
# SELECTs merged in one statement. SQLite takes at most 500, and 32,766 bound values in all of them.
_ARMS = 200

_ENTRY = ", ".join(EntryRow._fields)
_INSERT_ENTRY = f"INSERT INTO indelible_entry (clinic_id, {_ENTRY}) VALUES (?{', ?' * len(EntryRow._fields)})"  # noqa: S608


@contextmanager
def _engine() -> Iterator[None]:
    """Turn the engine's errors into one sentence each."""
    try:
        yield
    except sqlite3.Error as error:
        raise StorageFailure(_sentence(error)) from error


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
    """Make the log's tables in the SQLite file at `path`, new or a host's own. Raises StorageFailure."""
    with _engine():
        connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            if _version(connection):
                raise StorageFailure(f"{path} already holds an activity log")
            for statement in _statements("0001_initial.sql"):
                connection.execute(statement)
            connection.execute("CREATE TABLE indelible_schema (version INTEGER NOT NULL) STRICT")
            connection.execute("INSERT INTO indelible_schema VALUES (?)", (SCHEMA_VERSION,))
            connection.execute(
                "INSERT INTO indelible_installation VALUES (1, ?, ?, ?)",
                (installation.name, installation.master_key, now),
            )
            connection.execute("COMMIT")
        finally:
            connection.close()


def _statements(name: str) -> Iterator[str]:
    """The statements of a migration; a trigger holds semicolons of its own, so SQLite says where one ends."""
    text = files(__package__).joinpath("sql/sqlite").joinpath(name).read_text("utf-8")
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _version(connection: sqlite3.Connection) -> int:
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'indelible_schema'").fetchone():
        return 0
    row = connection.execute("SELECT version FROM indelible_schema").fetchone()
    return row[0] if row and isinstance(row[0], int) else 0  # else a table of the same name that is not ours


class SQLiteStore:
    """One SQLite file that holds an activity log. Implements `indelible.store.Store`."""

    def __init__(self, path: Path) -> None:
        """Open an existing log. Raises StorageFailure where there is none, or one of a newer version."""
        if not path.is_file():
            raise StorageFailure(f"there is no database at {path}; `indelible init` makes one")
        self.path = path
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        try:
            self._check_version()
        except StorageFailure:
            self.close()
            raise

    def _check_version(self) -> None:
        path = self.path
        with _engine():
            version = _version(self._connection())
        if version == 0:
            raise StorageFailure(f"{path} is a database without an activity log; `indelible init` makes one in it")
        if version > SCHEMA_VERSION:
            raise StorageFailure(
                f"{path} was made by a newer Indelible (schema {version}; this one knows {SCHEMA_VERSION}); update it"
            )

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = _connect(self.path)
            self._local.connection = connection
            self._open.append(connection)
        return connection

    def close(self) -> None:
        for connection in self._open:
            connection.close()
        self._open.clear()
        self._local = threading.local()

    def installation(self) -> Installation:
        with _engine():
            name, master_key = (
                self._connection().execute("SELECT name, master_key FROM indelible_installation").fetchone()
            )
        return Installation(name, master_key)

    # Clinics and keys

    def add_clinic(self, clinic: Clinic, keys: Sequence[KeyRow], now: int) -> None:
        with _engine(), _transaction(self._connection()) as db:
            if db.execute("SELECT 1 FROM indelible_clinic WHERE clinic_id = ?", (clinic.id,)).fetchone():
                raise StorageFailure(f"there is already a clinic {clinic.id}")
            db.execute(
                "INSERT INTO indelible_clinic VALUES (?, ?, ?, ?, ?, ?, ?)",
                (clinic.id, clinic.name, clinic.zone, clinic.origin, clinic.vkey, clinic.nobody, now),
            )
            db.executemany("INSERT INTO indelible_key VALUES (?, ?, ?, ?)", [(clinic.id, *key) for key in keys])
            db.execute("INSERT INTO indelible_head VALUES (?, 0, ?, ?, ?)", (clinic.id, b"", EMPTY_ROOT, now))

    def clinics(self) -> Sequence[Clinic]:
        with _engine():
            rows = self._connection().execute(
                "SELECT clinic_id, name, time_zone, origin, vkey, nobody FROM indelible_clinic ORDER BY clinic_id"
            )
            return [Clinic(*row) for row in rows]

    def zone(self, clinic_id: str) -> str:
        with _engine():
            return _zone(self._connection(), clinic_id)

    def keys(self, clinic_id: str) -> Sequence[KeyRow]:
        with _engine():
            rows = self._connection().execute(
                "SELECT kind, number, wrapped FROM indelible_key WHERE clinic_id = ?", (clinic_id,)
            )
            return [KeyRow(*row) for row in rows]

    def head(self, clinic_id: str) -> Head:
        with _engine():
            return _head(self._connection(), clinic_id)

    # Writing

    @contextmanager
    def appending(self, clinic_id: str, within: Any = None) -> Iterator[SQLiteAppending]:
        with _engine():
            if within is None:
                with _transaction(self._connection()) as db:
                    yield SQLiteAppending(db, clinic_id)
            else:
                with self._in_host_transaction(within, clinic_id) as db:
                    yield SQLiteAppending(db, clinic_id)

    @contextmanager
    def _in_host_transaction(self, host: sqlite3.Connection, clinic_id: str) -> Iterator[sqlite3.Connection]:
        # The host may have a row factory and a text factory of its own; ours must be tuples and str.
        cursor = host.cursor()
        cursor.row_factory = None
        texts, host.text_factory = host.text_factory, str
        try:
            with self._in_savepoint(host, cursor, clinic_id):
                yield host
        finally:
            host.text_factory = texts

    @contextmanager
    def _in_savepoint(self, host: sqlite3.Connection, cursor: sqlite3.Cursor, clinic_id: str) -> Iterator[None]:
        attached = {name: file for _, name, file in cursor.execute("PRAGMA database_list").fetchall()}
        if not attached.get("main") or Path(attached["main"]).resolve() != self.path.resolve():
            raise StorageFailure("the connection is to another database file than the log; use one to the same file")
        if not host.in_transaction:
            raise StorageFailure(
                "the connection is not in a transaction; begin one, so that entry and change commit together"
            )
        host.execute("SAVEPOINT indelible_append")
        try:
            # Takes the write lock before the head is read: otherwise another writer could number between the two.
            host.execute("UPDATE indelible_head SET size = size WHERE clinic_id = ?", (clinic_id,))
            yield
        except BaseException:
            if host.in_transaction:  # a full disk or a lost lock may have rolled everything back already
                host.execute("ROLLBACK TO indelible_append")
                host.execute("RELEASE indelible_append")
            raise
        host.execute("RELEASE indelible_append")

    # Reading

    def page(self, clinic_id: str, selection: Selection, before: tuple[int, int] | None, limit: int) -> Sequence[Found]:
        with _engine():
            arms = sqlite_page.arms(
                clinic_id, sqlite_page.with_few_actors(self._connection(), clinic_id, selection), before
            )
        found: list[Found] = []
        for start in range(0, len(arms), _ARMS):
            part = arms[start : start + _ARMS]
            sql = " UNION ALL ".join(text for text, _ in part) + " ORDER BY occurred_at DESC, seq DESC LIMIT ?"
            values = [value for _, bound in part for value in bound]
            with _engine():
                found += [Found(*row) for row in self._connection().execute(sql, (*values, limit))]
        if len(arms) > _ARMS:
            found = sorted(found, key=lambda one: (one.occurred_at, one.seq), reverse=True)[:limit]
        return found

    def personal(self, clinic_id: str, seqs: Sequence[int]) -> Sequence[PersonalRow]:
        with _engine():
            rows = self._connection().execute(
                "SELECT seq, token, class, sealed FROM indelible_personal"
                " WHERE clinic_id = ? AND seq IN (SELECT value FROM json_each(?))",
                (clinic_id, orjson.dumps(list(seqs)).decode()),
            )
            return [PersonalRow(*row) for row in rows]

    def one(self, clinic_id: str, seq: int) -> Found:
        with _engine():
            row = self._connection().execute(
                "SELECT seq, occurred_at, body FROM indelible_entry WHERE clinic_id = ? AND seq = ?", (clinic_id, seq)
            ).fetchone()  # fmt: skip
        if row is None:
            raise NotFound(f"there is no entry {seq} in this log")
        return Found(*row)

    def find(self, clinic_id: str, entry_id: bytes) -> int | None:
        with _engine():
            row = self._connection().execute(
                "SELECT seq FROM indelible_entry WHERE clinic_id = ? AND id = ?", (clinic_id, entry_id)
            ).fetchone()  # fmt: skip
        return row[0] if row else None

    def token(self, clinic_id: str, lookup: bytes) -> bytes | None:
        with _engine():
            row = self._connection().execute(
                "SELECT token FROM indelible_person WHERE clinic_id = ? AND lookup = ?", (clinic_id, lookup)
            ).fetchone()  # fmt: skip
        return row[0] if row else None

    def actions(self, clinic_id: str) -> Sequence[str]:
        """The action codes that occur, by skipping through the index: one seek for each."""
        codes: list[str] = []
        with _engine():
            while True:
                row = self._connection().execute(
                    "SELECT action FROM indelible_entry WHERE clinic_id = ? AND action > ? ORDER BY action LIMIT 1",
                    (clinic_id, codes[-1] if codes else ""),
                ).fetchone()  # fmt: skip
                if row is None:
                    return codes
                codes.append(row[0])

    # Checkpoints

    def leaves(self, clinic_id: str, after: int, up_to: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield (body, leaf hash) of the entries with after < seq <= up_to, in order."""
        for start in range(after, up_to, _CHUNK):
            with _engine():
                rows = self._connection().execute(
                    "SELECT body, leaf_hash FROM indelible_entry"
                    " WHERE clinic_id = ? AND seq > ? AND seq <= ? ORDER BY seq",
                    (clinic_id, start, min(start + _CHUNK, up_to)),
                ).fetchall()  # fmt: skip
            yield from rows

    def last_checkpoint(self, clinic_id: str) -> CheckpointRow | None:
        with _engine():
            row = self._connection().execute(
                "SELECT size, root, frontier, note, signed_at FROM indelible_checkpoint"
                " WHERE clinic_id = ? ORDER BY size DESC LIMIT 1",
                (clinic_id,),
            ).fetchone()  # fmt: skip
        return CheckpointRow(*row) if row else None

    def add_checkpoint(self, clinic_id: str, row: CheckpointRow) -> None:
        """Write a checkpoint's row; the same one a second time is no error, since two processes may both finish it."""
        with _engine(), _transaction(self._connection()) as db:
            known = db.execute(
                "SELECT note FROM indelible_checkpoint WHERE clinic_id = ? AND size = ?", (clinic_id, row.size)
            ).fetchone()
            if known is None:
                db.execute("INSERT INTO indelible_checkpoint VALUES (?, ?, ?, ?, ?, ?)", (clinic_id, *row))

    @contextmanager
    def snapshot(self, clinic_id: str) -> Iterator[SQLiteSnapshot]:
        """A read transaction on a connection of its own, so that the caller may write meanwhile."""
        with _engine():
            connection = _connect(self.path)
            try:
                connection.execute("PRAGMA temp_store = FILE")
                connection.execute("BEGIN")
                yield SQLiteSnapshot(connection, clinic_id)
            finally:
                connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    with _engine():
        connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
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


def _head(db: sqlite3.Connection | sqlite3.Cursor, clinic_id: str) -> Head:
    row = db.execute(
        "SELECT size, frontier, root, recorded_at FROM indelible_head WHERE clinic_id = ?", (clinic_id,)
    ).fetchone()
    if row is None:
        raise NotFound(f"there is no clinic {clinic_id} in this database")
    return Head(*row)


class SQLiteAppending:
    """An open transaction that holds the head of one clinic. Implements `indelible.store.Appending`."""

    def __init__(self, connection: sqlite3.Connection, clinic_id: str) -> None:
        self._clinic_id = clinic_id
        # A host's connection may have a row factory of its own; ours must be tuples.
        self._cursor = connection.cursor()
        self._cursor.row_factory = None
        self.head = _head(self._cursor, clinic_id)
        self.zone = _zone(self._cursor, clinic_id)

    def persons(self, lookups: Sequence[bytes]) -> Mapping[bytes, PersonRow]:
        found = {}
        for lookup in lookups:
            row = self._cursor.execute(
                "SELECT token, lookup, sealed FROM indelible_person WHERE clinic_id = ? AND lookup = ?",
                (self._clinic_id, lookup),
            ).fetchone()
            if row is not None:
                found[lookup] = PersonRow(*row)
        return found

    def seqs_of_keys(self, keys: Sequence[bytes]) -> Mapping[bytes, int]:
        found = {}
        for key in keys:
            row = self._cursor.execute(
                "SELECT seq FROM indelible_idempotency WHERE clinic_id = ? AND key = ?", (self._clinic_id, key)
            ).fetchone()
            if row is not None:
                found[key] = row[0]
        return found

    def body(self, seq: int) -> bytes:
        row = self._cursor.execute(
            "SELECT body FROM indelible_entry WHERE clinic_id = ? AND seq = ?", (self._clinic_id, seq)
        ).fetchone()
        if row is None:
            raise NotFound(f"there is no entry {seq}")
        return bytes(row[0])

    def personal(self, seq: int) -> Sequence[PersonalRow]:
        rows = self._cursor.execute(
            "SELECT seq, token, class, sealed FROM indelible_personal WHERE clinic_id = ? AND seq = ?",
            (self._clinic_id, seq),
        )
        return [PersonalRow(*row) for row in rows]

    def set_zone(self, zone: str) -> None:
        self._cursor.execute("UPDATE indelible_clinic SET time_zone = ? WHERE clinic_id = ?", (zone, self._clinic_id))
        self.zone = zone

    def write(self, batch: Batch) -> None:
        """Write a batch and move the head. A crash before the commit leaves nothing of it."""
        clinic = (self._clinic_id,)
        many = self._cursor.executemany
        many(_INSERT_ENTRY, [clinic + row for row in batch.entries])
        many("INSERT INTO indelible_personal VALUES (?, ?, ?, ?, ?)", [clinic + row for row in batch.personal])
        many("INSERT INTO indelible_link VALUES (?, ?, ?, ?, ?, ?)", [clinic + row for row in batch.links])
        many("INSERT INTO indelible_person VALUES (?, ?, ?, ?)", [clinic + row for row in batch.persons])
        many(
            "UPDATE indelible_person SET sealed = ? WHERE clinic_id = ? AND token = ?",
            [(row.sealed, self._clinic_id, row.token) for row in batch.renamed],
        )
        many("INSERT INTO indelible_idempotency VALUES (?, ?, ?)", [clinic + row for row in batch.keys])
        self._cursor.execute(
            "UPDATE indelible_head SET size = ?, frontier = ?, root = ?, recorded_at = ? WHERE clinic_id = ?",
            batch.head + clinic,
        )
        self.head = batch.head


def _zone(db: sqlite3.Connection | sqlite3.Cursor, clinic_id: str) -> str:
    row = db.execute("SELECT time_zone FROM indelible_clinic WHERE clinic_id = ?", (clinic_id,)).fetchone()
    if row is None:
        raise NotFound(f"there is no clinic {clinic_id} in this database")
    return str(row[0])


class SQLiteSnapshot:
    """One unmoving view of a clinic's rows. Implements `indelible.store.Snapshot`."""

    def __init__(self, connection: sqlite3.Connection, clinic_id: str) -> None:
        self._connection, self._clinic = connection, (clinic_id,)
        self.head = _head(connection, clinic_id)
        self.zone = _zone(connection, clinic_id)

    def entries(self) -> Iterator[EntryRow]:
        sql = f"SELECT {_ENTRY} FROM indelible_entry WHERE clinic_id = ? ORDER BY seq"  # noqa: S608 - constant columns
        return map(EntryRow._make, self._rows(sql))

    def personal(self) -> Iterator[PersonalRow]:
        return map(
            PersonalRow._make,
            self._rows(
                "SELECT seq, token, class, sealed FROM indelible_personal"
                " WHERE clinic_id = ? ORDER BY seq, token, class"
            ),
        )

    def links(self) -> Iterator[LinkRow]:
        """Sorted by SQLite in a temporary file: an index by seq would cost every append, for verification alone."""
        sql = "SELECT kind, ref, occurred_at, seq, role FROM indelible_link WHERE clinic_id = ? ORDER BY seq"
        return map(LinkRow._make, self._rows(sql))

    def persons(self) -> Iterator[PersonRow]:
        return map(
            PersonRow._make,
            self._rows("SELECT token, lookup, sealed FROM indelible_person WHERE clinic_id = ? ORDER BY token"),
        )

    def seq_of_key(self, key: bytes) -> int | None:
        sql = "SELECT seq FROM indelible_idempotency WHERE clinic_id = ? AND key = ?"
        row = self._connection.execute(sql, (*self._clinic, key)).fetchone()
        return row[0] if row else None

    def used_keys(self) -> Iterator[tuple[bytes, int]]:
        return self._rows("SELECT key, seq FROM indelible_idempotency WHERE clinic_id = ?")

    def checkpoints(self) -> Iterator[CheckpointRow]:
        return map(
            CheckpointRow._make,
            self._rows(
                "SELECT size, root, frontier, note, signed_at FROM indelible_checkpoint"
                " WHERE clinic_id = ? ORDER BY size"
            ),
        )

    def _rows(self, sql: str) -> Iterator[Any]:
        cursor = self._connection.execute(sql, self._clinic)
        cursor.arraysize = _CHUNK
        return iter(cursor)
