"""Devices that a person signed in with before, known by a signed cookie: strangers' failures do not hold them.

The cookie opens nothing. It names the device and the accounts that signed in with it, so that failures are counted by
device (`attempts.py`); whoever steals one may guess as often as the device's owner may, and no more.
"""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from .models import User

_SALT = "indelible.catalogue.device"
LASTS_SECONDS = 180 * 86_400
_ACCOUNTS = 8  # that one device is known to: a reception's computer


def name() -> str:
    return "__Host-indelible-device" if settings.ENVIRONMENT.secure else "indelible-device"


def _read(request: HttpRequest) -> tuple[str, list[str]]:
    """The device's own name, and the accounts that it is known to; none for a stranger."""
    try:
        said: Any = signing.loads(request.COOKIES.get(name(), ""), salt=_SALT, max_age=LASTS_SECONDS)
        device, accounts = said
        return str(device), [str(one) for one in accounts]
    except (signing.BadSignature, ValueError, TypeError):
        return "", []


def known(request: HttpRequest, user: User | None) -> str | None:
    """Return the device's name where the person signed in with it before."""
    device, accounts = _read(request)
    return device if user is not None and user.public_id in accounts else None


def learn(request: HttpRequest, user: User) -> None:
    """Remember, when this request is answered, that it comes from a device of the person's."""
    request.device_of = user


def answer(request: HttpRequest, response: HttpResponse) -> None:
    """Give the cookie to a device that was learnt."""
    user: User | None = getattr(request, "device_of", None)
    if user is None:
        return
    device, accounts = _read(request)
    accounts = [user.public_id, *(one for one in accounts if one != user.public_id)][:_ACCOUNTS]
    response.set_cookie(
        name(),
        signing.dumps([device or secrets.token_hex(12), accounts], salt=_SALT),
        max_age=LASTS_SECONDS, secure=settings.ENVIRONMENT.secure, httponly=True, samesite="Lax",
    )  # fmt: skip
