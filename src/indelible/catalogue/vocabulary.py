"""The codes of a host's lists that Indelible knows in words: a reader sees "insufficient funds", in the own language.

A code that is not here is shown as it was sent: `late_no_deposit` keeps its underscores, and a word that happens to be
one of ours in another field is not translated. A host declares its own list in the same way:

    RoomState = Annotated[Word, Vocabulary(frozenset({"clean", "in_use"}))]

The codes of why the system acted (`policy:late-cancel`) are no field; REASONS has what stands before the colon, and
REASON_NAMES what stands behind it.
"""

from __future__ import annotations

from typing import Annotated

from .fields import Vocabulary, Word, Words

REASONS = frozenset({"client", "command", "job", "login", "policy", "rule", "webhook"})
REASON_NAMES = frozenset({
    *("anonymize", "cancel-in-time", "clinic-add", "clinic-cancelled", "complete-visits", "deposit", "export", "list"),
    *("locked", "late-cancel", "loyalty-points", "no-show", "set-time-zone", "story", "unknown-account", "verify"),
    *("voucher-expiry", "wrong-code", "wrong-password"),
})  # fmt: skip
ROLES = frozenset({"auditor", "manager", "owner", "practitioner", "receptionist", "staff"})
# What clients, settings and schedules have, as lists of changed fields name them.
FIELDS = frozenset({
    *("address", "bank_account", "birth_date", "birthday", "city", "days_ahead", "email", "emergency_contact"),
    *("idle_timeout_minutes", "language", "name", "newsletter", "notes", "phone", "points_per_euro", "postcode"),
    *("preferred_language", "reminder_hours", "sender_name", "show_prices", "sms_reminders", "valid_days", "zone"),
})  # fmt: skip

ReasonCode = Annotated[Word, Vocabulary(frozenset({
    *("cancelled_in_time", "client_asked", "client_called", "clinic_cancelled", "customer_request", "duplicate"),
    *("goodwill", "late_cancel", "medical", "moved_away", "no_show", "price_error", "staff_absent"),
    "treatment_interrupted",
}))]  # fmt: skip
# Of Stripe's decline codes and failure codes, those that a clinic meets.
FailureCode = Annotated[Word, Vocabulary(frozenset({
    *("card_declined", "do_not_honor", "expired_card", "generic_decline", "incorrect_cvc", "insufficient_funds"),
}))]  # fmt: skip
CardBrand = Annotated[Word, Vocabulary(frozenset({"amex", "mastercard", "visa"}))]
StaffRole = Annotated[Word, Vocabulary(ROLES)]
Section = Annotated[Word, Vocabulary(frozenset({
    *("access", "booking", "loyalty", "notices", "notifications", "online_booking", "payments", "payouts", "security"),
    "vouchers",
}))]  # fmt: skip
PointsRule = Annotated[Word, Vocabulary(frozenset({"one_point_per_euro"}))]
ExpiryRule = Annotated[Word, Vocabulary(frozenset({"six_months"}))]
ServiceCategory = Annotated[Word, Vocabulary(frozenset({"body", "face", "laser"}))]
RewardType = Annotated[Word, Vocabulary(frozenset({"voucher"}))]
FieldNames = Annotated[Words, Vocabulary(FIELDS)]
FileFormat = Annotated[Word, Vocabulary(frozenset({"bundle", "csv", "jsonl", "xlsx"}))]
FileProfile = Annotated[Word, Vocabulary(frozenset({"data", "spreadsheet"}))]
