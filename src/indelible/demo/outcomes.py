"""How a booking of the demo ends: cancelled, missed, or completed and paid.

Who cancels in time, a day before, gets back what was paid, or the session of the pack. Who cancels later loses the
session, or the part of the money that the terms of the booking keep. Where the clinic cancels, everything goes back.
Notice is elapsed time, in whole minutes between two instants.
"""

from __future__ import annotations

from typing import Literal

from . import calendar, packs, points, till
from .calendar import HOUR, MINUTE, SECOND
from .diary import Clinic
from .disputes import perhaps_dispute
from .meanwhile import perhaps_remind
from .offer import CURRENCY, WINDOW_MINUTES
from .people import Json, Who
from .visit import Visit, text

GRACE_MINUTES = 15

_CANCEL_REASONS = (
    "Client called: has the flu",
    "Cliente vai estar fora de Lisboa",
    "client found a date elsewhere",
    "Client called, no reason given",
    "Carro avariado",
)
_PATHS = ("app", "email_link", "staff", "clinic")

# Cancelled


def cancel(clinic: Clinic, visit: Visit) -> None:
    """Tell that somebody cancelled, in time or late; where nobody could have, the visit took place."""
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
        complete(clinic, visit)
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
        "starts_at": text(visit.start),
        "notice_minutes": (visit.start - at) // MINUTE,
        "late": late,
        **visit.service.policy,
        "practitioner": visit.practitioner.person,
        **visit.about,
        **_money_back(visit, late),
    }
    if visit.pack and not late:
        context["sessions_returned"] = 1
    who: Who = client
    request = client.request
    if path == "email_link":
        request = {**request, "channel": "email_link"}
        context["confirmation"] = rng.choice(("form_sent", "form_sent", "form_sent_after_delay"))
    elif path != "app":
        who = clinic.reception(at)
        request = who.request
        ill = path == "clinic"
        context["reason_code"] = "staff_absent" if ill else "client_called"
        context["reason_text"] = "Practitioner is off sick today" if ill else rng.choice(_CANCEL_REASONS)
    clinic.note(at, "booking.cancelled", who.actor, visit.target(visit.start), context, client=client, request=request,
                operation=operation)  # fmt: skip


def _money_back(visit: Visit, late: bool) -> Json:
    """What a cancellation says of what was paid ahead: how much of it is kept, and how much goes back."""
    if visit.paid is None:
        return {}
    paid, kept = visit.paid.amount_minor, visit.lost_minor(late)
    said: Json = {"charge": visit.paid.id, "deposit_minor": paid, "currency": CURRENCY,
                  "refund_rule": "none" if kept == paid else "partial" if kept else "full"}  # fmt: skip
    if 0 < kept < paid:
        said["refund_basis_points"] = visit.service.late_refund_basis_points
    if kept:
        said["fee_minor"] = kept
    if kept < paid:
        said["refund_due_minor"] = paid - kept
    return said


def settle(clinic: Clinic, visit: Visit, at: int, rule: str, operation: str) -> None:
    """Do with the money or the session what the terms say; nobody clicks."""
    late = rule == "late-cancel"
    if visit.pack and not late:
        packs.give_back(clinic, at, rule, visit.pack, visit.id, operation)
    if visit.paid is None:
        return
    kept = visit.lost_minor(late)
    back = visit.paid.amount_minor - kept
    if back:
        till.refund_by_policy(clinic, at, rule, visit.client, visit.paid, back, visit.service.policy["policy"],
                              visit.id, operation)  # fmt: skip
    if kept and visit.paid.purpose == "deposit":
        till.forfeit(clinic, at + SECOND, rule, visit.client, visit.paid, kept, visit.service.policy,
                     {"booking": visit.id}, operation)  # fmt: skip


# Missed


def miss(clinic: Clinic, visit: Visit) -> None:
    """Tell that a client did not come, which now and then was a mistake: she was late, and the visit took place."""
    rng, client, operation = clinic.rng, visit.client, clinic.operation()
    perhaps_remind(clinic, visit)
    by_job = rng.random() < 0.3
    day = calendar.local(visit.start).date()
    at = visit.start + rng.randrange(16, 29) * MINUTE
    if by_job:
        at = calendar.at(day, 23 * 60) + rng.randrange(60 * SECOND)
    fee = visit.paid.amount_minor if visit.paid else 0
    on_file = visit.source == "online" and not visit.paid and not visit.pack and rng.random() < 0.4
    if on_file:
        fee = visit.price_minor // 2
    context: Json = {"starts_at": text(visit.start), "grace_minutes": GRACE_MINUTES,
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
    if visit.paid and visit.paid.purpose == "deposit":
        till.forfeit(clinic, at + 2 * SECOND, "no-show", client, visit.paid, visit.paid.amount_minor,
                     visit.service.policy, {"booking": visit.id}, operation)  # fmt: skip
    elif on_file:
        till.take_fee(clinic, at + 3 * SECOND, client, fee, visit.id, operation)
    elif not by_job and not fee and visit.service.duration_minutes >= 45 and rng.random() < 0.15:
        _reinstate(clinic, visit, at + rng.randrange(2 * MINUTE, 9 * MINUTE))


def _reinstate(clinic: Clinic, visit: Visit, at: int) -> None:
    desk = clinic.reception(at)
    context: Json = {"from_status": "no_show", "starts_at": text(visit.start), "reason_code": "client_arrived_late",
                     "practitioner": visit.practitioner.person, **visit.about}  # fmt: skip
    clinic.note(at, "booking.reinstated", desk.actor, visit.target(visit.start), context, client=visit.client,
                request=desk.request, operation=clinic.operation())  # fmt: skip
    complete(clinic, visit, plain=True)


# Completed


def complete(clinic: Clinic, visit: Visit, *, plain: bool = False) -> None:
    """Tell that a visit took place, and what was paid. With `plain` nothing follows from it days later."""
    rng, client, operation = clinic.rng, visit.client, clinic.operation()
    if not plain:
        perhaps_remind(clinic, visit)
    by_job = not plain and rng.random() < 0.05
    day = calendar.local(visit.start).date()
    ended = visit.end + rng.randrange(5 * MINUTE)
    at = calendar.at(day, 22 * 60) + rng.randrange(60 * SECOND) if by_job else ended
    context: Json = {"completed_at": text(ended), "method": "automatic" if by_job else "staff",
                     "practitioner": visit.practitioner.person, "price_minor": visit.price_minor, "currency": CURRENCY,
                     **visit.about}  # fmt: skip
    actor: Json = {"kind": "system", "reason": "job:complete-visits"}
    request = None
    if not by_job:
        who = visit.practitioner if rng.random() < 0.8 else clinic.reception(at)
        actor, request = who.actor, who.request
    clinic.note(at, "booking.completed", actor, visit.target(visit.start), context, client=client, request=request,
                operation=operation)  # fmt: skip
    paid_at = ended + rng.randrange(60, 420) * SECOND
    charge, paid_in = _pay(clinic, visit, paid_at)
    # Points come with what is the later: that the visit is over, or that it is paid.
    awarded_at, awarded_in = (at + 3 * SECOND, operation)
    if paid_in and not by_job:
        awarded_at, awarded_in = paid_at + 110 * SECOND, paid_in
    _award(clinic, visit, awarded_at, awarded_in)
    if not plain:
        _afterwards(clinic, visit, charge, max(awarded_at, paid_at) + 10 * MINUTE)


def _pay(clinic: Clinic, visit: Visit, at: int) -> tuple[till.Charge | None, str]:
    """Take what is due, and return the last charge of the visit, and the operation of the desk's if there is one."""
    client, operation, booking = visit.client, clinic.operation(), {"booking": visit.id}
    paid = visit.paid.amount_minor if visit.paid else 0
    due, desk = visit.due_minor - paid, clinic.reception(at)
    if not due:
        return visit.paid, ""
    purpose = "balance" if paid else "full_price"
    charge = till.pay_at_desk(clinic, at + 2 * SECOND, desk, client, due, purpose, booking, operation)
    if clinic.rng.random() < 0.07:
        till.invoice(clinic, at + 100 * SECOND, desk, client, charge, booking, operation)
    return charge, operation


def _award(clinic: Clinic, visit: Visit, at: int, operation: str) -> None:
    spent, about = visit.due_minor, {"booking": visit.id}
    if visit.pack:
        spent, about["voucher"] = visit.pack.price_minor // visit.pack.offer.sessions, visit.pack.id
    if visit.client.member and spent:
        points.award(clinic, at, visit.client, spent, about, operation)


def _afterwards(clinic: Clinic, visit: Visit, charge: till.Charge | None, later: int) -> None:
    """Tell what follows in the days after: a friend thanked, a reward taken, money back, points for patience."""
    client = visit.client
    if visit.first and clinic.rng.random() < 0.08:
        points.refer(clinic, later, client, clinic.operation())
    if client.member:
        points.perhaps_take_reward(clinic, later, client)
    if charge:
        day = calendar.local(visit.start).date()
        online = charge is visit.paid and charge.purpose == "full_price"
        if not online or not perhaps_dispute(clinic, day, later, client, charge, visit.id):
            till.perhaps_refund(clinic, later, client, charge, visit.id)
    if client.member:
        points.perhaps_goodwill(clinic, later, client)


def merge(clinic: Clinic, visit: Visit) -> None:
    """Some days after the visit somebody at the desk finds that a client was entered twice."""
    kept, double = visit.double_of, visit.client
    since = visit.end + 3 * HOUR
    at = calendar.some_time(clinic.rng, since, since + 4 * 24 * HOUR, open_only=True)
    if kept is None or at is None:
        return
    desk = clinic.reception(at)
    context = {"merged": double.person, "bookings_moved": 1, "vouchers_moved": 0, "points_moved": 0,
               "reason_code": "duplicate"}  # fmt: skip
    clinic.note(at, "client.merged", desk.actor, kept.target, context, request=desk.request,
                operation=clinic.operation())  # fmt: skip
