"""One entry: everything about it, under an address of its own; in the list, in the panel beside."""

from __future__ import annotations

from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ... import instant, query
from ...habits import marks
from ...query import Choice, Query
from ...recorded import Recorded
from ...view import View
from .. import present, wording
from ..access import Visit, in_clinic
from ..noting import note_reading
from ..roles import Right
from .asking import address, asked

# Entries of one click are few; an import may have tied very many together.
MOST_TOGETHER = 20


@require_safe
@in_clinic(Right.READ)
def entry(request: HttpRequest, visit: Visit, entry_id: str) -> HttpResponse:
    view = visit.entry(entry_id)
    wish = asked(request, visit)
    recorded = instant.parse_canonical(view.members["recorded_at"])
    found = {
        "row": present.row(view, visit.clinic_id, marks(visit.log, [view])),
        "recorded": wording.moment(recorded, view.zones.present),
        "taken_url": address("activity", visit.clinic_id, query.format(_recorded_on(recorded, view.zones.present))),
        "details": present.details(view, visit.clinic_id),
        "channel": present.channel(view),
        "ip": view.request.get("ip") or "",
        "together": _together(visit, view),
        "operation": _operation(visit, view),
        "proof": _proof(visit, view),
        "raw": orjson.dumps(view.document(visit.log.info.zone), option=orjson.OPT_INDENT_2).decode(),
        "back": address("activity", visit.clinic_id, wish.text),
    }
    note_reading(request, visit)
    in_panel = request.htmx and request.htmx.target == "panel"
    return render(request, "indelible/entry/panel.html" if in_panel else "indelible/entry/page.html", found)


def _recorded_on(us: int, zone: str) -> Query:
    """The filter of what the log took on the same day of the clinic."""
    day = instant.to_datetime(us, instant.offset_minutes(us, instant.zone(zone))).date()
    return Query(recorded=Recorded(day, day))


def _together(visit: Visit, view: View) -> list[present.Row]:
    operation = view.members.get("operation")
    if not operation:
        return []
    page = visit.page(Query(Choice(operations=frozenset({operation}))), after=None, limit=MOST_TOGETHER)
    return [present.row(other, visit.clinic_id) for other in reversed(page.views) if other.seq != view.seq]


def _operation(visit: Visit, view: View) -> str:
    operation = view.members.get("operation")
    if not operation:
        return ""
    return address("activity", visit.clinic_id, query.format(Query(Choice(operations=frozenset({operation})))))


def _proof(visit: Visit, view: View) -> dict[str, Any]:
    """What is proven about the entry: whether a signed checkpoint covers it."""
    checkpoint = visit.log.store.last_checkpoint(visit.clinic_id)
    signed = checkpoint is not None and view.seq <= checkpoint.size
    return {
        "signed": signed,
        "size": checkpoint.size if checkpoint else 0,
        "at": wording.moment(checkpoint.signed_at, visit.log.info.zone) if checkpoint else "",
        "states": sorted(set(view.states.values())),
        "imported": view.imported,
    }
