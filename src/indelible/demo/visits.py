"""The life of a booking in the demo: booked, perhaps moved, then cancelled, missed, or completed and paid.

The cancellation policy: 24 hours. Who cancels in time gets back what was paid or reserved. Who cancels later loses the
deposit, or half of what was paid. Where the clinic cancels, everything goes back. Notice is elapsed time, in whole
minutes between two instants.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from . import calendar, till
from .calendar import HOUR, MINUTE
from .diary import Clinic
from .offer import CURRENCY, Service
from .people import Customer, Json, Member
from .till import SECOND, Charge

WINDOW_MINUTES = 24 * 60
GRACE_MINUTES = 15
LEAD_DAYS = 45
# From how much on a booking made online needs a deposit or is paid ahead.
DEPOSIT_FROM_MINOR = 6_000

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SOURCES = ("online", "phone", "walk_in", "rebook", "waitlist")
_MOVE_REASONS = (
    "train was late",
    "Reunião de trabalho",
    "child is ill",
    "asked for an afternoon",
    "Consulta marcada à mesma hora",
)
_CANCEL_REASONS = (
    "Client called: has the flu",
    "Cliente vai estar fora de Lisboa",
    "client found a date elsewhere",
    "Client called, no reason given",
    "Carro avariado",
)
_PATHS = ("app", "email_link", "staff", "clinic")


@dataclass(slots=True)
class Visit:
    """One booking while its story is told. `last` is the instant of the last thing that happened to it."""

    id: str
    client: Customer
    practitioner: Member
    service: Service
    source: str
    start: int
    booked_for: int
    price_minor: int
    last: int
    deposit: Charge | None = None
    prepaid: Charge | None = None

    @property
    def end(self) -> int:
        return self.start + self.service.duration_minutes * MINUTE

    @property
    def about(self) -> Json:
        return {"service": self.service.id, "service_name": self.service.name}

    def target(self, start: int) -> Json:
        when = calendar.local(start)
        name = f"{self.service.name}, {when.day} {_MONTHS[when.month - 1]} {when.hour:02d}:{when.minute:02d}"
        return {"kind": "booking", "id": self.id, "name": name}


def tell_visits(clinic: Clinic, day: date) -> None:
    """Fill a day's slots with visits and tell the story of each."""
    present = [member for member in clinic.practitioners if clinic.works(member, day)]
    slots = [slot for member in present for slot in _slots(clinic, member, day)]
    slots.sort(key=lambda slot: slot[0] + slot[2].duration_minutes * MINUTE)
    for start, practitioner, service in slots:
        visit = _book(clinic, practitioner, service, day, start)
        if visit is None:
            continue
        if visit.booked_for != visit.start:
            _reschedule(clinic, visit)
        chance = clinic.rng.random()
        if chance < 0.11 and visit.source != "walk_in":
            _cancel(clinic, visit)
        elif chance < 0.15 and visit.source != "walk_in":
            _miss(clinic, visit)
        else:
            _complete(clinic, visit)


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


def _book(clinic: Clinic, practitioner: Member, service: Service, day: date, start: int) -> Visit | None:
    rng = clinic.rng
    source = rng.choices(_SOURCES, (52, 28, 8, 9, 3))[0]
    client = clinic.client_for(day)
    booked_for = start if source == "walk_in" else _earlier_slot(clinic, practitioner, service, start)
    low = max(clinic.opened, client.known_from + HOUR if client else 0)
    booked_at = None if source == "walk_in" else _booking_time(clinic, low, booked_for, source)
    if booked_at is None:
        source, booked_for, booked_at = "walk_in", start, start - rng.randrange(3 * MINUTE, 12 * MINUTE)
        if booked_at < calendar.at(day, 9 * 60) or booked_at <= low:
            return None
    if not clinic.bookable(service, booked_at):
        return None
    operation = clinic.operation()
    desk = None if source == "online" else clinic.reception(booked_at)
    if client is None:
        client = _welcome(clinic, booked_at, desk, operation)
    elif desk is None and rng.random() < 0.3:
        _sign_in(clinic, client, booked_at)
    client.last_day = day.toordinal()
    visit = Visit(clinic.new_id("bk"), client, practitioner, service, source, start, booked_for,
                  clinic.price(service, booked_at), booked_at + 2 * SECOND)  # fmt: skip
    _note_booking(clinic, visit, booked_at + 2 * SECOND, desk, operation)
    return visit


def _earlier_slot(clinic: Clinic, practitioner: Member, service: Service, start: int) -> int:
    """For one booking in nine, a free slot some days before `start` in which it was first."""
    if clinic.rng.random() > 0.13:
        return start
    free = clinic.free[practitioner.id]
    while free and free[0][0] < start - 20 * 24 * HOUR:
        del free[0]
    fits = [slot for slot in free if slot[1] >= service.duration_minutes and slot[0] < start - 4 * HOUR]
    if not fits:
        return start
    slot = clinic.rng.choice(fits)
    free.remove(slot)
    return slot[0]


def _booking_time(clinic: Clinic, low: int, booked_for: int, source: str) -> int | None:
    lead = min(clinic.rng.expovariate(1 / 8), LEAD_DAYS - 1)
    latest = booked_for - 45 * MINUTE
    earliest = max(low, latest - round((lead + 0.4) * 24) * HOUR)
    if earliest >= latest:
        return None
    middle = earliest + 36 * HOUR  # most bookings are made near the drawn lead time, not just before the visit
    return calendar.some_time(clinic.rng, earliest, min(latest, middle), open_only=source != "online")


def _welcome(clinic: Clinic, at: int, desk: Member | None, operation: str) -> Customer:
    client = clinic.meet(at)
    context: Json = {"method": "staff" if desk else clinic.rng.choice(("booking", "self_signup"))}
    context["fields_present"] = ["name", "phone", "birth_date"] if desk else ["name", "phone", "email"]
    actor, request = (desk.actor, desk.request) if desk else (client.actor, client.request)
    clinic.note(at, "client.created", actor, client.target, context, request=request, operation=operation)
    return client


def _sign_in(clinic: Clinic, client: Customer, before: int) -> None:
    at = before - clinic.rng.randrange(40, 200) * SECOND
    context = {"method": clinic.rng.choice(("password", "magic_link")), "second_factor": "none",
               "session": clinic.new_id("ses")}  # fmt: skip
    clinic.note(at, "account.logged_in", client.actor, client.target, context, request=client.request,
                operation=clinic.operation())  # fmt: skip


def _note_booking(clinic: Clinic, visit: Visit, at: int, desk: Member | None, operation: str) -> None:
    client, rng = visit.client, clinic.rng
    context = booked(visit)
    ahead = "none"
    if desk is None and visit.price_minor >= DEPOSIT_FROM_MINOR:
        soon = visit.start - at < 6 * 24 * HOUR and visit.booked_for == visit.start  # before an authorization ends
        ahead = "deposit" if soon else "prepaid" if rng.random() < 0.6 else "none"
    elif desk is None and rng.random() < 0.14:
        ahead = "prepaid"
    deposit_minor = visit.price_minor * 3 // 1000 * 100
    if ahead == "deposit":
        context["deposit_minor"] = deposit_minor
    actor, request = (desk.actor, desk.request) if desk else (client.actor, client.request)
    clinic.note(at, "booking.created", actor, visit.target(visit.booked_for), context, client=client, request=request,
                operation=operation)  # fmt: skip
    visit.last = at + 5 * MINUTE
    if ahead == "deposit":
        visit.deposit = till.authorize(clinic, at + 3 * SECOND, client, deposit_minor, visit.id, operation)
    elif ahead == "prepaid":
        visit.prepaid = till.pay_online(clinic, at + 3 * SECOND, client, visit.price_minor, visit.id, operation)


def booked(visit: Visit) -> Json:
    """Return the context of a booking's creation."""
    return {
        "starts_at": _text(visit.booked_for),
        "ends_at": _text(visit.booked_for + visit.service.duration_minutes * MINUTE),
        "duration_minutes": visit.service.duration_minutes,
        "practitioner": visit.practitioner.person,
        "price_minor": visit.price_minor,
        "currency": CURRENCY,
        "source": visit.source,
        **visit.about,
    }


def _text(us: int) -> str:
    return calendar.local(us).isoformat(timespec="seconds")


def _reschedule(clinic: Clinic, visit: Visit) -> None:
    rng, client, old = clinic.rng, visit.client, visit.booked_for
    by_staff = rng.random() < 0.4
    at = calendar.some_time(rng, visit.last, old - 10 * MINUTE, open_only=by_staff)
    if at is None:
        # Nobody had the time to ask before: the desk moves it while the client is on the telephone.
        by_staff, at = True, old + rng.randrange(2 * MINUTE, 14 * MINUTE)
    length = visit.service.duration_minutes * MINUTE
    context: Json = {
        "starts_at": {"old": _text(old), "new": _text(visit.start)},
        "ends_at": {"old": _text(old + length), "new": _text(visit.end)},
        "notice_minutes": (old - at) // MINUTE,
        **visit.about,
    }
    actor, request = client.actor, client.request
    if by_staff:
        desk = clinic.reception(at)
        actor, request = desk.actor, desk.request
        context |= {"reason_code": "client_asked", "reason_text": rng.choice(_MOVE_REASONS)}
    clinic.note(at, "booking.rescheduled", actor, visit.target(old), context, client=client, request=request,
                operation=clinic.operation())  # fmt: skip
    visit.last = at + 5 * MINUTE


# Cancelled


def _cancel(clinic: Clinic, visit: Visit) -> None:
    rng = clinic.rng
    path = rng.choices(_PATHS, (58, 14, 22, 6))[0]
    limit = visit.start - WINDOW_MINUTES * MINUTE
    by_staff = path in ("staff", "clinic")
    at = None
    if rng.random() < 0.6 and visit.last < limit:
        at = calendar.some_time(rng, visit.last, limit, open_only=by_staff)
    if at is None and visit.last < visit.start - 15 * MINUTE:
        low = max(visit.last, limit)
        at = calendar.some_time(rng, low, visit.start - 10 * MINUTE, open_only=by_staff)
    if at is None:
        _complete(clinic, visit)
        return
    notice = (visit.start - at) // MINUTE
    late = notice < WINDOW_MINUTES and path != "clinic"
    rule: Literal["clinic-cancelled", "late-cancel", "cancel-in-time"]
    rule = "clinic-cancelled" if path == "clinic" else "late-cancel" if late else "cancel-in-time"
    operation = clinic.operation()
    note_cancellation(clinic, visit, at, path, late, operation)
    settle(clinic, visit, at + 2 * SECOND, rule, operation)


def note_cancellation(clinic: Clinic, visit: Visit, at: int, path: str, late: bool, operation: str) -> None:
    """Tell that a booking was cancelled. `path` is app, email_link, staff or clinic."""
    client, rng = visit.client, clinic.rng
    context: Json = {
        "starts_at": _text(visit.start),
        "notice_minutes": (visit.start - at) // MINUTE,
        "late": late,
        "policy": "pol_cancellation",
        "policy_version": 1,
        "policy_window_minutes": WINDOW_MINUTES,
        "practitioner": visit.practitioner.person,
        **visit.about,
    }
    actor, request = client.actor, client.request
    if path == "email_link":
        request = {**request, "channel": "email_link"}
        context["confirmation"] = rng.choice(("form_sent", "form_sent", "form_sent_after_delay"))
    elif path != "app":
        desk = clinic.reception(at)
        actor, request = desk.actor, desk.request
        ill = path == "clinic"
        context["reason_code"] = "staff_absent" if ill else "client_called"
        context["reason_text"] = "Practitioner is off sick today" if ill else rng.choice(_CANCEL_REASONS)
    lost = _lost_minor(visit) if late else 0
    back = visit.prepaid.amount_minor - lost if visit.prepaid else 0
    if lost or back:
        context |= {"currency": CURRENCY, **({"fee_minor": lost} if lost else {}),
                    **({"refund_due_minor": back} if back else {})}  # fmt: skip
    clinic.note(at, "booking.cancelled", actor, visit.target(visit.start), context, client=client, request=request,
                operation=operation)  # fmt: skip


def _lost_minor(visit: Visit) -> int:
    """What a late cancellation costs: the deposit, or half of what was paid ahead."""
    if visit.deposit:
        return visit.deposit.amount_minor
    return visit.prepaid.amount_minor // 2 if visit.prepaid else 0


def settle(clinic: Clinic, visit: Visit, at: int, rule: str, operation: str) -> None:
    """Do with the money what the policy says; nobody clicks."""
    late = rule == "late-cancel"
    if visit.deposit and late:
        till.capture(clinic, at, "policy:late-cancel", visit.client, visit.deposit, visit.id, operation)
    elif visit.deposit:
        till.release(clinic, at, rule, visit.client, visit.deposit, visit.id, operation)
    elif visit.prepaid:
        back = visit.prepaid.amount_minor - (_lost_minor(visit) if late else 0)
        till.refund_by_policy(clinic, at, rule, visit.client, visit.prepaid, back, visit.id, operation)


# Missed


def _miss(clinic: Clinic, visit: Visit) -> None:
    rng, client, operation = clinic.rng, visit.client, clinic.operation()
    by_job = rng.random() < 0.3
    day = calendar.local(visit.start).date()
    at = visit.start + rng.randrange(16, 29) * MINUTE
    if by_job:
        at = calendar.at(day, 23 * 60) + rng.randrange(60 * SECOND)
    fee = visit.deposit.amount_minor if visit.deposit else 0
    on_file = visit.source == "online" and not visit.deposit and not visit.prepaid and rng.random() < 0.4
    if on_file:
        fee = visit.price_minor // 2
    context: Json = {"starts_at": _text(visit.start), "grace_minutes": GRACE_MINUTES,
                     "practitioner": visit.practitioner.person, **visit.about}  # fmt: skip
    if fee:
        context |= {"fee_minor": fee, "currency": CURRENCY}
    actor: Json = {"kind": "system", "reason": "job:no-show"}
    request = None
    if not by_job:
        desk = clinic.reception(at)
        actor, request = desk.actor, desk.request
    clinic.note(at, "booking.no_show_marked", actor, visit.target(visit.start), context, client=client, request=request,
                operation=operation)  # fmt: skip
    if visit.deposit:
        till.capture(clinic, at + 2 * SECOND, "policy:no-show", client, visit.deposit, visit.id, operation)
    elif on_file:
        till.take_fee(clinic, at + 3 * SECOND, client, fee, visit.id, operation)


# Completed


def _complete(clinic: Clinic, visit: Visit) -> None:
    rng, client, operation = clinic.rng, visit.client, clinic.operation()
    by_job = rng.random() < 0.05
    day = calendar.local(visit.start).date()
    ended = visit.end + rng.randrange(5 * MINUTE)
    at = calendar.at(day, 22 * 60) + rng.randrange(60 * SECOND) if by_job else ended
    context: Json = {"completed_at": _text(ended), "method": "automatic" if by_job else "staff",
                     "practitioner": visit.practitioner.person, **visit.about}  # fmt: skip
    actor: Json = {"kind": "system", "reason": "job:complete-visits"}
    request = None
    if not by_job:
        who = visit.practitioner if rng.random() < 0.8 else clinic.reception(at)
        actor, request = who.actor, who.request
    clinic.note(at, "booking.completed", actor, visit.target(visit.start), context, client=client, request=request,
                operation=operation)  # fmt: skip
    if visit.deposit:
        till.capture(clinic, at + SECOND, "policy:deposit", client, visit.deposit, visit.id, operation)
    _pay(clinic, visit, ended + rng.randrange(60, 420) * SECOND, max(at, ended + 10 * MINUTE))


def _pay(clinic: Clinic, visit: Visit, at: int, awarded_at: int) -> None:
    rng, client, operation = clinic.rng, visit.client, clinic.operation()
    due = visit.price_minor - (visit.deposit.amount_minor if visit.deposit else 0)
    desk, charge = clinic.reception(at), visit.prepaid
    if charge is None:
        if not visit.deposit and rng.random() < 0.035:
            due = till.redeem_coupon(clinic, at, desk, client, due, visit.id, operation)
        due = till.redeem_voucher(clinic, at + SECOND, desk, client, due, visit.id, operation)
        if due:
            charge = till.pay_at_desk(clinic, at + 2 * SECOND, desk, client, due, visit.id, operation)
    paid = (charge.amount_minor if charge else 0) + (visit.deposit.amount_minor if visit.deposit else 0)
    if client.member and paid:
        till.award_points(clinic, awarded_at + 3 * SECOND, client, paid, visit.id, operation)
    if charge:
        till.perhaps_refund(clinic, awarded_at + 5 * MINUTE, client, charge, visit.id)
