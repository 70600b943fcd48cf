"""What a filtered list comes to: entries per day as a small chart, and money in and out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ....read import query
from ....read.query import Query
from ....read.tallying import DAYS_LIMIT, Day, per_day, totals
from ...accounts.roles import Right
from .. import localization
from ..access import Visit, in_clinic
from ..url_query import address, asked
from ..view_recording import note_reading

# Days shown where the filter says none, and at most as days; a longer range is shown by months.
DAYS = 30
MOST_DAYS = 92
WIDTH, HEIGHT = 1_000, 72


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, what it says, and the list of its days. Places are text: a template would write 1.5 as 1,5."""

    x: str
    y: str
    width: str
    height: str
    label: str
    count: int
    url: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars from `first` to `last`; `by_month` where each is a month, `chosen` where the filter says the days."""

    bars: Sequence[Bar]
    first: date
    last: date
    by_month: bool
    chosen: bool
    total: int
    partly: bool
    reached: date | None = None
    older_url: str = ""
    width: int = WIDTH
    height: int = HEIGHT


def chart(visit: Visit, wanted: Query) -> Chart:
    """Return the chart of a filter: its own days, else the last thirty."""
    today = visit.session.today
    last = min(wanted.last or today, max(today, wanted.first or today))
    first = max(wanted.first or _earlier(last, DAYS - 1), _earlier(last, DAYS_LIMIT - 1))
    tally = per_day(visit.session, replace(wanted, first=None, last=None), first=first, last=last)
    days = tally.days
    by_month = len(days) > MOST_DAYS
    spans = _months(days) if by_month else [(one.day, one.day, one.count) for one in days]
    most = max((count for _, _, count in spans), default=0)
    step = WIDTH / max(1, len(spans))
    bars = [_bar(visit, wanted, span, index * step, step, most, by_month) for index, span in enumerate(spans)]
    total = sum(one.count for one in days)
    reached = None if tally.reached is None else visit.session.day(tally.reached)
    # The days before are another chart, which begins with the day that this one came to.
    before = "" if reached is None or reached >= last else query.format(replace(wanted, last=reached))
    return Chart(bars, first, last, by_month, bool(wanted.first or wanted.last), total, not tally.whole, reached,
                 address("activity", visit.clinic_id, before) if before else "")  # fmt: skip


def _earlier(day: date, days: int) -> date:
    """Return the day so many days before, or the first of the calendar."""
    return date.fromordinal(max(1, day.toordinal() - days))


def _months(days: Sequence[Day]) -> list[tuple[date, date, int]]:
    spans: list[tuple[date, date, int]] = []
    for one in days:
        if spans and spans[-1][1].replace(day=1) == one.day.replace(day=1):
            first, _, count = spans[-1]
            spans[-1] = (first, one.day, count + one.count)
        else:
            spans.append((one.day, one.day, one.count))
    return spans


def _bar(
    visit: Visit, wanted: Query, span: tuple[date, date, int], x: float, step: float, most: int, by_month: bool
) -> Bar:
    first, last, count = span
    height = 0.0 if count == 0 else max(2.0, count / most * HEIGHT)
    label = localization.month(first) if by_month else localization.day(first)
    text = query.format(replace(wanted, first=first, last=last))
    gap = min(2.0, step / 4)
    return Bar(f"{x + gap / 2:.2f}", f"{HEIGHT - height:.2f}", f"{step - gap:.2f}", f"{height:.2f}", label, count,
               address("activity", visit.clinic_id, text))  # fmt: skip


@require_safe
@in_clinic(Right.READ)
def money(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Money in and out per currency, of the whole filtered list."""
    wish = asked(request, visit)
    found: dict[str, Any] = {"wish": wish, "back": address("activity", visit.clinic_id, wish.text)}
    if not wish.problem:
        summed = totals(visit.session, wish.wanted, after=wish.after)
        found |= {
            "totals": summed,
            "reached": None if summed.reached is None else visit.session.day(summed.reached),
            "begun": None if wish.after is None else visit.session.day(wish.after.occurred_at),
            "older": address("totals", visit.clinic_id, wish.text, after=summed.older.encode()) if summed.older else "",
        }
        note_reading(request, visit, wish.wanted)
    in_part = request.htmx and request.htmx.target == "totals"
    return render(
        request, "indelible/activity/totals.html" if in_part else "indelible/activity/totals_page.html", found
    )
