"""The head store: the last signed checkpoint of every log, in one SQLite file outside the database.

It is what makes signing two histories impossible by accident. A checkpoint is put here by compare-and-swap before
anything else sees it; a database restored from an older backup then knows less than the head store, and signing
refuses. Therefore the head store must never be restored together with the database.

It also keeps what was erased, by random token, from the checkpoint on that covers the entry which accounts for it: a
database restored from a backup that is older than an erasure is brought up to it (`erasure.py`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from . import definitions
from .entry import Erasure
from .errors import SigningRefused, StorageFailure


@dataclass(frozen=True, slots=True)
class SignedHead:
    """The newest checkpoint that was signed for a log. `note` is empty for a log that has signed none yet."""

    size: int
    root: bytes
    note: bytes


class HeadStore:
    """One file of signed heads, keyed by log origin. Every call opens it: it is used once a second at most."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        """Make the file where it does not exist. Raises StorageFailure."""
        with self._connection("rwc") as db:
            _make(db)

    def defects(self) -> list[str]:
        """What is in the file, or how, that this release does not make. The file is all ours."""
        if not self.path.is_file():
            return []
        with closing(sqlite3.connect(":memory:")) as made, self._connection("rw") as db:
            _make(made)
            return list(definitions.differences(definitions.definitions(db), definitions.definitions(made)))

    def get(self, origin: str) -> SignedHead | None:
        """Return the signed head of a log, or None where this store has never heard of it."""
        if not self.path.is_file():
            return None
        with self._connection("rw") as db:
            row = db.execute("SELECT size, root, note FROM head WHERE origin = ?", (origin,)).fetchone()
        return SignedHead(*row) if row else None

    def erasures(self, origin: str, after: int) -> Sequence[Erasure]:
        """Return what was erased by the entries of a log behind number `after`, in their order."""
        if not self.path.is_file():
            return ()
        with self._connection("rw") as db:
            rows = db.execute(
                "SELECT token, classes, up_to_seq FROM erasure WHERE origin = ? AND seq > ? ORDER BY seq",
                (origin, after),
            ).fetchall()
        return [Erasure(token, tuple(classes.split(",")), up_to) for token, classes, up_to in rows]

    def adopt(self, origin: str, head: SignedHead, erasures: Mapping[int, Erasure] = MappingProxyType({})) -> None:
        """Put in the head of a log that this store does not know yet, with its erasures by the seq of their entry.

        Raises SigningRefused where it does know the log.
        """
        self.create()
        with self._connection("rw") as db:
            db.execute("BEGIN IMMEDIATE")
            added = db.execute(
                "INSERT INTO head VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", (origin, head.size, head.root, head.note)
            )
            if added.rowcount != 1:
                raise SigningRefused("the head store already has a head for this log")
            _remember(db, origin, erasures)
            db.execute("COMMIT")

    def swap(
        self,
        origin: str,
        old: SignedHead,
        new: SignedHead,
        erasures: Mapping[int, Erasure] = MappingProxyType({}),
    ) -> bool:
        """Replace `old` by `new` if `old` is still what is there; return whether it was. On disk when it returns.

        `erasures` are those of the entries between the two, by the seq of their entry.
        """
        with self._connection("rw") as db:
            db.execute("BEGIN IMMEDIATE")
            changed = db.execute(
                "UPDATE head SET size = ?, root = ?, note = ? WHERE origin = ? AND size = ? AND root = ? AND size < ?",
                (new.size, new.root, new.note, origin, old.size, old.root, new.size),
            )
            if changed.rowcount == 1:
                _remember(db, origin, erasures)
            db.execute("COMMIT")
            return changed.rowcount == 1

    @contextmanager
    def _connection(self, mode: str) -> Iterator[sqlite3.Connection]:
        db = None
        try:
            db = sqlite3.connect(
                f"{self.path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=30
            )
            db.execute("PRAGMA synchronous = FULL")
            yield db
        except (sqlite3.Error, UnicodeDecodeError) as error:  # its message may quote bytes of a damaged file
            raise StorageFailure(
                f"the head store {self.path} cannot be read or written ({error}); check its folder and the disk"
            ) from error
        finally:
            if db is not None:
                db.close()


def _make(db: sqlite3.Connection) -> None:
    db.execute(
        "CREATE TABLE IF NOT EXISTS head"
        " (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL) STRICT"
    )
    db.execute(
        "CREATE TABLE IF NOT EXISTS erasure"
        " (origin TEXT NOT NULL, seq INTEGER NOT NULL, token BLOB NOT NULL, classes TEXT NOT NULL,"
        " up_to_seq INTEGER NOT NULL, PRIMARY KEY (origin, seq)) STRICT"
    )


def _remember(db: sqlite3.Connection, origin: str, erasures: Mapping[int, Erasure]) -> None:
    db.executemany(
        "INSERT INTO erasure VALUES (?, ?, ?, ?, ?)",
        [(origin, seq, one.token, ",".join(one.classes), one.up_to_seq) for seq, one in erasures.items()],
    )
