"""The outbox in a host's SQLite file: its schema, in `sqlite/`, and the source that draining reads.

One writer at a time commits, so the order of ids is the order of commits. A host may commit without waiting for its
disk (WAL with `synchronous` below FULL): what was read is flushed before it is handed out. Only a host that runs with
`synchronous=OFF` and without WAL can lose what it committed, its whole file with it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..errors import NotFound, StorageFailure
from .source import FIRST, Backlog, Held, Identity, Place, Unreachable, Waiting

MIGRATIONS = ("0001_outbox.sql", "0002_kept.sql")
VERSION = len(MIGRATIONS)

# How long a host's transaction is waited for. What waits longer is told, and tried again.
BUSY_SECONDS = 5.0
# Rows of one DELETE: a statement takes 32,766 values at most.
_PLACES = 500

_WAITING = "id, key, clinic, document, at, imported, erasure"
_WHOLE = "id, key, clinic, action, target_kind, target_id, document, at, imported, erasure"
_KEPT = _WHOLE.removesuffix(", erasure")
# From one clinic to the next by the index, however many rows each has.
_CLINICS = """
WITH RECURSIVE clinics (clinic) AS (
    SELECT min(clinic) FROM indelible_outbox WHERE imported = ?1
    UNION ALL
    SELECT (SELECT min(clinic) FROM indelible_outbox WHERE imported = ?1 AND clinic > clinics.clinic)
    FROM clinics WHERE clinics.clinic IS NOT NULL
)
SELECT clinic FROM clinics WHERE clinic IS NOT NULL
"""
_NEXT = f"SELECT {_WAITING} FROM indelible_outbox WHERE imported = ? AND clinic = ? AND id > ? ORDER BY id LIMIT ?"  # noqa: S608 - constant columns
# Every scan ends at the bound, and a clinic's rows are found by the index.
_OF_ALL = "SELECT at FROM (SELECT at FROM indelible_outbox ORDER BY id LIMIT :bound)"
_OF_CLINIC = " UNION ALL ".join(
    "SELECT at FROM (SELECT at FROM indelible_outbox"  # noqa: S608 - of constants
    f" WHERE imported = {imported} AND clinic = :clinic ORDER BY id LIMIT :bound)"
    for imported in (0, 1)
)
_COUNT = "SELECT min(count(*), :bound), min(at) FROM ({rows})"
_HELD_ROWS = (
    "SELECT substr(reason, 1, instr(reason, ':') - 1), final, count(*) FROM (SELECT reason, final"
    " FROM indelible_outbox_held WHERE :clinic IS NULL OR clinic = :clinic LIMIT :bound) GROUP BY 1, 2 ORDER BY 1, 2"
)


def install(connection: sqlite3.Connection) -> None:
    """Make the outbox in a host's file, or bring it to this release's schema, in the connection's transaction.

    Without one each statement commits by itself, and a second run finishes what a first one began.
    Raises StorageFailure where the file is the log's own.
    """
    if _there(connection, "indelible_installation"):
        raise StorageFailure("this file is a log, and an outbox belongs into the database of the host; name that one")
    for statement in _statements(_version(connection)):
        connection.execute(statement)


def _statements(since: int) -> Iterator[str]:
    """The statements of the migrations behind a version; a trigger has semicolons of its own, so SQLite splits them."""
    for name in MIGRATIONS[since:]:
        statement = ""
        text = files(__package__).joinpath("sqlite").joinpath(name).read_text("utf-8")
        for line in text.splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                yield statement
                statement = ""


def _version(connection: sqlite3.Connection) -> int:
    """The outbox's version, 0 where there is none."""
    if not _there(connection, "indelible_outbox_identity"):
        return 0
    row = connection.execute("SELECT version FROM indelible_outbox_identity").fetchone()
    return 0 if row is None else int(row[0])


def _there(connection: sqlite3.Connection, table: str) -> bool:
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,))
    return found.fetchone() is not None


class SQLiteSource:
    """The outbox in one SQLite file. Implements `indelible.outbox.source.Source`; used by one thread at a time."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open a host's file. Raises StorageFailure where it is not there or has no outbox."""
        self.path = Path(path).resolve()
        self.name = str(path)
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None
        with self._engine():
            self._connect()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def identity(self) -> Identity:
        with self._transaction() as db:
            row = db.execute("SELECT outbox FROM indelible_outbox_identity").fetchone()
            highest = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'indelible_outbox'").fetchone()
        if row is None:
            raise StorageFailure(f"the outbox in {self.name} has lost its identity; install it again")
        return Identity(str(row[0]), str(self.path), 0 if highest is None else int(highest[0]))

    def read(self, limit: int) -> Sequence[Waiting]:
        with self._transaction("BEGIN") as db:
            rows = self._shared_out(db, False, limit)
            rows += self._shared_out(db, True, limit - len(rows))
        if rows:
            self._flush()
        return rows

    def delete(self, places: Sequence[Place]) -> None:
        ids = [(number,) for _, number in places]
        with self._transaction("BEGIN IMMEDIATE") as db:
            db.executemany("DELETE FROM indelible_outbox WHERE id = ?", ids)

    def hold(self, held: Sequence[tuple[Waiting, str, bool]]) -> None:
        with self._transaction("BEGIN IMMEDIATE") as db:
            for row, reason, final in held:
                number = row.place[1]
                db.execute(
                    f"INSERT OR IGNORE INTO indelible_outbox_held SELECT {_WHOLE}, ?, ?, {_NOW}"  # noqa: S608
                    " FROM indelible_outbox WHERE id = ?",
                    (reason, final, number),
                )
                db.execute("DELETE FROM indelible_outbox WHERE id = ?", (number,))

    def held(self, clinic: str | None = None, limit: int | None = None, behind: Place = FIRST) -> Sequence[Held]:
        with self._transaction() as db:
            rows = db.execute(
                f"SELECT {_WAITING}, reason, final, held_at FROM indelible_outbox_held WHERE id > :behind"  # noqa: S608
                " AND (:clinic IS NULL OR clinic = :clinic) ORDER BY id LIMIT :limit",
                {"clinic": clinic, "behind": behind[1], "limit": -1 if limit is None else limit},
            )
            return [Held(_waiting(row[:-3]), row[-3], bool(row[-2]), row[-1]) for row in rows]

    def release(self, rows: Sequence[Waiting]) -> None:
        columns = _WHOLE.removeprefix("id, ")
        ids = [(row.place[1],) for row in rows]
        with self._transaction("BEGIN IMMEDIATE") as db:
            db.executemany(
                f"INSERT INTO indelible_outbox ({columns}) SELECT {columns} FROM indelible_outbox_held WHERE id = ?",  # noqa: S608
                ids,
            )
            db.executemany("DELETE FROM indelible_outbox_held WHERE id = ?", ids)

    def empty(self, places: Sequence[Place], reason: str) -> None:
        with self._engine():
            self._connect().execute("PRAGMA secure_delete = ON")
        with self._transaction("BEGIN IMMEDIATE") as db:
            db.executemany(
                "UPDATE indelible_outbox_held SET document = '{}', target_id = NULL, reason = ?, final = 1"
                " WHERE id = ?",
                [(reason, number) for _, number in places],
            )

    def retry(self, key: str, document: str | None) -> None:
        columns = _WHOLE.removeprefix("id, ")
        chosen = columns.replace("document", "coalesce(?, document)")
        with self._transaction("BEGIN IMMEDIATE") as db:
            moved = db.execute(
                f"INSERT INTO indelible_outbox ({columns}) SELECT {chosen} FROM indelible_outbox_held"  # noqa: S608
                " WHERE key = ? ORDER BY id",
                (document, key),
            )
            if not moved.rowcount:
                raise NotFound("no document is held under this key; `indelible outbox held` lists those that are")
            db.execute("DELETE FROM indelible_outbox_held WHERE key = ?", (key,))

    def keep(self, places: Sequence[Place]) -> None:
        with self._transaction("BEGIN IMMEDIATE") as db:
            for _, number in places:
                db.execute(
                    f"INSERT OR IGNORE INTO indelible_outbox_kept SELECT {_KEPT}, {_NOW}"  # noqa: S608
                    " FROM indelible_outbox WHERE id = ?",
                    (number,),
                )
                db.execute("DELETE FROM indelible_outbox WHERE id = ?", (number,))

    def kept(self, clinic: str) -> Sequence[Waiting]:
        row = _WAITING.replace("erasure", "0")
        with self._transaction() as db:
            rows = db.execute(f"SELECT {row} FROM indelible_outbox_kept WHERE clinic = ? ORDER BY id", (clinic,))  # noqa: S608
            return [_waiting(row) for row in rows]

    def discard(self, places: Sequence[Place]) -> None:
        with self._engine():
            self._connect().execute("PRAGMA secure_delete = ON")
        with self._transaction("BEGIN IMMEDIATE") as db:
            db.executemany("DELETE FROM indelible_outbox_kept WHERE id = ?", [(number,) for _, number in places])

    def expire(self, days: int) -> None:
        # Looked for first, so that an outbox where nothing is kept is not locked for it.
        old = f"kept_at <= {_NOW} - ? * 86400000000"
        with self._transaction() as db:
            found = db.execute(f"SELECT 1 FROM indelible_outbox_kept WHERE {old} LIMIT 1", (days,)).fetchone()  # noqa: S608
        if found is not None:
            with self._transaction("BEGIN IMMEDIATE") as db:
                db.execute(f"DELETE FROM indelible_outbox_kept WHERE {old}", (days,))  # noqa: S608

    def replay(self, since: int) -> int:
        columns = _KEPT.removeprefix("id, ")
        with self._transaction("BEGIN IMMEDIATE") as db:
            moved = db.execute(
                f"INSERT INTO indelible_outbox ({columns}) SELECT {columns} FROM indelible_outbox_kept"  # noqa: S608
                " WHERE kept_at >= ? ORDER BY id",
                (since,),
            )
            db.execute("DELETE FROM indelible_outbox_kept WHERE kept_at >= ?", (since,))
            return moved.rowcount

    def oldest(self) -> int | None:
        """The time of the first row that waits: the oldest, but for one that was held in between."""
        with self._transaction() as db:
            row = db.execute("SELECT at FROM indelible_outbox ORDER BY id LIMIT 1").fetchone()
        return None if row is None else int(row[0])

    def backlog(self, bound: int, clinic: str | None = None) -> Backlog:
        given = {"bound": bound + 1, "clinic": clinic}
        with self._transaction() as db:
            count, at = db.execute(
                _COUNT.replace("{rows}", _OF_ALL if clinic is None else _OF_CLINIC), given
            ).fetchone()
            (now,) = db.execute(f"SELECT {_NOW}").fetchone()
            held = {(word, bool(final)): rows for word, final, rows in db.execute(_HELD_ROWS, given)}
        return Backlog(count, None if at is None else (now - at) / 1_000_000, held)

    @contextmanager
    def postgres(self) -> Iterator[None]:
        yield None

    def _shared_out(self, db: sqlite3.Connection, imported: bool, limit: int) -> list[Waiting]:
        """A share for every clinic; what is left of the limit goes to those that have more."""
        clinics = [clinic for (clinic,) in db.execute(_CLINICS, (imported,))] if limit > 0 else []
        rows: list[Waiting] = []
        behind = dict.fromkeys(clinics, 0)
        while clinics and len(rows) < limit:
            share = max(1, (limit - len(rows)) // len(clinics))
            for clinic in list(clinics):
                found = [_waiting(row) for row in db.execute(_NEXT, (imported, clinic, behind[clinic], share))]
                rows += found
                if len(found) < share:
                    clinics.remove(clinic)
                else:
                    behind[clinic] = found[-1].place[1]
        # Of more clinics than the limit, those go first whose next document has waited longest.
        return sorted(rows, key=lambda row: row.place)[:limit]

    def _flush(self) -> None:
        """Wait until the disk has what was read. Nobody locks the -wal file, so that closing it loses no lock here."""
        try:
            wal = os.open(f"{self.path}-wal", os.O_RDONLY)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageFailure(f"{self.name}-wal cannot be read: {error.strerror}") from error
        try:
            os.fsync(wal)
        except OSError as error:
            raise StorageFailure(f"the disk of {self.name} reported an error; nothing of it was recorded") from error
        finally:
            os.close(wal)

    def _connect(self) -> sqlite3.Connection:
        """The open connection; a new one where another file took the place of the one that was opened."""
        there = _file(self.path)
        if self._connection is not None and there == self._opened:
            return self._connection
        self.close()
        if there is None:
            raise Unreachable(f"there is no database at {self.name}; nothing of it was recorded")
        made = sqlite3.connect(
            f"{self.path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=BUSY_SECONDS,
            check_same_thread=False,
        )  # fmt: skip
        try:
            made.text_factory = _text
            made.execute("PRAGMA synchronous = NORMAL")  # a row whose deletion was lost is only answered once more
            found = _version(made)
            if found != VERSION:
                raise StorageFailure(_other_version(self.name, found))
        except BaseException:
            made.close()
            raise
        self._connection, self._opened = made, there
        return made

    @contextmanager
    def _transaction(self, begin: str = "BEGIN") -> Iterator[sqlite3.Connection]:
        with self._engine():
            db = self._connect()
            db.execute(begin)
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    @contextmanager
    def _engine(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if sentence := _PASSING.get(code):
                raise Unreachable(f"{self.name} {sentence}") from error
            raise StorageFailure(f"{self.name} {_LASTING.get(code, f'refused: {error}')}") from error


_NOW = "CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000"
_PASSING = {
    sqlite3.SQLITE_BUSY: f"was locked by another program for {BUSY_SECONDS:.0f} seconds",
    sqlite3.SQLITE_LOCKED: "is locked by another statement of this process",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check that the file and its folder can be written",
}
_LASTING = {
    sqlite3.SQLITE_FULL: "has no space left on its disk; free some, and start draining again",
    sqlite3.SQLITE_READONLY: "is read-only here, so nothing can be taken out of it; check the file's permissions",
    sqlite3.SQLITE_IOERR: "is on a disk that reported an error; check the disk and its space",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore a backup",
    sqlite3.SQLITE_NOTADB: "is not an SQLite database",
}


def _other_version(name: str, found: int) -> str:
    if found > VERSION:
        return f"the outbox in {name} was made by a newer Indelible (schema {found}; this one knows {VERSION}); update"
    if found:
        return f"the outbox in {name} is of an older schema ({found}; this release needs {VERSION}); install it again"
    return f"{name} has no outbox; `indelible outbox sql --engine sqlite` prints what the host's migrations need"


def _file(path: Path) -> tuple[int, int] | None:
    """Which file is at a path now, None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _text(data: bytes) -> str:
    """A host's text, also where it is none: it is refused when it is drafted, and must not stop all the others."""
    return data.decode("utf-8", "surrogateescape")


def _waiting(row: Sequence[Any]) -> Waiting:
    number, key, clinic, document, at, imported, erasure = row
    return Waiting((0, number), key, clinic, document, at, bool(imported), bool(erasure))
