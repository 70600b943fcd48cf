"""Services, and the schedule in which they are offered.

A service names no person: its snapshot and its changes are in clear, and no person's id or name belongs in them. A
schedule is a member of staff's as a rule, so its snapshot and changes are personal values. A snapshot is all that the
host needs to make the deleted thing again.
"""

from __future__ import annotations

from typing import Literal

from .action import Action
from .fields import (
    BasisPoints,
    ChangeList,
    Count,
    Currency,
    Day,
    Instant,
    JsonObject,
    LateRefund,
    LocationRef,
    Minor,
    Minutes,
    PersonalChanges,
    PersonalObject,
    StaffMember,
)
from .vocabulary import BlockReason, ServiceCategory


class ServiceCreated(
    Action,
    code="service.created",
    label="Created service",
    category="services",
    targets=("service",),
    sentence="{actor} created service {target}",
    detail=(
        "{price_minor}",
        "{duration_minutes}",
        "{service_category}",
    ),
):
    service_category: ServiceCategory | None = None
    duration_minutes: Minutes | None = None
    buffer_minutes: Minutes | None = None
    price_minor: Minor | None = None
    currency: Currency | None = None
    tax_rate_basis_points: Count | None = None
    online_bookable: bool | None = None
    policy_window_minutes: Minutes | None = None  # a client who cancels earlier than this gets all of the deposit back
    deposit_minor: Minor | None = None  # either a fixed amount
    deposit_basis_points: BasisPoints | None = None  # or a part of the price
    late_refund: LateRefund | None = None
    late_refund_basis_points: BasisPoints | None = None  # of the deposit, where it is partial
    snapshot: JsonObject | None = None  # the rest of it: its description, its reminders


class ServiceEdited(
    Action,
    code="service.edited",
    label="Edited service",
    category="services",
    targets=("service",),
    sentence="{actor} edited service {target}",
    detail=(
        "{changes}",
        "from {effective_from} on",
        "reservations ahead: {future_bookings}",
    ),
):
    changes: ChangeList | None = None
    effective_from: Instant | None = None
    future_bookings: Count | None = None


class ServiceDeleted(
    Action,
    code="service.deleted",
    label="Deleted service",
    category="services",
    targets=("service",),
    sentence="{actor} deleted service {target}",
    detail=(
        "{snapshot}",
        "reservations ahead: {future_bookings}",
        "vouchers still valid: {active_vouchers}",
    ),
):
    snapshot: JsonObject | None = None
    mode: Literal["archived", "removed"] | None = None
    future_bookings: Count | None = None
    active_vouchers: Count | None = None


class ServiceRestored(
    Action,
    code="service.restored",
    label="Restored service",
    category="services",
    targets=("service",),
    sentence="{actor} restored service {target}",
    detail=("deleted on {deleted_at}",),
):
    """A service that had been deleted is offered again. `snapshot` is what it was made from."""

    snapshot: JsonObject | None = None
    deleted_at: Instant | None = None


class ScheduleCreated(
    Action,
    code="schedule.created",
    label="Created schedule",
    category="services",
    targets=("schedule",),
    sentence="{actor} created schedule {target}",
    detail=(
        "{practitioner}",
        "from {valid_from} on",
    ),
):
    practitioner: StaffMember | None = None
    location: LocationRef | None = None
    hours: JsonObject | None = None
    valid_from: Day | None = None
    valid_to: Day | None = None


class ScheduleEdited(
    Action,
    code="schedule.edited",
    label="Edited schedule",
    category="services",
    targets=("schedule",),
    sentence="{actor} edited schedule {target}",
    detail=(
        "{practitioner}",
        "{changes}",
        "reservations outside the hours: {bookings_outside_hours}",
    ),
):
    practitioner: StaffMember | None = None
    location: LocationRef | None = None
    changes: PersonalChanges | None = None
    bookings_outside_hours: Count | None = None


class ScheduleDeleted(
    Action,
    code="schedule.deleted",
    label="Deleted schedule",
    category="services",
    targets=("schedule",),
    sentence="{actor} deleted schedule {target}",
    detail=(
        "{practitioner}",
        "reservations affected: {bookings_affected}",
    ),
):
    practitioner: StaffMember | None = None
    location: LocationRef | None = None
    snapshot: PersonalObject | None = None
    bookings_affected: Count | None = None


class _OfBlock(Action):
    """What both entries about a block may say: a time in which nothing can be booked."""

    practitioner: StaffMember | None = None
    location: LocationRef | None = None
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    reason_code: BlockReason | None = None
    bookings_affected: Count | None = None


class ScheduleBlocked(
    _OfBlock,
    code="schedule.blocked",
    label="Blocked schedule",
    category="services",
    targets=("schedule", "schedule_block"),
    sentence="{actor} blocked schedule {target}",
    detail=(
        "{practitioner}",
        "{starts_at} – {ends_at}",
        "{reason_code}",
        "reservations affected: {bookings_affected}",
    ),
):
    """The target is the schedule, or the block itself where it has an id of its own."""


class ScheduleUnblocked(
    _OfBlock,
    code="schedule.unblocked",
    label="Unblocked schedule",
    category="services",
    targets=("schedule", "schedule_block"),
    sentence="{actor} unblocked schedule {target}",
    detail=(
        "{practitioner}",
        "{starts_at} – {ends_at}",
        "{reason_code}",
    ),
):
    """The time of a block can be booked again."""
