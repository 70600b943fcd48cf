"""What every request goes through that Django does not bring: its line in the service's logs, the reader's language."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.db import IntegrityError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils import translation

from ...errors import Conflict, IndelibleError, InvalidInput, InvalidQuery, NotFound
from .. import counting
from ..accounts import devices, request_transaction
from . import failures

_LOG = logging.getLogger("indelible.requests")
# What a proxy calls a request: a UUID, 32 hexadecimal digits (nginx's $request_id), a ULID, an X-Ray trace. Anything
# else could be somebody's name or number.
_HARMLESS = re.compile(
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-f]{32}|[0-7][0-9A-HJKMNP-TV-Z]{25}"
    r"|Root=1-[0-9a-f]{8}-[0-9a-f]{24}",
    re.ASCII,
)
_PROBES = frozenset({"health/", "ready/", "metrics"})
# What a page of ours never needs, so that nothing put into one can ask for it.
_PERMISSIONS = (
    "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=(), "
    "publickey-credentials-get=(self), publickey-credentials-create=(self)"
)

Answer = Callable[[HttpRequest], HttpResponse]


class Compressed(GZipMiddleware):
    """Pages go out compressed, as a phone on a slow line waits for their length; a random length is added to each, so
    that nothing is learnt from it (BREACH). Files are sent as they are made."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.streaming or "Content-Disposition" in response.headers:
            return response
        compressed: HttpResponseBase = super().process_response(request, response)
        return compressed


class Journalled:
    """Logs each request by its route, and answers what the log refuses in one sentence. Outermost."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.monotonic()
        given = request.headers.get("X-Request-ID", "")
        request.request_id = given if _HARMLESS.fullmatch(given) else secrets.token_hex(8)
        response = self._answer(request)
        later = getattr(response, "later", None)
        if later is None:
            self._note(request, response, started)
        else:  # what is answered is known when somebody's commit is
            response.afterwards = lambda answer: self._note(request, answer, started)
        response.headers["X-Request-ID"] = request.request_id
        response.headers["Permissions-Policy"] = _PERMISSIONS
        if getattr(request, "user", None) is not None and request.user.is_authenticated:
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _note(self, request: HttpRequest, response: HttpResponse, started: float) -> None:
        seconds = time.monotonic() - started
        route = request.resolver_match.route if request.resolver_match else ""
        counting.COUNTS.request(_group(route), response.status_code, seconds)
        _LOG.log(
            # A page that is open looks for new entries every two seconds: where there are none, nobody wants a line.
            logging.DEBUG if response.status_code == HTTPStatus.NO_CONTENT else logging.INFO,
            "request",
            extra={
                "method": request.method if request.method in _METHODS else "other",
                "route": route,
                "status": response.status_code,
                "milliseconds": round(seconds * 1000, 1),
                "request": request.request_id,
                "key": getattr(request, "api_key_id", None),
            },
        )

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, NotFound):
            return failures.not_found(request)
        if isinstance(error, Conflict | IntegrityError):  # of two requests at once, the second
            return failures.meanwhile(request)
        if isinstance(error, InvalidInput | InvalidQuery):
            return failures.refused(request, str(error))
        if isinstance(error, IndelibleError):
            _LOG.error("the log refused: %s", type(error).__name__)
            return failures.unavailable(request, str(error))
        return _cannot_write(request, error) if isinstance(error, OperationalError) else None


def _cannot_write(request: HttpRequest, error: OperationalError) -> HttpResponse:
    _LOG.error("the database refused: %s", type(error).__name__)
    return failures.no_database(request)


class AccountsInOne:
    """A request that changes an account is one transaction: the change and its entries, or neither.

    Innermost, so that its `process_exception` comes first: it undoes, and those outside of it answer. Where the log
    refuses, the session is left as it was, too.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request_transaction.is_one(request):
            return self._answer(request)
        try:
            with request_transaction.prepare(request):
                return self._answer(request)
        except OperationalError as error:  # at the commit, where no process_exception comes
            return _cannot_write(request, error)

    def process_view(self, request: HttpRequest, page: Any, parts: Any, named: Any) -> None:
        request_transaction.begin_before_page(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> None:
        # django-allauth raises ImmediateHttpResponse for an answer that is no failure.
        if not hasattr(request, "in_one") or isinstance(error, ImmediateHttpResponse):
            return
        request.in_one.__exit__(type(error), error, error.__traceback__)  # rolled back before anybody answers
        if isinstance(error, IndelibleError):
            request.session.modified = False


def _group(route: str) -> str:
    """What a request counts as: its route's first word, for there are too many routes for a label."""
    first = route.partition("/")[0]
    if first in ("api", "viewer"):
        return first
    return "probe" if route in _PROBES else "page" if route else "other"


class KnownDevice:
    """Gives a device that somebody signed in with the cookie by which it is known again."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._answer(request)
        if response.status_code < 400:  # what was undone was no sign-in
            devices.answer(request, response)
        return response


class LastSeen:
    """Keeps when a session was last used, once a minute: a page view must not wait for the one writer."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = request.session.session_key
        if key and request.user.is_authenticated and cache.add(f"seen:{key}", 1, 60):
            with suppress(OperationalError):  # a full disk keeps nobody from reading
                UserSession.objects.create_from_request(request)
        return self._answer(request)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class ReadersLanguage:
    """The language that was chosen (a cookie, or by the host whose page it is), else what the browser asks for."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        viewer = getattr(request, "viewer", None)
        told = viewer.language if viewer is not None else ""
        with translation.override(told or translation.get_language_from_request(request)):
            request.LANGUAGE_CODE = translation.get_language()
            response = self._answer(request)
            response.headers.setdefault("Content-Language", translation.get_language() or "en")
            return response
