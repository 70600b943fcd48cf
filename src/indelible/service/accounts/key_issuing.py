"""Keys that somebody makes and revokes, each recorded where it opens a log, in the same transaction.

A key of one clinic is in that clinic's log. A key of the platform is in the log of every clinic that is open when it is
made or revoked; a clinic that begins later is told of it then (`tell`). So an owner finds in their own log who may read
it, or record in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import Q

from ...catalogue import Action
from ...catalogue.account import ApiKeyCreated, ApiKeyRevoked
from ...django import record
from ...format import instant
from ...record.document import Actor, Target
from ..shared_journal import journal
from . import keys
from .models import ApiKey


def issue(name: str, scopes: Iterable[str], *, by: Actor, clinic_id: str = "", ends_at: int = 0) -> tuple[ApiKey, str]:
    """Make a key and record it; return it with its text. Raises InvalidInput, as `keys.make` does."""
    with transaction.atomic():
        made, text = keys.make(name, scopes, clinic_id=clinic_id, ends_at=ends_at)
        for clinic in _opened(made):
            _record_made(made, clinic, by)
    return made, text


def withdraw(key: ApiKey, *, by: Actor) -> bool:
    """Revoke a key and record it; return whether it was not revoked before."""
    with transaction.atomic():
        if not keys.revoke(key):
            return False
        for clinic in _opened(key):
            _record(ApiKeyRevoked(all_clinics=_of_platform(key)), key, clinic, by)
    return True


def tell(clinic_id: str, by: Actor) -> None:
    """Record in the log of a clinic that begins which keys of the platform open it."""
    living = ApiKey.objects.filter(Q(ends_at=0) | Q(ends_at__gt=keys.now()), clinic_id="", revoked_at=0)
    for key in living.order_by("pk"):
        _record_made(key, clinic_id, by)


def _opened(key: ApiKey) -> Sequence[str]:
    """The clinics that a key opens now."""
    if key.clinic_id:
        return [key.clinic_id]
    return [clinic.id for clinic, state in journal().clinics() if state.closed_at is None]


def _record_made(key: ApiKey, clinic_id: str, by: Actor) -> None:
    ends = instant.to_datetime(key.ends_at) if key.ends_at else None
    action = ApiKeyCreated(scopes=key.scopes.split(), ends_at=ends, all_clinics=_of_platform(key))
    _record(action, key, clinic_id, by)


def _of_platform(key: ApiKey) -> bool | None:
    return None if key.clinic_id else True


def _record(action: Action, key: ApiKey, clinic_id: str, by: Actor) -> None:
    record(action, clinic=clinic_id, actor=by, target=Target("api_key", keys.log_id(key), key.name))
