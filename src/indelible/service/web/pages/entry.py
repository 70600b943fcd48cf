"""One entry: everything about it, under an address of its own; in the list, in the panel beside."""

from __future__ import annotations

from dataclasses import replace
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
from ...accounts import clinic_links
from ...accounts.roles import Right
from ...links import Door, door
from .. import entry_rows, localization
from ..access import Visit, in_clinic
from ..filter_bar import Doors
from ..url_query import address, asked, doors
from ..view_recording import note_reading

# Entries of one click are few; an import may have tied very many together.
MOST_TOGETHER = 20


@require_safe
@in_clinic(Right.READ)
def entry(request: HttpRequest, visit: Visit, entry_id: str) -> HttpResponse:
    view = visit.session.entry(entry_id)
    wish = asked(request, visit)
    recorded = instant.parse_canonical(view.members["recorded_at"])
    ways_of = _ways(visit, wish.wanted)
    day = view.local_time.date()
    found = {
        "row": entry_rows.row(view, visit.clinic_id, marks(visit.session, [view])),
        "recorded": localization.moment(recorded, view.zones.present),
        "taken_url": address("activity", visit.clinic_id, query.format(_recorded_on(recorded, view.zones.present))),
        "details": entry_rows.details(view, visit.clinic_id, ways_of),
        "ways": {
            "action": ways_of("action", view.action),
            "actor": _actors_ways(view, ways_of),
            "ip": ways_of("", view.request.get("ip") or ""),
            "device": ways_of("", view.device),
        },
        "day_url": address("activity", visit.clinic_id, query.format(replace(wish.wanted, first=day, last=day))),
        "channel": entry_rows.channel(view),
        "ip": view.request.get("ip") or "",
        "together": _together(visit, view),
        "operation": _operation(visit, view),
        "offer": entry_rows.deleted(view),
        "doors": _doors(visit.clinic_id, view),
        "proof": _proof(visit, view),
        "raw": orjson.dumps(view.document(visit.session.zone), option=orjson.OPT_INDENT_2).decode(),
        "back": address("activity", visit.clinic_id, wish.text),
    }
    note_reading(request, visit)
    in_panel = request.htmx and request.htmx.target == "panel"
    return render(request, "indelible/entry/panel.html" if in_panel else "indelible/entry/page.html", found)


def _ways(visit: Visit, wanted: Query) -> entry_rows.WaysOf:
    """The ways from a value into the list, as it is filtered now; none from what is not there."""
    return lambda key, value: doors(visit, wanted, key, value) if value else entry_rows.NOWHERE


def _actors_ways(view: View, ways_of: entry_rows.WaysOf) -> Doors:
    kind = view.members["actor"]["kind"]
    return ways_of("actor", "system" if kind == "system" else view.actor.get("id") or "")


def _doors(clinic_id: str, view: View) -> list[Door]:
    """Where the host shows what the entry is about, and its client."""
    links, target, client = clinic_links.of(clinic_id), view.target or {}, view.client or {}
    named = dict.fromkeys([(target.get("kind", ""), target.get("id")), ("client", client.get("id"))])
    return [one for kind, thing in named if (one := door(links, kind, thing)) is not None]


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
