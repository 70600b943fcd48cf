"""Whose key a request shows, what it may be used for, and which clinic it opens.

A clinic that is not there and one that the key does not open answer the same 404, and neither is looked for. A scope
that the key lacks answers 403.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.http import HttpRequest

from ...access import Access, Principal
from ...django import current_request
from ...django.context import client_address
from ...errors import KeyUnavailable, NotFound
from ...log import ClinicLog
from ...record.document import Actor
from ..accounts import attempts, keys
from ..accounts.keys import Scope
from ..accounts.models import ApiKey
from ..rate_limits import Limit
from ..shared_journal import journal
from .problems import Problem, not_found

_RECORDS = re.compile(r"/api/v1/(clinics/[^/]+/)?entries", re.ASCII)

# Keys that are none, from one address: each costs a look-up, and no program that works sends many.
_WRONG = Limit(burst=30, seconds=2)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the holder of a key."""

    key: ApiKey

    @property
    def scopes(self) -> frozenset[Scope]:
        return keys.scopes_of(self.key)

    @property
    def actor(self) -> Actor:
        """As whom entries name the key."""
        return keys.actor_of(self.key)

    @property
    def of_platform(self) -> bool:
        return not self.key.clinic_id

    def needs(self, *scopes: Scope) -> None:
        """Raises Problem where the key is for none of these."""
        if self.scopes.isdisjoint(scopes):
            raise Problem(403, f"This key is not for this; it needs the scope {' or '.join(scopes)}.")

    def needs_platform(self) -> None:
        """Raises Problem where the key is of one clinic."""
        if not self.of_platform:
            raise Problem(403, "This key is of one clinic; this needs one of the platform.")

    def opens(self, clinic_id: str) -> bool:
        return self.of_platform or self.key.clinic_id == clinic_id

    def log(self, clinic_id: str) -> ClinicLog:
        """Return the log of a clinic that the key opens. Raises Problem where it opens none."""
        if not self.opens(clinic_id):
            raise not_found()
        try:
            return journal().clinic(clinic_id)
        except (NotFound, KeyUnavailable):
            raise not_found() from None

    def enter(self, clinic_id: str) -> Access:
        """Return an access to a clinic's log in the key's name. Raises Problem where the key does not open it."""
        if not self.opens(clinic_id):
            raise not_found()
        rights = frozenset(right for scope in self.scopes for right in keys.RIGHTS[scope])
        try:
            return Access.enter(journal(), clinic_id, Principal(self.actor, rights), current_request())
        except (NotFound, KeyUnavailable):
            raise not_found() from None


def caller(request: HttpRequest, *scopes: Scope) -> Caller:
    """Return who asks. Raises Problem without a key that stands (401; 429 for who shows many), or where it is for none
    of these scopes (403)."""
    found = _shown(request.headers.get("Authorization", ""))
    if found is None:
        guessed = keys.could_be(_text(request.headers.get("Authorization", "")))
        if guessed and not attempts.take(attempts.by_address(_WRONG, "keys", client_address(request) or "")):
            raise Problem(429, "Too many keys that open nothing were shown from this address; wait, and show the right "
                          "one.", headers={"Retry-After": str(int(_WRONG.seconds))})  # fmt: skip
        raise Problem(401, "Show a key that is in use, as Authorization: Bearer ind_…; one that was revoked or has "
                      "ended opens nothing.", headers={"WWW-Authenticate": "Bearer"})  # fmt: skip
    request.api_key_id = found.public_id  # the request's line in the service's logs has it
    made = Caller(found)
    made.needs(*scopes)
    keys.note_use(found)
    return made


class Bearer:
    """What an operation asks for before it looks at anything else: a key with one of these scopes, and of the platform
    where that is said. For ninja's `auth`; the OpenAPI document has the scopes (`openapi.py`)."""

    def __init__(self, *scopes: Scope, platform: bool = False) -> None:
        self.scopes, self._platform = scopes, platform

    def __call__(self, request: HttpRequest) -> Caller:
        found = caller(request, *self.scopes)
        if self._platform:
            found.needs_platform()
        return found


def caller_of(request: HttpRequest) -> Caller:
    """Return who asks for an operation that has a `Bearer`."""
    found: Caller = request.auth
    return found


def may_send_much(scope: Mapping[str, Any]) -> str:
    """Return the id of the key that a request, as ASGI describes it, shows, where it may have a large body: it records,
    and its key is for that. Else nothing."""
    if scope["method"] != "POST" or not _RECORDS.fullmatch(str(scope["path"])):
        return ""
    said = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
    try:
        found = _shown(said)
    finally:
        connection.close()  # of a thread that Django sees no request in
    return found.public_id if found is not None and Scope.RECORD in Caller(found).scopes else ""


def _shown(authorization: str) -> ApiKey | None:
    """The key that a header shows, where it stands."""
    return keys.find(_text(authorization))


def _text(authorization: str) -> str:
    """What a header shows as a key."""
    kind, _, text = authorization.partition(" ")
    return text.strip() if kind.lower() == "bearer" else ""
