"""The drainer looks after the guard: it adds up what was counted, and tells the log where a guard does not stand.

A trigger that is missing, disabled or changed, or a table that is gone, is one entry a table and day, by our own key,
in the log of every clinic of which the table had a change in the last days. A table that never counted anything for a
clinic (it has no clinic column, or is new) may be anybody's: then every open clinic's log has the entry.

Nothing here stops draining: a guard watches for what nobody recorded, and what was recorded goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import MutableSet
from datetime import UTC, datetime, timedelta
from functools import partial

from ..catalogue.log import LogGuardMissing
from ..errors import IndelibleError
from ..format import instant
from ..journal import Journal
from ..log import ClinicLog
from ..outbox import guard
from ..outbox.guard import Guard
from ..outbox.source import Source
from ..record import own
from . import copies, refusals

# Days in which a change makes a table a clinic's.
DAYS = 30
# Characters of a table's name that an entry takes; PostgreSQL's has 63 bytes, and a schema before it as many.
_NAME = 100

# What was told already: (table, day). It spares a look into every log each minute; the keys make it once.
Told = MutableSet[tuple[str, str]]


def watch(journal: Journal, source: Source, told: Told | None = None) -> str | None:
    """Add up the tallies and tell of guards that do not stand; return why that could not be done, None where it was."""
    try:
        with source.postgres() as connection:
            if connection is None:
                return None
            guard.fold(connection)
            since = datetime.now(UTC).date() - timedelta(days=DAYS)
            broken = [
                (one, guard.clinics(connection, one.table, since)) for one in guard.guards(connection) if not one.stands
            ]
        if broken:
            outbox = copies.check(journal.store, source).outbox
            for one, clinics in broken:
                _tell(journal, outbox, one, clinics, set() if told is None else told)
    except IndelibleError as error:
        return str(error)
    return None


def _tell(journal: Journal, outbox: str, broken: Guard, clinics: list[str], told: Told) -> None:
    day = instant.format(journal.clock())[:10]
    if (broken.table, day) in told:
        return
    there = [clinic.id for clinic, _ in journal.clinics() if refusals.misplaced(journal, clinic) is None]
    for clinic in [one for one in there if one in clinics] or there:
        _append(journal.clinic(clinic), outbox, broken, day)
    told.add((broken.table, day))


def _append(log: ClinicLog, outbox: str, broken: Guard, day: str) -> None:
    context = LogGuardMissing.model_validate(
        {"table": _name(broken.table), "state": broken.state.replace(" ", "_"), "mode": broken.mode}
    )
    log.append_own(partial(own.drained, context=context, key=f"guard:{_fingerprint(outbox, broken.table)}:{day}"))


def _name(table: str) -> str:
    """A table's name as an entry takes it: whoever made the table may have called it anything."""
    return "".join(one if one.isprintable() and one != "@" else "?" for one in table)[:_NAME].strip() or "?"


def _fingerprint(outbox: str, table: str) -> str:
    """Tables of two databases may have one name, and a key has no room for every name."""
    return hashlib.sha256(f"{outbox}/{table}".encode()).hexdigest()[:16]
