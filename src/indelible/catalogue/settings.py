"""The clinic itself, its settings, and the services of others that it is connected to.

Old and new values of settings are personal: an address for notices is one of them. Of a secret (an API key, a password)
say only that it changed, with neither value; a document that gives it is refused (`secrecy.py`).
"""

from __future__ import annotations

from typing import Literal

from .action import Action
from .fields import Changed, Count, Currency, EvidenceId, Instant, PersonalChanges, Word, Words
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
