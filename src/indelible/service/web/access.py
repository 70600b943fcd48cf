"""Who is asking, in which clinic, with which right: the only door from a page to a clinic's log.

    @in_clinic(Right.EXPORT)
    def export(request, visit): ...

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
from ..accounts.roles import Right, Role
from ..shared_journal import journal
from . import failures


@dataclass(frozen=True, slots=True)
class Visit:
    """A member of a clinic at its log."""

    user: User
    membership: Membership
    access: Access

    @property
    def session(self) -> Session:
        """What the member may read, as it was when the request came."""
        return self.access.session

    @property
    def recorder(self) -> Recorder:
        return self.access.recorder

    @property
    def clinic_id(self) -> str:
        return self.session.clinic.id

    @property
    def role(self) -> Role:
        return self.membership.in_role

    @property
    def actor(self) -> Actor:
        return _actor(self.membership)

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


def _actor(membership: Membership) -> Actor:
    return Staff(membership.user.public_id, membership.user.name, membership.role)


def principal(membership: Membership) -> Principal:
    """Who a member is to the log."""
    role = membership.in_role
    return Principal(_actor(membership), role.rights, role.hidden)


def visit(user: User, clinic_id: str) -> Visit | None:
    """Return somebody's visit to a clinic, or None where it is not theirs (any more), or not there."""
    membership = Membership.objects.select_related("user").filter(user=user, clinic_id=clinic_id).first()
    if membership is None:
        return None
    try:
        access = Access.enter(journal(), clinic_id, principal(membership), current_request())
    except (NotFound, KeyUnavailable):
        return None
    if membership.has_ended(access.session.today):
        return None
    return Visit(membership.user, membership, access)


def in_clinic(right: Right) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Let a page in only for members of its clinic with a right, and give it their visit."""

    def wrap(page: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @login_required
        @functools.wraps(page)
        def entered(request: HttpRequest, clinic: str, **parts: Any) -> HttpResponse:
            found = visit(request.user, clinic)
            if found is None:
                raise Http404
            request.visit = found
            if not found.may(right):
                return failures.not_yours(request)
            return page(request, found, **parts)

        entered.right = right  # the matrix test reads it
        return entered

    return wrap
