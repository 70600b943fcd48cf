"""A clinic that begins here: its log first, which belongs to nobody yet, and then its owner."""

from __future__ import annotations

import secrets

from django.db import transaction

from ...catalogue.settings import ClinicCreated
from ...django import record
from ...record.document import Actor, Staff, Target
from ...stores.contract import State
from ..shared_journal import journal
from . import key_issuing
from .models import Membership, User


def new_clinic_id() -> str:
    return f"c_{secrets.token_hex(5)}"


def begin_log(name: str, zone: str, clinic_id: str | None = None) -> str:
    """Begin the log of a clinic that belongs to nobody yet, and return the clinic's id. It is a transaction of its own.

    Raises StorageFailure where there is one of this id.
    """
    return journal().add_clinic(clinic_id or new_clinic_id(), name=name, zone=zone).clinic.id


def own(clinic_id: str, owner: User) -> None:
    """Make somebody the owner of a clinic that was just begun, and record that it was created."""
    _, state = journal().info(clinic_id)
    with transaction.atomic():
        Membership.objects.create(user=owner, clinic_id=clinic_id, role="owner")
        record_begun(clinic_id, state, Staff(owner.public_id, owner.name, "owner"))


def record_begun(clinic_id: str, state: State, by: Actor) -> None:
    """Record that a clinic was created, and which keys of the platform open it."""
    record(ClinicCreated(zone=state.zone), clinic=clinic_id, actor=by, target=Target("clinic", clinic_id, state.name))
    key_issuing.tell(clinic_id, by)
