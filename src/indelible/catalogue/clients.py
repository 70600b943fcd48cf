"""What happens to a client's record. The names of fields are in clear, their values never."""

from __future__ import annotations

from typing import Literal

from .action import Action
from .fields import ClientPerson, Count, Instant, PersonalChanges, PersonalText, StaffMember
from .vocabulary import FieldNames, ReasonCode


class ClientCreated(
    Action,
    code="client.created",
    label="Created client",
    category="clients",
    targets=("client",),
    sentence="{actor} created client {target}",
    brief="created a client",
):
    method: Literal["staff", "self_signup", "booking", "import", "api"] | None = None
    fields_present: FieldNames | None = None


class ClientEdited(
    Action,
    code="client.edited",
    label="Edited client",
    category="clients",
    targets=("client",),
    sentence="{actor} edited client {target}",
    detail=(("{changes}", "{fields_changed}"),),
    brief="edited a client",
):
    changes: PersonalChanges | None = None
    fields_changed: FieldNames | None = None


class ClientDeleted(
    Action,
    code="client.deleted",
    label="Deleted client",
    category="clients",
    targets=("client",),
    sentence="{actor} deleted client {target}",
    detail=(
        ("{reason_text}", "{reason_code}"),
        "can be restored until {restorable_until}",
    ),
):
    """The host's record is gone; what the log holds about the client stays until the client is anonymized."""

    mode: Literal["archived", "removed"] | None = None
    restorable_until: Instant | None = None
    reason_code: ReasonCode | None = None
    reason_text: PersonalText | None = None


class ClientMerged(
    Action,
    code="client.merged",
    label="Merged client",
    category="clients",
    targets=("client",),
    sentence="{actor} merged client {merged} into {target}",
    headline=("{merged} → {target}",),
    detail=(
        "reservations moved: {bookings_moved}",
        "vouchers moved: {vouchers_moved}",
        "points moved: {points_moved}",
        "{reason_code}",
    ),
):
    """Two records were of one person. The target is the one that stays, `merged` the one that went into it."""

    merged: ClientPerson
    fields_changed: FieldNames | None = None  # of the record that stays
    bookings_moved: Count | None = None
    vouchers_moved: Count | None = None
    points_moved: Count | None = None
    reason_code: ReasonCode | None = None


class ClientAnonymized(
    Action,
    code="client.anonymized",
    label="Anonymized client",
    category="clients",
    targets=("client",),
    sentence="{actor} anonymized a client (asked for by: {requested_by})",
    headline=("asked for by: {requested_by}",),
    by_journal=True,
):
    """Written by the log when it erases a client's values. What it erased is the body's member `erases`.

    The sentence names no target: nobody can know the name any more. How many values it was is said by `log.scrubbed`,
    which comes later: nothing is read before the answer.
    """

    requested_by: Literal["client", "staff", "retention_rule"]
    # Which ground of Article 17(1)(a) to (f) or of Article 5(1)(e) GDPR.
    legal_basis: Literal["17_1_a", "17_1_b", "17_1_c", "17_1_d", "17_1_e", "17_1_f", "5_1_e"] | None = None
    approver: StaffMember | None = None
