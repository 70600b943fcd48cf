"""Whom an older copy of the accounts lets in again, although the log says that they were let go meanwhile.

The accounts are the service's own database. The log has the last word on who belongs to a clinic's staff: what became
of somebody last, `staff.added` or `staff.deactivated`, is an entry.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from ..errors import IndelibleError, StorageFailure
from ..journal import Journal
from ..read.query import Choice, Query

_CAME = frozenset({"staff.added", "clinic.created"})
_WENT = frozenset({"staff.deactivated", "staff.removed"})


class Revived(NamedTuple):
    """Somebody who may enter a clinic by the accounts, and not by its log, since entry number `seq`."""

    clinic_id: str
    person_id: str
    seq: int


def revived(journal: Journal, accounts: Path) -> list[Revived]:
    """Return who belongs to a clinic in the accounts' database, and was let go in its log. Raises StorageFailure."""
    return [Revived(clinic, person, seq) for clinic, person in _members(accounts)
            if (seq := _gone_since(journal, clinic, person)) is not None]  # fmt: skip


def _members(accounts: Path) -> Iterator[tuple[str, str]]:
    """Each clinic and member, by their ids."""
    try:
        with closing(sqlite3.connect(f"{accounts.resolve().as_uri()}?mode=ro", uri=True)) as db:
            yield from db.execute(
                "SELECT m.clinic_id, u.public_id FROM service_membership m JOIN service_user u ON u.id = m.user_id"
                " ORDER BY m.clinic_id, u.public_id"
            ).fetchall()
    except sqlite3.Error as error:
        raise StorageFailure(f"the accounts cannot be read ({error}); restore another backup") from error


def _gone_since(journal: Journal, clinic_id: str, person_id: str) -> int | None:
    """The number of the entry by which somebody went last; None where they came after it, or never went."""
    wanted = Choice(actions=_CAME | _WENT, targets=frozenset({f"staff/{person_id}"}))
    try:
        last = next(journal.clinic(clinic_id).read(Query(wanted), limit=1), None)
    except IndelibleError:  # closed, or not there: nobody can enter it
        return None
    return last.seq if last is not None and last.action in _WENT else None
