"""What every template can use."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from ..accounts import mail
from ..accounts.memberships import memberships
from ..accounts.models import User


def everywhere(request: HttpRequest) -> dict[str, Any]:
    return {
        "mail_is_set_up": mail.is_set_up(),
        "visit": getattr(request, "visit", None),
        "clinics": _Clinics(getattr(request, "user", None)),
    }


class _Clinics:
    """The visitor's clinics, asked for only where a template shows them."""

    def __init__(self, user: Any) -> None:
        self._user = user

    def __iter__(self) -> Any:
        if not isinstance(self._user, User) and not getattr(self._user, "is_authenticated", False):
            return iter(())
        return iter([{"id": clinic.id, "name": state.name, "role": membership.in_role}
                     for membership, clinic, state in memberships(self._user)])  # fmt: skip
