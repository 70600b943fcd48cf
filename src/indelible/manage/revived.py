"""Whom an older copy of the accounts lets in again, although the log says that they were let go meanwhile.

The accounts are the service's own database. The log has the last word on who belongs to a clinic's staff, and on which
programs have a key: what became of somebody last, `staff.added` or `staff.deactivated`, is an entry, and what became of
a key last, `api_key.created` or `api_key.revoked`. Of a key of the platform each clinic's log says it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from ..errors import IndelibleError, StorageFailure
from ..journal import Journal
from ..read.query import Choice, Query

_CAME = frozenset({"staff.added", "clinic.created"})
_WENT = frozenset({"staff.deactivated", "staff.removed"})
_MADE, _REVOKED = frozenset({"api_key.created"}), frozenset({"api_key.revoked"})

_MEMBERS = (
    "SELECT m.clinic_id, u.public_id FROM service_membership m JOIN service_user u ON u.id = m.user_id"
    " ORDER BY m.clinic_id, u.public_id"
)
_KEYS = "SELECT clinic_id, public_id FROM service_apikey WHERE revoked_at = 0 ORDER BY clinic_id, public_id"


class Revived(NamedTuple):
    """A member, or a key (`key_…`), that may enter a clinic by the accounts, and not by its log, since entry number
    `seq`. A key of the platform enters every clinic; `clinic_id` is one whose log says that it was revoked."""

    clinic_id: str
    id: str
    seq: int

    @property
    def is_key(self) -> bool:
        return self.id.startswith("key_")


def revived(journal: Journal, accounts: Path) -> list[Revived]:
    """Return who belongs to a clinic in the accounts' database, and was let go in its log, and which keys open one, and
    were revoked there. Raises StorageFailure."""
    found = []
    for clinic, person in _read(accounts, "service_user", _MEMBERS):
        if (seq := _gone_since(journal, clinic, f"staff/{person}", _CAME, _WENT)) is not None:
            found.append(Revived(clinic, person, seq))
    every = [clinic.id for clinic, _ in journal.clinics()]
    for of, key in _read(accounts, "service_apikey", _KEYS):
        for clinic in [of] if of else every:
            if (seq := _gone_since(journal, clinic, f"api_key/key_{key}", _MADE, _REVOKED)) is not None:
                found.append(Revived(clinic, f"key_{key}", seq))
                break
    return found


def end_viewer_sessions(accounts: Path) -> None:
    """Delete what hosts were given to show the log in their pages: who was shown it then may not be now. Raises
    StorageFailure."""
    try:
        with closing(sqlite3.connect(accounts)) as db:
            if _is_there(db, "service_viewerpass"):
                db.execute("PRAGMA secure_delete = ON")
                db.execute("DELETE FROM service_viewerpass")
                db.commit()
    except sqlite3.Error as error:
        raise StorageFailure(f"the accounts cannot be changed ({error}); restore another backup") from error


def _read(accounts: Path, table: str, statement: str) -> Sequence[tuple[str, str]]:
    """What a statement finds; nothing in the accounts of a release that had no such table yet."""
    try:
        with closing(sqlite3.connect(f"{accounts.resolve().as_uri()}?mode=ro", uri=True)) as db:
            return db.execute(statement).fetchall() if _is_there(db, table) else ()
    except sqlite3.Error as error:
        raise StorageFailure(f"the accounts cannot be read ({error}); restore another backup") from error


def _is_there(db: sqlite3.Connection, table: str) -> bool:
    return db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)).fetchone() is not None


def _gone_since(
    journal: Journal, clinic_id: str, target: str, came: frozenset[str], went: frozenset[str]
) -> int | None:
    """The number of the entry by which somebody went last; None where they came after it, or never went."""
    wanted = Choice(actions=came | went, targets=frozenset({target}))
    try:
        last = next(journal.clinic(clinic_id).read(Query(wanted), limit=1), None)
    except IndelibleError:  # closed, or not there: nobody can enter it
        return None
    return last.seq if last is not None and last.action in went else None
