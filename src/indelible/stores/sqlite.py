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

import orjson

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
    PersonalRow,
    PersonRow,
    Selection,
    SourceRow,
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
# SELECTs merged in one statement. SQLite takes at most 500, and 32,766 bound values in all of them.
_ARMS = 200

_ENTRY = ", ".join(EntryRow._fields)
_INSERT_ENTRY = f"INSERT INTO indelible_entry (clinic_id, {_ENTRY}) VALUES (?{', ?' * len(EntryRow._fields)})"  # noqa: S608
_INSERT_LINK = "INSERT INTO indelible_link (clinic_id, kind, ref, occurred_at, seq, role) VALUES (?, ?, ?, ?, ?, ?)"


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
            _write(cursor, "INSERT INTO indelible_clinic VALUES (?, ?, ?, ?, ?, ?, ?, NULL)", [own])
            _write(cursor, "INSERT INTO indelible_key VALUES (?, ?, ?, ?)", [(clinic.id, *key) for key in keys])
            _write(cursor, "INSERT INTO indelible_head VALUES (?, 0, ?, ?, ?)", [(clinic.id, b"", EMPTY_ROOT, now)])

    def clinics(self) -> Sequence[Clinic]:
        with self._db() as db:
            rows = db.execute(
                "SELECT clinic_id, name, time_zone, origin, vkey, nobody, closed_at"
                " FROM indelible_clinic ORDER BY clinic_id"
            )
            return [Clinic(*row) for row in rows]

    def zone(self, clinic_id: str) -> str:
        with self._db() as db:
            return _zone(db, clinic_id)

    def keys(self, clinic_id: str) -> Sequence[KeyRow]:
        with self._db() as db:
            rows = db.execute("SELECT kind, number, wrapped FROM indelible_key WHERE clinic_id = ?", (clinic_id,))
            return [KeyRow(*row) for row in rows]

    def head(self, clinic_id: str) -> Head:
        with self._db() as db:
            return _head(db, clinic_id)

    def delete_keys(self, clinic_id: str) -> None:
        """Delete a closed clinic's keys, and overwrite where they were."""
        with self._writing() as db:
            db.execute("DELETE FROM indelible_key WHERE clinic_id = ?", (clinic_id,))
            _check_gone(db, "SELECT 1 FROM indelible_key WHERE clinic_id = ?", (clinic_id,))

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
            yield (tx := SQLiteAppending(db, clinic_id))
            tx.finish()

    # Reading

    def page(self, clinic_id: str, selection: Selection, before: tuple[int, int] | None, limit: int) -> Sequence[Found]:
        with self._db() as db:
            resolved = sqlite_page.resolved(db, clinic_id, selection)
            arms = sqlite_page.arms(clinic_id, resolved, before, by_number=sqlite_page.few_numbers(resolved))
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
        with self._db() as db:
            return sqlite_tally.counts(db, clinic_id, selection, edges)

    def amounts(self, clinic_id: str, selection: Selection) -> Sequence[AmountTally]:
        with self._db() as db:
            return sqlite_amounts.amounts(db, clinic_id, selection)

    def personal(self, clinic_id: str, seqs: Sequence[int]) -> Sequence[PersonalRow]:
        with self._db() as db:
            rows = db.execute(
                "SELECT seq, token, class, sealed FROM indelible_personal"
                " WHERE clinic_id = ? AND seq IN (SELECT value FROM json_each(?)) AND sealed IS NOT NULL",
                (clinic_id, orjson.dumps(list(seqs)).decode()),
            )
            return [PersonalRow(*row) for row in rows]

    def one(self, clinic_id: str, seq: int) -> Found:
        with self._db() as db:
            row = db.execute(
                "SELECT seq, occurred_at, body FROM indelible_entry WHERE clinic_id = ? AND seq = ?", (clinic_id, seq)
            ).fetchone()  # fmt: skip
        if row is None:
            raise NotFound(f"there is no entry {seq} in this log")
        return Found(*row)

    def first_recorded(self, clinic_id: str, instant: int, up_to: int) -> int:
        """By halving: each step reads one entry's `recorded_at`."""
        low, high = 1, up_to + 1
        sql = "SELECT seq, recorded_at FROM indelible_entry WHERE clinic_id = ? AND seq >= ? ORDER BY seq LIMIT 1"
        with self._db() as db:
            while low < high:
                middle = (low + high) // 2
                row = db.execute(sql, (clinic_id, middle)).fetchone()
                if row is None or row[1] >= instant:
                    high = middle
                else:
                    low = row[0] + 1
        return low

    def find(self, clinic_id: str, entry_id: bytes) -> int | None:
        with self._db() as db:
            row = db.execute(
                "SELECT seq FROM indelible_entry WHERE clinic_id = ? AND id = ?", (clinic_id, entry_id)
            ).fetchone()  # fmt: skip
        return row[0] if row else None

    def token(self, clinic_id: str, lookup: bytes) -> bytes | None:
        with self._db() as db:
            row = db.execute(
                "SELECT token FROM indelible_person WHERE clinic_id = ? AND lookup = ?", (clinic_id, lookup)
            ).fetchone()  # fmt: skip
        return row[0] if row else None

    def persons(self, clinic_id: str, tokens: Sequence[bytes]) -> Sequence[PersonRow]:
        """The rows of these persons; none for who was anonymized."""
        sql = "SELECT token, lookup, sealed FROM indelible_person WHERE clinic_id = ? AND token = ?"
        with self._db() as db:
            rows = [db.execute(sql, (clinic_id, token)).fetchone() for token in tokens]
        return [PersonRow(*row) for row in rows if row is not None]

    def actors(self, clinic_id: str, kind: str, limit: int) -> Sequence[bytes]:
        """The references of the actors of a kind that occur, by skipping through their index: one seek for each."""
        sql = (
            "SELECT actor FROM indelible_entry WHERE clinic_id = ? AND actor_kind = ? AND actor > ?"
            " ORDER BY actor LIMIT 1"
        )
        found: list[bytes] = []
        with self._db() as db:
            while len(found) < limit:
                row = db.execute(sql, (clinic_id, kind, found[-1] if found else b"")).fetchone()
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
        sql = f"SELECT {column} FROM {table} WHERE clinic_id = ? AND {column} > ? ORDER BY {column} LIMIT 1"  # noqa: S608
        values: list[str] = []
        with self._db() as db:
            while row := db.execute(sql, (clinic_id, values[-1] if values else "")).fetchone():
                values.append(row[0])
        return values

    def erasures(self, clinic_id: str, tokens: Sequence[bytes]) -> Sequence[bytes]:
        """The bodies of the entries by which these persons were anonymized."""
        sql = (
            "SELECT e.body FROM indelible_link l CROSS JOIN indelible_entry e"
            " ON e.clinic_id = l.clinic_id AND e.seq = l.seq AND e.action = 'client.anonymized'"
            " WHERE l.clinic_id = ? AND l.kind = 'person' AND l.ref = ? AND l.role = 'target'"
        )
        with self._db() as db:
            return [body for token in tokens for (body,) in db.execute(sql, (clinic_id, token))]

    # Checkpoints

    def leaves(self, clinic_id: str, after: int, up_to: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield (body, leaf hash) of the entries with after < seq <= up_to, in order."""
        for start in range(after, up_to, _CHUNK):
            with self._db() as db:
                rows = db.execute(
                    "SELECT body, leaf_hash FROM indelible_entry"
                    " WHERE clinic_id = ? AND seq > ? AND seq <= ? ORDER BY seq",
                    (clinic_id, start, min(start + _CHUNK, up_to)),
                ).fetchall()  # fmt: skip
            yield from rows
            if len(rows) < min(start + _CHUNK, up_to) - start:
                return  # the caller finds that entries are missing; a head may say that there are very many more

    def last_checkpoint(self, clinic_id: str) -> CheckpointRow | None:
        with self._db() as db:
            row = db.execute(
                "SELECT size, root, frontier, note, signed_at FROM indelible_checkpoint"
                " WHERE clinic_id = ? ORDER BY size DESC LIMIT 1",
                (clinic_id,),
            ).fetchone()  # fmt: skip
        return CheckpointRow(*row) if row else None

    def add_checkpoint(self, clinic_id: str, row: CheckpointRow) -> None:
        """Write a checkpoint's row; the same one a second time is no error, since two processes may both finish it."""
        with self._writing() as db:
            known = db.execute(
                "SELECT note FROM indelible_checkpoint WHERE clinic_id = ? AND size = ?", (clinic_id, row.size)
            ).fetchone()
            if known is None:
                _write(db.cursor(), "INSERT INTO indelible_checkpoint VALUES (?, ?, ?, ?, ?, ?)", [(clinic_id, *row)])

    def wipe(self) -> bool:
        """Move the write-ahead log into the file and cut it to nothing: it still has the pages of before."""
        with self._db() as db:
            busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

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
        self._erased = False
        self._cursor = connection.cursor()
        self.head = _head(self._cursor, clinic_id)
        self.zone = _zone(self._cursor, clinic_id)
        closed = "SELECT closed_at FROM indelible_clinic WHERE clinic_id = ? AND closed_at IS NOT NULL"
        if self._cursor.execute(closed, (clinic_id,)).fetchone():
            raise StorageFailure(f"clinic {clinic_id} was closed; nothing more is recorded in its log")

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
            "SELECT seq, token, class, sealed FROM indelible_personal"
            " WHERE clinic_id = ? AND seq = ? AND sealed IS NOT NULL",
            (self._clinic_id, seq),
        )
        return [PersonalRow(*row) for row in rows]

    def groups_of(self, token: bytes) -> Iterator[tuple[int, str, bytes]]:
        yield from self._cursor.connection.cursor().execute(
            "SELECT p.seq, p.class, e.body FROM indelible_personal p CROSS JOIN indelible_entry e"
            " ON e.clinic_id = p.clinic_id AND e.seq = p.seq"
            " WHERE p.clinic_id = ? AND p.token = ? AND p.sealed IS NOT NULL",
            (self._clinic_id, token),
        )

    def erase(self, token: bytes, classes: Sequence[str]) -> None:
        """Empty rows where they are; `secure_delete` overwrites what they held. The schema says why none is deleted."""
        for personal_class in classes:
            self._cursor.execute(
                "UPDATE indelible_personal INDEXED BY indelible_personal_token SET sealed = NULL"
                " WHERE clinic_id = ? AND token = ? AND class = ? AND sealed IS NOT NULL",
                (self._clinic_id, token, personal_class),
            )
            _check_gone(
                self._cursor,
                "SELECT 1 FROM indelible_personal INDEXED BY indelible_personal_token"
                " WHERE clinic_id = ? AND token = ? AND class = ? AND sealed IS NOT NULL",
                (self._clinic_id, token, personal_class),
            )
        person = (self._clinic_id, token)
        self._cursor.execute("DELETE FROM indelible_person WHERE clinic_id = ? AND token = ?", person)
        _check_gone(self._cursor, "SELECT 1 FROM indelible_person WHERE clinic_id = ? AND token = ?", person)
        self._erased = True

    def finish(self) -> None:
        """Before the commit: where a person was erased, write the rows of all others anew on empty pages.

        Person rows lie in no order and are renamed, so SQLite moved them and their look-up values, and left copies in
        places that `secure_delete` does not reach. A DELETE of everything overwrites whole pages.
        """
        if not self._erased:
            return
        for statement in (
            "CREATE TEMP TABLE indelible_kept AS SELECT * FROM main.indelible_person ORDER BY clinic_id, token",
            "DELETE FROM main.indelible_person",
            "INSERT INTO main.indelible_person SELECT * FROM temp.indelible_kept",
            "DROP TABLE temp.indelible_kept",
        ):
            self._cursor.execute(statement)

    def close(self, now: int) -> None:
        """Mark the clinic as closed: from here on nothing is appended to its log."""
        self._cursor.execute("UPDATE indelible_clinic SET closed_at = ? WHERE clinic_id = ?", (now, self._clinic_id))

    def set_name(self, name: str, *, was: str | None = None) -> None:
        self._set("UPDATE indelible_clinic SET name = ? WHERE clinic_id = ? AND name = coalesce(?, name)", name, was)

    def set_zone(self, zone: str, *, was: str | None = None) -> None:
        self._set(
            "UPDATE indelible_clinic SET time_zone = ? WHERE clinic_id = ? AND time_zone = coalesce(?, time_zone)",
            zone, was,
        )  # fmt: skip
        self.zone = zone

    def _set(self, statement: str, value: str, was: str | None) -> None:
        if self._cursor.execute(statement, (value, self._clinic_id, was)).rowcount == 0:
            raise Conflict("the clinic's settings were changed at the same moment; look at them, and try again")

    def write(self, batch: Batch) -> None:
        """Write a batch and move the head. A crash before the commit leaves nothing of it."""
        clinic = (self._clinic_id,)
        _write(self._cursor, _INSERT_ENTRY, [clinic + row for row in batch.entries])
        _write(
            self._cursor,
            "INSERT INTO indelible_personal VALUES (?, ?, ?, ?, ?)",
            [clinic + row for row in batch.personal],
        )
        _write(self._cursor, _INSERT_LINK, [clinic + row for row in batch.links])
        _write(
            self._cursor, "INSERT INTO indelible_person VALUES (?, ?, ?, ?)", [clinic + row for row in batch.persons]
        )
        _write(
            self._cursor,
            "UPDATE indelible_person SET sealed = ? WHERE clinic_id = ? AND token = ?",
            [(row.sealed, self._clinic_id, row.token) for row in batch.renamed],
        )
        _write(self._cursor, "INSERT INTO indelible_idempotency VALUES (?, ?, ?)", [clinic + row for row in batch.keys])
        _write(
            self._cursor,
            "UPDATE indelible_head SET size = ?, frontier = ?, root = ?, recorded_at = ? WHERE clinic_id = ?",
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
        sql = f"SELECT {_ENTRY} FROM indelible_entry WHERE clinic_id = ? ORDER BY seq"  # noqa: S608 - constant columns
        return map(EntryRow._make, self._rows(sql))

    def personal(self) -> Iterator[PersonalRow]:
        return map(
            PersonalRow._make,
            self._rows(
                "SELECT seq, token, class, sealed FROM indelible_personal"
                " WHERE clinic_id = ? AND sealed IS NOT NULL ORDER BY seq, token, class"
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
