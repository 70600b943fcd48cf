"""The day on which the demo's clinic began to use the platform: its staff, services, schedules, offers and rewards."""

from __future__ import annotations

from datetime import timedelta

from . import calendar
from .calendar import SECOND, at
from .diary import Clinic
from .offer import CURRENCY, OFFERS, REWARDS, SERVICES
from .people import Json, Member

CLINIC_ID = "c_estrela"
CLINIC_NAME = "Clínica Estrela"
# Which members of a service's snapshot the entry of its creation has no field for.
_REST = ("reminder_minutes",)


def found(clinic: Clinic) -> None:
    """Tell what the owner sets up in the morning: the clinic, staff, services, schedules, rewards."""
    owner, day, operation = clinic.owner, clinic.start, clinic.operation()
    here = {"kind": "clinic", "id": CLINIC_ID, "name": CLINIC_NAME}
    now = at(day, 9 * 60 + 30)
    clinic.note(now, "clinic.created", owner.actor, here, {"zone": calendar.ZONE, "currency": CURRENCY},
                request=owner.request, operation=operation)  # fmt: skip
    for member in clinic.staff[1:]:
        now += 55 * SECOND
        clinic.note(now, "staff.added", owner.actor, {"kind": "staff", **member.person}, {"role": member.role},
                    request=owner.request, operation=clinic.operation())  # fmt: skip
    for service in SERVICES:
        now += 70 * SECOND
        context = _offered(service.snapshot(service.price_minor))
        clinic.note(now, "service.created", owner.actor, service.target, context, request=owner.request,
                    operation=clinic.operation())  # fmt: skip
    for member in clinic.practitioners:
        now += 65 * SECOND
        context = {"practitioner": member.person, "hours": _hours(member), "valid_from": day.isoformat()}
        clinic.note(now, "schedule.created", owner.actor, schedule(member), context, request=owner.request,
                    operation=clinic.operation())  # fmt: skip
    for reward in REWARDS:
        now += 50 * SECOND
        clinic.note(now, "reward.created", owner.actor, reward.target, reward.described, request=owner.request,
                    operation=clinic.operation())  # fmt: skip


def equip(clinic: Clinic) -> None:
    """Tell the rest of that day: who was invited, the account at Stripe, the packs. Told after the five uses are."""
    owner, day = clinic.owner, clinic.start
    now = at(day, 9 * 60 + 30)
    until = calendar.local(at(day + timedelta(days=7), 9 * 60 + 30)).isoformat(timespec="seconds")
    for member in clinic.staff[1:]:
        now += 4 * SECOND
        context: Json = {"role": member.role, "medium": "email", "expires_at": until}
        clinic.note(now, "staff.invited", owner.actor, {"kind": "staff", **member.person}, context,
                    request=owner.request, operation=clinic.operation())  # fmt: skip
    now = at(day, 15 * 60 + 12)
    clinic.note(now, "integration.connected", owner.actor, {"kind": "integration", "id": "stripe", "name": "Stripe"},
                {"stripe_account": clinic.stripe_id("acct"), "test_mode": False}, request=owner.request,
                operation=clinic.operation())  # fmt: skip
    for offer in OFFERS:
        now += 80 * SECOND
        context = {"service": offer.service.id, "sessions_total": offer.sessions, "price_minor": offer.price_minor,
                   "currency": CURRENCY, "validity_days": offer.days}  # fmt: skip
        clinic.note(now, "voucher_offer.created", owner.actor, offer.target, context, request=owner.request,
                    operation=clinic.operation())  # fmt: skip


def _offered(snapshot: Json) -> Json:
    """Return the context of a service's creation from its snapshot."""
    fields = {name: value for name, value in snapshot.items() if name not in ("id", "name", *_REST)}
    return {**fields, "snapshot": {name: snapshot[name] for name in _REST}}


def schedule(member: Member) -> Json:
    return {"kind": "schedule", "id": f"sch_{member.number}", "name": f"{member.name}, weekly hours"}


def _hours(member: Member) -> Json:
    start, end = member.shift // 60, member.shift // 60 + 9
    weekday = [[f"{start:02d}:00", "13:00"], ["14:00", f"{end:02d}:00"]]
    return {**dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), weekday), "every_other_sat": [["09:00", "13:00"]]}
