"""What somebody may give to others: asked when a link is made, and again when it is used.

A link lives for days, and whoever made it may have lost the right since, or its person may have become more than they
were.
"""

from __future__ import annotations

from .keys import Scope, scopes_of, stands
from .models import Membership, OneTimeLink, User
from .roles import Right
from .row_locks import changed, hold, hold_account, hold_key


def may_give(giver: User, clinic_id: str, role: str) -> bool:
    """Whether somebody may give and take a role in a clinic."""
    one = giver.memberships.filter(clinic_id=clinic_id).first()
    return giver.is_active and one is not None and Right.PEOPLE in one.in_role.rights and role in one.in_role.gives


def may_reset(giver: User, user: User) -> bool:
    """Whether every clinic that somebody belongs to is one where the giver may manage them.

    A new password opens all of them, so one clinic's manager must not be able to make it for another's owner.
    """
    theirs = list(user.memberships.all())
    return bool(theirs) and all(may_give(giver, one.clinic_id, one.role) for one in theirs)


def still_stands(link: OneTimeLink) -> bool:
    """Whether whoever made a link could make it today. What the command line made stands until it ends."""
    if link.made_by_key is not None:
        return stands(link.made_by_key) and Scope.MANAGE in scopes_of(link.made_by_key)
    if link.made_by is None:
        return True
    if link.kind == OneTimeLink.PASSWORD:
        return link.user is not None and may_reset(link.made_by, link.user)
    return may_give(link.made_by, link.clinic_id, link.role)


def hold_giving(link: OneTimeLink) -> None:
    """Hold what a link stands on until the transaction ends. Raises Conflict where it does not stand any more."""
    if link.made_by_key is not None:
        if not still_stands(link):
            raise changed()
        hold_key(link.made_by_key)
    if link.made_by is None:
        return
    hold_account(link.made_by)
    if link.kind == OneTimeLink.PASSWORD:
        hold_resetting(link.made_by, link.user)
        return
    one = link.made_by.memberships.filter(clinic_id=link.clinic_id).first()
    if one is None or not may_give(link.made_by, link.clinic_id, link.role):
        raise changed()
    hold(one)


def hold_resetting(giver: User, user: User) -> None:
    """Hold every membership that makes somebody the one who may set another's password. Raises Conflict."""
    hold_account(user)  # whoever joins a clinic at this moment holds it too
    theirs = list(Membership.objects.filter(user=user))
    givers = list(Membership.objects.filter(user=giver, clinic_id__in=[one.clinic_id for one in theirs]))
    if not may_reset(giver, user):
        raise changed()
    hold(*theirs, *givers)
