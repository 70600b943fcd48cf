"""What every request goes through for the sake of those that are shown in a frame of a host's page."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from csp.constants import NONE
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import get_script_prefix, set_script_prefix

from ..accounts import viewer_passes

_OF_VIEWER = re.compile(r"/v/(?P<secret>[A-Za-z0-9_-]{43})(?P<path>/.*)", re.ASCII | re.S)
_OVER = "/viewer/over"  # pages/viewer.py: load the host's page again

Answer = Callable[[HttpRequest], HttpResponse]


class InHostsPage:
    """What is shown in a frame of a host's page: the same pages, below /v/<secret of a session>/
    (`service/accounts/viewer_passes.py`).

    The secret is taken off the path and becomes the script's name, so that every address that a page is given begins
    with it. It stands for a cookie, which browsers do not send from a page of another site: no cookie is read here and
    none is set, so that nobody is taken for whoever is signed in beside. It is no ambient authority either: another
    page cannot make a browser send what it does not know, and so no form here needs a token against that (CSRF).

    Only a page of the host's may show it (`frame-ancestors`), and none is shown that is opened by itself: a copied
    address is worth nothing in another tab. Behind the policy's middleware, so that it can tell it.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.viewer = None
        path = request.path_info
        if not path.startswith(("/v/", "/viewer/")):
            return self._answer(request)
        request.COOKIES = {}
        request.META.pop("HTTP_COOKIE", None)
        request._dont_enforce_csrf_checks = True  # Django's own name for it
        match = _OF_VIEWER.fullmatch(path)
        if request.headers.get("Sec-Fetch-Dest") == "document" or (match is None and path.startswith("/v/")):
            return self._framed(request, _OVER)
        if match is None:
            return self._framed(request, path)
        request.viewer = viewer_passes.find(match["secret"])
        if request.viewer is None:
            return self._framed(request, _OVER)
        return self._framed(request, match["path"], f"/v/{match['secret']}")

    def _framed(self, request: HttpRequest, path: str, script: str = "") -> HttpResponse:
        """Answer what a path asks for, as a part of a host's page."""
        before = get_script_prefix()
        request.path_info = request.META["PATH_INFO"] = path
        request.META["SCRIPT_NAME"] = script
        set_script_prefix(f"{script}/")
        try:
            response = self._answer(request)
        finally:
            set_script_prefix(before)  # the thread answers others next
        # A page that is open looks for new entries by itself: that is no use of it by anybody.
        if request.viewer is not None and request.resolver_match and request.resolver_match.url_name != "new":
            request.viewer.note_use()
        response.cookies.clear()
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.xframe_options_exempt = True
        response._csp_replace = {"frame-ancestors": list(settings.ENVIRONMENT.frame_ancestors) or [NONE]}
        return response

    def process_view(self, request: HttpRequest, page: Any, parts: Any, named: Any) -> None:
        """Nothing is there for a viewer but what is said to be: a clinic's pages, each of which needs a right."""
        if request.viewer is not None and not hasattr(page, "right") and not hasattr(page, "for_viewers"):
            raise Http404


class Sessions(SessionMiddleware):
    """Django's, by a cookie; of who is in a host's page it is kept with their pass."""

    def process_request(self, request: HttpRequest) -> None:
        if request.viewer is None:
            super().process_request(request)
        else:
            request.session = ViewersSession(request.viewer)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if getattr(request, "viewer", None) is None:
            answered: HttpResponse = super().process_response(request, response)
            return answered
        if request.session.modified and response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            request.session.save()
        return response


class ViewersSession(SessionBase):
    """What pages remember of somebody in a host's page, such as that their reading is recorded."""

    def __init__(self, viewer: viewer_passes.Viewer) -> None:
        super().__init__(f"viewer-{viewer.pk}")
        self._viewer = viewer

    def load(self) -> dict[str, Any]:
        return dict(self._viewer.kept)

    def save(self, must_create: bool = False) -> None:
        self._viewer.keep(self._session)
