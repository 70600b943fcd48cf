"""Who and what is behind what is being recorded: the request that is answered, or what a job says of itself."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string

from ..errors import InvalidInput
from ..record.document import Actor, Client, Request, Staff
from .addresses import client_address

__all__ = ["answering", "client_address", "current_actor", "current_clinic", "current_request", "recording_as"]


@dataclass(frozen=True, slots=True)
class Context:
    """What an entry gets where `record` is not told. `operation` ties together the entries of one request."""

    request: HttpRequest | None = None
    actor: Actor | None = None
    clinic: str | None = None
    origin: Request = field(default_factory=Request)
    operation: str | None = None


# What INDELIBLE_ACTOR may say of every user at once.
USERS: dict[str, Callable[[str, str | None], Actor]] = {"staff": Staff, "client": Client}

_NOTHING = Context()
_current: ContextVar[Context] = ContextVar("indelible_context", default=_NOTHING)


def current() -> Context:
    return _current.get()


def current_request() -> Request:
    """Return channel, address and user agent of the request that is being answered; empty outside of one.

    An INDELIBLE_CHANNEL with a dot in it is the path of a function (request) -> channel, asked when something is
    recorded: by then it is known who signed in.
    """
    context = current()
    setting = getattr(settings, "INDELIBLE_CHANNEL", None)
    if context.request is None or context.origin.channel is not None or not setting or "." not in setting:
        return context.origin
    return replace(context.origin, channel=import_string(setting)(context.request))


@contextmanager
def answering(request: HttpRequest, channel: str | None = None) -> Iterator[None]:
    """Everything recorded in the block is recorded for this request.

    `channel` is what it came through where INDELIBLE_CHANNEL does not say.
    """
    setting = getattr(settings, "INDELIBLE_CHANNEL", channel)
    plain = None if setting is not None and "." in setting else setting
    origin = Request(plain, client_address(request), _user_agent(request))
    token = _current.set(Context(request=request, origin=origin, operation=f"op_{secrets.token_hex(8)}"))
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def recording_as(
    actor: Actor | None = None,
    *,
    clinic: str | None = None,
    channel: str | None = None,
    operation: str | None = None,
) -> Iterator[None]:
    """Say for a job or a command who acts, and in which clinic. What is not given stays as it is outside the block."""
    outer = current()
    inner = replace(
        outer,
        actor=actor or outer.actor,
        clinic=clinic or outer.clinic,
        origin=outer.origin if channel is None else replace(outer.origin, channel=channel),
        operation=operation or outer.operation,
    )
    token = _current.set(inner)
    try:
        yield
    finally:
        _current.reset(token)


def current_actor() -> Actor | None:
    """Return who acts: said by `recording_as`, else by INDELIBLE_ACTOR for the request that is answered.

    The setting says whose users the project has: "staff" or "client", or the path of a function (request) -> actor.
    Without it a signed-in user is nobody's, because a client filed as staff would outlive an anonymization. Raises
    InvalidInput there.
    """
    context = current()
    if context.actor is not None or context.request is None:
        return context.actor
    setting = getattr(settings, "INDELIBLE_ACTOR", None)
    if setting and setting not in USERS:
        found: Actor | None = import_string(setting)(context.request)
        return found
    user = getattr(context.request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    if not setting:
        raise InvalidInput(
            'is a signed-in user, and nothing says whether that is staff or a client; set INDELIBLE_ACTOR to "staff", '
            '"client" or the path of a function, or give the actor',
            "actor",
        )
    return USERS[setting](str(user.pk), _full_name(user))


def _full_name(user: Any) -> str | None:
    told = getattr(user, "get_full_name", None)  # a host's own user model may have none
    return str(told()).strip() or None if told is not None else None


def current_clinic() -> str | None:
    """Return the clinic: said by `recording_as`, else the id that INDELIBLE_CLINIC is, or that it finds.

    A setting with a dot in it is the path of a function (request) -> id.
    """
    context = current()
    setting = getattr(settings, "INDELIBLE_CLINIC", None)
    if context.clinic is not None or not setting:
        return context.clinic
    if "." not in setting:
        return str(setting)
    found = None if context.request is None else import_string(setting)(context.request)
    return None if found is None else str(found)


def _user_agent(request: HttpRequest) -> str | None:
    """What the browser calls itself. An entry holds no NUL and no half characters; nothing sent may stop a booking."""
    text = str(request.META.get("HTTP_USER_AGENT", "")).replace("\x00", "")
    return text.encode("utf-8", "replace").decode() or None
