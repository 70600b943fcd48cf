"""Money in the demo: charges, deposits, refunds, invoices. Amounts are euro cents.

A deposit is charged when the client books; it goes back, or is kept, by the terms of then. A refund is never more than
what is left of its charge. Of what goes through Stripe, Stripe keeps 1.5 percent and 25 cents.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from . import calendar, points
from .calendar import MINUTE, SECOND
from .diary import Clinic
from .offer import CURRENCY
from .people import Customer, Json, Member, Who

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
# VAT on a price that has it in it.
_TAX_PERCENT = 23


@dataclass(slots=True)
class Charge:
    """Money that was taken, for what, and what has gone back of it. `evidence` holds Stripe's ids, none for cash."""

    id: str
    amount_minor: int
    purpose: str
    refunded_minor: int = 0
    evidence: Json = field(default_factory=dict)

    @property
    def target(self) -> Json:
        return {"kind": "charge", "id": self.id}

    @property
    def left_minor(self) -> int:
        return self.amount_minor - self.refunded_minor

    @property
    def said(self) -> Json:
        """What its success says of it, beside how it was paid."""
        return {"amount_minor": self.amount_minor, "currency": CURRENCY, "purpose": self.purpose}

    def kept(self, application_fee_minor: int = 0) -> Json:
        """What Stripe keeps of it, and what is left then."""
        if not self.evidence:
            return {}
        fee = self.amount_minor * 150 // 10_000 + 25
        return {"processing_fee_minor": fee, "net_minor": self.amount_minor - fee - application_fee_minor}


def _evidence(clinic: Clinic) -> Json:
    return {"stripe_payment_intent": clinic.stripe_id("pi"), "stripe_charge": clinic.stripe_id("ch")}


def _card(client: Customer) -> Json:
    return {"card_brand": client.card[0], "card_last4": client.card[1]}


def pay_online(
    clinic: Clinic, at: int, who: Who, client: Customer, amount_minor: int, purpose: str, about: Json, operation: str
) -> Charge:
    """Let a client pay by card in the app or on the site, sometimes after a card that was declined.

    `about` says what it is for: the booking, the voucher. `who` is the client, or the assistant for her.
    """
    charge = card_charge(clinic, amount_minor, purpose)
    if clinic.rng.random() < 0.06:
        decline(clinic, at, who, client, charge, "card", about, operation)
        at += clinic.rng.randrange(20, 90) * SECOND
    succeed_online(clinic, at, who, client, charge, about, operation)
    return charge


def card_charge(clinic: Clinic, amount_minor: int, purpose: str) -> Charge:
    """Return a charge that goes through Stripe, of which nothing has been told yet."""
    return Charge(clinic.new_id("chg"), amount_minor, purpose, evidence=_evidence(clinic))


def succeed_online(
    clinic: Clinic, at: int, who: Who, client: Customer, charge: Charge, about: Json, operation: str,
    more: Json | None = None,
) -> None:  # fmt: skip
    """Tell that a client's own card was charged. `more` goes into the context beside what every charge has."""
    more = more or {}
    context = {**charge.said, "method": "card", "source": "online", **about, **_card(client), **charge.evidence,
               **charge.kept(more.get("application_fee_minor", 0)), **more}  # fmt: skip
    clinic.note(at, "charge.succeeded", who.actor, charge.target, context, client=client, request=who.request,
                operation=operation)  # fmt: skip


def decline(
    clinic: Clinic, at: int, who: Who, client: Customer, charge: Charge, method: str, about: Json, operation: str
) -> None:
    """Tell of an attempt before the charge, in the same payment intent, that the bank declined."""
    failed = {"kind": "charge", "id": clinic.new_id("chg")}
    context = {**charge.said, "method": method, "attempt": 1, "failure_code": "card_declined",
               "decline_code": clinic.rng.choice(_DECLINES), **about, **_card(client),
               "stripe_payment_intent": charge.evidence["stripe_payment_intent"],
               "stripe_charge": clinic.stripe_id("ch")}  # fmt: skip
    clinic.note(at, "charge.failed", who.actor, failed, context, client=client, request=who.request,
                operation=operation)  # fmt: skip


def pay_at_desk(
    clinic: Clinic,
    at: int,
    desk: Member,
    client: Customer,
    amount_minor: int,
    purpose: str,
    about: Json,
    operation: str,
) -> Charge:
    """Let the reception take money: on the terminal, in cash, by MB WAY or by transfer."""
    method = clinic.rng.choices(_AT_THE_DESK, (60, 19, 19, 2))[0]
    charge = Charge(clinic.new_id("chg"), amount_minor, purpose,
                    evidence=_evidence(clinic) if method == "terminal" else {})  # fmt: skip
    if method == "terminal" and clinic.rng.random() < 0.035:
        decline(clinic, at, desk, client, charge, method, about, operation)
        at += clinic.rng.randrange(15, 80) * SECOND
    context = {**charge.said, "method": method, "source": "terminal" if charge.evidence else "staff", **about,
               **charge.evidence, **charge.kept()}  # fmt: skip
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
    charge = card_charge(clinic, amount_minor, "no_show_fee")
    context = {**charge.said, "method": "card", "source": "automatic", "booking": booking, **_card(client),
               **charge.evidence, **charge.kept()}  # fmt: skip
    clinic.note(at, "charge.succeeded", {"kind": "system", "reason": "policy:no-show"}, charge.target, context,
                client=client, operation=operation)  # fmt: skip
    return charge


def forfeit(
    clinic: Clinic, at: int, rule: str, client: Customer, deposit: Charge, amount_minor: int, terms: Json, about: Json,
    operation: str,
) -> None:  # fmt: skip
    """Keep a deposit, or a part of it. `rule` is late-cancel or no-show; the money came in when it was charged."""
    why = "late_cancellation" if rule == "late-cancel" else "no_show"
    context = {"amount_minor": amount_minor, "currency": CURRENCY, "reason_code": why, "policy": terms["policy"],
               "policy_version": terms["policy_version"], **about, **deposit.evidence}  # fmt: skip
    clinic.note(at, "deposit.forfeited", {"kind": "system", "reason": f"policy:{rule}"}, deposit.target, context,
                client=client, operation=operation)  # fmt: skip


def invoice(
    clinic: Clinic, at: int, who: Who, client: Customer, charge: Charge, about: Json, operation: str
) -> None:  # fmt: skip
    """Issue an invoice of a charge: at the desk somebody's click, online a job's.

    It gets its number, and with it its hash, when all has been told.
    """
    online = isinstance(who, Customer)
    context = {"document_type": "invoice", "issued_on": calendar.local(at).date().isoformat(),
               "amount_minor": charge.amount_minor,
               "tax_minor": charge.amount_minor * _TAX_PERCENT // (100 + _TAX_PERCENT), "currency": CURRENCY, **about,
               "charge": charge.id}  # fmt: skip
    actor = {"kind": "system", "reason": "job:invoice"} if online else who.actor
    clinic.note(at, "invoice.issued", actor, {"kind": "invoice", "id": clinic.new_id("inv")}, context,
                client=client, request=None if online else who.request, operation=operation)  # fmt: skip


# Refunds


def _refund(clinic: Clinic, charge: Charge, amount_minor: int, source: str, booking: str) -> Json:
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
        "booking": booking,
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
    policy: str,
    booking: str,
    operation: str,
) -> None:
    """Give back what the cancellation policy says. `rule` is cancel-in-time, late-cancel or clinic-cancelled."""
    context = _refund(clinic, charge, amount_minor, "policy", booking)
    context |= {"policy": policy, "reason_code": rule.replace("-", "_")}
    clinic.note(at, "charge.refunded", {"kind": "system", "reason": f"policy:{rule}"}, charge.target, context,
                client=client, operation=operation)  # fmt: skip


def perhaps_refund(clinic: Clinic, paid_at: int, client: Customer, charge: Charge, booking: str) -> None:
    """Some days later, one charge in seventy goes back in part or whole, at the desk or in Stripe's dashboard.

    The points that it brought go back with it.
    """
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
    operation = clinic.operation()
    if charge.evidence and chance < 0.003:
        refund_in_dashboard(clinic, at, client, charge, amount, booking, operation)
    else:
        desk = clinic.reception(at)
        code, text = rng.choice(_REFUND_REASONS)
        context = _refund(clinic, charge, amount, "staff", booking) | {"reason_code": code, "reason_text": text}
        if amount > 5000:
            context["approver"] = clinic.deputy.person
        clinic.note(at, "charge.refunded", desk.actor, charge.target, context, client=client, request=desk.request,
                    operation=operation)  # fmt: skip
    if client.member:
        points.take_back(clinic, at + SECOND, client, amount, {"charge": charge.id, "booking": booking}, operation)


def refund_in_dashboard(
    clinic: Clinic, at: int, client: Customer, charge: Charge, amount_minor: int, booking: str, operation: str
) -> None:
    """Give money back by hand in Stripe's dashboard; the clinic's platform hears of it from Stripe."""
    context = _refund(clinic, charge, amount_minor, "stripe_dashboard", booking)
    context["stripe_event"] = clinic.stripe_id("evt")
    clinic.note(at, "charge.refunded", {"kind": "integration", "id": "stripe"}, charge.target, context,
                client=client, request={"channel": "webhook"}, operation=operation)  # fmt: skip
