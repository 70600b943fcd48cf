"""Which clinics somebody belongs to today: memberships whose clinic has a log, by the day that it is in that clinic."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date

from ...errors import KeyUnavailable, NotFound
from ...format import instant
from ...stores.contract import Clinic, State
from ..shared_journal import journal
from .models import Membership, User


def memberships(user: User) -> Sequence[tuple[Membership, Clinic, State]]:
    """Every clinic that somebody may enter today, by name: as what, which one, and what it is called now.

    It looks at these clinics alone: an installation may have thousands of others.
    """
    found = []
    for membership in user.memberships.all():
        with suppress(NotFound, KeyUnavailable):  # there is none, or none that can be opened any more
            _, session = journal().reading(membership.clinic_id)
            if not membership.has_ended(session.today):
                found.append((membership, session.clinic, session.state))
    return sorted(found, key=lambda one: one[2].name.casefold())


def local_day(us: int, zone: str) -> date:
    """Return the day on which an instant is in a zone."""
    return instant.to_datetime(us, instant.offset_minutes(us, instant.zone(zone))).date()
