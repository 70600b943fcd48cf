"""Which clinics somebody belongs to today: memberships whose clinic has a log, by the day that it is in that clinic."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from ...errors import KeyUnavailable, NotFound
from ...format import instant
from ...log import ClinicLog
from ...stores.contract import Clinic, State
from ..shared_journal import journal
from .models import Membership, User


def memberships(user: User) -> Sequence[tuple[Membership, Clinic, State]]:
    """Every clinic that somebody may enter today, by name: as what, which one, and what it is called now."""
    there = {clinic.id: (clinic, state) for clinic, state in journal().clinics() if state.closed_at is None}
    opened = {log.clinic.id for log in journal().open_logs()}  # of these nothing has to be asked
    found = [(one, *there[one.clinic_id]) for one in user.memberships.all()
             if one.clinic_id in there and (one.clinic_id in opened or log_of(one.clinic_id) is not None)]  # fmt: skip
    now = journal().clock()
    return sorted(
        (one for one in found if not one[0].has_ended(local_day(now, one[2].zone))),
        key=lambda one: one[2].name.casefold(),
    )


def local_day(us: int, zone: str) -> date:
    """Return the day on which an instant is in a zone."""
    return instant.to_datetime(us, instant.offset_minutes(us, instant.zone(zone))).date()


def log_of(clinic_id: str) -> ClinicLog | None:
    """The clinic's log; None where there is none, or none that can be opened any more."""
    try:
        return journal().clinic(clinic_id)
    except (NotFound, KeyUnavailable):
        return None
