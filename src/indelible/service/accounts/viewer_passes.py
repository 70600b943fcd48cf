"""Passes: the log in a host's own page, for the host's own user, who has no account here.

    url, expires_at = make("c_lisbon", "staff", "usr_12", "Maria Fernandes", only=("client", "cli_77"))
    <iframe src="{{ url }}">                          used up by the first request that asks for it
    use(secret) -> the session's secret               the pages are below /v/<that secret>/
    find(secret) -> Viewer, while the session lasts

    secret  = 256 random bits, base64url without padding: 43 characters
    digest  = SHA-256("indelible/viewer/name" || secret), all that is kept of it
    claims  = AES-256-GCM(SHA-256("indelible/viewer/claims" || secret), nonce, JSON, clinic || 0x00 || key)
    JSON    = {"role", "user": [id, name], "only": [kind, id] or null, "language", "colours"}

A pass holds no signed claim that somebody could take elsewhere: it is a name that means nothing outside of this
database, and the database, without the secret, does not say who was shown what. So no client's id or name of a user
lies here that would have to be erased. A pass lasts minutes and is used once; a session ends 30 minutes after its last
use, and after 8 hours.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import OperationalError
from django.db.models import Q
from django.utils import timezone

from ...catalogue.fields import as_id, opaque_id
from ...errors import InvalidInput
from ...read.only import Kind, Only
from .. import colours
from ..shared_journal import journal
from .keys import stands
from .models import ApiKey, ViewerPass
from .roles import ROLES, Role

# A host asks for a pass when it makes the page that shows it; who waits longer loads that page again.
MINUTES, MOST_MINUTES = 10, 60
# Of a session: so long after its last use, and after it began, it is over.
IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=8)
_LONGEST_NAME = 200  # as of a name in an entry
_SEEN_EVERY = timedelta(minutes=1)  # a page view must not wait for the one writer
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_NONCE_BYTES = 12


class Made(NamedTuple):
    """A pass: the address for the frame, and until when it can be used."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody whom a host shows the log: its own user, in a role here; perhaps `only` what is about one thing.

    `language` is empty where the browser says it. `kept` is what pages remember of the session.
    """

    clinic_id: str
    role: str
    user_id: str
    user_name: str
    only: Only | None = None
    language: str = ""
    colours: Mapping[str, str] = field(default_factory=dict)
    pk: int = 0
    last_seen_at: datetime | None = None
    kept: Mapping[str, Any] = field(default_factory=dict)

    @property
    def in_role(self) -> Role:
        return ROLES[self.role]

    def note_use(self) -> None:
        """Put off the end of the session; written at most once a minute."""
        now = timezone.now()
        if self.last_seen_at is None or now - self.last_seen_at >= _SEEN_EVERY:
            with suppress(OperationalError):  # a full disk keeps nobody from reading
                ViewerPass.objects.filter(pk=self.pk).update(last_seen_at=now)

    def keep(self, kept: Mapping[str, Any]) -> None:
        ViewerPass.objects.filter(pk=self.pk).update(kept=dict(kept))


def make(
    clinic_id: str,
    role: str,
    user_id: Any,
    user_name: str,
    only: tuple[str, Any] | None = None,
    language: str | None = None,
    colours: Mapping[str, Any] | None = None,
    minutes: int = MINUTES,
    key: ApiKey | None = None,
) -> Made:
    """Make a pass of a clinic for a host's user. Its address opens the log once, within `minutes` (1 to 60).

    `colours` are those of `service/colours.py`; `key` is what the host showed, with which all of it ends. Raises
    NotFound, KeyUnavailable for the clinic, InvalidInput naming the field of the request (`user.id`).
    """
    if not settings.ENVIRONMENT.frame_ancestors:
        raise InvalidInput("names no page that may show the log; whoever runs the service sets it to the addresses of "
                           "its pages, such as https://app.example", "INDELIBLE_FRAME_ANCESTORS")  # fmt: skip
    journal().reading(clinic_id)
    viewer = Viewer(
        clinic_id=clinic_id,
        role=_one_of(role, ROLES, "role"),
        user_id=_id(user_id, "user.id"),
        user_name=_name(user_name, "user.name"),
        only=None if only is None else Only(cast(Kind, only[0]), _id(only[1], "only.id")),
        language="" if language is None else _one_of(language, dict(settings.LANGUAGES), "language"),
        colours=_colours(colours),
    )
    if type(minutes) is not int or not 1 <= minutes <= MOST_MINUTES:
        raise InvalidInput(f"must be a whole number from 1 to {MOST_MINUTES}", "minutes")
    now = timezone.now()
    drop_ended(now)
    secret, expires_at = secrets.token_urlsafe(32), now + timedelta(minutes=minutes)
    ViewerPass.objects.create(
        digest=_digest(secret), clinic_id=clinic_id, key=key, expires_at=expires_at, claims=_seal(viewer, secret, key)
    )  # fmt: skip
    return Made(f"{settings.INDELIBLE_URL}/viewer/{secret}/", expires_at)


def use(secret: str) -> tuple[Viewer, str] | None:
    """Use a pass up, and return who it is for and the secret of their session; None where it cannot be used (any more).

    Of two who use it at once, one gets it: the statement that takes it names it as unused.
    """
    now = timezone.now()
    row = _row(secret, digest=_digest(secret), session_digest=None, expires_at__gt=now)
    viewer = None if row is None else _open(row, secret)
    if row is None or viewer is None:
        return None
    session = secrets.token_urlsafe(32)
    taken = ViewerPass.objects.filter(pk=row.pk, session_digest=None, expires_at__gt=now).update(
        session_digest=_digest(session), claims=_seal(viewer, session, row.key), used_at=now, last_seen_at=now
    )
    return (viewer, session) if taken else None


def find(secret: str) -> Viewer | None:
    """Return who has a session, while it lasts."""
    now = timezone.now()
    row = _row(
        secret, session_digest=_digest(secret), used_at__gt=now - LONGEST, last_seen_at__gt=now - IDLE
    )  # fmt: skip
    return None if row is None else _open(row, secret)


def drop_ended(now: datetime) -> None:
    """Delete what nobody can use any more."""
    unused = Q(session_digest=None, expires_at__lte=now)
    ViewerPass.objects.filter(unused | Q(used_at__lte=now - LONGEST) | Q(last_seen_at__lte=now - IDLE)).delete()


def _row(secret: str, **wanted: Any) -> ViewerPass | None:
    if not _SECRET.fullmatch(secret):
        return None
    found: ViewerPass | None = ViewerPass.objects.select_related("key").filter(**wanted).first()
    return found if found is not None and (found.key is None or stands(found.key)) else None


def _digest(secret: str) -> str:
    return hashlib.sha256(b"indelible/viewer/name" + secret.encode()).hexdigest()


def _key(secret: str) -> AESGCM:
    return AESGCM(hashlib.sha256(b"indelible/viewer/claims" + secret.encode()).digest())


def _beside(clinic_id: str, key: ApiKey | None) -> bytes:
    return f"{clinic_id}\0{'' if key is None else key.public_id}".encode()


def _seal(viewer: Viewer, secret: str, key: ApiKey | None) -> bytes:
    claims = {
        "role": viewer.role,
        "user": [viewer.user_id, viewer.user_name],
        "only": viewer.only and [viewer.only.kind, viewer.only.id],
        "language": viewer.language,
        "colours": dict(viewer.colours),
    }
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _key(secret).encrypt(nonce, json.dumps(claims).encode(), _beside(viewer.clinic_id, key))


def _open(row: ViewerPass, secret: str) -> Viewer | None:
    """Open what a pass claims; None where the row was changed, or its role is none any more."""
    sealed = bytes(row.claims)
    nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        claims = json.loads(_key(secret).decrypt(nonce, rest, _beside(row.clinic_id, row.key)))
    except (InvalidTag, ValueError):
        return None
    if claims["role"] not in ROLES:
        return None
    user_id, user_name = claims["user"]
    return Viewer(
        row.clinic_id, claims["role"], user_id, user_name, Only(*claims["only"]) if claims["only"] else None,
        claims["language"], claims["colours"], row.pk, row.last_seen_at, row.kept,
    )  # fmt: skip


def _one_of(value: object, choices: Any, field: str) -> str:
    if not isinstance(value, str) or value not in choices:
        raise InvalidInput(f"must be one of {', '.join(choices)}", field)
    return value


def _id(value: Any, field: str) -> str:
    text = as_id(value)
    if not isinstance(text, str):
        raise InvalidInput("must be text: the id that your own system has", field)
    try:
        return opaque_id(text)
    except ValueError as error:
        raise InvalidInput(str(error), field) from None


def _name(value: object, field: str) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > _LONGEST_NAME or not text.isprintable():
        raise InvalidInput(f"must be text of 1 to {_LONGEST_NAME} characters, as entries name the user", field)
    return text


def _colours(given: Mapping[str, Any] | None) -> Mapping[str, str]:
    return {} if given is None else colours.parse(given)
