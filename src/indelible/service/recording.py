"""What the service itself records: who asked, and the same thing in every clinic that a person belongs to."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from ..catalogue import Action
from ..django import record
from ..document import Actor, Staff, Target
from .models import Membership, User


def actor_of(request: HttpRequest) -> Actor | None:
    """Who asks, with the role that they have in the clinic of the page."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    visit = getattr(request, "visit", None)
    return visit.actor if visit is not None else Staff(user.public_id, user.name)


def clinic_of(request: HttpRequest) -> str | None:
    """The clinic of the page."""
    match = request.resolver_match
    return match.kwargs.get("clinic") if match else None


def account(user: User) -> Target:
    return Target("account", user.public_id, user.name)


def staff(user: User) -> Target:
    return Target("staff", user.public_id, user.name)


def record_everywhere(action: Action, user: User, **more: Any) -> None:
    """Record one thing about an account in the log of every clinic that its owner belongs to.

    The role is the one in that clinic. Runs inside the caller's transaction, so that all of it happens or nothing.
    """
    by_self = more.get("actor") is None
    for membership in Membership.objects.filter(user=user):
        given = dict(more)
        if by_self:
            given["actor"] = Staff(user.public_id, user.name, membership.role)
        record(action, clinic=membership.clinic_id, target=account(user), **given)
