"""The way in: the visitor's clinic, or the choice among several. And whether the service is well."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ....errors import IndelibleError
from ...accounts.memberships import memberships
from ...shared_journal import journal
from .viewer import start


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return _clinics(request) if request.viewer is None else redirect(start(request.viewer))


home.for_viewers = True


@login_required
def _clinics(request: HttpRequest) -> HttpResponse:
    mine = memberships(request.user)
    if len(mine) == 1:
        return redirect("activity", mine[0][1].id)
    return render(request, "indelible/clinics.html", {"mine": mine})


@require_safe
@never_cache
def health(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """The database and the master key can be used, so that pages can be served."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM service_user LIMIT 1")
        journal().clinics([])
    except (IndelibleError, DatabaseError) as error:
        return HttpResponse(f"not ready: {type(error).__name__}\n", status=503, content_type="text/plain")
    return HttpResponse("ready\n", content_type="text/plain")
