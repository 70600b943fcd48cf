"""A clinic as a platform wants it: begun where it is not there, named, owned. Asked again, nothing changes.

The log comes first, and is a transaction of its own; whatever fails after it leaves a clinic that nobody owns, and the
same request made again goes on from there.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Literal

from django.db import connection, transaction
from django.utils import timezone

from ...errors import Conflict, StorageFailure
from ...log import ClinicLog
from ...stores.contract import State
from ..shared_journal import journal
from . import people
from .clinics import begin_log, record_begun
from .grants import still_stands
from .models import ApiKey, Membership, OneTimeLink, User
from .people import Giver

# Of requests for one id at once, one begins the log; the keep would else have a cover for each.
_beginning = threading.Lock()


@dataclass(frozen=True, slots=True)
class Owner:
    """What became of a clinic's owner: a member, or invited; whether that is new; `address` is the link of an
    invitation just made."""

    status: Literal["member", "invited"]
    is_new: bool
    link: OneTimeLink | None = None
    address: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Provided:
    """What became of a request: whether the log was begun by it, and of its owner where it named one."""

    log: ClinicLog
    is_new: bool
    owner: Owner | None


def provide(clinic_id: str, name: str, zone: str, email: str | None, language: str, key: ApiKey) -> Provided:
    """Begin a clinic's log where there is none, and make whoever has an address its owner, in the key's name.

    Raises Conflict for a clinic that was closed, StorageFailure.
    """
    giver = Giver.of_key(key)
    with _beginning:
        waits = _waits(clinic_id)  # before the log: what is drained is in the log before it is gone here
        state = _state(clinic_id)
        is_new = state is None
        if state is None:
            try:
                begin_log(name, zone, clinic_id)
            except StorageFailure:
                if _state(clinic_id) is None:
                    raise
                is_new = False  # another process was quicker
            state = _state(clinic_id)
        if state is None or state.closed_at is not None:
            raise Conflict("clinic: was closed, and its id stays its own; use another one")
        log = journal().clinic(clinic_id)
        with transaction.atomic():
            # The second: a request began it, and ended before it was recorded.
            if is_new or (state.size == 0 and not waits):
                giver.hold()
                record_begun(clinic_id, state, giver.actor)
            owner = None if email is None else _own(log, email, language, giver)
    return Provided(log, is_new, owner)


def _own(log: ClinicLog, email: str, language: str, giver: Giver) -> Owner:
    """Make whoever has an address the clinic's owner: at once with an account here, else by an invitation."""
    session = log.reading()
    clinic = people.Clinic(log.clinic.id, session.name, session.today)
    there = Membership.objects.select_related("user").filter(clinic_id=clinic.id, user__email=email).first()
    if there is not None:
        changed = (there.role, there.until) != ("owner", None)
        people.change(giver, clinic, there, "owner", None)
        return Owner("member", changed)
    user = User.objects.filter(email=email).first()
    if user is not None:
        people.join(giver, clinic, user, "owner")
        return Owner("member", True)
    invited = OneTimeLink.objects.filter(kind=OneTimeLink.INVITATION, clinic_id=clinic.id, email=email, role="owner",
                                         expires_at__gt=timezone.now())  # fmt: skip
    link = next((one for one in invited if still_stands(one)), None)
    if link is not None:
        return Owner("invited", False, link)
    link, address = people.invite(giver, clinic, email, "owner", language=language)
    return Owner("invited", True, link, address)


def _state(clinic_id: str) -> State | None:
    return next((state for _, state in journal().clinics([clinic_id])), None)


def _waits(clinic_id: str) -> bool:
    """Whether the accounts' outbox has something for a clinic that is not in its log yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM indelible_outbox WHERE clinic = %s LIMIT 1", [clinic_id])
        return cursor.fetchone() is not None
