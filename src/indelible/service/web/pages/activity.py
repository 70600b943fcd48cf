"""The activity page: the list of a clinic's entries, newest first, and what narrows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from .... import catalogue
from ....errors import InvalidInput, InvalidQuery
from ....read import query
from ....read.actors import Acting, acting
from ....read.habits import marks
from ....read.query import Query
from ....read.recorded import Recorded
from ...accounts.roles import Right
from .. import entry_rows, filter_bar
from ..access import Visit, in_clinic
from ..url_query import Asked, address, asked
from ..view_recording import note_reading
from .summary import chart

# What fits on a few screens; "older" brings the next ones.
ROWS = 50
# More than this many new entries are said as "99+".
MOST_NEW = 99


@require_safe
@in_clinic(Right.READ)
def activity(request: HttpRequest, visit: Visit) -> HttpResponse:
    if any(name in request.GET for name in filter_bar.FIELDS):
        return _from_form(request, visit)
    wish = asked(request, visit)
    found = _list(visit, wish)
    note_reading(request, visit, wish.wanted)
    if request.htmx and request.htmx.target == "older":
        return render(request, "indelible/activity/rows.html", found)
    return render(request, "indelible/activity/page.html", {**found, **_bar(visit, wish)})


def _from_form(request: HttpRequest, visit: Visit) -> HttpResponse:
    sent = {name: request.GET.get(name, "").strip() for name in filter_bar.FIELDS}
    try:
        wanted = filter_bar.merged(visit.session, sent, visit.session.today)
    except (InvalidInput, InvalidQuery) as error:
        wish = Asked(Query(), sent["words"], None, str(error))
        return render(request, "indelible/activity/page.html",
                      {**_list(visit, wish), **_bar(visit, wish), "form": filter_bar.Form(
                          sent["words"], sent["who"], sent["what"], sent["days"], sent["from"], sent["to"])},
                      status=400)  # fmt: skip
    return HttpResponseRedirect(address("activity", visit.clinic_id, query.format(wanted)))


def _list(visit: Visit, wish: Asked) -> dict[str, Any]:
    if wish.problem:
        return {"days": [], "problem": wish.problem, "wish": wish}
    page = visit.session.page(wish.wanted, after=wish.after, limit=ROWS)
    return {
        "wish": wish,
        "page": page,
        "days": entry_rows.by_day(page.views, visit.clinic_id, marks(visit.session, page.views)),
        "zone": visit.session.zone,
        "begun": _begun(visit, wish),
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


def _bar(visit: Visit, wish: Asked) -> dict[str, Any]:
    people = acting(visit.session)
    return {
        "chart": None if wish.problem else chart(visit, wish.wanted),
        "totals_url": address("totals", visit.clinic_id, wish.text),
        # What was not understood stays in the box, to be mended there.
        "form": filter_bar.Form(words=wish.text) if wish.problem else filter_bar.form(wish.wanted, visit.session.today),
        "chips": shown_chips(visit, wish.wanted, people),
        "acting": people,
        "kinds": filter_bar.KINDS,
        "presets": filter_bar.PRESETS,
        "actions": _actions(visit),
        "empty_log": visit.session.size == 0,
    }


@dataclass(frozen=True, slots=True)
class ActionGroup:
    """The actions of a category that occur, as code and label."""

    code: str
    label: str
    actions: Sequence[tuple[str, str]]

    @property
    def value(self) -> str:
        return f"category:{self.code}"


def _actions(visit: Visit) -> list[ActionGroup]:
    """The actions that occur and that the role sees, by category."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for code in visit.session.actions:
        declared = catalogue.find(code)
        category = declared.category if declared else "other"
        if category not in visit.role.hidden:
            groups.setdefault(category, []).append((code, gettext(declared.label) if declared else code))
    named = [ActionGroup(code, filter_bar.category_name(code), sorted(pairs, key=lambda pair: pair[1]))
             for code, pairs in groups.items()]  # fmt: skip
    return sorted(named, key=lambda group: group.label)


def shown_chips(visit: Visit, wanted: Query, people: Sequence[Acting] | None = None) -> list[dict[str, Any]]:
    """Return the parts of a filter in words, each with the address of the list without it; `people` are who acts in the
    log, where that is known already."""
    if people is None:
        people = acting(visit.session) if wanted.wanted.actors or wanted.unwanted.actors else ()
    names = {one.id: one.name for one in people}
    return [
        {"name": filter_bar.key_name(chip.key), "text": filter_bar.value_name(chip.key, chip.value, names),
         "negated": chip.negated, "url": address("activity", visit.clinic_id, chip.without)}
        for chip in filter_bar.chips(wanted)
    ]  # fmt: skip


@require_safe
@in_clinic(Right.READ)
def new(request: HttpRequest, visit: Visit) -> HttpResponse:
    """How many entries of the list came since it was read: announced, not pushed."""
    wish = asked(request, visit)
    since = request.GET.get("since", "")
    found: dict[str, Any] = {"count": 0, "most": MOST_NEW}
    if not wish.problem and since.isascii() and since.isdecimal() and len(since) < 19:
        newer = visit.session.read(wish.wanted, after_seq=int(since), limit=MOST_NEW + 1)
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
