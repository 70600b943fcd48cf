"""The head store: the last signed checkpoint of every log, in one SQLite file outside the database.

It is what makes signing two histories impossible by accident. A checkpoint is put here by compare-and-swap before
anything else sees it; a database restored from an older backup then knows less than the head store, and signing
refuses. Therefore the head store must never be restored together with the database. It lies in the keep (`folder.py`).

It also keeps what the clock said at the last checkpoint, to find out one that jumped (`timekeeping.py`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..errors import SigningRefused, StorageFailure
from ..files import definitions


@dataclass(frozen=True, slots=True)
class SignedHead:
    """The newest checkpoint that was signed for a log. `note` is empty for a log that has signed none yet."""

    size: int
    root: bytes
    note: bytes


class Seen(NamedTuple):
    """What the clock said at a checkpoint, and how long the machine had run then. Both in microseconds."""

    boot: str
    uptime: int
    wall: int


class HeadStore:
    """One file of signed heads, keyed by log origin. Every call opens it: it is used once a second at most."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        """Make the file where it does not exist. Raises StorageFailure."""
        with self._connection("rwc") as db:
            _make(db)

    def defects(self) -> list[str]:
        """What is in the file, or how, that this release does not make. The file is all ours.

        A table that is not there is no defect: an older release made the file, and it is made when it is needed.
        """
        if not self.path.is_file():
            return []
        with closing(sqlite3.connect(":memory:")) as made, self._connection("rw") as db:
            _make(made)
            found = definitions.definitions(db)
            there = {one.table for one in found}
            expected = [one for one in definitions.definitions(made) if one.table in there]
            return list(definitions.differences(found, expected))

    def get(self, origin: str) -> SignedHead | None:
        """Return the signed head of a log, or None where this store has never heard of it."""
        if not self.path.is_file():
            return None
        with self._connection("rw") as db:
            row = db.execute("SELECT size, root, note FROM head WHERE origin = ?", (origin,)).fetchone()
        return SignedHead(*row) if row else None

    def adopt(self, origin: str, head: SignedHead) -> None:
        """Put in the head of a log that this store does not know yet. Raises SigningRefused where it does know it."""
        self.create()
        with self._connection("rw") as db:
            added = db.execute(
                "INSERT INTO head VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", (origin, head.size, head.root, head.note)
            )
            if added.rowcount != 1:
                raise SigningRefused("the head store already has a head for this log")

    def swap(self, origin: str, old: SignedHead, new: SignedHead, seen: Seen | None = None) -> bool:
        """Replace `old` by `new` if `old` is still what is there; return whether it was. On disk when it returns.

        `seen` is the clock at this moment.
        """
        with self._connection("rw") as db:
            db.execute("BEGIN IMMEDIATE")
            changed = db.execute(
                "UPDATE head SET size = ?, root = ?, note = ? WHERE origin = ? AND size = ? AND root = ? AND size < ?",
                (new.size, new.root, new.note, origin, old.size, old.root, new.size),
            )
            if changed.rowcount == 1:
                _see(db, seen)
            db.execute("COMMIT")
            return changed.rowcount == 1

    def seen_time(self) -> Seen | None:
        """Return what the clock said at the last checkpoint; None where that is not known."""
        if not self.path.is_file():
            return None
        with self._connection("rw") as db:
            _make(db)
            row = db.execute("SELECT boot, uptime, wall FROM clock WHERE wall IS NOT NULL").fetchone()
        return Seen(*row) if row else None

    def accepted_time(self) -> int:
        """Return up to which `recorded_at` somebody said that a clock behind it is right; 0 where nobody did."""
        if not self.path.is_file():
            return 0
        with self._connection("rw") as db:
            _make(db)
            row = db.execute("SELECT accepted FROM clock").fetchone()
        return int(row[0]) if row else 0

    def accept_time(self, accepted: int, seen: Seen | None) -> None:
        """Keep that a clock is believed behind entries of up to `accepted`, and what it says now."""
        with self._connection("rw") as db:
            _make(db)
            db.execute("BEGIN IMMEDIATE")
            db.execute(
                "INSERT INTO clock (one, accepted) VALUES (1, ?)"
                " ON CONFLICT DO UPDATE SET accepted = excluded.accepted, boot = NULL, uptime = NULL, wall = NULL",
                (accepted,),
            )
            _see(db, seen)
            db.execute("COMMIT")

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
    _make_clock(db)


def _make_clock(db: sqlite3.Connection) -> None:
    db.execute(
        "CREATE TABLE IF NOT EXISTS clock"
        " (one INTEGER PRIMARY KEY CHECK (one = 1), accepted INTEGER NOT NULL, boot TEXT, uptime INTEGER, wall INTEGER)"
        " STRICT"
    )


def _see(db: sqlite3.Connection, seen: Seen | None) -> None:
    if seen is not None:
        _make_clock(db)
        db.execute(
            "INSERT INTO clock (one, accepted, boot, uptime, wall) VALUES (1, 0, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET boot = excluded.boot, uptime = excluded.uptime, wall = excluded.wall",
            seen,
        )
