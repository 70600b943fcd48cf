"""What happens to a booking. The code says booking and the label says reservation, as the description does.

A voucher of sessions gives one when the client books, not at the visit: `voucher` says which one pays for a booking.
The terms of cancelling are those that the client agreed to when booking, so the booking keeps them, whatever becomes of
the service's policy.

The name of a service is personal here: tied to a client of a clinic it tells about the client's health. So is a reason
in words. `reason_code` is a word from the host's own list; it stays when the client is anonymized, so no word of that
list may name a condition.
"""

from __future__ import annotations

from typing import Literal

from .action import Action
from .fields import (
    BasisPoints,
    Changed,
    ChargeRef,
    Count,
    CouponRef,
    Currency,
    Instant,
    LateRefund,
    LocationRef,
    Minor,
    Minutes,
    PersonalChanges,
    PersonalName,
    PersonalText,
    PolicyRef,
    SeriesRef,
    ServiceRef,
    StaffMember,
    VoucherRef,
)
from .vocabulary import FailureCode, FieldNames, NoticeTemplate, ReasonCode


class _OfBooking(Action):
    """What every entry about a booking may say."""

    service: ServiceRef | None = None
    service_name: PersonalName | None = None
    location: LocationRef | None = None
    voucher: VoucherRef | None = None  # the one that pays for it


class BookingCreated(
    _OfBooking,
    code="booking.created",
    label="Created reservation",
    category="bookings",
    targets=("booking",),
    sentence="{actor} created reservation {target}",
    headline=(("{service_name}, {starts_at}", "{service_name}", "{target}", "{starts_at}"),),
    detail=(
        ("{service_name}, {starts_at}", "{service_name}", "{target}", "{starts_at}"),
        "{client}",
        "with {practitioner}",
        "paid with voucher {voucher}",
        "deposit of {deposit_minor}",
        ("{discount_minor} off with coupon {coupon}", "{discount_minor} off"),
    ),
    brief="created a reservation",
):
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    duration_minutes: Minutes | None = None
    practitioner: StaffMember | None = None
    price_minor: Minor | None = None
    deposit_minor: Minor | None = None
    discount_minor: Minor | None = None
    currency: Currency | None = None
    coupon: CouponRef | None = None
    policy: PolicyRef | None = None
    policy_version: Count | None = None
    policy_window_minutes: Minutes | None = None  # a client who cancels earlier than this gets all of the deposit back
    late_refund: LateRefund | None = None
    late_refund_basis_points: BasisPoints | None = None  # of the deposit, where it is partial
    policy_accepted: bool | None = None
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
    headline=(("{service_name}, {starts_at}", "{service_name}", "{starts_at}"),),
    detail=(
        "{service_name}",
        "{client}",
        "{practitioner}",
        ("{-notice_minutes} after it began", "{notice_minutes} before it began"),
        ("{reason_text}", "{reason_code}"),
    ),
    brief="rescheduled a reservation",
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
    headline=(("{service_name}, {starts_at}", "{service_name}", "{target}", "{starts_at}"),),
    detail=(
        ("{service_name}, {starts_at}", "{service_name}", "{target}", "{starts_at}"),
        "{client}",
        ("{-notice_minutes} after it began", "{notice_minutes} before it began"),
        "policy asks for {policy_window_minutes}",
        "{fee_minor} kept",
        "{refund_due_minor} goes back",
        "sessions returned: {sessions_returned}",
        ("{reason_text}", "{reason_code}"),
    ),
    brief="cancelled a reservation",
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
    deposit_minor: Minor | None = None  # what had been paid
    refund_rule: LateRefund | None = None  # what the policy gives back of it
    refund_basis_points: BasisPoints | None = None
    fee_minor: Minor | None = None
    refund_due_minor: Minor | None = None
    currency: Currency | None = None
    sessions_returned: Count | None = None  # to `voucher`


class BookingCompleted(
    _OfBooking,
    code="booking.completed",
    label="Completed reservation",
    category="bookings",
    targets=("booking",),
    sentence="{actor} marked reservation {target} as completed",
    headline=(("{service_name}", "{target}"),),
    detail=(
        ("{service_name}", "{target}"),
        "{client}",
        "with {practitioner}",
        "{price_minor}",
        "paid with voucher {voucher}",
    ),
    brief="completed a reservation",
):
    completed_at: Instant | None = None
    method: Literal["staff", "automatic"] | None = None
    practitioner: StaffMember | None = None
    price_minor: Minor | None = None
    currency: Currency | None = None


class BookingNoShowMarked(
    _OfBooking,
    code="booking.no_show_marked",
    label="Marked reservation as no-show",
    category="bookings",
    targets=("booking",),
    sentence="{actor} marked reservation {target} as no-show",
    headline=(("{service_name}, {starts_at}", "{service_name}", "{target}", "{starts_at}"),),
    detail=(
        ("{service_name}, {starts_at}", "{service_name}", "{target}", "{starts_at}"),
        "{client}",
        "fee of {fee_minor}",
    ),
    brief="marked a no-show",
):
    starts_at: Instant | None = None
    grace_minutes: Minutes | None = None
    practitioner: StaffMember | None = None
    charge: ChargeRef | None = None
    fee_minor: Minor | None = None
    currency: Currency | None = None


class BookingEdited(
    _OfBooking,
    code="booking.edited",
    label="Edited reservation",
    category="bookings",
    targets=("booking",),
    sentence="{actor} edited reservation {target}",
    headline=(("{service_name}", "{target}"),),
    detail=(
        ("{service_name}", "{target}"),
        "{client}",
        ("{changes}", "{fields_changed}"),
        "{reason_code}",
    ),
    brief="edited a reservation",
):
    """Anything but its time, which `booking.rescheduled` tells, and its state. What changed may tell about health."""

    changes: PersonalChanges | None = None
    fields_changed: FieldNames | None = None
    reason_code: ReasonCode | None = None


class BookingReinstated(
    _OfBooking,
    code="booking.reinstated",
    label="Reinstated reservation",
    category="bookings",
    targets=("booking",),
    sentence="{actor} reinstated reservation {target} from {from_status}",
    headline=(("{service_name}, {starts_at}", "{service_name}", "{target}", "{starts_at}"), "was {from_status}"),
    detail=(
        ("{service_name}, {starts_at}", "{service_name}", "{target}", "{starts_at}"),
        "{client}",
        "{reason_code}",
    ),
    brief="reinstated a reservation",
):
    """A booking holds again that had been cancelled, missed or completed, by mistake or on request."""

    from_status: Literal["cancelled", "no_show", "completed"]
    starts_at: Instant | None = None
    practitioner: StaffMember | None = None
    reason_code: ReasonCode | None = None


class _OfNotice(_OfBooking):
    """What both entries about a notice may say: a confirmation, a reminder, a change. Never its text or its address."""

    medium: Literal["email", "sms", "push", "whatsapp"] | None = None
    template: NoticeTemplate | None = None
    minutes_before: Minutes | None = None  # before the start


class BookingNoticeSent(
    _OfNotice,
    code="booking.notice_sent",
    label="Sent reservation notice",
    category="bookings",
    targets=("booking",),
    sentence="{actor} sent a notice about reservation {target}",
    headline=("{service_name}",),
    detail=(
        ("{template} by {medium}", "{template}", "{medium}"),
        "{service_name}",
        "{client}",
        "{minutes_before} before it begins",
    ),
    brief="sent a notice",
):
    """Handed over to be delivered: whether it arrived, or was read, is not known."""


class BookingNoticeFailed(
    _OfNotice,
    code="booking.notice_failed",
    label="Failed reservation notice",
    category="bookings",
    targets=("booking",),
    sentence="A notice about reservation {target} failed",
    headline=("{service_name}",),
    detail=(
        "{failure_code}",
        ("{template} by {medium}", "{template}", "{medium}"),
        "{service_name}",
        "{client}",
    ),
    brief="a notice failed",
):
    failure_code: FailureCode | None = None
