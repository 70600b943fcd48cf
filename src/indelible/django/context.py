"""Who and what is behind what is being recorded: the request that is answered, or what a job says of itself."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string

from ..document import Actor, Request, Staff


@dataclass(frozen=True, slots=True)
class Context:
    """What an entry gets where `record` is not told. `operation` ties together the entries of one request."""

    request: HttpRequest | None = None
    actor: Actor | None = None
    clinic: str | None = None
    origin: Request = field(default_factory=Request)
    operation: str = field(default_factory=lambda: f"op_{secrets.token_hex(8)}")


_current: ContextVar[Context | None] = ContextVar("indelible_context", default=None)


def current() -> Context:
    return _current.get() or Context()


def current_request() -> Request:
    """Return channel, address and user agent of the request that is being answered; empty outside of one."""
    return current().origin


@contextmanager
def answering(request: HttpRequest) -> Iterator[None]:
    """Everything recorded in the block is recorded for this request."""
    agent = request.META.get("HTTP_USER_AGENT", "").encode("utf-8", "replace").decode() or None
    channel = getattr(settings, "INDELIBLE_CHANNEL", "staff_web")
    token = _current.set(Context(request=request, origin=Request(channel, client_address(request), agent)))
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def recording_as(
    actor: Actor | None = None, *, clinic: str | None = None, channel: str | None = None
) -> Iterator[None]:
    """Say for a job or a command who acts, and in which clinic. What is not given stays as it is outside the block."""
    outer = current()
    inner = replace(outer, actor=actor or outer.actor, clinic=clinic or outer.clinic)
    if channel is not None:
        inner = replace(inner, origin=replace(inner.origin, channel=channel))
    token = _current.set(inner)
    try:
        yield
    finally:
        _current.reset(token)


def current_actor() -> Actor | None:
    """Return who acts: said by `recording_as`, else what INDELIBLE_ACTOR finds for the request, else its user."""
    context = current()
    if context.actor is not None or context.request is None:
        return context.actor
    found: Any = _hook("INDELIBLE_ACTOR", context.request)
    if found is not None:
        return found
    user = getattr(context.request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    return Staff(str(user.pk), user.get_full_name() or None)


def current_clinic() -> str | None:
    """Return the clinic: said by `recording_as`, else the id that INDELIBLE_CLINIC is, or that it finds."""
    context = current()
    setting = getattr(settings, "INDELIBLE_CLINIC", None)
    if context.clinic is not None or setting is None:
        return context.clinic
    if "." not in setting:
        return str(setting)
    found = None if context.request is None else _hook("INDELIBLE_CLINIC", context.request)
    return None if found is None else str(found)


def _hook(name: str, request: HttpRequest) -> Any:
    path = getattr(settings, name, None)
    return None if path is None else import_string(path)(request)


def client_address(request: HttpRequest) -> str | None:
    """Return the address that the request came from; None where none can be told.

    Behind n trusted proxies (INDELIBLE_TRUSTED_PROXIES) it is the n-th from the right of X-Forwarded-For: what stands
    left of it was written by whoever asks, and may be anything.
    """
    proxies = int(getattr(settings, "INDELIBLE_TRUSTED_PROXIES", 0))
    if proxies == 0:
        return _address(request.META.get("REMOTE_ADDR", ""))
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    return _address(hops[-proxies]) if len(hops) >= proxies else None


def _address(text: str) -> str | None:
    """An address without port and brackets: `203.0.113.9:1234`, `[2001:db8::1]:1234`, `2001:db8::1`."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
