"""What asks for /api/ goes straight to its operation: no session, no cookie, no language, no message.

A key in a header is what lets it in, so that another site's page cannot use somebody's browser for it (CSRF).
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.urls import resolve

from ...django.context import answering
from .problems import Problem, defect, not_found

PREFIX = "/api/"

_LOG = logging.getLogger("indelible.requests")


class Straight:
    """Django middleware, behind that of security headers."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIX):
            return self._answer(request)
        head = request.method == "HEAD"
        if head:
            request.method = "GET"  # an operation tells them apart by META, where it matters
        made = self._of_operation(request)
        if isinstance(made, HttpResponseNotAllowed):
            made = _of_methods(request, made)
        if head and not made.streaming:
            length = len(made.content)
            made.content = b""
            made.headers["Content-Length"] = str(length)
        made.headers.setdefault("Cache-Control", "no-store")
        return made

    def _of_operation(self, request: HttpRequest) -> HttpResponseBase:
        try:
            match = request.resolver_match = resolve(request.path_info)
        except Http404:
            return not_found().response()
        with answering(request):
            try:
                made: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
                return made
            except Problem as problem:
                return problem.response()
            except Http404:
                return not_found().response()
            except Exception as error:
                _LOG.exception("an operation failed: %s", type(error).__name__)
                return defect().response()


def _of_methods(request: HttpRequest, made: HttpResponse) -> HttpResponse:
    """What an address answers for a method that it does not take, or for OPTIONS: those that it takes."""
    takes = {one.strip() for one in made.headers["Allow"].split(",")} | {"OPTIONS"}
    allow = {"Allow": ", ".join(sorted(takes | ({"HEAD"} if "GET" in takes else set())))}
    if request.method == "OPTIONS":
        return HttpResponse(status=204, headers=allow)
    return Problem(405, f"This address takes {allow['Allow']}.", headers=allow).response()
