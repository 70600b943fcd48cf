"""The visits of a day in the demo's clinic: which slots are taken, and the story of each booking."""

from __future__ import annotations

from datetime import date

from . import calendar, outcomes
from .bookings import book, reschedule
from .calendar import MINUTE
from .diary import Clinic
from .meanwhile import perhaps_edit
from .offer import Service
from .people import Member


def tell_visits(clinic: Clinic, day: date) -> None:
    """Fill a day's slots with visits and tell the story of each."""
    present = [member for member in clinic.practitioners if clinic.works(member, day)]
    slots = [slot for member in present for slot in _slots(clinic, member, day)]
    slots.sort(key=lambda slot: slot[0] + slot[2].duration_minutes * MINUTE)
    for start, practitioner, service in slots:
        visit = book(clinic, practitioner, service, day, start)
        if visit is None:
            continue
        if visit.booked_for != visit.start:
            reschedule(clinic, visit)
        perhaps_edit(clinic, visit)
        chance = clinic.rng.random()
        # Who has a coupon comes, and so does who was entered twice: it is her visit that shows it.
        comes = visit.source == "walk_in" or visit.coupon is not None or visit.double_of is not None
        if chance < 0.11 and not comes:
            outcomes.cancel(clinic, visit)
        elif chance < 0.15 and not comes:
            outcomes.miss(clinic, visit)
        else:
            outcomes.complete(clinic, visit, plain=visit.double_of is not None)
        if visit.double_of is not None:
            outcomes.merge(clinic, visit)


def _slots(clinic: Clinic, member: Member, day: date) -> list[tuple[int, Member, Service]]:
    """Go through a practitioner's day in quarters of an hour; slots that stay empty are kept in `clinic.free`."""
    hours = calendar.opening(day)
    if hours is None:
        return []
    rng, found, busy = clinic.rng, [], calendar.demand(day)
    blocks = [hours] if day.weekday() == 5 else [(member.shift, 13 * 60), (14 * 60, member.shift + 9 * 60)]
    for minute, until in blocks:
        while minute + 30 <= until:
            service = clinic.service()
            length = min(service.duration_minutes, until - minute)
            start, full = calendar.at(day, minute), length == service.duration_minutes and rng.random() < busy
            taken = any(one < start + length * MINUTE and start < other for one, other in clinic.taken[member.id])
            if full and not taken:
                found.append((start, member, service))
            elif not taken:
                clinic.free[member.id].append((start, length))
            minute += -(-length // 15) * 15
    return found
