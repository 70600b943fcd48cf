"""Which clinics somebody belongs to today: memberships whose clinic has a log, by the day that it is in that clinic."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from ...format import instant
from ...stores.contract import Clinic, State
from ..shared_journal import journal
from .models import Membership, User


def memberships(user: User) -> Sequence[tuple[Membership, Clinic, State]]:
    """Every clinic that somebody may enter today, by name: as what, which one, and what it is called now.

    It looks at these clinics alone, and opens none: an installation may have thousands, and somebody thousands of them.
    """
    mine = {one.clinic_id: one for one in user.memberships.all()}
    now = journal().clock()
    found = [
        (mine[clinic.id], clinic, state)
        for clinic, state in journal().clinics(mine)
        if state.closed_at is None and not mine[clinic.id].has_ended(local_day(now, state.zone))
    ]
    return sorted(found, key=lambda one: one[2].name.casefold())


def local_day(us: int, zone: str) -> date:
    """Return the day on which an instant is in a zone."""
    return instant.to_datetime(us, instant.offset_minutes(us, instant.zone(zone))).date()
