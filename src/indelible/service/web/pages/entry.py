"""One entry: everything about it, under an address of its own; in the list, in the panel beside."""

from __future__ import annotations

from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ....format import instant
from ....read import query
from ....read.habits import marks
from ....read.query import Choice, Query
from ....read.recorded import Recorded
from ....read.view import View
from ...accounts.roles import Right
from .. import entry_rows, localization
from ..access import Visit, in_clinic
from ..url_query import address, asked
from ..view_recording import note_reading

# Entries of one click are few; an import may have tied very many together.
MOST_TOGETHER = 20


@require_safe
@in_clinic(Right.READ)
def entry(request: HttpRequest, visit: Visit, entry_id: str) -> HttpResponse:
    view = visit.session.entry(entry_id)
    wish = asked(request, visit)
    recorded = instant.parse_canonical(view.members["recorded_at"])
    found = {
        "row": entry_rows.row(view, visit.clinic_id, marks(visit.session, [view])),
        "recorded": localization.moment(recorded, view.zones.present),
        "taken_url": address("activity", visit.clinic_id, query.format(_recorded_on(recorded, view.zones.present))),
        "details": entry_rows.details(view, visit.clinic_id),
        "channel": entry_rows.channel(view),
        "ip": view.request.get("ip") or "",
        "together": _together(visit, view),
        "operation": _operation(visit, view),
        "proof": _proof(visit, view),
        "raw": orjson.dumps(view.document(visit.session.zone), option=orjson.OPT_INDENT_2).decode(),
        "back": address("activity", visit.clinic_id, wish.text),
    }
    note_reading(request, visit)
    in_panel = request.htmx and request.htmx.target == "panel"
    return render(request, "indelible/entry/panel.html" if in_panel else "indelible/entry/page.html", found)


def _recorded_on(us: int, zone: str) -> Query:
    """The filter of what the log took on the same day of the clinic."""
    day = instant.to_datetime(us, instant.offset_minutes(us, instant.zone(zone))).date()
    return Query(recorded=Recorded(day, day))


def _together(visit: Visit, view: View) -> list[entry_rows.Row]:
    operation = view.members.get("operation")
    if not operation:
        return []
    page = visit.session.page(Query(Choice(operations=frozenset({operation}))), after=None, limit=MOST_TOGETHER)
    return [entry_rows.row(other, visit.clinic_id) for other in reversed(page.views) if other.seq != view.seq]


def _operation(visit: Visit, view: View) -> str:
    operation = view.members.get("operation")
    if not operation:
        return ""
    return address("activity", visit.clinic_id, query.format(Query(Choice(operations=frozenset({operation})))))


def _proof(visit: Visit, view: View) -> dict[str, Any]:
    """What is proven about the entry: whether a signed checkpoint covers it."""
    checkpoint = visit.session.last_checkpoint()
    signed = checkpoint is not None and view.seq <= checkpoint.size
    return {
        "signed": signed,
        "size": checkpoint.size if checkpoint else 0,
        "at": localization.moment(checkpoint.signed_at, visit.session.zone) if checkpoint else "",
        "states": sorted(set(view.states.values())),
        "imported": view.imported,
    }
