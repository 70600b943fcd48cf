"""What every template can use."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from ...stores.contract import Clinic, State
from ..accounts import mail
from ..accounts.memberships import memberships
from ..accounts.models import Membership, User

# More are a page, not a menu: who runs a platform may have thousands.
IN_MENU = 20


def everywhere(request: HttpRequest) -> dict[str, Any]:
    return {
        "mail_is_set_up": mail.is_set_up(),
        "visit": getattr(request, "visit", None),
        "viewer": getattr(request, "viewer", None),
        "frame_ancestors": settings.ENVIRONMENT.frame_ancestors,
        "clinics": _Clinics(getattr(request, "user", None)),
    }


class _Clinics:
    """The visitor's clinics, as many as a menu shows, asked for only where a template shows them."""

    def __init__(self, user: Any) -> None:
        self._user = user

    @cached_property
    def _every(self) -> Sequence[tuple[Membership, Clinic, State]]:
        if not isinstance(self._user, User) and not getattr(self._user, "is_authenticated", False):
            return ()
        return memberships(self._user)

    def __iter__(self) -> Any:
        return iter([{"id": clinic.id, "name": state.name, "role": membership.in_role}
                     for membership, clinic, state in self._every[:IN_MENU]])  # fmt: skip

    @property
    def are_more(self) -> bool:
        return len(self._every) > IN_MENU
