"""What a URL asks for: a filter and a place in the list; and the URLs that ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from ...errors import InvalidInput, InvalidQuery
from ...read import query
from ...read.query import Query
from ...read.session import Cursor
from .access import Visit


@dataclass(frozen=True, slots=True)
class Asked:
    """What the URL asks for. `problem` says what is wrong with the filter; then the list shows nothing."""

    wanted: Query
    text: str
    after: Cursor | None
    problem: str = ""


def asked(request: HttpRequest, visit: Visit) -> Asked:
    text = request.GET.get("q", "")
    try:
        wanted = visit.session.parse(text)
    except InvalidQuery as error:
        return Asked(Query(), text, None, str(error))
    try:
        after = Cursor.decode(request.GET["after"]) if request.GET.get("after") else None
    except InvalidInput as error:
        return Asked(wanted, query.format(wanted), None, str(error))
    return Asked(wanted, query.format(wanted), after)


def address(name: str, clinic_id: str, text: str = "", **more: str) -> str:
    """Return the URL of a page of a clinic, with a filter."""
    parts = {key: value for key, value in {"q": text, **more}.items() if value}
    return reverse(name, args=[clinic_id]) + (f"?{urlencode(parts)}" if parts else "")
