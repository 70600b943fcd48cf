"""The head store: the last signed checkpoint of every log, in one SQLite file outside the database.

It is what makes signing two histories impossible by accident. A checkpoint is put here by compare-and-swap before
anything else sees it; a database restored from an older backup then knows less than the head store, and signing
refuses. Therefore the head store must never be restored together with the database.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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
            db.execute(
                "CREATE TABLE IF NOT EXISTS head"
                " (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL) STRICT"
            )

    def get(self, origin: str) -> SignedHead | None:
        """Return the signed head of a log, or None where this store has never heard of it."""
        if not self.path.is_file():
            return None
        with self._connection("rw") as db:
            row = db.execute("SELECT size, root, note FROM head WHERE origin = ?", (origin,)).fetchone()
        return SignedHead(*row) if row else None

    def adopt(self, origin: str, head: SignedHead) -> None:
        """Put in the head of a log that this store does not know yet. Raises SigningRefused where it does."""
        self.create()
        with self._connection("rw") as db:
            added = db.execute(
                "INSERT INTO head VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", (origin, head.size, head.root, head.note)
            )
            if added.rowcount != 1:
                raise SigningRefused("the head store already has a head for this log")

    def swap(self, origin: str, old: SignedHead, new: SignedHead) -> bool:
        """Replace `old` by `new` if `old` is still what is there; return whether it was. On disk when it returns."""
        with self._connection("rw") as db:
            changed = db.execute(
                "UPDATE head SET size = ?, root = ?, note = ? WHERE origin = ? AND size = ? AND root = ? AND size < ?",
                (new.size, new.root, new.note, origin, old.size, old.root, new.size),
            )
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
        except sqlite3.Error as error:
            raise StorageFailure(
                f"the head store {self.path} cannot be read or written ({error}); check its folder and the disk"
            ) from error
        finally:
            if db is not None:
                db.close()
