"""Taking the list out: what would leave, in words, and the file.

The file is made from the same filter as the list (`service/file_answer.py`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from ....export.formats import BUNDLE, Format
from ....format.csv_row import COLUMNS
from ....read import query
from ....read.tallying import count
from ...accounts.roles import Right
from ...file_answer import file_of, format_named
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
    chosen = format_named(request.POST.get("format", ""))
    if chosen is None:
        return redirect(address("export", visit.clinic_id, request.POST.get("q", "")))
    return file_of(visit.access, asked_for, chosen)
