"""The spool: one SQLite file of the host's machine, where documents wait until the service has them.

    waiting(id, clinic, key, document, at, dated)       in the order in which they were recorded
    held(id, clinic, key, document, at, dated, held_at, status, field, pointer, detail)         refused for good

    id        INTEGER, never used twice
    document  TEXT, JSON with its key; without a time of its own where the host gave none (`dated` 0): then `at` is it
    at        when it was recorded here, microseconds since 1970 UTC

A document is on the disk when `put` returns (`synchronous=FULL`), and is deleted when the service has answered for
it: a crash between the two sends it again, and its key makes that the same one. Several processes may put into one
file, and one of them at a time sends: the lock is a transaction in a second file beside it (`.sending`), so it goes
with its process.

Documents wait in clear, with personal values. The files are for their owner alone (0600), and what was sent is
overwritten, not only marked as free.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..errors import Conflict, IndelibleError, InvalidInput, NotFound, StorageFailure
from ..files.replacing import sync_folder
from .forking import begins_anew
from .problems import Refused, SpoolFull

# Room for half a million documents: what a busy clinic does in a year.
LIMIT = 256 * 1024 * 1024
FILE = "indelible.spool"
# Another process's commit is waited for so long; then the caller is told that nothing was recorded.
_BUSY_SECONDS = 10.0
_APPLICATION = 0x494E4453
_VERSION = 1
_SCHEMA = f"""
CREATE TABLE waiting (
    id INTEGER PRIMARY KEY AUTOINCREMENT, clinic TEXT NOT NULL, key TEXT NOT NULL, document TEXT NOT NULL,
    at INTEGER NOT NULL, dated INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX waiting_key ON waiting (clinic, key);
CREATE INDEX waiting_next ON waiting (clinic, id);
CREATE TABLE held (
    id INTEGER PRIMARY KEY, clinic TEXT NOT NULL, key TEXT NOT NULL, document TEXT NOT NULL, at INTEGER NOT NULL,
    dated INTEGER NOT NULL, held_at INTEGER NOT NULL, status INTEGER NOT NULL, field TEXT NOT NULL,
    pointer TEXT NOT NULL, detail TEXT NOT NULL
) STRICT;
CREATE INDEX held_key ON held (clinic, key);
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
"""
_COLUMNS = "id, clinic, key, document, at, dated"
# From one clinic to the next by the index, however many documents each has.
_CLINICS = """
WITH RECURSIVE clinics (clinic) AS (
    SELECT min(clinic) FROM waiting
    UNION ALL
    SELECT (SELECT min(clinic) FROM waiting WHERE clinic > clinics.clinic) FROM clinics WHERE clinics.clinic IS NOT NULL
)
SELECT clinic FROM clinics WHERE clinic IS NOT NULL
"""


class Waiting(NamedTuple):
    """A document that waits. `at` is when it was recorded here, microseconds since 1970 UTC; `dated` says whether the
    document has a time of its own."""

    id: int
    clinic: str
    key: str
    document: str
    at: int
    dated: bool


@dataclass(frozen=True, slots=True)
class Held:
    """A document that the service refused for good, and why. `document` is its JSON; `held_at` in microseconds."""

    id: int
    clinic: str
    key: str
    document: str
    at: int
    held_at: int
    problem: Refused | Conflict


@dataclass(frozen=True, slots=True)
class Standing:
    """How many documents of a spool wait to be sent, and how many are held because the service refused them."""

    waiting: int
    held: int


class Spool:
    """The documents of one file. Any thread may use it, also after a fork; several processes may have the same file."""

    def __init__(self, path: str | os.PathLike[str], limit: int = LIMIT) -> None:
        """Open the file, or the one in a folder, and make it where it is not there. `limit` is in bytes.

        A path that is no folder yet and has no suffix is made one. Raises StorageFailure, InvalidInput.
        """
        if type(limit) is not int or limit < 1024 * 1024:
            raise InvalidInput("must be a number of bytes, a mebibyte at least", "spool_limit")
        self.limit = limit
        try:
            self.path = _made(Path(path))
        except OSError as error:
            raise StorageFailure(f"the spool cannot be made: {error.strerror}") from None
        self._lock, self._closed = threading.Lock(), False
        self._parents: list[sqlite3.Connection] = []
        with _failing():
            self._db: sqlite3.Connection | None = self._opened()
        begins_anew(self)

    def forked(self) -> None:
        # The parent's connection is never closed here: that would give up the locks of what the child opens.
        if self._db is not None:
            self._parents.append(self._db)
        self._db, self._lock = None, threading.Lock()

    def close(self) -> None:
        """Close the file. What waits in it is sent by the next one who opens it."""
        with self._lock:
            self._closed = True
            if self._db is not None:
                self._db.close()
                self._db = None

    # By whoever records

    def put(self, documents: Sequence[tuple[str, str, str, bool]]) -> None:
        """Put documents (clinic, key, JSON, whether it has a time) on the disk, all or none.

        One that waits already, the same under the same key, is not put twice. Raises Conflict where it is another one,
        SpoolFull, StorageFailure.
        """
        at = time.time_ns() // 1000
        with self._transaction() as db:
            self._check_room(db, sum(len(one[2]) for one in documents))
            for clinic, key, document, dated in documents:
                found = db.execute(
                    "SELECT document FROM waiting WHERE clinic = ? AND key = ?", (clinic, key)
                ).fetchone()
                if found is None:
                    db.execute(
                        "INSERT INTO waiting (clinic, key, document, at, dated) VALUES (?, ?, ?, ?, ?)",
                        (clinic, key, document, at, dated),
                    )
                elif found[0] != document:
                    raise Conflict

    def _check_room(self, db: sqlite3.Connection, more: int) -> None:
        pages, free, size = (
            db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        if (pages - free) * size + more > self.limit:
            raise SpoolFull

    def find(self, clinic: str, key: str) -> Waiting | Held | None:
        """Return the document under a key: waiting, held, or None where it is not (any more) here."""
        with self._reading() as db:
            row = db.execute(f"SELECT {_COLUMNS} FROM waiting WHERE clinic = ? AND key = ?", (clinic, key)).fetchone()  # noqa: S608
            if row is not None:
                return Waiting(*row)
            row = db.execute(
                "SELECT * FROM held WHERE clinic = ? AND key = ? ORDER BY id DESC LIMIT 1", (clinic, key)
            ).fetchone()
            return None if row is None else _held(row)

    def standing(self, clinic: str | None = None) -> Standing:
        """Return how many documents wait and are held, of one clinic or of all."""
        with self._reading() as db:
            counts = (
                db.execute(f"SELECT count(*) FROM {table} WHERE ?1 IS NULL OR clinic = ?1", (clinic,)).fetchone()[0]  # noqa: S608
                for table in ("waiting", "held")
            )
            return Standing(*counts)

    def held(self, clinic: str | None = None) -> list[Held]:
        """Return the documents that the service refused for good, in the order in which they were recorded."""
        with self._reading() as db:
            rows = db.execute("SELECT * FROM held WHERE ?1 IS NULL OR clinic = ?1 ORDER BY id", (clinic,))
            return [_held(row) for row in rows]

    def retry(self, id: int) -> None:
        """Send a held document once more, such as after an action was declared; it goes behind those that wait.

        Raises NotFound, and Conflict where one with its key waits already.
        """
        with self._transaction() as db:
            columns = _COLUMNS.removeprefix("id, ")
            try:
                moved = db.execute(
                    f"INSERT INTO waiting ({columns}) SELECT {columns} FROM held WHERE id = ?", (id,)  # noqa: S608
                )  # fmt: skip
            except sqlite3.IntegrityError:
                raise Conflict from None
            self._remove_held(db, id, moved.rowcount)

    def discard(self, id: int) -> None:
        """Delete a held document: it is never recorded. Raises NotFound."""
        with self._transaction() as db:
            self._remove_held(db, id, 1)

    def _remove_held(self, db: sqlite3.Connection, id: int, expected: int) -> None:
        if not expected or not db.execute("DELETE FROM held WHERE id = ?", (id,)).rowcount:
            raise NotFound("no document with this id is held in the spool")

    # By whoever sends

    @contextmanager
    def sending(self) -> Iterator[bool]:
        """Hold the right to send from this file, and say whether it was free; at most one process has it at a time."""
        lock = self.path.with_name(self.path.name + ".sending")
        _create(lock)
        with contextlib.closing(sqlite3.connect(lock, timeout=0, isolation_level=None)) as db:
            try:
                db.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                yield False
                return
            yield True

    def clinics(self) -> list[str]:
        """Return the clinics of which something waits."""
        with self._reading() as db:
            return [clinic for (clinic,) in db.execute(_CLINICS)]

    def next(self, clinic: str, limit: int, size: int) -> list[Waiting]:
        """Return a clinic's oldest documents: `limit` at most, of `size` bytes together, and one at least."""
        rows: list[Waiting] = []
        total = 0
        with self._reading() as db:
            found = db.execute(f"SELECT {_COLUMNS} FROM waiting WHERE clinic = ? ORDER BY id LIMIT ?", (clinic, limit))  # noqa: S608
            for row in map(Waiting._make, found):
                total += len(row.document)
                if rows and total > size:
                    break
                rows.append(row)
        return rows

    def settle(self, sent: Sequence[Waiting], refused: Sequence[tuple[Waiting, Refused | Conflict]]) -> None:
        """Delete what the service has, and hold what it refused for good."""
        now = time.time_ns() // 1000
        with self._transaction() as db:
            for row, problem in refused:
                status, field, pointer = 409, "", ""
                if isinstance(problem, Refused):
                    status, field, pointer = problem.status, problem.field, problem.pointer
                db.execute(
                    f"INSERT OR IGNORE INTO held SELECT {_COLUMNS}, ?, ?, ?, ?, ? FROM waiting WHERE id = ?",  # noqa: S608
                    (now, status, field, pointer, str(problem), row.id),
                )
            db.executemany(
                "DELETE FROM waiting WHERE id = ?", [(row.id,) for row in (*sent, *(one for one, _ in refused))]
            )

    def tidy(self) -> None:
        """Leave nothing of what was sent in the file's write-ahead log, unless somebody else uses it just now."""
        with contextlib.suppress(IndelibleError), self._reading() as db:
            db.execute("PRAGMA busy_timeout = 0")
            try:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                db.execute(f"PRAGMA busy_timeout = {int(_BUSY_SECONDS * 1000)}")

    # The file

    def _opened(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            application, version = (
                db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
            )
            empty = not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if not empty and (application != _APPLICATION or version != _VERSION):
                raise StorageFailure("this file is no spool of this release; name another file for it")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA secure_delete = ON")
            if empty:
                self._install(db)
        except BaseException:
            db.close()
            raise
        return db

    def _install(self, db: sqlite3.Connection) -> None:
        db.execute("BEGIN IMMEDIATE")
        try:  # another process may have come first
            if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for statement in _SCHEMA.split(";")[:-1]:
                    db.execute(statement)
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise

    def _mine(self) -> sqlite3.Connection:
        if self._closed:
            raise StorageFailure("the spool is closed, so nothing was recorded; open a client anew")
        if self._db is None:
            self._db = self._opened()
        return self._db

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _failing():
            yield self._mine()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _failing():
            db = self._mine()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise


@contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
            raise SpoolFull("the disk of the spool is full, so nothing was recorded; make room on it") from None
        raise StorageFailure(f"the spool cannot be read or written: {error}") from None


def _made(path: Path) -> Path:
    """The spool's file, which is there afterwards, for its owner alone."""
    folder = path if path.is_dir() or (not path.exists() and not path.suffix) else path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / FILE if folder == path else path
    _create(file)
    return file.resolve()


def _create(file: Path) -> None:
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    sync_folder(file.parent)


def _held(row: Sequence[object]) -> Held:
    id, clinic, key, document, at, _, held_at, status, field, pointer, detail = row
    problem = (
        Conflict(str(detail)) if status == 409 else Refused(str(detail), str(field), str(pointer), int(str(status)))
    )
    return Held(int(str(id)), str(clinic), str(key), str(document), int(str(at)), int(str(held_at)), problem)
