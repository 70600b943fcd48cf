"""Who belongs to a clinic: inviting, changing roles, letting go. Whoever does it, on a page or with a key, the same
rules hold, and each change is recorded in its transaction.

Somebody gives and takes only the roles that theirs gives, and never changes their own; so an owner always remains. A
key has no membership that would remain: it must leave the clinic an owner.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from ...catalogue.account import StaffAdded, StaffDeactivated, StaffRoleChanged
from ...django import record
from ...errors import Conflict, InvalidInput
from ...record.document import Actor
from . import keys
from .models import ApiKey, Membership, OneTimeLink, SavedView, User
from .recording import record_access, staff
from .roles import ROLES
from .row_locks import changed, hold, hold_key, unchanged

INVITATION_LASTS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Giver:
    """Who gives and takes roles: a member of the clinic, or a key; and which roles."""

    actor: Actor
    gives: frozenset[str]
    membership: Membership | None = None
    key: ApiKey | None = None

    @classmethod
    def of_key(cls, key: ApiKey) -> Giver:
        return cls(keys.actor_of(key), frozenset(ROLES), key=key)

    def may_change(self, one: Membership) -> bool:
        mine = self.membership is not None and one.user_id == self.membership.user_id
        return not mine and one.role in self.gives

    def hold(self, *others: Membership) -> None:
        """Hold what the giver's right rests on, and memberships as they were read. Raises Conflict."""
        if self.key is not None:
            hold_key(self.key)
        hold(*others, *([] if self.membership is None else [self.membership]))


@dataclass(frozen=True, slots=True)
class Clinic:
    """A clinic as entries about its people name it, and its day."""

    id: str
    name: str
    today: date


def check_role(role: str, until: date | None, today: date, gives: Collection[str] = ROLES, prefix: str = "") -> None:
    """Check a role and its last day; `prefix` stands before the names of both. Raises InvalidInput."""
    if role not in gives:
        raise InvalidInput(f"must be one of {', '.join(one for one in ROLES if one in gives)}", f"{prefix}role")
    if ROLES[role].expires and until is None:
        day = today + timedelta(days=90)
        raise InvalidInput(f"must be given for {role}: the last day, such as {day}", f"{prefix}until")
    if not ROLES[role].expires and until is not None:
        raise InvalidInput(f"is only for roles that end; leave it out for {role}", f"{prefix}until")
    if until is not None and until < today:
        raise InvalidInput("is past; give a day that is to come", f"{prefix}until")


def invite(
    giver: Giver, clinic: Clinic, email: str, role: str, until: date | None = None, language: str = ""
) -> tuple[OneTimeLink, str]:
    """Make an invitation; return it with its address. Raises Conflict for an address that belongs to the clinic."""
    with transaction.atomic():
        giver.hold()
        if Membership.objects.filter(clinic_id=clinic.id, user__email=email).exists():
            raise Conflict("email: somebody with this address belongs to the clinic already; change their role")
        link, secret = OneTimeLink.make(
            OneTimeLink.INVITATION, INVITATION_LASTS, clinic_id=clinic.id, email=email, role=role, until=until,
            language=language, made_by=None if giver.membership is None else giver.membership.user,
            made_by_key=giver.key,
        )  # fmt: skip
        _record_access(giver, clinic, email, "invitation", None, role)
    return link, f"{settings.INDELIBLE_URL}{reverse('invitation', args=[secret])}"


def withdraw(giver: Giver, clinic: Clinic, link: OneTimeLink) -> None:
    """End an invitation that nobody took. Raises Conflict where somebody took it at this moment."""
    with transaction.atomic():
        giver.hold()
        if not OneTimeLink.objects.filter(pk=link.pk, role__in=giver.gives).delete()[0]:
            raise changed()
        _record_access(giver, clinic, link.email, "invitation", link.role, None)


def join(giver: Giver, clinic: Clinic, user: User, role: str) -> Membership:
    """Make somebody who has an account a member. Raises Conflict."""
    with transaction.atomic():
        giver.hold()
        made: Membership = Membership.objects.create(user=user, clinic_id=clinic.id, role=role)
        record(StaffAdded(role=role), target=staff(user), actor=giver.actor, clinic=clinic.id)
    return made


def change(giver: Giver, clinic: Clinic, one: Membership, role: str, until: date | None) -> None:
    """Give a member another role or last day. Raises Conflict."""
    if (role, until) == (one.role, one.until):
        return
    with transaction.atomic():
        _hold(giver, one, stays_owner=role == "owner")
        if role != one.role:
            record(StaffRoleChanged.model_validate({"role": {"old": one.role, "new": role}}), target=staff(one.user),
                   actor=giver.actor, clinic=clinic.id)  # fmt: skip
        if until != one.until:
            _record_access(giver, clinic, one.user.email, "until", one.until, until)
        if not unchanged(one).update(role=role, until=until):
            raise changed()


def remove(giver: Giver, clinic: Clinic, one: Membership) -> None:
    """Let somebody go: from now on the clinic is not theirs, in every session. Raises Conflict."""
    with transaction.atomic():
        _hold(giver, one, stays_owner=False)
        record(StaffDeactivated(), target=staff(one.user), actor=giver.actor, clinic=clinic.id)
        if not unchanged(one).delete()[0]:
            raise changed()
        SavedView.of(one).delete()


def _hold(giver: Giver, one: Membership, *, stays_owner: bool) -> None:
    """Hold what a change rests on; where a key takes an owner away, also another owner."""
    if giver.membership is not None or one.role != "owner" or stays_owner:
        giver.hold(one)
        return
    owners = Membership.objects.filter(clinic_id=one.clinic_id, role="owner", user__is_active=True)
    other = owners.exclude(pk=one.pk).order_by("pk").first()
    if other is None:
        raise Conflict("role: this is the clinic's only owner; make somebody else an owner before")
    giver.hold(one, other)


def _record_access(giver: Giver, clinic: Clinic, email: str, what: str, old: object, new: object) -> None:
    record_access(clinic.id, clinic.name, email, what, old, new, giver.actor)
