"""Taking the list out: what would leave, in words, and the file.

The file is made from the same filter as the list. A list is sent as it is read, in constant memory; a bundle is written
beside first, because it is complete only at its end, and sent with its length. A server cannot take back what it sent,
so a list that breaks off says so in its last line, and a workbook lacks the end without which no program opens it.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any, BinaryIO

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from ....export.file_name import file_name
from ....export.formats import BUNDLE, BUNDLES, LISTS, Format
from ....export.run import Begun
from ....format.csv_row import COLUMNS
from ....read import query
from ....read.query import Query
from ....read.tallying import count
from ...accounts.roles import Right
from ..access import Visit, in_clinic
from ..url_query import address, asked
from .bar import shown_chips

# Each format: its name and whom it is for.
FORMATS: dict[Format | str, tuple[Any, Any]] = {
    "csv": (_("CSV for a spreadsheet"),
            _("A plain table, with accents and without formulas. When Excel opens it, it changes ids: 0012345 becomes "
              "12345, 1E5 becomes 100000, 3-4 becomes a date. Take the Excel workbook to keep them.")),
    "csv-data": (_("CSV for a program"),
                 _("The same rows without the mark at the beginning that Excel wants.")),
    "xlsx": (_("Excel workbook"),
             _("Opens in Excel, LibreOffice and Numbers. Ids stay as they are; dates are dates and amounts are "
               "numbers, so that months can be filtered and money added up: the column to_sum, and the sheet sums.")),
    "jsonl": (_("JSON Lines"), _("Every field of every entry, for a program.")),
    BUNDLE: (_("Evidence bundle"),
               _("For somebody who does not trust us: each entry with its proof, checked without a network.")),
}  # fmt: skip
# What a list ends with that broke off; a workbook needs no such mark.
_BROKEN: dict[Format, bytes] = {
    "csv": b"\r\nTHE EXPORT BROKE OFF HERE: this file is not complete. Export it again.\r\n",
    "csv-data": b"\r\nTHE EXPORT BROKE OFF HERE: this file is not complete. Export it again.\r\n",
    "jsonl": b'\n{"error": "the export broke off here: this file is not complete; export it again"}\n',
}


@require_safe
@in_clinic(Right.EXPORT)
def export(request: HttpRequest, visit: Visit) -> HttpResponse:
    wish = asked(request, visit)
    if wish.problem:
        return redirect(address("activity", visit.clinic_id, wish.text))
    back = address("activity", visit.clinic_id, wish.text)
    # What leaves is of the days that are shown here, also when it is sent after midnight.
    fixed = visit.session.resolve(wish.wanted)
    wish = replace(wish, wanted=fixed, text=query.format(fixed))
    counted = count(visit.session, wish.wanted, after=wish.after)
    before = _number(request.GET.get("counted", "")) if wish.after else 0
    entries = counted.entries + before
    more = {"after": counted.older.encode(), "counted": str(entries)} if counted.older else {}
    return render(request, "indelible/export/page.html", {
        "wish": wish,
        "chips": shown_chips(visit, wish.wanted),
        "counted": counted,
        "entries": entries,
        "reached": None if counted.reached is None else visit.session.day(counted.reached),
        "older": address("export", visit.clinic_id, wish.text, **more) if more else "",
        "zone": visit.session.zone,
        "columns": COLUMNS,
        "formats": [(code, label, help) for code, (label, help) in FORMATS.items()],
        "back": back,
    })  # fmt: skip


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


@require_POST
@in_clinic(Right.EXPORT)
def download(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Record the export and send the file."""
    asked_for = visit.session.parse(request.POST.get("q", ""))
    chosen = request.POST.get("format", "")
    # Of what a role does not see, which narrows every list of theirs, the name says nothing.
    name = partial(file_name, visit.session.clinic, visit.session.state, asked_for, now=visit.session.now)
    if chosen == BUNDLE:
        made = _bundle(visit, asked_for)
        response: HttpResponseBase = FileResponse(made, content_type=BUNDLES.media_type)
        response["Content-Length"] = str(os.fstat(made.fileno()).st_size)
        response["Content-Disposition"] = f'attachment; filename="{name(ending=BUNDLES.ending)}"'
        return response
    format = next((format for format in LISTS if format == chosen), None)
    if format is None:
        return redirect(address("export", visit.clinic_id, request.POST.get("q", "")))
    begun = visit.access.export(asked_for, format)
    kind = LISTS[format]
    response = StreamingHttpResponse(_started(begun, _BROKEN.get(format, b"")), content_type=kind.media_type)
    response["X-Accel-Buffering"] = "no"
    response["Content-Disposition"] = f'attachment; filename="{name(ending=kind.ending)}"'
    return response


def _bundle(visit: Visit, wanted: Query) -> BinaryIO:
    """Return a finished bundle; its file has no name any more, so nothing of it stays."""
    with visit.access.unfinished_folder() as folder:
        path = folder / "export"
        visit.access.bundle(wanted, path)
        return path.open("rb")


def _started(begun: Begun, broken: bytes) -> Generator[bytes, None, None]:
    """Make the first block now, so that what is refused is a page and not a broken download; return them all."""
    blocks = begun.blocks()
    return _sent(next(blocks, b""), blocks, broken)


def _sent(first: bytes, blocks: Generator[bytes, None, object], broken: bytes) -> Generator[bytes, None, None]:
    with closing(blocks):  # also where the reader goes away: Django closes this, and the work ends
        try:
            yield first
            yield from blocks
        except Exception:
            yield broken
            raise
