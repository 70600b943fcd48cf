"""Money in the demo: charges, deposits, refunds, vouchers, coupons and points. Amounts are euro cents.

A refund is never more than what is left of its charge, and a voucher's balance is what it was worth less what was used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from . import calendar
from .calendar import MINUTE
from .diary import Clinic, Voucher
from .offer import COUPONS, CURRENCY, VOUCHER_DAYS, VOUCHER_SHARES, VOUCHER_WORTH
from .people import Customer, Json, Member

SECOND = 1_000_000
# Cards that Stripe settles; cash and MB WAY ("wallet") do not go through it.
_AT_THE_DESK = ("terminal", "cash", "wallet", "transfer")
_DECLINES = ("insufficient_funds", "do_not_honor", "expired_card", "incorrect_cvc", "generic_decline")
_REFUND_REASONS = (
    ("duplicate", "Paid twice, at the desk and online"),
    ("goodwill", "Client was not satisfied with the result"),
    ("goodwill", "Cliente esperou 40 minutos"),
    ("price_error", "Old price was charged by mistake"),
    ("treatment_interrupted", "Equipamento avariou a meio da sessão"),
)


@dataclass(slots=True)
class Charge:
    """Money that was taken, and what has gone back of it. `evidence` holds Stripe's ids, none for cash."""

    id: str
    amount_minor: int
    refunded_minor: int = 0
    evidence: Json = field(default_factory=dict)

    @property
    def target(self) -> Json:
        return {"kind": "charge", "id": self.id}

    @property
    def left_minor(self) -> int:
        return self.amount_minor - self.refunded_minor


def _evidence(clinic: Clinic) -> Json:
    return {"stripe_payment_intent": clinic.stripe_id("pi"), "stripe_charge": clinic.stripe_id("ch")}


def _card(client: Customer) -> Json:
    return {"card_brand": client.card[0], "card_last4": client.card[1]}


def _of(booking: str | None) -> Json:
    return {} if booking is None else {"booking": booking}


def pay_online(
    clinic: Clinic, at: int, client: Customer, amount_minor: int, booking: str | None, operation: str
) -> Charge:
    """Let a client pay by card in the app or on the site, sometimes after a card that was declined."""
    charge = card_charge(clinic, amount_minor)
    if clinic.rng.random() < 0.06:
        decline(clinic, at, client, client.actor, client.request, charge, "card", booking, operation)
        at += clinic.rng.randrange(20, 90) * SECOND
    succeed_online(clinic, at, client, charge, booking, operation)
    return charge


def card_charge(clinic: Clinic, amount_minor: int) -> Charge:
    """Return a charge that goes through Stripe, of which nothing has been told yet."""
    return Charge(clinic.new_id("chg"), amount_minor, evidence=_evidence(clinic))


def succeed_online(
    clinic: Clinic, at: int, client: Customer, charge: Charge, booking: str | None, operation: str,
    more: Json | None = None,
) -> None:  # fmt: skip
    """Tell that a client's own card was charged. `more` goes into the context beside what every charge has."""
    context = {"amount_minor": charge.amount_minor, "currency": CURRENCY, "method": "card", "source": "online",
               **_of(booking), **_card(client), **charge.evidence, **(more or {})}  # fmt: skip
    clinic.note(at, "charge.succeeded", client.actor, charge.target, context, client=client, request=client.request,
                operation=operation)  # fmt: skip


def decline(
    clinic: Clinic, at: int, client: Customer, actor: Json, request: Json, charge: Charge, method: str,
    booking: str | None, operation: str,
) -> None:  # fmt: skip
    """Tell of an attempt before the charge, in the same payment intent, that the bank declined."""
    failed = {"kind": "charge", "id": clinic.new_id("chg")}
    context = {"amount_minor": charge.amount_minor, "currency": CURRENCY, "method": method, "attempt": 1,
               "failure_code": "card_declined", "decline_code": clinic.rng.choice(_DECLINES), **_of(booking),
               **_card(client), "stripe_payment_intent": charge.evidence["stripe_payment_intent"],
               "stripe_charge": clinic.stripe_id("ch")}  # fmt: skip
    clinic.note(at, "charge.failed", actor, failed, context, client=client, request=request, operation=operation)


def pay_at_desk(
    clinic: Clinic, at: int, desk: Member, client: Customer, amount_minor: int, booking: str | None, operation: str
) -> Charge:
    """Let the reception take money: on the terminal, in cash, by MB WAY or by transfer."""
    method = clinic.rng.choices(_AT_THE_DESK, (60, 19, 19, 2))[0]
    charge = Charge(clinic.new_id("chg"), amount_minor, evidence=_evidence(clinic) if method == "terminal" else {})
    if method == "terminal" and clinic.rng.random() < 0.035:
        decline(clinic, at, client, desk.actor, desk.request, charge, method, booking, operation)
        at += clinic.rng.randrange(15, 80) * SECOND
    context = {"amount_minor": amount_minor, "currency": CURRENCY, "method": method,
               "source": "terminal" if charge.evidence else "staff", **_of(booking), **charge.evidence}  # fmt: skip
    if method == "terminal":
        context |= _card(client)
    payer = None
    if clinic.rng.random() < 0.01:
        other = clinic.rng.choice(clinic.clients)
        payer = None if other is client else [{"role": "payer", **other.person}]
    clinic.note(at, "charge.succeeded", desk.actor, charge.target, context, client=client, request=desk.request,
                operation=operation, people=payer)  # fmt: skip
    return charge


def take_fee(clinic: Clinic, at: int, client: Customer, amount_minor: int, booking: str, operation: str) -> Charge:
    """Charge the card on file for a visit that the client missed. The policy does it, nobody clicks."""
    charge = card_charge(clinic, amount_minor)
    context = {"amount_minor": amount_minor, "currency": CURRENCY, "method": "card", "purpose": "no_show_fee",
               "source": "automatic", "booking": booking, **_card(client), **charge.evidence}  # fmt: skip
    clinic.note(at, "charge.succeeded", {"kind": "system", "reason": "policy:no-show"}, charge.target, context,
                client=client, operation=operation)  # fmt: skip
    return charge


# Deposits


def authorize(clinic: Clinic, at: int, client: Customer, amount_minor: int, booking: str, operation: str) -> Charge:
    """Reserve a deposit on the client's card; the authorization lasts seven days."""
    charge = Charge(clinic.new_id("chg"), amount_minor, evidence=_evidence(clinic))
    expires = calendar.local(at + 7 * 24 * calendar.HOUR).isoformat(timespec="seconds")
    context = {"amount_minor": amount_minor, "currency": CURRENCY, "expires_at": expires, "booking": booking,
               **_card(client), **charge.evidence}  # fmt: skip
    clinic.note(at, "deposit.authorized", client.actor, charge.target, context, client=client, request=client.request,
                operation=operation)  # fmt: skip
    return charge


def capture(
    clinic: Clinic, at: int, reason: str, client: Customer, deposit: Charge, booking: str, operation: str
) -> None:
    """Take a deposit: what became of the authorization, and the charge that brings the money in."""
    actor: Json = {"kind": "system", "reason": reason}
    context: Json = {"amount_minor": deposit.amount_minor, "currency": CURRENCY, "booking": booking, **deposit.evidence}
    clinic.note(at, "deposit.captured", actor, deposit.target, context | {"authorized_minor": deposit.amount_minor},
                client=client, operation=operation)  # fmt: skip
    clinic.note(at + 300_000, "charge.succeeded", actor, deposit.target, context | {"method": "card", **_card(client)},
                client=client, operation=operation)  # fmt: skip


def release(
    clinic: Clinic, at: int, rule: str, client: Customer, deposit: Charge, booking: str, operation: str
) -> None:
    """Let a deposit go. `rule` is cancel-in-time or clinic-cancelled."""
    context = {"amount_minor": deposit.amount_minor, "currency": CURRENCY,
               "reason_code": "staff" if rule == "clinic-cancelled" else "cancelled_in_time", "booking": booking,
               **deposit.evidence}  # fmt: skip
    clinic.note(at, "deposit.released", {"kind": "system", "reason": f"policy:{rule}"}, deposit.target, context,
                client=client, operation=operation)  # fmt: skip


# Refunds


def _refund(clinic: Clinic, charge: Charge, amount_minor: int, source: str, booking: str | None) -> Json:
    charge.refunded_minor += amount_minor
    context: Json = {
        "amount_minor": amount_minor,
        "currency": CURRENCY,
        "source": source,
        "refund": clinic.new_id("rfd"),
        "charge_amount_minor": charge.amount_minor,
        "refunded_total_minor": charge.refunded_minor,
        "partial": charge.left_minor > 0,
        "status": "succeeded",
        **_of(booking),
        **charge.evidence,
    }
    if charge.evidence:
        context["stripe_refund"] = clinic.stripe_id("re")
    return context


def refund_by_policy(
    clinic: Clinic,
    at: int,
    rule: str,
    client: Customer,
    charge: Charge,
    amount_minor: int,
    booking: str,
    operation: str,
) -> None:
    """Give back what the cancellation policy says. `rule` is cancel-in-time, late-cancel or clinic-cancelled."""
    context = _refund(clinic, charge, amount_minor, "policy", booking)
    context |= {"policy": "pol_cancellation", "reason_code": rule}
    clinic.note(at, "charge.refunded", {"kind": "system", "reason": f"policy:{rule}"}, charge.target, context,
                client=client, operation=operation)  # fmt: skip


def perhaps_refund(clinic: Clinic, paid_at: int, client: Customer, charge: Charge, booking: str) -> None:
    """Some days later, one charge in seventy goes back in part or whole, at the desk or in Stripe's dashboard."""
    rng = clinic.rng
    chance = rng.random()
    if chance > 0.015:
        return
    latest = paid_at + rng.randint(1, 10) * 24 * calendar.HOUR
    at = calendar.some_time(rng, paid_at + 2 * MINUTE, latest, open_only=True)
    if at is None:
        return
    amount = charge.left_minor if rng.random() < 0.45 else charge.left_minor // 1000 * 500
    if amount == 0:
        return
    if charge.evidence and chance < 0.003:
        refund_in_dashboard(clinic, at, client, charge, amount, booking)
        return
    desk = clinic.reception(at)
    code, text = rng.choice(_REFUND_REASONS)
    context = _refund(clinic, charge, amount, "staff", booking) | {"reason_code": code, "reason_text": text}
    if amount > 5000:
        context["approver"] = clinic.deputy.person
    clinic.note(at, "charge.refunded", desk.actor, charge.target, context, client=client, request=desk.request,
                operation=clinic.operation())  # fmt: skip


def refund_in_dashboard(
    clinic: Clinic, at: int, client: Customer, charge: Charge, amount_minor: int, booking: str
) -> None:
    """Give money back by hand in Stripe's dashboard; the clinic's platform hears of it from Stripe."""
    context = _refund(clinic, charge, amount_minor, "stripe_dashboard", booking)
    context["stripe_event"] = clinic.stripe_id("evt")
    clinic.note(at, "charge.refunded", {"kind": "integration", "id": "stripe"}, charge.target, context,
                client=client, request={"channel": "webhook"}, operation=clinic.operation())  # fmt: skip


# Vouchers, coupons, points


def sell_vouchers(clinic: Clinic, day: date) -> None:
    """Sell this day's vouchers: more before Christmas, Saint Valentine's and Mother's day (the first Sunday of May)."""
    rng = clinic.rng
    rate = 0.7
    if (day.month, day.day) >= (12, 8) and (day.month, day.day) <= (12, 24):
        rate = 6.0
    elif (day.month == 2 and 9 <= day.day <= 14) or (day.month == 5 and day.day <= 7):
        rate = 2.5
    for _ in range(sum(rng.random() < rate / 8 for _ in range(8))):
        buyer = clinic.client_for(day)
        if buyer is not None:
            _sell(clinic, day, buyer)


def _sell(clinic: Clinic, day: date, buyer: Customer) -> None:
    rng, operation = clinic.rng, clinic.operation()
    worth = rng.choices(VOUCHER_WORTH, VOUCHER_SHARES)[0]
    low = max(calendar.at(day, 0), buyer.known_from)
    at_desk = calendar.opening(day) is not None and rng.random() < 0.35
    at = calendar.some_time(rng, low, calendar.at(day, 23 * 60 + 50), open_only=at_desk)
    if at is None:
        return
    actor, request = buyer.actor, buyer.request
    if at_desk:
        desk = clinic.reception(at)
        actor, request = desk.actor, desk.request
        charge = pay_at_desk(clinic, at, desk, buyer, worth, None, operation)
    else:
        charge = pay_online(clinic, at, buyer, worth, None, operation)
    other = rng.choice(clinic.clients)
    given = other is not buyer and other.known_from < at and rng.random() < 0.6
    voucher = Voucher(
        id=clinic.new_id("vch"),
        name=f"Gift voucher {worth // 100} EUR",
        code_last4=f"{rng.randrange(0x10000):04X}",
        holder=other if given else buyer,
        balance_minor=worth,
        sold_on=day,
        expires_on=day + timedelta(days=VOUCHER_DAYS),
        forgotten=rng.random() < 1 / 6,
    )
    clinic.vouchers.append(voucher)
    voucher.holder.vouchers.append(voucher)
    context = {"amount_minor": worth, "currency": CURRENCY, "charge": charge.id, "voucher_type": "multi_purpose",
               "expires_on": voucher.expires_on.isoformat(), "code_last4": voucher.code_last4}  # fmt: skip
    clinic.note(at + 95 * SECOND, "voucher.purchased", actor, _named(voucher), context, client=buyer, request=request,
                operation=operation, people=[{"role": "recipient", **other.person}] if given else None)  # fmt: skip


def _named(voucher: Voucher) -> Json:
    return {"kind": "voucher", "id": voucher.id, "name": voucher.name}


def expire_vouchers(clinic: Clinic, day: date) -> None:
    """Just after midnight a job ends the vouchers whose last day was yesterday."""
    operation, at = f"job_{day:%Y%m%d}_vouchers", calendar.at(day, 10)
    for voucher in [voucher for voucher in clinic.vouchers if voucher.expires_on < day]:
        at += 40_000
        context = {"balance_lost_minor": voucher.balance_minor, "currency": CURRENCY, "code_last4": voucher.code_last4,
                   "expires_on": voucher.expires_on.isoformat(), "rule": "six_months"}  # fmt: skip
        clinic.note(at, "voucher.expired", {"kind": "system", "reason": "job:voucher-expiry"}, _named(voucher), context,
                    client=voucher.holder, operation=operation)  # fmt: skip
        _drop(clinic, voucher)


def _drop(clinic: Clinic, voucher: Voucher) -> None:
    clinic.vouchers.remove(voucher)
    voucher.holder.vouchers.remove(voucher)


def redeem_voucher(
    clinic: Clinic, at: int, desk: Member, client: Customer, due_minor: int, booking: str, operation: str
) -> int:
    """Use the client's voucher for what is due, and return what is left to pay."""
    today = calendar.local(at).date()
    at_hand = [one for one in client.vouchers if one.sold_on < today and not one.forgotten]
    if not at_hand:
        return due_minor
    voucher: Voucher = at_hand[0]
    used = min(due_minor, voucher.balance_minor)
    context = {"amount_minor": used, "currency": CURRENCY, "balance_before_minor": voucher.balance_minor,
               "balance_after_minor": voucher.balance_minor - used, "booking": booking,
               "code_last4": voucher.code_last4}  # fmt: skip
    voucher.balance_minor -= used
    clinic.note(at, "voucher.redeemed", desk.actor, _named(voucher), context, client=client, request=desk.request,
                operation=operation)  # fmt: skip
    if voucher.balance_minor == 0:
        _drop(clinic, voucher)
    return due_minor - used


def redeem_coupon(
    clinic: Clinic, at: int, desk: Member, client: Customer, due_minor: int, booking: str, operation: str
) -> int:
    """Lower what is due by a coupon, and return what is left to pay."""
    coupon, name, points = clinic.rng.choice(COUPONS)
    discount = due_minor * points // 10_000
    context: dict[str, Any] = {"discount_minor": discount, "currency": CURRENCY, "discount_basis_points": points,
                               "booking": booking}  # fmt: skip
    clinic.note(at, "coupon.redeemed", desk.actor, {"kind": "coupon", "id": coupon, "name": name}, context,
                client=client, request=desk.request, operation=operation)  # fmt: skip
    return due_minor - discount


def award_points(clinic: Clinic, at: int, client: Customer, paid_minor: int, booking: str, operation: str) -> None:
    """One point for every euro."""
    points = paid_minor // 100
    client.points += points
    account = {"kind": "loyalty_account", "id": f"loy_{client.number}", "name": client.name}
    context = {"points": points, "balance_after": client.points, "rule": "one_point_per_euro", "booking": booking}
    clinic.note(at, "points.awarded", {"kind": "system", "reason": "rule:loyalty-points"}, account, context,
                client=client, operation=operation)  # fmt: skip
