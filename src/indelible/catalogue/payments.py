"""Money that moves through a charge.

`amount_minor` with `currency` is the amount of the entry; what it does to money is `money` of its class. Sums are right
by construction, because one action alone brings money in, and one alone takes it out:

- `charge.succeeded` is money that was taken, by whatever means, and nothing else is. What tells the same of another
  thing (a deposit that was captured, a voucher that was bought, a visit that was missed) counts nothing, so that it
  does not matter in which order, or whether, it is sent as well.
- A charge that is only authorized moves nothing. Stripe calls that `charge.succeeded` too, with `captured` false: here
  it is `deposit.authorized`. The capture is `charge.succeeded`, of the amount that was captured.
- `charge.refunded` is money that was given back. Where the bank then returns it, `charge.refund_failed` undoes that: it
  is one refund fewer, not income.

docs/howto/money.md says which entries a host sends for each event.

Stripe's ids, card digits and numbers of invoices are evidence. They are sealed like names and kept when a client is
anonymized. The payer, where it is not the client, is one of the document's `people`.
"""

from __future__ import annotations

from typing import Literal

from .action import Action
from .fields import (
    Amount,
    BookingRef,
    ChargeRef,
    Count,
    Currency,
    EvidenceId,
    Instant,
    InvoiceRef,
    Minor,
    PersonalText,
    PolicyRef,
    RefundRef,
    StaffMember,
)
from .vocabulary import CardBrand, FailureCode, ReasonCode


class _OfCharge(Action):
    """What every entry about a charge may say."""

    booking: BookingRef | None = None
    invoice: InvoiceRef | None = None
    invoice_number: EvidenceId | None = None
    stripe_account: EvidenceId | None = None
    stripe_payment_intent: EvidenceId | None = None
    stripe_charge: EvidenceId | None = None
    stripe_event: EvidenceId | None = None


class ChargeSucceeded(
    _OfCharge,
    code="charge.succeeded",
    label="Processed charge",
    category="payments",
    targets=("charge",),
    sentence="{actor} processed charge {target} of {amount}",
    money="in",
):
    amount_minor: Amount
    currency: Currency
    method: Literal["card", "terminal", "sepa", "bacs", "wallet", "cash", "transfer", "other"] | None = None
    source: (
        Literal["online", "terminal", "staff", "no_show_fee", "cancellation_fee", "balance", "subscription"] | None
    ) = None
    card_brand: CardBrand | None = None
    card_last4: EvidenceId | None = None
    receipt_number: EvidenceId | None = None
    application_fee_minor: Minor | None = None


class ChargeFailed(
    _OfCharge,
    code="charge.failed",
    label="Failed charge",
    category="payments",
    targets=("charge",),
    sentence="Charge {target} of {amount} failed",
):
    amount_minor: Amount
    currency: Currency
    method: Literal["card", "terminal", "sepa", "bacs", "wallet", "cash", "transfer", "other"] | None = None
    failure_code: FailureCode | None = None
    decline_code: FailureCode | None = None
    attempt: Count | None = None
    card_brand: CardBrand | None = None
    card_last4: EvidenceId | None = None


class ChargeRefunded(
    _OfCharge,
    code="charge.refunded",
    label="Refunded charge",
    category="payments",
    targets=("charge", "refund"),
    sentence="{actor} refunded {amount} on {target} (source: {source})",
    money="out",
):
    """One refund: its own amount, never the charge's running total.

    `source` tells manual (`staff` in the host's program, `stripe_dashboard` by hand at Stripe) from automatic (`policy`
    by a rule of the clinic, `stripe` by Stripe itself).
    """

    amount_minor: Amount
    currency: Currency
    source: Literal["staff", "policy", "stripe_dashboard", "stripe"]
    charge: ChargeRef | None = None
    refund: RefundRef | None = None
    charge_amount_minor: Minor | None = None
    refunded_total_minor: Minor | None = None
    partial: bool | None = None
    status: Literal["pending", "requires_action", "succeeded"] | None = None
    reason_code: ReasonCode | None = None
    reason_text: PersonalText | None = None
    policy: PolicyRef | None = None
    approver: StaffMember | None = None
    stripe_refund: EvidenceId | None = None


class ChargeRefundFailed(
    _OfCharge,
    code="charge.refund_failed",
    label="Failed refund",
    category="payments",
    targets=("charge", "refund"),
    sentence="Refund of {amount} on {target} failed",
    money="out_undone",
):
    """A refund recorded before that the bank returned: the money never went out. For no other failure of a refund."""

    amount_minor: Amount
    currency: Currency
    charge: ChargeRef | None = None
    refund: RefundRef | None = None
    failure_code: FailureCode | None = None
    stripe_refund: EvidenceId | None = None


class DepositAuthorized(
    _OfCharge,
    code="deposit.authorized",
    label="Authorized deposit",
    category="payments",
    targets=("charge",),
    sentence="{actor} authorized a deposit of {amount} on {target}",
):
    amount_minor: Amount
    currency: Currency
    expires_at: Instant | None = None
    card_brand: CardBrand | None = None
    card_last4: EvidenceId | None = None


class DepositCaptured(
    _OfCharge,
    code="deposit.captured",
    label="Captured deposit",
    category="payments",
    targets=("charge",),
    sentence="{actor} captured a deposit of {amount} on {target}",
):
    """What became of an authorization. The money that it brought is the `charge.succeeded` of the same charge."""

    amount_minor: Amount  # what was captured, which may be less than what was authorized
    currency: Currency
    authorized_minor: Minor | None = None


class DepositReleased(
    _OfCharge,
    code="deposit.released",
    label="Released deposit",
    category="payments",
    targets=("charge",),
    sentence="{actor} released a deposit of {amount} on {target}",
):
    amount_minor: Amount
    currency: Currency
    reason_code: Literal["cancelled_in_time", "expired", "staff"] | None = None
