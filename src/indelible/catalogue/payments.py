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
- `dispute.funds_withdrawn` is money that the client's bank took back. It is no refund, and is not sent as one too.
  Where the clinic wins, `dispute.funds_returned` undoes that: the charge came in once, and its money is back, so it is
  not income a second time. That a dispute was opened or closed counts nothing.
- A deposit that is kept (`deposit.forfeited`) came in with its charge, and counts nothing again.

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
    Day,
    EvidenceId,
    Instant,
    InvoiceRef,
    Minor,
    PersonalText,
    PolicyRef,
    RefundRef,
    StaffMember,
    VoucherRef,
)
from .vocabulary import CardBrand, DisputeReason, FailureCode, ReasonCode

Purpose = Literal[
    "deposit",
    "full_price",
    "balance",
    "voucher",
    "no_show_fee",
    "cancellation_fee",
    "subscription",
    "product",
    "tip",
    "other",
]


class _OfCharge(Action):
    """What every entry about a charge may say."""

    booking: BookingRef | None = None
    voucher: VoucherRef | None = None
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
    headline=(
        (
            "{purpose}: reservation {booking}",
            "{purpose}: voucher {voucher}",
            "{purpose}",
            "reservation {booking}",
            "voucher {voucher}",
        ),
    ),
    detail=(
        (
            "{purpose}: reservation {booking}",
            "{purpose}: voucher {voucher}",
            "{purpose}",
            "reservation {booking}",
            "voucher {voucher}",
        ),
        "{client}",
        ("{card_brand} ending in {card_last4}", "{method}"),
    ),
    brief="charged {amount}",
    money="in",
):
    """`purpose` says what it was for, `source` how it came about: `automatic` is a rule, without anybody's click.

    The amount is what the client paid. Of it `processing_fee_minor` goes to the processor, `application_fee_minor` to
    the platform, and `net_minor` is left for the clinic. None of the three counts: a sum is of what was charged.
    """

    amount_minor: Amount
    currency: Currency
    purpose: Purpose | None = None
    method: Literal["card", "terminal", "sepa", "bacs", "wallet", "cash", "transfer", "other"] | None = None
    source: Literal["online", "terminal", "staff", "automatic"] | None = None
    card_brand: CardBrand | None = None
    card_last4: EvidenceId | None = None
    receipt_number: EvidenceId | None = None
    application_fee_minor: Minor | None = None
    processing_fee_minor: Minor | None = None
    net_minor: Minor | None = None


class ChargeFailed(
    _OfCharge,
    code="charge.failed",
    label="Failed charge",
    category="payments",
    targets=("charge",),
    sentence="Charge {target} of {amount} failed",
    headline=(("reservation {booking}", "voucher {voucher}"),),
    detail=(
        ("{failure_code}: {decline_code}", "{failure_code}", "{decline_code}"),
        ("reservation {booking}", "voucher {voucher}"),
        "{client}",
    ),
    brief="a charge of {amount} failed",
):
    amount_minor: Amount
    currency: Currency
    purpose: Purpose | None = None
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
    headline=(("reservation {booking}", "voucher {voucher}"), "source: {source}"),
    detail=(
        ("reservation {booking}", "voucher {voucher}"),
        "{client}",
        "{refunded_total_minor} of {charge_amount_minor} refunded so far",
        ("{reason_text}", "{reason_code}"),
    ),
    brief="refunded {amount}",
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
    headline=(("reservation {booking}", "voucher {voucher}"),),
    detail=(
        ("reservation {booking}", "voucher {voucher}"),
        "{client}",
        "{failure_code}",
    ),
    brief="a refund of {amount} failed",
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
    headline=(("reservation {booking}", "voucher {voucher}"),),
    detail=(
        ("reservation {booking}", "voucher {voucher}"),
        "{client}",
        "until {expires_at}",
    ),
    brief="authorized a deposit of {amount}",
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
    headline=(("reservation {booking}", "voucher {voucher}"),),
    detail=(
        ("reservation {booking}", "voucher {voucher}"),
        "{client}",
    ),
    brief="captured a deposit of {amount}",
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
    headline=(("reservation {booking}", "voucher {voucher}"),),
    detail=(
        ("reservation {booking}", "voucher {voucher}"),
        "{client}",
        "{reason_code}",
    ),
    brief="released a deposit of {amount}",
):
    amount_minor: Amount
    currency: Currency
    reason_code: Literal["cancelled_in_time", "expired", "staff"] | None = None


class DepositForfeited(
    _OfCharge,
    code="deposit.forfeited",
    label="Kept deposit",
    category="payments",
    targets=("charge",),
    sentence="{actor} kept a deposit of {amount} on {target}",
    headline=(("reservation {booking}", "voucher {voucher}"),),
    detail=(
        "{reason_code}",
        ("reservation {booking}", "voucher {voucher}"),
        "{client}",
    ),
    brief="kept a deposit of {amount}",
):
    """What the clinic keeps of a deposit that was charged. The money came in with the `charge.succeeded` of it."""

    amount_minor: Amount
    currency: Currency
    reason_code: Literal["late_cancellation", "no_show", "staff"] | None = None
    policy: PolicyRef | None = None
    policy_version: Count | None = None


class _OfDispute(_OfCharge):
    """What every entry about a dispute may say."""

    charge: ChargeRef | None = None
    stripe_dispute: EvidenceId | None = None
    reason_code: DisputeReason | None = None


class DisputeOpened(
    _OfDispute,
    code="dispute.opened",
    label="Opened dispute",
    category="payments",
    targets=("dispute",),
    sentence="Dispute {target} over {amount} was opened",
    headline=("charge {charge}",),
    detail=(
        "{reason_code}",
        "charge {charge}",
        "{client}",
        "answer by {evidence_due_at}",
    ),
    brief="opened a dispute over {amount}",
):
    """The client asks the bank for the money. An inquiry moves none yet; the entry itself counts none in any case."""

    amount_minor: Amount
    currency: Currency
    case_type: Literal["inquiry", "chargeback", "other"] | None = None
    evidence_due_at: Instant | None = None


class DisputeFundsWithdrawn(
    _OfDispute,
    code="dispute.funds_withdrawn",
    label="Withdrew dispute funds",
    category="payments",
    targets=("dispute",),
    sentence="{amount} was withdrawn for dispute {target}",
    headline=("charge {charge}",),
    detail=(
        "charge {charge}",
        "{client}",
        "fee of {fee_minor}",
    ),
    brief="{amount} withdrawn for a dispute",
    money="out",
):
    """The bank took the amount from the clinic. `fee_minor`, which the processor asks for it, is no part of it."""

    amount_minor: Amount
    currency: Currency
    fee_minor: Minor | None = None


class DisputeFundsReturned(
    _OfDispute,
    code="dispute.funds_returned",
    label="Returned dispute funds",
    category="payments",
    targets=("dispute",),
    sentence="{amount} was returned for dispute {target}",
    headline=("charge {charge}",),
    detail=(
        "charge {charge}",
        "{client}",
        "fee of {fee_minor} returned",
    ),
    brief="{amount} returned for a dispute",
    money="out_undone",
):
    """The amount that was withdrawn is back, whole or in part. `fee_minor` is what came back of the fee, beside it."""

    amount_minor: Amount
    currency: Currency
    fee_minor: Minor | None = None


class DisputeClosed(
    _OfDispute,
    code="dispute.closed",
    label="Closed dispute",
    category="payments",
    targets=("dispute",),
    sentence="Dispute {target} was closed: {result}",
    headline=("{result}", "charge {charge}"),
    detail=(
        "{amount}",
        "charge {charge}",
        "{client}",
    ),
    brief="closed a dispute: {result}",
):
    """`warning_closed` is an inquiry that never became a chargeback, `prevented` a dispute settled before it began."""

    result: Literal["won", "lost", "warning_closed", "prevented"]
    amount_minor: Amount | None = None
    currency: Currency | None = None


class InvoiceIssued(
    Action,
    code="invoice.issued",
    label="Issued invoice",
    category="payments",
    targets=("invoice",),
    sentence="{actor} issued invoice {target}",
    headline=("{document_type}", "number {invoice_number}"),
    detail=(
        "{document_type}",
        "number {invoice_number}",
        "{amount}",
        "{client}",
    ),
    brief="issued an invoice",
):
    """That a document was issued, with its number and the hash of its file, so that it can be told from another.

    The host's program numbers, signs and reports invoices as its country asks. This entry does none of it, and is no
    claim that the document meets any tax law.
    """

    invoice_number: EvidenceId | None = None
    sha256: EvidenceId | None = None  # hexadecimal, of the document's file
    document_type: Literal["invoice", "receipt", "credit_note", "other"] | None = None
    issued_on: Day | None = None
    amount_minor: Amount | None = None
    tax_minor: Minor | None = None
    currency: Currency | None = None
    booking: BookingRef | None = None
    voucher: VoucherRef | None = None
    charge: ChargeRef | None = None
    corrects: InvoiceRef | None = None  # the invoice that a credit note takes back
