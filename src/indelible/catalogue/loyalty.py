"""Points, coupons and rewards. A reward names no person: its snapshot and its changes are in clear.

A client who takes a reward pays for it with points and gets a coupon of the client's own, which a later booking uses:
`points.redeemed` tells both, with `reward` and `coupon`. `coupon.issued` is for coupons that no points paid for.
"""

from __future__ import annotations

from typing import Literal

from .action import Action
from .fields import (
    BasisPoints,
    BookingRef,
    ChangeList,
    ChargeRef,
    Count,
    CouponRef,
    Currency,
    Day,
    JsonObject,
    Minor,
    Number,
    PersonalText,
    RewardRef,
    ServiceRef,
    VoucherRef,
)
from .vocabulary import PointsRule, RewardType


class _OfPoints(Action):
    """What every entry about points may say. A balance may be negative: points that were spent can be taken back."""

    balance_before: Number | None = None
    balance_after: Number | None = None


class PointsAwarded(
    _OfPoints,
    code="points.awarded",
    label="Awarded points",
    category="loyalty",
    targets=("loyalty_account", "client"),
    sentence="{actor} awarded {points} points to {target}",
    headline=("{points} points",),
    detail=(
        ("points {balance_before} → {balance_after}", "{balance_after} points now"),
        "{client}",
        "for {spent_minor}",
        "reservation {booking}",
    ),
    brief="awarded {points} points",
):
    points: Count
    rule: PointsRule | None = None
    booking: BookingRef | None = None
    charge: ChargeRef | None = None
    voucher: VoucherRef | None = None
    spent_minor: Minor | None = None  # what the points were counted from
    currency: Currency | None = None


class PointsRedeemed(
    _OfPoints,
    code="points.redeemed",
    label="Redeemed points",
    category="loyalty",
    targets=("loyalty_account", "client"),
    sentence="{actor} redeemed {points} points of {target}",
    headline=("{points} points",),
    detail=(
        ("points {balance_before} → {balance_after}", "{balance_after} points now"),
        "{client}",
        "coupon {coupon}",
    ),
    brief="redeemed {points} points",
):
    points: Count
    reward: RewardRef | None = None
    coupon: CouponRef | None = None


class PointsAdjusted(
    _OfPoints,
    code="points.adjusted",
    label="Adjusted points",
    category="loyalty",
    targets=("loyalty_account", "client"),
    sentence="{actor} adjusted the points of {target} by {points}",
    headline=("{points} points",),
    detail=(
        ("points {balance_before} → {balance_after}", "{balance_after} points now"),
        "{client}",
        ("{reason_text}", "{cause}"),
    ),
    brief=("took back {-points} points", "gave {points} points"),
):
    """Any change that is neither earned by a visit nor spent on a reward. Below zero, points were taken away."""

    points: Number
    cause: Literal["correction", "goodwill", "refund", "expiry", "referral", "other"] | None = None
    reason_text: PersonalText | None = None
    charge: ChargeRef | None = None
    booking: BookingRef | None = None


class CouponIssued(
    Action,
    code="coupon.issued",
    label="Issued coupon",
    category="loyalty",
    targets=("coupon",),
    sentence="{actor} issued coupon {target}",
    headline=(("{discount_minor} off", "{discount_basis_points} off"),),
    detail=(
        ("{discount_minor} off", "{discount_basis_points} off"),
        "{cause}",
        "{client}",
        "valid until {expires_on}",
    ),
    brief="issued a coupon",
):
    """A coupon that no points paid for. One for a reward is told by `points.redeemed`."""

    cause: Literal["referral", "campaign", "goodwill", "other"] | None = None
    service: ServiceRef | None = None  # the only one that it is for
    discount_minor: Minor | None = None
    currency: Currency | None = None
    discount_basis_points: BasisPoints | None = None
    expires_on: Day | None = None


class CouponRedeemed(
    Action,
    code="coupon.redeemed",
    label="Redeemed coupon",
    category="loyalty",
    targets=("coupon",),
    sentence="{actor} redeemed coupon {target}",
    headline=(("{discount_minor} off", "{discount_basis_points} off"),),
    detail=(
        ("{discount_minor} off", "{discount_basis_points} off"),
        "{client}",
        "reservation {booking}",
    ),
    brief="redeemed a coupon",
):
    """A coupon lowers a price before it is charged, so its discount is no money of its own."""

    reward: RewardRef | None = None
    service: ServiceRef | None = None
    discount_minor: Minor | None = None
    currency: Currency | None = None
    discount_basis_points: BasisPoints | None = None
    booking: BookingRef | None = None
    charge: ChargeRef | None = None
    uses_total: Count | None = None


class RewardCreated(
    Action,
    code="reward.created",
    label="Created reward",
    category="loyalty",
    targets=("reward",),
    sentence="{actor} created reward {target}",
    detail=(
        "{reward_type}",
        "{cost_points} points",
        ("worth {value_minor}", "{value_basis_points} off"),
    ),
):
    reward_type: RewardType | None = None
    cost_points: Count | None = None
    service: ServiceRef | None = None  # the one that is free, or that the discount is on
    value_minor: Minor | None = None
    currency: Currency | None = None
    value_basis_points: BasisPoints | None = None


class RewardEdited(
    Action,
    code="reward.edited",
    label="Edited reward",
    category="loyalty",
    targets=("reward",),
    sentence="{actor} edited reward {target}",
    detail=("{changes}",),
):
    changes: ChangeList | None = None


class RewardDeleted(
    Action,
    code="reward.deleted",
    label="Deleted reward",
    category="loyalty",
    targets=("reward",),
    sentence="{actor} deleted reward {target}",
    detail=("taken and not used yet: {outstanding}",),
):
    snapshot: JsonObject | None = None
    outstanding: Count | None = None
