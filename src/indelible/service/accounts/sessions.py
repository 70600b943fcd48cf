"""Sessions as the log knows them: each has an id of its own, which opens nothing, and which a new key outlives."""

from __future__ import annotations

import secrets
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from .models import User

_ID = "public_id"


def begin(session: Any) -> str:
    """Give the session of somebody who signs in its id, and return it."""
    session[_ID] = f"ses_{secrets.token_hex(8)}"
    return str(session[_ID])


def public_id(session: Any) -> str | None:
    """Return the id under which the log knows a session; None for one that was never saved."""
    if session.get(_ID):
        return str(session[_ID])
    key = session.session_key  # of a session from before ids were given
    return f"ses_{salted_hmac('indelible.session', key).hexdigest()[:16]}" if key else None


def living(user: User, *, but: str | None = None) -> list[tuple[UserSession, str]]:
    """Return where somebody is signed in, with the ids that the log knows. `but` is the key of one to leave out."""
    found = []
    for one in UserSession.objects.filter(user=user).exclude(session_key=but or ""):
        stored = SessionStore(one.session_key)
        if stored.get(SESSION_KEY) == str(user.pk):  # an expired session reads as empty
            found.append((one, public_id(stored) or ""))
    return found


def end(user: User, *, but: str | None = None) -> int:
    """End somebody's sessions, all but one perhaps, and return how many were alive."""
    alive = len(living(user, but=but))
    for one in UserSession.objects.filter(user=user).exclude(session_key=but or ""):
        one.end()
    return alive


def sign_out(request: HttpRequest, user: User) -> int:
    """End all of somebody's sessions, this one too if it is theirs; return how many others were alive."""
    ended = end(user, but=request.session.session_key)
    if request.user == user:
        logout(request)
    return ended
