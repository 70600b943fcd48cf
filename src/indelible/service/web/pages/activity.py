"""The activity page: the list of a clinic's entries, newest first, and what narrows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ....errors import InvalidInput, InvalidQuery
from ....read import query
from ....read.habits import marks
from ....read.query import Query
from ....read.recorded import Recorded
from ...accounts.roles import Right
from .. import entry_rows, filter_bar, row_html
from ..access import Visit, in_clinic
from ..url_query import Asked, address, asked
from ..view_recording import note_reading
from .bar import bar, problem_of
from .clinic import has_more_than_its_own
from .suggest import Item, of, shown
from .summary import chart

# What fits on a few screens; "older" brings the next ones.
ROWS = 50
# Entries that are looked into for free words before the first page answers, or a step of a list that goes on by itself.
# A reader who asks for older ones without a script waits for SEARCH_LIMIT of them, and clicks less.
STEP = 4_000
# More than this many new entries are said as "99+".
MOST_NEW = 99
# Of the entries since a page was read, so many of the newest are looked through: a page asks every two seconds.
MOST_LOOKED_THROUGH = 2_000


@require_safe
@in_clinic(Right.READ)
def activity(request: HttpRequest, visit: Visit) -> HttpResponse:
    if any(name in request.GET for name in filter_bar.FIELDS):
        return _from_form(request, visit)
    wish = asked(request, visit)
    if wish.after is None or request.htmx:
        visit.session.answer_within(STEP)
    found = _list(visit, wish)
    if (noted := note_reading(request, visit, wish.wanted)) and noted == visit.session.size + 1:
        found["new_url"] = address("new", visit.clinic_id, wish.text, since=str(noted))  # one's own reading is no news
    if request.htmx and request.htmx.target == "older":
        return render(request, "indelible/activity/rows.html", found)
    status = 400 if wish.problem else 200
    return render(
        request,
        "indelible/activity/page.html",
        {**found, **_bar(visit, wish), "meant": _meant(visit, wish)},
        status=status,
    )


def _meant(visit: Visit, wish: Asked) -> list[Item]:
    """What may be meant instead, where words had to be looked for in the texts of entries."""
    if wish.problem or wish.after or wish.wanted.in_text or not visit.session.seek(wish.wanted).words.wanted:
        return []
    return [one for group in shown(visit, of(visit, wish.text)) for one in group.items]


def _from_form(request: HttpRequest, visit: Visit) -> HttpResponse:
    sent = {name: request.GET.get(name, "").strip() for name in filter_bar.FIELDS}
    try:
        wanted = filter_bar.merged(visit.session, sent)
    except (InvalidInput, InvalidQuery) as error:
        fields = filter_bar.as_sent(sent)
        wish = problem_of(fields, error)
        return render(
            request, "indelible/activity/page.html", {**_list(visit, wish), **_bar(visit, wish, fields)}, status=400
        )
    return HttpResponseRedirect(address("activity", visit.clinic_id, query.format(wanted)))


def _list(visit: Visit, wish: Asked) -> dict[str, Any]:
    if wish.problem:
        return {"days": [], "problem": wish.problem, "wish": wish}
    page = visit.session.page(wish.wanted, after=wish.after, limit=ROWS)
    days = entry_rows.by_day(page.views, visit.clinic_id, marks(visit.session, page.views))
    begun = _begun(visit, wish)
    return {
        "wish": wish,
        "page": page,
        "days": days,
        "rows": row_html.rows(days, f"?{urlencode({'q': wish.text})}" if wish.text else "", begun),
        "zone": visit.session.zone,
        "begun": begun,
        "reached": None if page.searched_to is None else visit.session.day(page.searched_to),
        "looked_up": [(" ".join(one.words), one.people) for one in page.looked_up],
        "in_text_url": address("activity", visit.clinic_id, query.format(replace(wish.wanted, in_text=True))),
        "full": len(page.views) == ROWS,
        "older": address("activity", visit.clinic_id, wish.text, after=page.older.encode()) if page.older else "",
        "newest": address("activity", visit.clinic_id, wish.text),
        "new_url": address("new", visit.clinic_id, wish.text, since=str(page.up_to)),
    }


def _begun(visit: Visit, wish: Asked) -> date | None:
    """The day that the page before ended in, whose heading is then said as continued."""
    if wish.after is None:
        return None
    return visit.session.day(wish.after.occurred_at)


def _bar(visit: Visit, wish: Asked, sent: filter_bar.Form | None = None) -> dict[str, Any]:
    return {
        "chart": None if wish.problem else chart(visit, wish.wanted),
        "totals_url": address("totals", visit.clinic_id, wish.text),
        "empty_log": visit.session.size == 0,
        **bar(visit, wish, sent),
        "begins": visit.may(Right.SETTINGS) and not has_more_than_its_own(visit),
    }


@require_safe
@in_clinic(Right.READ)
def new(request: HttpRequest, visit: Visit) -> HttpResponse:
    """How many entries of the list came since it was read: announced, not pushed."""
    wish = asked(request, visit)
    since = request.GET.get("since", "")
    found: dict[str, Any] = {"count": 0, "most": MOST_NEW}
    if not wish.problem and since.isascii() and since.isdecimal() and len(since) < 19:
        if int(since) >= visit.session.size:  # the answer of nearly every look, and there is one every two seconds
            return HttpResponse(status=204)
        after = max(int(since), visit.session.size - MOST_LOOKED_THROUGH)
        newer = visit.session.read(wish.wanted, after_seq=after, limit=MOST_NEW + 1)
        found["count"] = count = sum(1 for _ in newer)
        if count:
            wanted = wish.wanted
            if not _are_first(visit, wish, int(since), count):
                wanted = _since(visit, wanted, int(since))
            found["url"] = address("activity", visit.clinic_id, query.format(wanted))
    return render(request, "indelible/activity/new.html", found)


def _are_first(visit: Visit, wish: Asked, since: int, count: int) -> bool:
    """Whether the new entries stand at the top of the list. One that is dated back stands somewhere below."""
    if count > ROWS:
        return False
    return all(view.seq > since for view in visit.session.page(wish.wanted, after=None, limit=count).views)


def _since(visit: Visit, wanted: Query, since: int) -> Query:
    """The filter with nothing but what the log took behind an entry."""
    taken = visit.session.select(wanted).seqs
    first = max(since + 1, taken[0][0]) if taken else since + 1
    return replace(wanted, recorded=Recorded(first, wanted.recorded.last if wanted.recorded else None))
