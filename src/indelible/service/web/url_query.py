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
from . import filter_bar
from .access import Visit


@dataclass(frozen=True, slots=True)
class Asked:
    """What the URL asks for. `problem` says what is wrong with the filter; then the list shows nothing. `position` is
    that of the word in the text which is wrong, and `nearest` the word that was probably meant."""

    wanted: Query
    text: str
    after: Cursor | None
    problem: str = ""
    position: int | None = None
    nearest: str = ""

    @property
    def parts(self) -> tuple[str, str, str] | None:
        """The text before the word that is wrong, the word, and the text behind it."""
        if self.position is None or not self.text:
            return None
        return query.word_at(self.text, self.position)

    @property
    def mended(self) -> str:
        """The text with the word that was probably meant; empty where none is near."""
        if self.parts is None or not self.nearest:
            return ""
        before, _, behind = self.parts
        return f"{before}{self.nearest}{behind}"


def asked(request: HttpRequest, visit: Visit) -> Asked:
    text = request.GET.get("q", "")
    try:
        wanted = visit.session.parse(text)
    except InvalidQuery as error:
        return Asked(Query(), text, None, str(error), error.position, error.nearest)
    try:
        after = Cursor.decode(request.GET["after"]) if request.GET.get("after") else None
    except InvalidInput as error:
        return Asked(wanted, query.format(wanted), None, str(error))
    return Asked(wanted, query.format(wanted), after)


def doors(visit: Visit, wanted: Query, key: str, value: str) -> filter_bar.Doors:
    """Return the addresses of the list with only what has a value, and with all but that (`filter_bar.doors`)."""
    return filter_bar.Doors(*(
        address("activity", visit.clinic_id, text) if text else "" for text in filter_bar.doors(wanted, key, value)
    ))  # fmt: skip


def address(name: str, clinic_id: str, text: str = "", **more: str) -> str:
    """Return the URL of a page of a clinic, with a filter."""
    parts = {key: value for key, value in {"q": text, **more}.items() if value}
    return reverse(name, args=[clinic_id]) + (f"?{urlencode(parts)}" if parts else "")
