"""The codes of a host's lists that Indelible knows in words: a reader sees "insufficient funds", in the own language.

A code that is not here is shown as it was sent: `late_no_deposit` keeps its underscores, and a word that happens to be
one of ours in another field is not translated. A host declares its own list in the same way:

    RoomState = Annotated[Word, Vocabulary(frozenset({"clean", "in_use"}))]

The codes of why the system acted (`policy:late-cancel`) are no field; REASONS has the words for what stands before the
colon, and REASON_NAMES for what stands behind it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from .fields import Vocabulary, Word, Words

REASONS = {
    "client": "client",
    "command": "command",
    "job": "task",
    "login": "sign-in",
    "policy": "policy",
    "rule": "rule",
    "webhook": "message",
}
REASON_NAMES = {
    "anonymize": "anonymizing",
    "bundle": "evidence bundle",
    "cancel-in-time": "cancelled in time",
    "clinic-add": "new clinic",
    "clinic-cancelled": "the clinic cancelled",
    "clinic-close": "closing the account",
    "complete-visits": "visits completed",
    "deposit": "deposit",
    "drain": "taking documents in",
    "export": "export",
    "first-entry": "first entry",
    "forgot-password": "forgotten password",
    "guard": "watching for changes",
    "invite": "invitation",
    "invoice": "invoice",
    "keep-renew": "renewing the keep",
    "late-cancel": "late cancellation",
    "letter": "letter",
    "list": "list",
    "locked": "account locked",
    "loyalty-points": "loyalty points",
    "no-show": "no-show",
    "referral": "referral",
    "reminders": "reminders",
    "rescue": "a way back in",
    "scrub": "removing erased values",
    "set-time-zone": "new time zone",
    "story": "story",
    "themselves": "by themselves",
    "unknown-account": "unknown account",
    "verify": "verification",
    "voucher-expiry": "voucher expiry",
    "wrong-code": "wrong code",
    "wrong-password": "wrong password",
}
# What a code is called where its letters with spaces between are no word that a clinic would use.
WORDS = {
    "amex": "American Express",
    "api": "API",
    "bacs": "Bacs",
    "booking": "reservations",
    "booking_cancelled": "reservation cancelled",
    "booking_changed": "reservation changed",
    "booking_confirmed": "reservation confirmed",
    "cancel_in_time": "cancelled in time",
    "csv": "CSV",
    "day": "daily",
    "do_not_honor": "refused by the bank",
    "email": "e-mail",
    "export": "export files",
    "generic_decline": "refused without a reason",
    "incorrect_cvc": "wrong security code",
    "jsonl": "JSON Lines",
    "late_cancel": "late cancellation",
    "magic_link": "link by e-mail",
    "mastercard": "Mastercard",
    "multi_purpose": "for several services",
    "no_show": "no-show",
    "no_show_fee": "no-show fee",
    "one_time_code": "one-time code",
    "online_booking": "online reservations",
    "pin": "PIN",
    "push": "push message",
    "rebook": "next reservation",
    "self_signup": "signed up without help",
    "sepa": "SEPA",
    "single_purpose": "for one service",
    "sms": "SMS",
    "sms_reminders": "SMS reminders",
    "sso": "single sign-on",
    "sso_error": "error of the single sign-on",
    "stripe": "Stripe",
    "stripe_dashboard": "Stripe dashboard",
    "subscription_canceled": "subscription cancelled",
    "totp": "authenticator app",
    "trigger_disabled": "watch switched off",
    "trigger_missing": "watch missing",
    "visa": "Visa",
    "walk_in": "walk-in",
    "webauthn": "passkey",
    "week": "weekly",
    "webhook": "message from another system",
    "whatsapp": "WhatsApp",
    "xlsx": "Excel",
}
ROLES = frozenset({"auditor", "manager", "owner", "practitioner", "receptionist", "staff"})
# What clients, bookings, settings and schedules have, as lists of changed fields name them.
FIELDS = frozenset({
    *("address", "bank_account", "birth_date", "birthday", "city", "days_ahead", "email", "emergency_contact"),
    *("idle_timeout_minutes", "language", "location", "name", "newsletter", "notes", "phone", "points_per_euro"),
    *("postcode", "practitioner", "preferred_language", "price", "reminder_hours", "room", "sender_name", "service"),
    *("show_prices", "sms_reminders", "valid_days", "zone"),
})  # fmt: skip

ReasonCode = Annotated[Word, Vocabulary(frozenset({
    *("cancel_in_time", "cancelled_in_time", "client_asked", "client_called", "clinic_cancelled"),
    *("customer_request", "duplicate"),
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
    *("access", "booking", "links", "loyalty", "notices", "notifications", "online_booking", "payments", "payouts"),
    *("security", "vouchers"),
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
# What an API key may be for: the scopes of the interface over HTTP.
Scopes = Annotated[Words, Vocabulary(frozenset({"anonymize", "export", "manage", "read", "record"}))]
FileFormat = Annotated[Word, Vocabulary(frozenset({"bundle", "csv", "jsonl", "xlsx"}))]
FileProfile = Annotated[Word, Vocabulary(frozenset({"data", "spreadsheet"}))]


def said(code: str) -> str:
    """Return a code of a declared list in English words: a message id."""
    return WORDS.get(code) or code.replace("_", " ")
