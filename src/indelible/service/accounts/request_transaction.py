"""The one transaction of a request about accounts: the change and its entries, or neither.

It takes the only write lock of the accounts when it begins. So it begins as late as it can: the body has been read by
then (`service/run/gateway.py`), and a password hashed, which takes a tenth of a second on purpose. The pages of
`_BEGIN_THEMSELVES` hash one; they, or the adapter in `adapters.py` for django-allauth's, call `begin` when that is done
and before they write.
"""

from __future__ import annotations

from contextlib import ExitStack

from django.db import transaction
from django.http import HttpRequest

# Not /welcome/: it begins a clinic's log, which stays where a transaction here is rolled back, and its link knows it.
_OURS = ("/account/", "/invitation/", "/new-password/")
_BEGIN_THEMSELVES = frozenset({
    "account_login", "account_reauthenticate", "account_change_password", "account_reset_password_from_key",
    "account_security", "invitation", "new_password",
})  # fmt: skip


def is_one(request: HttpRequest) -> bool:
    """Whether a request is one transaction."""
    return request.method == "POST" and request.path_info.startswith(_OURS)


def prepare(request: HttpRequest) -> ExitStack:
    """Return what ends the transaction, if one begins."""
    request.in_one, request.has_begun = ExitStack(), False
    found: ExitStack = request.in_one
    return found


def begin_before_page(request: HttpRequest) -> None:
    if request.resolver_match is None or request.resolver_match.url_name not in _BEGIN_THEMSELVES:
        begin(request)


def begin(request: HttpRequest) -> None:
    """Begin the request's transaction, if it is to be one and has not begun."""
    if getattr(request, "has_begun", True):
        return
    request.has_begun = True
    request.in_one.enter_context(transaction.atomic())
