"""Points, coupons and rewards. A reward names no person: its snapshot and its changes are in clear."""

from __future__ import annotations

from .action import Action
from .fields import (
    BookingRef,
    ChangeList,
    ChargeRef,
    Count,
    Currency,
    JsonObject,
    Minor,
    Number,
)
from .vocabulary import PointsRule, RewardType


class PointsAwarded(
    Action,
    code="points.awarded",
    label="Awarded points",
    category="loyalty",
    targets=("loyalty_account", "client"),
    sentence="{actor} awarded {points} points to {target}",
):
    points: Count
    balance_after: Number | None = None
    rule: PointsRule | None = None
    booking: BookingRef | None = None
    charge: ChargeRef | None = None


class CouponRedeemed(
    Action,
    code="coupon.redeemed",
    label="Redeemed coupon",
    category="loyalty",
    targets=("coupon",),
    sentence="{actor} redeemed coupon {target}",
):
    """A coupon lowers a price before it is charged, so its discount is no money of its own."""

    discount_minor: Minor | None = None
    currency: Currency | None = None
    discount_basis_points: Count | None = None
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
):
    reward_type: RewardType | None = None
    cost_points: Count | None = None
    value_minor: Minor | None = None
    currency: Currency | None = None


class RewardEdited(
    Action,
    code="reward.edited",
    label="Edited reward",
    category="loyalty",
    targets=("reward",),
    sentence="{actor} edited reward {target}",
):
    changes: ChangeList | None = None


class RewardDeleted(
    Action,
    code="reward.deleted",
    label="Deleted reward",
    category="loyalty",
    targets=("reward",),
    sentence="{actor} deleted reward {target}",
):
    snapshot: JsonObject | None = None
    outstanding: Count | None = None
