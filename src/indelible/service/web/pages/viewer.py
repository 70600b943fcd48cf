"""The log in a host's page: the way in, the host's colours, and the script that makes the frame as high as its page.

What is shown there are the pages of every clinic, below another address (`middleware.InHostsPage`).
"""

from __future__ import annotations

from pathlib import Path

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_safe

from ...accounts import viewer_passes
from ...accounts.viewer_passes import Viewer
from .. import viewer_css

_SCRIPT = (Path(__file__).parents[1] / "static/indelible/viewer.js").read_text("utf-8")
# Seconds for which a browser need not ask whether the script is a newer one: its address never changes.
_SCRIPT_LASTS = 3_600


@require_GET  # a HEAD, as of a program that looks whether a link is good, must not use it up
def enter(request: HttpRequest, secret: str) -> HttpResponse:
    """Use a pass up, and lead to the first page of its session."""
    used = viewer_passes.use(secret)
    if used is None:
        return over(request)
    viewer, session = used
    return HttpResponse(status=302, headers={"Location": f"/v/{session}{start(viewer)}"})


def start(viewer: Viewer) -> str:
    """Return the address of the first page: the story of the only thing that is shown, else the list."""
    if viewer.only is not None:
        return reverse("story", args=[viewer.clinic_id, viewer.only.kind, viewer.only.id])
    return reverse("activity", args=[viewer.clinic_id])


def over(request: HttpRequest) -> HttpResponse:
    """For a pass or a session that is used, ended or none, and for a page that was opened outside of its frame."""
    return render(request, "indelible/viewer/over.html", {"viewer": None}, status=403)


@require_safe
def colours(request: HttpRequest) -> HttpResponse:
    """The host's colours, as a stylesheet that goes behind ours."""
    if request.viewer is None:
        raise Http404
    return HttpResponse(viewer_css.stylesheet(request.viewer.colours), content_type="text/css; charset=utf-8")


colours.for_viewers = over.for_viewers = True  # type: ignore[attr-defined]


@require_safe
@cache_control(public=True, max_age=_SCRIPT_LASTS)
def script(request: HttpRequest) -> HttpResponse:
    """The script of the host's page, under an address that stays."""
    headers = {"Cross-Origin-Resource-Policy": "cross-origin"}
    return HttpResponse(_SCRIPT, content_type="text/javascript; charset=utf-8", headers=headers)
