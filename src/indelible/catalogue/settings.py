"""The clinic itself, its settings, and the services of others that it is connected to.

Old and new values of settings are personal: an address for notices is one of them. Of a secret (an API key, a password)
say only that it changed, with neither value; a document that gives it is refused (`secrecy.py`).

What the guard of a host's database noticed is here too; the database writes it itself. Of what changed it has the names
of columns; values only of columns that the host listed as not personal, and even these can be erased, because that list
may be wrong. A role of the database may be called after a person, and a reason is free text: both are personal.
"""

from __future__ import annotations

from typing import Literal

from .action import Action
from .fields import Changed, Count, Currency, EvidenceId, Instant, PersonalChanges, PersonalText, Word, Words
from .vocabulary import FieldNames, Section


class ClinicCreated(
    Action,
    code="clinic.created",
    label="Created clinic",
    category="settings",
    targets=("clinic",),
    sentence="{actor} created clinic {target}",
):
    zone: Word | None = None
    currency: Currency | None = None


class ClinicTimeZoneChanged(
    Action,
    code="clinic.time_zone_changed",
    label="Changed time zone",
    category="settings",
    targets=("clinic",),
    sentence="{actor} changed the time zone from {zone.old} to {zone.new}",
    detail=("reservations ahead: {future_bookings}",),
):
    """From this entry on, days and times of the log are those of the new zone. `keeps` says what bookings keep."""

    zone: Changed[Word]
    effective_at: Instant | None = None
    future_bookings: Count | None = None
    keeps: Literal["wall_clock", "instant"] | None = None


class SettingsChanged(
    Action,
    code="settings.changed",
    label="Changed settings",
    category="settings",
    targets=("settings", "clinic"),
    sentence="{actor} changed the {section} settings",
    detail=(("{changes}", "{fields_changed}"),),
):
    section: Section
    changes: PersonalChanges | None = None
    fields_changed: FieldNames | None = None


class IntegrationConnected(
    Action,
    code="integration.connected",
    label="Connected integration",
    category="settings",
    targets=("integration",),
    sentence="{actor} connected {target}",
    headline=("{target}",),
):
    """The target is the service of somebody else, such as `stripe`; which account of it, is evidence."""

    stripe_account: EvidenceId | None = None
    permissions: Words | None = None
    test_mode: bool | None = None


class IntegrationDisconnected(
    Action,
    code="integration.disconnected",
    label="Disconnected integration",
    category="settings",
    targets=("integration",),
    sentence="{actor} disconnected {target}",
    headline=("{target}",),
    detail=("{cause}",),
):
    stripe_account: EvidenceId | None = None
    cause: Literal["staff", "provider", "expired", "error"] | None = None


class ClinicClosed(
    Action,
    code="clinic.closed",
    label="Closed clinic",
    category="settings",
    targets=("clinic",),
    sentence="{actor} closed the clinic's account",
    by_journal=True,
):
    """The last entry of a log. The clinic's keys are destroyed after it, and its final bundle is its record."""

    bundle_entries: Count | None = None
    bundle_sha256: Word | None = None  # hexadecimal, of the whole file


class RecordChangedOutside(
    Action,
    code="record.changed_outside",
    label="Changed outside the application",
    category="settings",
    targets=(
        *("booking", "charge", "client", "clinic", "coupon", "dispute", "integration", "invoice", "refund", "reward"),
        *("schedule", "schedule_block", "service", "settings", "staff", "voucher", "voucher_offer"),
    ),
    every_kind=True,
    sentence="{actor} noticed a change of {target} outside the application",
    detail=(
        "by role {role}",
        "{operation} in table {table}",
        ("{changes}", "{columns}"),
    ),
    brief="noticed a change of {target} outside the application",
):
    """One thing that a transaction changed, and put no document about it into the outbox."""

    table: Word | None = None
    operation: Literal["inserted", "updated", "deleted", "several"] | None = None
    columns: Words | None = None
    changes: PersonalChanges | None = None
    role: PersonalText | None = None


class RecordChangedInBulk(
    Action,
    code="record.changed_in_bulk",
    label="Changed in bulk",
    category="settings",
    targets=("clinic",),
    sentence="{actor} noticed {rows} changes in table {table} outside the application",
    headline=("{rows} changes in table {table}",),
    detail=(
        "by role {role}",
        "{reason}",
    ),
    brief="noticed {rows} changes in table {table}",
):
    """Many changes of one transaction in one table: a reason was given for them, or they were too many to name each."""

    table: Word
    rows: Count
    reason: PersonalText | None = None
    role: PersonalText | None = None
