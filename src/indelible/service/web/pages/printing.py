"""Paper: the filtered list and a story as sheets that can be handed over, complete up to a limit that is said.

A list on paper is a list taken out, so it needs the right to export, and each printing is recorded with its filter, not
once in a session as reading on the screen is. A story is printed by whoever may read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from ....read.habits import marks
from ....read.query import Query
from ....read.session import PAGE_LIMIT, SEARCH_LIMIT, Session
from ....read.story import known
from ....read.tallying import count
from ....read.view import View
from ...accounts.roles import Right
from .. import entry_rows
from ..access import Visit, in_clinic
from ..paper import paper
from ..url_query import address, asked
from ..view_recording import note_reading
from . import story as stories
from .bar import shown_chips

# About a hundred pages: more is read by a program, and that is an export.
ROWS_LIMIT = 2_000
# A story is read from the beginning; of a longer one the newest are printed, and the list has the rest.
STORY_ROWS_LIMIT = 500
# With the details of each entry a sheet holds four; a story of more entries is printed without them.
DETAILED_LIMIT = 60


@dataclass(frozen=True, slots=True)
class Rows:
    """The newest entries of a filter. `whole` is false where there are more, and `reached` the day back to which was
    looked where that was not everything."""

    views: Sequence[View]
    whole: bool
    reached: date | None


def read(session: Session, wanted: Query) -> Rows:
    """Read the entries of a filter to the limit of a print, opening no more for free words than a list does."""
    views: list[View] = []
    after, searched, reached = None, 0, None
    while len(views) < ROWS_LIMIT and searched < SEARCH_LIMIT:
        page = session.page(wanted, after=after, limit=min(PAGE_LIMIT, ROWS_LIMIT - len(views)))
        views += page.views
        searched += page.searched
        reached, after = page.searched_to, page.older
        if after is None:
            return Rows(views, True, None)
    return Rows(views, False, session.day(reached) if reached is not None and len(views) < ROWS_LIMIT else None)


@require_safe
@in_clinic(Right.EXPORT)
def print_list(request: HttpRequest, visit: Visit) -> HttpResponse:
    wish = asked(request, visit)
    if wish.problem:
        return redirect(address("activity", visit.clinic_id, wish.text))
    rows = read(visit.session, wish.wanted)
    # Where all of them are here they need not be counted; and of what was searched only in part no number is known.
    counted = None if rows.whole or rows.reached is not None else count(visit.session, wish.wanted)
    new = marks(visit.session, rows.views)
    found: dict[str, Any] = {
        "paper": paper(visit),
        "days": entry_rows.by_day(rows.views, visit.clinic_id, new, folded=False),
        "shown": len(rows.views),
        "whole": rows.whole,
        "reached": rows.reached,
        "all": counted.entries if counted is not None and counted.whole else None,
        "chips": shown_chips(visit, wish.wanted),
        "back": address("activity", visit.clinic_id, wish.text),
        "export": address("export", visit.clinic_id, wish.text),
    }
    visit.recorder.viewed(visit.session, wish.wanted)
    return render(request, "indelible/print/list.html", found)


@require_safe
@in_clinic(Right.READ)
def print_story(request: HttpRequest, visit: Visit, kind: str, thing: str) -> HttpResponse:
    whole = visit.outline(f"{kind}/{thing}")
    told = whole.open(whole.lines[-STORY_ROWS_LIMIT:])
    decided = known(whole, kind)
    found = {
        **stories.head(visit, kind, thing, decided, told),
        "paper": paper(visit),
        "days": stories.days(visit.session, told, thing, detailed=len(told) <= DETAILED_LIMIT),
        "detailed": len(told) <= DETAILED_LIMIT,
        "deleted": stories.deleted(decided, told, visit.clinic_id, thing),
        "shown": len(told),
        "all": len(whole.lines),
        "whole": whole.whole,
        "back": entry_rows.story_url(visit.clinic_id, kind, thing),
    }
    note_reading(request, visit)
    return render(request, "indelible/print/story.html", found)
