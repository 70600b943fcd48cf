"""What the service itself records: who asked, and the same thing in every clinic that a person belongs to.

Requests about accounts are one transaction each (`middleware.AccountsInOne`), so that a password is changed and its
entry recorded together or not at all.
"""

from __future__ import annotations

from typing import Any, Literal

from django.db import transaction
from django.http import HttpRequest

from ...catalogue import Action
from ...catalogue.account import LoginFailed
from ...catalogue.settings import SettingsChanged
from ...django import record
from ...record.document import Actor, Staff, System, Target
from ..shared_journal import journal
from .memberships import local_day
from .models import Membership, User

Reason = Literal["wrong_password", "wrong_code", "locked", "disabled"]
Method = Literal["password", "passkey"]


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


def channel_of(request: HttpRequest) -> str:
    """Through which door a request came: a program's, or a browser's."""
    return "api" if request.path_info.startswith("/api/") else "staff_web"


def staff(user: User) -> Target:
    """Who has an account here belongs to the staff of every clinic that it opens: the target of what it does."""
    return Target("staff", user.public_id, user.name)


def clinics_of(user: User) -> list[Membership]:
    """Every clinic that somebody belongs to today, and whose log can still be written.

    What a former auditor does with their account is no longer the clinic's to know.
    """
    now, every = journal().clock(), list(Membership.objects.filter(user=user))
    there = journal().clinics([one.clinic_id for one in every])
    days = {clinic.id: local_day(now, state.zone) for clinic, state in there if state.closed_at is None}
    return [one for one in every if one.clinic_id in days and not one.has_ended(days[one.clinic_id])]


def record_everywhere(
    action: Action, user: User, *, actor: Actor | None = None, target: Target | None = None, **more: Any
) -> None:
    """Record one thing about an account in the log of every clinic of its owner, in one transaction.

    Its owner is the actor if nobody is named, with the role that they have in that clinic; the account is the target.
    """
    with transaction.atomic():
        for membership in clinics_of(user):
            by = actor or Staff(user.public_id, user.name, membership.role)
            record(action, clinic=membership.clinic_id, target=target or staff(user), actor=by, **more)


def record_access(clinic_id: str, name: str, email: str, what: str, old: object, new: object, actor: Actor) -> None:
    """Record a change of who may enter that no action of staff says. Both values are personal, and sealed."""
    changes = [
        {"field": "email", "old": email, "new": email},
        {"field": what, "old": None if old is None else str(old), "new": None if new is None else str(new)},
    ]
    record(SettingsChanged.model_validate({"section": "access", "changes": changes}), actor=actor,
           clinic=clinic_id, target=Target("clinic", clinic_id, name))  # fmt: skip


def record_failed_login(user: User | None, reason: Reason, method: Method = "password") -> None:
    """Record that somebody could not sign in. What they typed is recorded nowhere.

    Where it belongs to no account it is the clinic's, if there is only one; which of several clinics was meant, nobody
    can tell. Who it was is not known, so that the actor is the system.
    """
    if user is not None:
        failed = LoginFailed(reason_code=reason, method=method)
        record_everywhere(failed, user, actor=System(f"login:{reason.replace('_', '-')}"))
        return
    clinics = [(clinic.id, state.name) for clinic, state in journal().clinics() if state.closed_at is None]
    if len(clinics) == 1:
        ((clinic_id, name),) = clinics
        target = Target("clinic", clinic_id, name)
        failed = LoginFailed(reason_code="locked" if reason == "locked" else "unknown_account", method=method)
        record(failed, clinic=clinic_id, target=target, actor=System("login:unknown-account"))
