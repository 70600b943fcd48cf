"""What happens to a booking. The code says booking and the label says reservation, as the description does.

The name of a service is personal here: tied to a client of a clinic it tells about the client's health. So is a reason
in words. `reason_code` is a word from the host's own list; it stays when the client is anonymized, so no word of that
list may name a condition.
"""

from __future__ import annotations

from typing import Literal

from .action import Action
from .fields import (
    Changed,
    ChargeRef,
    Count,
    Currency,
    Instant,
    LocationRef,
    Minor,
    Minutes,
    PersonalName,
    PersonalText,
    PolicyRef,
    SeriesRef,
    ServiceRef,
    StaffMember,
)
from .vocabulary import ReasonCode


class _OfBooking(Action):
    """What every entry about a booking may say."""

    service: ServiceRef | None = None
    service_name: PersonalName | None = None
    location: LocationRef | None = None


class BookingCreated(
    _OfBooking,
    code="booking.created",
    label="Created reservation",
    category="bookings",
    targets=("booking",),
    sentence="{actor} created reservation {target}",
):
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    duration_minutes: Minutes | None = None
    practitioner: StaffMember | None = None
    price_minor: Minor | None = None
    deposit_minor: Minor | None = None
    currency: Currency | None = None
    source: Literal["online", "staff", "phone", "walk_in", "waitlist", "rebook", "import", "api"] | None = None
    availability_override: bool | None = None
    series: SeriesRef | None = None


class BookingRescheduled(
    _OfBooking,
    code="booking.rescheduled",
    label="Rescheduled reservation",
    category="bookings",
    targets=("booking",),
    sentence="{actor} rescheduled reservation {target} from {starts_at.old} to {starts_at.new}",
):
    starts_at: Changed[Instant]
    ends_at: Changed[Instant] | None = None
    practitioner: Changed[StaffMember] | None = None
    notice_minutes: Minutes | None = None  # before the old start; negative after it
    reason_code: ReasonCode | None = None
    reason_text: PersonalText | None = None


class BookingCancelled(
    _OfBooking,
    code="booking.cancelled",
    label="Cancelled reservation",
    category="bookings",
    targets=("booking",),
    sentence="{actor} cancelled reservation {target}",
):
    starts_at: Instant | None = None
    notice_minutes: Minutes | None = None  # before the start; negative after it
    late: bool | None = None
    reason_code: ReasonCode | None = None
    reason_text: PersonalText | None = None
    practitioner: StaffMember | None = None
    policy: PolicyRef | None = None
    policy_version: Count | None = None
    policy_window_minutes: Minutes | None = None
    # Programs that scan mail open every link in it: an opened link alone does not show that the client meant to cancel.
    confirmation: Literal["link_opened", "form_sent", "form_sent_after_delay"] | None = None
    charge: ChargeRef | None = None
    fee_minor: Minor | None = None
    refund_due_minor: Minor | None = None
    currency: Currency | None = None


class BookingCompleted(
    _OfBooking,
    code="booking.completed",
    label="Completed reservation",
    category="bookings",
    targets=("booking",),
    sentence="{actor} marked reservation {target} as completed",
):
    completed_at: Instant | None = None
    method: Literal["staff", "automatic"] | None = None
    practitioner: StaffMember | None = None


class BookingNoShowMarked(
    _OfBooking,
    code="booking.no_show_marked",
    label="Marked reservation as no-show",
    category="bookings",
    targets=("booking",),
    sentence="{actor} marked reservation {target} as no-show",
):
    starts_at: Instant | None = None
    grace_minutes: Minutes | None = None
    practitioner: StaffMember | None = None
    charge: ChargeRef | None = None
    fee_minor: Minor | None = None
    currency: Currency | None = None
