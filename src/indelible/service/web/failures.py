"""Pages that say what could not be done: not there, not yours, not now."""

from __future__ import annotations

import sys
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

_BROKEN = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>A defect of Indelible</title></head><body><main><h1>Something is broken on our side</h1>
<p>The log is not harmed. Go back and try again; if it stays, tell whoever runs the service, with the time.</p>
<p><a href="/">Back to the log</a></p></main></body></html>
"""

NO_DATABASE = (
    "the database could not be used; nothing was changed: look whether its file is there and its disk has room, and "
    "try again"
)
_NO_DATABASE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Not now</title></head><body><main><h1>Not now</h1>
<p>{NO_DATABASE[0].upper()}{NO_DATABASE[1:]}.</p>
</main></body></html>
"""


def _failure(request: HttpRequest, status: int, kind: str, sentence: str = "") -> HttpResponse:
    return render(request, "indelible/failure.html", {"kind": kind, "sentence": sentence}, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _failure(request, 400, "bad_request")


def refused(request: HttpRequest, sentence: str) -> HttpResponse:
    """For input that the log does not take; the sentence names the field and the mend."""
    return _failure(request, 400, "refused", sentence)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """For what is not there, and for what is somebody else's: nobody can tell one from the other."""
    return _failure(request, 404, "not_found")


def not_yours(request: HttpRequest) -> HttpResponse:
    """For what the visitor's role in this clinic does not include."""
    return _failure(request, 403, "not_yours")


def meanwhile(request: HttpRequest) -> HttpResponse:
    """For what rested on something that another request changed at the same moment."""
    return _failure(request, 409, "meanwhile")


def csrf(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _failure(request, 403, "csrf")


def no_database(request: HttpRequest) -> HttpResponse:
    """For a full disk, a file that is gone, or a database that somebody else keeps locked: no defect of a page."""
    return unavailable(request, NO_DATABASE)


def unavailable(request: HttpRequest, sentence: str) -> HttpResponse:
    return _failure(request, 503, "unavailable", sentence)


def broken(request: HttpRequest, *args: Any) -> HttpResponse:
    """A defect of ours, or a database that cannot be used where no page is reached yet.

    Says so without a template, which may be what is broken, or asks who is there.
    """
    if isinstance(sys.exc_info()[1], OperationalError):
        return HttpResponse(_NO_DATABASE, status=503)
    return HttpResponse(_BROKEN, status=500)
