"""What happens to a voucher.

None of these counts as money. A voucher is bought by a charge, which is an entry of its own: counting the purchase too
would count the money twice, and so would counting the redemption. Here `amount_minor` is value of the voucher, and a
voucher for a service may have none. Whom it was bought for is one of the document's `people`.
"""

from __future__ import annotations

from typing import Literal

from .action import Action
from .fields import Amount, BookingRef, ChargeRef, Currency, Day, EvidenceId, InvoiceRef, Minor
from .vocabulary import ExpiryRule


class _OfVoucher(Action):
    """What every entry about a voucher may say."""

    code_last4: EvidenceId | None = None
    currency: Currency | None = None


class VoucherPurchased(
    _OfVoucher,
    code="voucher.purchased",
    label="Purchased voucher",
    category="vouchers",
    targets=("voucher",),
    sentence="{actor} purchased voucher {target}",
):
    amount_minor: Amount | None = None  # what the voucher is worth
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
):
    amount_minor: Amount | None = None  # what was used of it
    balance_before_minor: Minor | None = None
    balance_after_minor: Minor | None = None
    booking: BookingRef | None = None
    invoice: InvoiceRef | None = None


class VoucherExpired(
    _OfVoucher,
    code="voucher.expired",
    label="Expired voucher",
    category="vouchers",
    targets=("voucher",),
    sentence="Voucher {target} expired",
):
    balance_lost_minor: Minor | None = None
    expires_on: Day | None = None
    rule: ExpiryRule | None = None
