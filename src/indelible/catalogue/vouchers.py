"""What happens to a voucher, and to the offers of which clients buy theirs.

A voucher is a pack of sessions of one service (`sessions_total`), or an amount (`amount_minor`), or both. An offer is
what the clinic sells; a voucher is one client's own. None of the actions counts as money. A voucher is bought by a
charge, which is an entry of its own: counting the purchase too would count the money twice, and so would counting the
redemption. Here `amount_minor` is value of the voucher, and `price_minor` what was paid for it: five sessions of 100
may cost 400. Whom it was bought for is one of the document's `people`.

Sessions: `sessions_total` is how many the voucher had when it was bought, `sessions_left` how many it has after the
entry. `sessions_used`, `sessions_returned` and `sessions_lost` are those that the entry itself takes or gives, no sum.
A voucher that is used up needs no entry of its own: its last one says `sessions_left` 0.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from .action import Action
from .fields import (
    Amount,
    BookingRef,
    ChangeList,
    ChargeRef,
    Count,
    Currency,
    Day,
    EvidenceId,
    InvoiceRef,
    JsonObject,
    Minor,
    PersonalName,
    ServiceRef,
    VoucherOfferRef,
)
from .vocabulary import ExpiryRule, ReasonCode


class _OfVoucher(Action):
    """What every entry about a voucher may say. Its counts of sessions agree, as far as they are there."""

    service: ServiceRef | None = None  # the only one that its sessions are of
    service_name: PersonalName | None = None
    sessions_total: Count | None = None
    code_last4: EvidenceId | None = None
    currency: Currency | None = None

    @model_validator(mode="after")
    def _sessions_agree(self) -> Self:
        total = self.sessions_total
        used, back, left, lost = (
            getattr(self, f"sessions_{what}", None) for what in ("used", "returned", "left", "lost")
        )
        if total is not None:
            for name, count in (("used", used), ("returned", back), ("left", left), ("lost", lost)):
                if count is not None and count > total:
                    raise ValueError(f"has sessions_{name} above sessions_total; a voucher has no more than its total")
            if used is not None and left is not None and used + left > total:
                raise ValueError(
                    "has sessions_used and sessions_left that are together above sessions_total; sessions_used is what "
                    "this entry took, and sessions_left what is left after it"
                )
        if back is not None and left is not None and back > left:
            raise ValueError(
                "has sessions_returned above sessions_left; sessions_left is what is there after they came back"
            )
        booked = getattr(self, "booking_service", None)
        if booked is not None and self.service is not None and booked != self.service:
            raise ValueError(
                "has a booking_service that is not the voucher's service; a voucher pays for its own service only"
            )
        return self


class VoucherPurchased(
    _OfVoucher,
    code="voucher.purchased",
    label="Purchased voucher",
    category="vouchers",
    targets=("voucher",),
    sentence="{actor} purchased voucher {target}",
    headline=(("{sessions_total} sessions of {service_name}", "{sessions_total} sessions", "worth {amount}"),),
    detail=(
        ("{sessions_total} sessions of {service_name}", "{sessions_total} sessions", "worth {amount}"),
        "{price_minor} paid",
        "{client}",
        "valid until {expires_on}",
    ),
    brief="purchased a voucher",
):
    price_minor: Minor | None = None  # what was paid for it
    amount_minor: Amount | None = None  # what the voucher is worth
    offer: VoucherOfferRef | None = None
    charge: ChargeRef | None = None
    expires_on: Day | None = None
    voucher_type: Literal["single_purpose", "multi_purpose"] | None = None  # decides when VAT is due


class VoucherRedeemed(
    _OfVoucher,
    code="voucher.redeemed",
    label="Redeemed voucher",
    category="vouchers",
    targets=("voucher",),
    sentence="{actor} redeemed voucher {target}",
    headline=("{service_name}",),
    detail=(
        (
            "{sessions_left} of {sessions_total} sessions left",
            "{sessions_left} sessions left",
            "{balance_after_minor} left",
        ),
        "{service_name}",
        "{client}",
        "reservation {booking}",
        "{amount} used",
    ),
    brief="redeemed a voucher",
):
    sessions_used: Count | None = None
    sessions_left: Count | None = None
    amount_minor: Amount | None = None  # what was used of it
    balance_before_minor: Minor | None = None
    balance_after_minor: Minor | None = None
    booking: BookingRef | None = None
    booking_service: ServiceRef | None = None  # must be the voucher's own
    invoice: InvoiceRef | None = None


class VoucherSessionReturned(
    _OfVoucher,
    code="voucher.session_returned",
    label="Returned voucher session",
    category="vouchers",
    targets=("voucher",),
    sentence="{actor} returned a session to voucher {target}",
    headline=("{service_name}",),
    detail=(
        (
            "{sessions_left} of {sessions_total} sessions left",
            "{sessions_left} sessions left",
            "{balance_after_minor} left",
        ),
        "{service_name}",
        "{client}",
        "reservation {booking}",
        "{reason_code}",
    ),
    brief="returned a session",
):
    """What a booking had taken is on the voucher again: after a cancellation in time, say."""

    sessions_returned: Count | None = None
    sessions_left: Count | None = None
    amount_minor: Amount | None = None  # what came back to it
    balance_after_minor: Minor | None = None
    booking: BookingRef | None = None
    booking_service: ServiceRef | None = None  # must be the voucher's own
    reason_code: ReasonCode | None = None


class VoucherExpired(
    _OfVoucher,
    code="voucher.expired",
    label="Expired voucher",
    category="vouchers",
    targets=("voucher",),
    sentence="Voucher {target} expired",
    headline=("{service_name}",),
    detail=(
        (
            "{sessions_lost} of {sessions_total} sessions lost",
            "{sessions_lost} sessions lost",
            "{balance_lost_minor} lost",
        ),
        "{service_name}",
        "{client}",
    ),
    brief="a voucher expired",
):
    sessions_lost: Count | None = None
    balance_lost_minor: Minor | None = None
    expires_on: Day | None = None
    rule: ExpiryRule | None = None


class VoucherOfferCreated(
    Action,
    code="voucher_offer.created",
    label="Created voucher offer",
    category="vouchers",
    targets=("voucher_offer",),
    sentence="{actor} created voucher offer {target}",
    headline=("{target}",),
    detail=(
        ("{sessions_total} sessions for {price_minor}", "{sessions_total} sessions", "{price_minor}"),
        "valid for {validity_days} days",
    ),
    brief="created a voucher offer",
):
    service: ServiceRef | None = None
    sessions_total: Count | None = None
    price_minor: Minor | None = None
    currency: Currency | None = None
    validity_days: Count | None = None  # of a voucher, from its purchase


class VoucherOfferEdited(
    Action,
    code="voucher_offer.edited",
    label="Edited voucher offer",
    category="vouchers",
    targets=("voucher_offer",),
    sentence="{actor} edited voucher offer {target}",
    headline=("{target}",),
    detail=(
        "{changes}",
        "vouchers still valid: {active_vouchers}",
    ),
    brief="edited a voucher offer",
):
    """Vouchers that were sold before keep what they had."""

    service: ServiceRef | None = None
    changes: ChangeList | None = None
    active_vouchers: Count | None = None


class VoucherOfferDeleted(
    Action,
    code="voucher_offer.deleted",
    label="Deleted voucher offer",
    category="vouchers",
    targets=("voucher_offer",),
    sentence="{actor} deleted voucher offer {target}",
    headline=("{target}",),
    detail=("vouchers still valid: {active_vouchers}",),
    brief="deleted a voucher offer",
):
    """It is sold no more. `snapshot` is all that the host needs to make it again."""

    service: ServiceRef | None = None
    snapshot: JsonObject | None = None
    active_vouchers: Count | None = None
