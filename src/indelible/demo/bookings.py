"""How a booking of the demo is made and moved: by the client, by the desk, or at night by the booking assistant.

A client who has a pack or a coupon for the service uses it when booking. Who has neither and books online pays a
deposit where the service asks for one, or the whole price; who books at the desk pays after the visit.
"""

from __future__ import annotations

from datetime import date

from . import calendar, packs, points, till
from .calendar import HOUR, MINUTE, SECOND
from .diary import Clinic
from .offer import DEPOSIT_BASIS_POINTS, Service
from .people import Assistant, Customer, Json, Member, Who
from .visit import Visit, booked, text

LEAD_DAYS = 45

_SOURCES = ("online", "phone", "walk_in", "rebook", "waitlist")
# Of how many online bookings the assistant makes.
_ASSISTED = 0.028
_MOVE_REASONS = (
    "train was late",
    "Reunião de trabalho",
    "child is ill",
    "asked for an afternoon",
    "Consulta marcada à mesma hora",
)


def book(clinic: Clinic, practitioner: Member, service: Service, day: date, start: int) -> Visit | None:
    """Tell who booked this visit, and when; None where nobody could have."""
    rng = clinic.rng
    source = rng.choices(_SOURCES, (52, 28, 8, 9, 3))[0]
    client, since = clinic.returning(service, day)
    client = client or clinic.client_for(day)
    booked_for = start if source == "walk_in" else _earlier_slot(clinic, practitioner, service, start)
    low = max(clinic.opened, client.known_from + HOUR if client else 0, since + MINUTE)
    assisted = source == "online" and client is not None and rng.random() < _ASSISTED
    booked_at = None if source == "walk_in" else _booking_time(clinic, low, booked_for, source, assisted)
    if booked_at is None:
        source, booked_for, booked_at = "walk_in", start, start - rng.randrange(3 * MINUTE, 12 * MINUTE)
        if booked_at < calendar.at(day, 9 * 60) or booked_at <= low:
            return None
    if not clinic.bookable(service, booked_at):
        return None
    assisted = assisted and source == "online" and _is_night(booked_at)
    operation = clinic.operation()
    desk = None if source == "online" else clinic.reception(booked_at)
    at = booked_at + 2 * SECOND
    first, double_of = client is None, None
    if client is None:
        client = _welcome(clinic, booked_at, desk, operation)
    elif desk is not None and clinic.doubles and day >= clinic.doubles[0]:
        double_of, client = client, _enter_again(clinic, client, booked_at, desk, operation)
    elif desk is None and not assisted and rng.random() < 0.3:
        _sign_in(clinic, client, booked_at)
    (double_of or client).last_day = day.toordinal()
    price = clinic.price(service, booked_at)
    visit = Visit(clinic.new_id("bk"), client, practitioner, service, source, start, booked_for, price, at,
                  double_of=double_of, first=first, assisted=assisted)  # fmt: skip
    visit.pack = packs.usable(client, service.id, at, day)
    if visit.pack is None:
        visit.coupon = points.usable(client, service, visit.price_minor, at)
    who: Who = desk or (Assistant(client) if assisted else client)
    note_booking(clinic, visit, at, who, operation, _ahead(clinic, visit))
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


def _booking_time(clinic: Clinic, low: int, booked_for: int, source: str, assisted: bool) -> int | None:
    lead = min(clinic.rng.expovariate(1 / 8), LEAD_DAYS - 1)
    latest = booked_for - 45 * MINUTE
    earliest = max(low, latest - round((lead + 0.4) * 24) * HOUR)
    if earliest >= latest:
        return None
    middle = earliest + 36 * HOUR  # most bookings are made near the drawn lead time, not just before the visit
    found = calendar.some_night(clinic.rng, earliest, min(latest, middle)) if assisted else None
    return found or calendar.some_time(clinic.rng, earliest, min(latest, middle), open_only=source != "online")


def _is_night(at: int) -> bool:
    hour = calendar.local(at).hour
    return hour >= 22 or hour < 7


def _welcome(clinic: Clinic, at: int, desk: Member | None, operation: str) -> Customer:
    client = clinic.meet(at)
    context: Json = {"method": "staff" if desk else clinic.rng.choice(("booking", "self_signup"))}
    context["fields_present"] = ["name", "phone", "birth_date"] if desk else ["name", "phone"]
    who: Who = desk or client
    clinic.note(at, "client.created", who.actor, client.target, context, request=who.request, operation=operation)
    return client


def _enter_again(clinic: Clinic, client: Customer, at: int, desk: Member, operation: str) -> Customer:
    """Let the desk overlook that a client is known: a second record of the same person, who comes by it once."""
    clinic.doubles.pop(0)
    double = clinic.meet(at)
    clinic.clients.pop()  # never drawn for another visit
    double.name, double.card, double.member = client.name, client.card, False
    context = {"method": "staff", "fields_present": ["name", "phone"]}
    clinic.note(at, "client.created", desk.actor, double.target, context, request=desk.request, operation=operation)
    return double


def _sign_in(clinic: Clinic, client: Customer, before: int) -> None:
    at = before - clinic.rng.randrange(40, 200) * SECOND
    context = {"method": clinic.rng.choice(("one_time_code", "one_time_code", "magic_link")), "second_factor": "none",
               "session": clinic.new_id("ses")}  # fmt: skip
    clinic.note(at, "account.logged_in", client.actor, client.target, context, request=client.request,
                operation=clinic.operation())  # fmt: skip


def _ahead(clinic: Clinic, visit: Visit) -> str:
    """What is paid at booking: nothing, a deposit or the full price."""
    if visit.source != "online" or visit.pack or not visit.due_minor:
        return "none"
    if visit.service.asks_deposit and not visit.coupon:
        return "deposit" if clinic.rng.random() < 0.6 else "full_price"
    return "full_price" if clinic.rng.random() < 0.14 else "none"


def note_booking(clinic: Clinic, visit: Visit, at: int, who: Who, operation: str, ahead: str) -> None:
    """Tell that a booking was made, and with it of the session, the coupon or the money that it took."""
    client, context = visit.client, booked(visit)
    amount = visit.due_minor
    if ahead == "deposit":
        amount = context["deposit_minor"] = visit.price_minor * DEPOSIT_BASIS_POINTS // 1_000_000 * 100
    clinic.note(at, "booking.created", who.actor, visit.target(visit.booked_for), context, client=client,
                request=who.request, operation=operation)  # fmt: skip
    visit.last = at + 5 * MINUTE
    if visit.pack:
        packs.use(clinic, at + SECOND, who, visit.pack, visit.id, operation)
    if visit.coupon:
        about = {"service": visit.service.id, "booking": visit.id}
        points.use(clinic, at + SECOND, who, visit.coupon, visit.discount_minor, about, operation)
    if ahead != "none":
        visit.paid = till.pay_online(clinic, at + 3 * SECOND, who, client, amount, ahead, {"booking": visit.id},
                                     operation)  # fmt: skip


def reschedule(clinic: Clinic, visit: Visit) -> None:
    """Tell how a booking came from where it was first to where it is."""
    rng, client, old = clinic.rng, visit.client, visit.booked_for
    by_staff = rng.random() < 0.4
    at, assisted = None, not by_staff and visit.double_of is None and rng.random() < (0.5 if visit.assisted else 0.03)
    if assisted:
        at = calendar.some_night(rng, visit.last, old - 10 * MINUTE)
    who: Who = client if at is None else Assistant(client)
    if at is None:
        at = calendar.some_time(rng, visit.last, old - 10 * MINUTE, open_only=by_staff)
    if at is None:
        # Nobody had the time to ask before: the desk moves it while the client is on the telephone.
        by_staff, at = True, old + rng.randrange(2 * MINUTE, 14 * MINUTE)
    length = visit.service.duration_minutes * MINUTE
    context: Json = {
        "starts_at": {"old": text(old), "new": text(visit.start)},
        "ends_at": {"old": text(old + length), "new": text(visit.end)},
        "notice_minutes": (old - at) // MINUTE,
        **visit.about,
    }
    if by_staff:
        who = clinic.reception(at)
        context |= {"reason_code": "client_asked", "reason_text": rng.choice(_MOVE_REASONS)}
    clinic.note(at, "booking.rescheduled", who.actor, visit.target(old), context, client=client, request=who.request,
                operation=clinic.operation())  # fmt: skip
    visit.last = at + 5 * MINUTE
