"""The codes of a host's lists that Indelible knows in words: a reader sees "insufficient funds", in the own language.

A code that is not here is shown as it was sent: `late_no_deposit` keeps its underscores, and a word that happens to be
one of ours in another field is not translated. A host declares its own list in the same way:

    RoomState = Annotated[Word, Vocabulary(frozenset({"clean", "in_use"}))]

The codes of why the system acted (`policy:late-cancel`) are no field; REASONS has what stands before the colon, and
REASON_NAMES what stands behind it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from .fields import Vocabulary, Word, Words

REASONS = frozenset({"client", "command", "job", "login", "policy", "rule", "webhook"})
REASON_NAMES = frozenset({
    *("anonymize", "cancel-in-time", "clinic-add", "clinic-cancelled", "complete-visits", "deposit", "drain"),
    *("export", "guard", "invoice", "keep-renew", "late-cancel", "list", "locked", "loyalty-points", "no-show"),
    *("referral", "reminders", "scrub", "set-time-zone", "story", "unknown-account", "verify", "voucher-expiry"),
    *("wrong-code", "wrong-password"),
})  # fmt: skip
ROLES = frozenset({"auditor", "manager", "owner", "practitioner", "receptionist", "staff"})
# What clients, bookings, settings and schedules have, as lists of changed fields name them.
FIELDS = frozenset({
    *("address", "bank_account", "birth_date", "birthday", "city", "days_ahead", "email", "emergency_contact"),
    *("idle_timeout_minutes", "language", "location", "name", "newsletter", "notes", "phone", "points_per_euro"),
    *("postcode", "practitioner", "preferred_language", "price", "reminder_hours", "room", "sender_name", "service"),
    *("show_prices", "sms_reminders", "valid_days", "zone"),
})  # fmt: skip

ReasonCode = Annotated[Word, Vocabulary(frozenset({
    *("cancelled_in_time", "client_asked", "client_called", "clinic_cancelled", "customer_request", "duplicate"),
    *("goodwill", "late_cancel", "medical", "moved_away", "no_show", "price_error", "staff_absent"),
    *("client_arrived_late", "marked_by_mistake", "treatment_interrupted", "wrong_service"),
}))]  # fmt: skip
# Of Stripe's decline codes and failure codes, those that a clinic meets; and why a notice did not go out.
FailureCode = Annotated[Word, Vocabulary(frozenset({
    *("card_declined", "do_not_honor", "expired_card", "generic_decline", "incorrect_cvc", "insufficient_funds"),
    *("bounced", "invalid_address", "no_consent", "undeliverable", "unsubscribed"),  # of notices
}))]  # fmt: skip
# Of Stripe's reasons of a dispute, those that a clinic meets.
DisputeReason = Annotated[Word, Vocabulary(frozenset({
    *("credit_not_processed", "duplicate", "fraudulent", "general", "product_not_received", "product_unacceptable"),
    *("subscription_canceled", "unrecognized"),
}))]  # fmt: skip
CardBrand = Annotated[Word, Vocabulary(frozenset({"amex", "mastercard", "visa"}))]
StaffRole = Annotated[Word, Vocabulary(ROLES)]
Section = Annotated[Word, Vocabulary(frozenset({
    *("access", "booking", "loyalty", "notices", "notifications", "online_booking", "payments", "payouts", "security"),
    "vouchers",
}))]  # fmt: skip
PointsRule = Annotated[Word, Vocabulary(frozenset({"one_point_per_euro"}))]
ExpiryRule = Annotated[Word, Vocabulary(frozenset({"six_months", "twelve_months"}))]
ServiceCategory = Annotated[Word, Vocabulary(frozenset({"body", "face", "laser"}))]
RewardType = Literal["free_service", "discount", "other"]
NoticeTemplate = Annotated[Word, Vocabulary(frozenset({
    *("booking_cancelled", "booking_changed", "booking_confirmed", "follow_up", "reminder"),
}))]  # fmt: skip
BlockReason = Literal["leave", "holiday", "training", "maintenance", "other"]
FieldNames = Annotated[Words, Vocabulary(FIELDS)]
FileFormat = Annotated[Word, Vocabulary(frozenset({"bundle", "csv", "jsonl", "xlsx"}))]
FileProfile = Annotated[Word, Vocabulary(frozenset({"data", "spreadsheet"}))]
