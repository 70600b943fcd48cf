"""Packs of sessions in the demo: sold in the app or at the desk, used by booking, given back, run out.

How many sessions are left is not written here: the story is not told in the order of time (`balances`).
"""

from __future__ import annotations

from datetime import date, timedelta

from . import calendar, till
from .calendar import SECOND
from .diary import Clinic, Pack
from .offer import CURRENCY, OFFERS, Offer
from .people import Customer, Json, Member, Who

# Of how many packs some sessions are never used.
_KEPT = 0.2


def sell_packs(clinic: Clinic, day: date) -> None:
    """Sell this day's packs: more before Christmas, Saint Valentine's and Mother's day (the first Sunday of May)."""
    rng = clinic.rng
    rate = 0.6
    if (day.month, day.day) >= (12, 8) and (day.month, day.day) <= (12, 24):
        rate = 2.5
    elif (day.month == 2 and 9 <= day.day <= 14) or (day.month == 5 and day.day <= 7):
        rate = 1.5
    for _ in range(sum(rng.random() < rate / 8 for _ in range(8))):
        buyer = clinic.client_for(day)
        if buyer is not None:
            _perhaps_sell(clinic, day, buyer)


def _perhaps_sell(clinic: Clinic, day: date, buyer: Customer) -> None:
    rng = clinic.rng
    offer = rng.choices(OFFERS, [one.share for one in OFFERS])[0]
    low = max(calendar.at(day, 0), buyer.known_from)
    at_desk = calendar.opening(day) is not None and rng.random() < 0.25
    at = calendar.some_time(rng, low, calendar.at(day, 23 * 60 + 50), open_only=at_desk)
    if at is None or not clinic.bookable(offer.service, at):
        return
    holder = buyer
    if rng.random() < 0.12:
        other = rng.choice(clinic.clients)
        holder = other if other.known_from < at else buyer
    pack = sell(clinic, at, clinic.reception(at) if at_desk else None, buyer, holder, offer)
    pack.kept = rng.randint(1, offer.sessions) if rng.random() < _KEPT else 0
    clinic.packs.append(pack)
    clinic.hopes[offer.service.id].append(pack)
    holder.packs.append(pack)


def sell(clinic: Clinic, at: int, desk: Member | None, buyer: Customer, holder: Customer, offer: Offer) -> Pack:
    """Let `buyer` buy a pack for herself or for another client: in the app, or at the desk of somebody."""
    who: Who = desk or buyer
    rng, operation, price = clinic.rng, clinic.operation(), clinic.pack_price(offer, at)
    expires_on = calendar.local(at).date() + timedelta(days=offer.days)
    pack = Pack(clinic.new_id("vch"), offer, holder, at + 100 * SECOND, expires_on, price, 0,
                [at + 100 * SECOND] * offer.sessions)  # fmt: skip
    about = {"voucher": pack.id}
    if desk is None:
        charge = till.pay_online(clinic, at, buyer, buyer, price, "voucher", about, operation)
    else:
        charge = till.pay_at_desk(clinic, at, desk, buyer, price, "voucher", about, operation)
    context = {**pack.about, "price_minor": price, "currency": CURRENCY, "offer": offer.id, "charge": charge.id,
               "expires_on": expires_on.isoformat(), "voucher_type": "single_purpose"}  # fmt: skip
    recipient = None if holder is buyer else [{"role": "recipient", **holder.person}]
    clinic.note(at + 95 * SECOND, "voucher.purchased", who.actor, pack.target, context, client=buyer,
                request=who.request, operation=operation, people=recipient)  # fmt: skip
    if rng.random() < 0.3:
        till.invoice(clinic, at + 97 * SECOND, who, buyer, charge, about, operation)
    return pack


def usable(client: Customer, service_id: str, at: int, day: date) -> Pack | None:
    """Return a pack of the client's that pays for a visit on a day, booked at an instant, if there is one."""
    for pack in client.packs:
        if pack.service.id == service_id and pack.wanted(day) and any(since < at for since in pack.free):
            return pack
    return None


def use(clinic: Clinic, at: int, who: Who, pack: Pack, booking: str, operation: str) -> None:
    """Take a session for a booking, when it is made."""
    pack.free.remove(max(since for since in pack.free if since < at))
    context: Json = {**pack.about, "sessions_used": 1, "booking": booking, "booking_service": pack.service.id}
    clinic.note(at, "voucher.redeemed", who.actor, pack.target, context, client=pack.holder, request=who.request,
                operation=operation)  # fmt: skip


def give_back(clinic: Clinic, at: int, rule: str, pack: Pack, booking: str, operation: str) -> None:
    """Return the session of a booking that was cancelled. `rule` is cancel-in-time or clinic-cancelled."""
    pack.free.append(at)
    hopes = clinic.hopes[pack.service.id]
    if pack in clinic.packs and pack not in hopes:
        hopes.append(pack)
    why = "clinic_cancelled" if rule == "clinic-cancelled" else "cancelled_in_time"
    context: Json = {**pack.about, "sessions_returned": 1, "booking": booking, "booking_service": pack.service.id,
                     "reason_code": why}  # fmt: skip
    clinic.note(at, "voucher.session_returned", {"kind": "system", "reason": f"policy:{rule}"}, pack.target, context,
                client=pack.holder, operation=operation)  # fmt: skip


def expire_packs(clinic: Clinic, day: date) -> None:
    """Just after midnight a job ends the packs whose last day was yesterday, unless they are used up."""
    operation, at = f"job_{day:%Y%m%d}_vouchers", calendar.at(day, 10)
    for pack in [pack for pack in clinic.packs if pack.expires_on < day]:
        clinic.packs.remove(pack)
        pack.holder.packs.remove(pack)
        if not pack.free:
            continue
        at += 40_000
        context = {**pack.about, "expires_on": pack.expires_on.isoformat(),
                   "rule": "six_months" if pack.offer.days < 365 else "twelve_months"}  # fmt: skip
        clinic.note(at, "voucher.expired", {"kind": "system", "reason": "job:voucher-expiry"}, pack.target, context,
                    client=pack.holder, operation=operation)  # fmt: skip
