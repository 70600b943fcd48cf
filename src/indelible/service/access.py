"""Who is asking, in which clinic, with which right: the only door from a page to a clinic's log.

    @in_clinic(Right.EXPORT)
    def export(request, visit): ...

A clinic that is not there and one that is not yours answer the same 404. A right that the role lacks answers 403.
What a role does not see is left out of lists by the filter itself (`narrow`), so that a list, its totals, its chart and
its export are all made from the same filter; single entries are checked by `sees`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse

from .. import instant
from ..document import Actor, Staff
from ..errors import KeyUnavailable, NotFound
from ..journal import ClinicLog
from ..query import Choice, Query
from ..reading import Cursor, Page
from ..story import Story, story
from ..view import View
from .models import Membership, User
from .opened_log import journal
from .pages import failures
from .roles import Right, Role


@dataclass(frozen=True, slots=True)
class Visit:
    """A member of a clinic at its log."""

    user: User
    membership: Membership
    log: ClinicLog

    @property
    def clinic_id(self) -> str:
        return self.log.info.id

    @property
    def role(self) -> Role:
        return self.membership.in_role

    @property
    def actor(self) -> Actor:
        return Staff(self.user.public_id, self.user.name, self.membership.role)

    def may(self, right: Right | str) -> bool:
        return right in self.role.rights

    @property
    def rights(self) -> dict[str, bool]:
        """For templates: `visit.rights.export`."""
        return {right.value: right in self.role.rights for right in Right}

    def today(self) -> date:
        """The day that it is in the clinic."""
        return today(self.log)

    def narrow(self, wanted: Query) -> Query:
        """Return the filter without what the role does not see."""
        if not self.role.hidden:
            return wanted
        unwanted = replace(wanted.unwanted, categories=wanted.unwanted.categories | self.role.hidden)
        return replace(wanted, unwanted=unwanted)

    def sees(self, view: View) -> bool:
        return view.category not in self.role.hidden

    def page(self, wanted: Query, *, after: Cursor | None, limit: int) -> Page:
        return self.log.page(self.narrow(wanted), after=after, limit=limit)

    def sign_ins(self, person: str, actions: frozenset[str], *, after: Cursor | None, limit: int) -> Page:
        """Return the sign-ins of `kind/id`, of all but clients (""), of "all"; or one's own where not more."""
        if not self.may(Right.SIGN_INS_OF_ALL):
            person = f"staff/{self.user.public_id}"
        # As the target: a person is the actor of very many entries, and the target of few besides these.
        wanted = Choice(actions=actions, targets=frozenset({person}) if person not in ("", "all") else frozenset())
        unwanted = Choice(kinds=frozenset({"client"})) if not person else Choice()
        return self.log.page(Query(wanted, unwanted), after=after, limit=limit)

    def entry(self, entry_id: str) -> View:
        """Return one entry by its id. Raises NotFound, also for what the role does not see."""
        view = self.log.entry(entry_id)
        if not self.sees(view):
            raise NotFound("there is no entry with this number or id in this log")
        return view

    def story(self, subject: str) -> Story:
        """Return what the role sees of a story. Raises NotFound where that is nothing."""
        told = story(self.log, subject)
        seen = tuple(one for one in told.entries if self.sees(one.view))
        if not seen:
            raise NotFound("no entry is about this")
        return replace(told, entries=seen)


def today(log: ClinicLog) -> date:
    now, zone = log.clock(), instant.zone(log.store.zone(log.info.id))
    return instant.to_datetime(now, instant.offset_minutes(now, zone)).date()


def memberships(user: User) -> Sequence[tuple[Membership, ClinicLog]]:
    """Every clinic that somebody may enter today, by name."""
    found = []
    for membership in user.memberships.all():
        log = _log(membership.clinic_id)
        if log is not None and not membership.has_ended(today(log)):
            found.append((membership, log))
    return sorted(found, key=lambda pair: pair[1].info.name.casefold())


def _log(clinic_id: str) -> ClinicLog | None:
    """The clinic's log; None where there is none, or none that can be opened any more."""
    try:
        return journal().clinic(clinic_id)
    except (NotFound, KeyUnavailable):
        return None


def visit(user: User, clinic_id: str) -> Visit | None:
    """Return somebody's visit to a clinic, or None where it is not theirs (any more), or not there."""
    membership = Membership.objects.select_related("user").filter(user=user, clinic_id=clinic_id).first()
    log = None if membership is None else _log(clinic_id)
    if membership is None or log is None or membership.has_ended(today(log)):
        return None
    return Visit(membership.user, membership, log)


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
