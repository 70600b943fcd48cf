"""Who is asking, in which clinic, with which right: the only door from a page to a clinic's log.

    @in_clinic(Right.EXPORT)
    def export(request, visit): ...

Who asks is a member who signed in, or whoever a host shows the log in its own page
(`service/accounts/viewer_passes.py`).
A clinic that is not there and one that is not yours answer the same 404. A right that the role lacks answers 403.
What a role does not see is in nothing that the page can read: it has a narrowed session and a recorder, and no log.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse

from ...access import Access, Principal
from ...django import current_request
from ...errors import KeyUnavailable, NotFound
from ...read.session import Cursor, Session
from ...read.story import Outline, Story, outline, story
from ...record.document import Actor, Staff
from ...recorder import Recorder
from ..accounts.models import Membership, User
from ..accounts.roles import NOT_IN_HOSTS_PAGE, Right, Role
from ..accounts.viewer_passes import Viewer
from ..shared_journal import journal
from . import failures


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody at a clinic's log, in a role. `member` is None for who has no account here, and came from a host's page:
    they have no right to a page that asks for a membership."""

    access: Access
    role: Role
    member: Membership | None = None

    @property
    def session(self) -> Session:
        """What they may read, as it was when the request came."""
        return self.access.session

    @property
    def recorder(self) -> Recorder:
        return self.access.recorder

    @property
    def clinic_id(self) -> str:
        return self.session.clinic.id

    @property
    def membership(self) -> Membership:
        assert self.member is not None  # noqa: S101 - the page's right is for members (roles.NOT_IN_HOSTS_PAGE)
        return self.member

    @property
    def user(self) -> User:
        return self.membership.user

    @property
    def actor(self) -> Actor:
        return self.access.principal.actor

    def may(self, right: Right | str) -> bool:
        return right in self.access.principal.rights

    @property
    def rights(self) -> dict[str, bool]:
        """For templates: `visit.rights.export`."""
        return {right.value: self.may(right) for right in Right}

    def story(self, subject: str) -> Story:
        """Return what the role sees of a story. Raises NotFound where that is nothing."""
        return story(self.session, subject)

    def outline(self, subject: str, after: Cursor | None = None) -> Outline:
        """Return which entries the role sees of a story, from a place on. Raises NotFound where that is nothing."""
        return outline(self.session, subject, after)


def principal(membership: Membership) -> Principal:
    """Who a member is to the log."""
    role = membership.in_role
    actor = Staff(membership.user.public_id, membership.user.name, membership.role)
    return Principal(actor, role.rights, role.hidden)


def viewers_principal(viewer: Viewer) -> Principal:
    """Who somebody in a host's page is to the log: the host's own user, with what of a role's rights is for there."""
    role = viewer.in_role
    actor = Staff(viewer.user_id, viewer.user_name, role.code)
    return Principal(actor, role.rights - NOT_IN_HOSTS_PAGE, role.hidden, viewer.only)


def visit(user: User, clinic_id: str) -> Visit | None:
    """Return somebody's visit to a clinic, or None where it is not theirs (any more), or not there."""
    membership = Membership.objects.select_related("user").filter(user=user, clinic_id=clinic_id).first()
    if membership is None:
        return None
    access = _enter(clinic_id, principal(membership))
    if access is None or membership.has_ended(access.session.today):
        return None
    return Visit(access, membership.in_role, membership)


def viewers_visit(viewer: Viewer, clinic_id: str) -> Visit | None:
    """Return the visit of somebody in a host's page, or None for any clinic but theirs."""
    access = _enter(clinic_id, viewers_principal(viewer)) if clinic_id == viewer.clinic_id else None
    return None if access is None else Visit(access, viewer.in_role)


def _enter(clinic_id: str, principal: Principal) -> Access | None:
    try:
        return Access.enter(journal(), clinic_id, principal, current_request())
    except (NotFound, KeyUnavailable):
        return None


def in_clinic(right: Right) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Let a page in only for who may enter its clinic and has a right there, and give it their visit."""

    def wrap(page: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @functools.wraps(page)
        def entered(request: HttpRequest, clinic: str, **parts: Any) -> HttpResponse:
            viewer = request.viewer
            found = visit(request.user, clinic) if viewer is None else viewers_visit(viewer, clinic)
            if found is None:
                raise Http404
            request.visit = found
            if not found.may(right):
                return failures.not_yours(request)
            return page(request, found, **parts)

        signed_in = login_required(entered)

        @functools.wraps(page)
        def door(request: HttpRequest, **parts: Any) -> HttpResponse:
            return (signed_in if request.viewer is None else entered)(request, **parts)

        door.right = right  # type: ignore[attr-defined] # a host's page shows what has one, and the matrix test reads it
        return door

    return wrap
