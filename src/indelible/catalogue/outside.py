"""What the guard of a host's database noticed: a change that no document told of, or one that was given a reason.

The database writes these itself. Of what changed they have the names of columns; values only of columns that the host
listed as not personal, and even these can be erased, because that list may be wrong. A role of the database may be
called after a person, and a reason is free text: both are personal.
"""

from __future__ import annotations

from typing import Literal

from .action import Action
from .fields import Count, PersonalChanges, PersonalText, Word, Words


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
