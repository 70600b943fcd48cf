"""Disputes in the demo: a client's bank asks for the money of a charge. Stripe tells of every step, nobody clicks."""

from __future__ import annotations

from datetime import date

from . import calendar
from .calendar import HOUR, MINUTE, SECOND
from .diary import Clinic
from .offer import CURRENCY
from .people import Customer, Json
from .till import Charge

_STRIPE: Json = {"kind": "integration", "id": "stripe"}
_WEBHOOK = {"channel": "webhook"}
_FEE_MINOR = 2_000
_DAY = 24 * HOUR


def perhaps_dispute(clinic: Clinic, day: date, paid_at: int, client: Customer, charge: Charge, booking: str) -> bool:
    """Where a dispute is due and the charge could be one's, tell it from its opening to its end, months later."""
    if not clinic.disputes or day < clinic.disputes[0][0] or not charge.evidence or charge.refunded_minor:
        return False
    _, result = clinic.disputes.pop(0)
    inquiry = result == "warning_closed"
    reason = {"lost": "fraudulent", "won": "product_not_received"}.get(result, "unrecognized")
    opened = paid_at + 17 * _DAY + clinic.rng.randrange(24 * 60) * MINUTE
    closed = opened + 46 * _DAY + clinic.rng.randrange(24 * 60) * MINUTE
    client.busy_until = calendar.local(closed).date().toordinal()
    target = {"kind": "dispute", "id": clinic.new_id("dsp")}
    about = {"amount_minor": charge.amount_minor, "currency": CURRENCY, "charge": charge.id, "booking": booking,
             "reason_code": reason, "stripe_dispute": clinic.stripe_id("dp"), **charge.evidence}  # fmt: skip

    def tell(at: int, action: str, more: Json, operation: str) -> None:
        context = {**about, **more, "stripe_event": clinic.stripe_id("evt")}
        clinic.note(at, action, _STRIPE, target, context, client=client, request=_WEBHOOK, operation=operation)

    due = calendar.local(opened + 20 * _DAY).isoformat(timespec="seconds")
    first, last = clinic.operation(), clinic.operation()
    tell(opened, "dispute.opened", {"case_type": "inquiry" if inquiry else "chargeback", "evidence_due_at": due}, first)
    if not inquiry:
        tell(opened + 2 * SECOND, "dispute.funds_withdrawn", {"fee_minor": _FEE_MINOR}, first)
    tell(closed, "dispute.closed", {"result": result}, last)
    if result == "won":
        tell(closed + 3 * SECOND, "dispute.funds_returned", {"fee_minor": _FEE_MINOR}, last)
    return True
