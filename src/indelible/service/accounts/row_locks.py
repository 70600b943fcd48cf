"""What a change of memberships rests on, held until it is done.

A page reads who asks and whom it concerns, and decides. By the time it writes, another request may have changed either:
two owners who remove each other were both owners when they were let in. So each row that the decision rests on is
written back as it was read, by a statement that names what was read, and rows are counted. A database with many writers
then lets one of two such transactions wait for the other and find its row changed; rows are taken in one order, so that
neither waits for ever.
"""

from __future__ import annotations

from typing import Any

from ...errors import Conflict
from .models import ApiKey, Membership, User


def changed() -> Conflict:
    return Conflict(
        "this was changed at the same moment; nothing was done: look again, and repeat what is still needed"
    )


def hold(*read: Membership) -> None:
    """Hold memberships as they were read, until the transaction ends. Raises Conflict where one is not so any more."""
    for one in sorted(read, key=lambda one: one.pk):
        if not unchanged(one).update(role=one.role):
            raise changed()


def hold_account(user: User) -> None:
    """Hold that somebody may sign in. Raises Conflict where they may not any more."""
    if not User.objects.filter(pk=user.pk, is_active=True).update(is_active=True):
        raise changed()


def hold_key(key: ApiKey) -> None:
    """Hold that a key was not revoked. Raises Conflict where it was."""
    if not ApiKey.objects.filter(pk=key.pk, revoked_at=0).update(revoked_at=0):
        raise changed()


def unchanged(one: Membership) -> Any:
    """The membership's row while it says what was read of it."""
    return Membership.objects.filter(
        pk=one.pk, user_id=one.user_id, clinic_id=one.clinic_id, role=one.role, until=one.until
    )
