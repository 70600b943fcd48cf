"""Services, and the schedule in which they are offered.

A service names no person: its snapshot and its changes are in clear, and no person's id or name belongs in them. A
schedule is a member of staff's as a rule, so its snapshot and changes are personal values. A snapshot is all that the
host needs to make the deleted thing again.
"""

from __future__ import annotations

from typing import Literal

from .action import Action
from .fields import (
    ChangeList,
    Count,
    Currency,
    Day,
    Instant,
    JsonObject,
    LocationRef,
    Minor,
    Minutes,
    PersonalChanges,
    PersonalObject,
    StaffMember,
)
from .vocabulary import ServiceCategory


class ServiceCreated(
    Action,
    code="service.created",
    label="Created service",
    category="services",
    targets=("service",),
    sentence="{actor} created service {target}",
):
    service_category: ServiceCategory | None = None
    duration_minutes: Minutes | None = None
    buffer_minutes: Minutes | None = None
    price_minor: Minor | None = None
    currency: Currency | None = None
    tax_rate_basis_points: Count | None = None
    online_bookable: bool | None = None


class ServiceEdited(
    Action,
    code="service.edited",
    label="Edited service",
    category="services",
    targets=("service",),
    sentence="{actor} edited service {target}",
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
):
    snapshot: JsonObject | None = None
    mode: Literal["archived", "removed"] | None = None
    future_bookings: Count | None = None
    active_vouchers: Count | None = None


class ScheduleCreated(
    Action,
    code="schedule.created",
    label="Created schedule",
    category="services",
    targets=("schedule",),
    sentence="{actor} created schedule {target}",
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
):
    practitioner: StaffMember | None = None
    location: LocationRef | None = None
    snapshot: PersonalObject | None = None
    bookings_affected: Count | None = None
