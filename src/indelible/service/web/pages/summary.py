"""What a filtered list comes to: entries per day as a small chart, and money in and out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from html import escape
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from ....read import query
from ....read.query import Query
from ....read.tallying import DAYS_LIMIT, CurrencyTotal, Day, Period, Sum, Totals, by_period, per_day, totals
from ...accounts.roles import Right
from .. import localization
from ..access import Visit, in_clinic
from ..url_query import address, asked
from ..view_recording import note_reading

# Days shown where the filter says none, and at most as days; a longer range is shown by months.
DAYS = 30
MOST_DAYS = 92
WIDTH, HEIGHT = 1_000, 72
# Money by months where there are more days than these; so many months beside a list, and on the page of their own.
MOST_MONEY_DAYS = 62
BESIDE_MONTHS, PAGE_MONTHS = 12, 120
MONEY_WIDTH, MONEY_HEIGHT = 300, 84


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

    @property
    def drawn(self) -> SafeString:
        """The bars as SVG. A template takes longer for them than the rest of the page does."""
        return SafeString("".join(map(self._drawn, self.bars)))

    def _drawn(self, bar: Bar) -> str:
        said = escape(f"{bar.label}: {localization.number(bar.count)}")
        return (
            f'<a href="{escape(bar.url)}" aria-label="{said}"><title>{said}</title>'
            f'<rect class="ground" x="{bar.x}" y="0" width="{bar.width}" height="{self.height}"/>'
            f'<rect class="bar" x="{bar.x}" y="{bar.y}" width="{bar.width}" height="{bar.height}"/></a>'
        )


def chart(visit: Visit, wanted: Query) -> Chart:
    """Return the chart of a filter: its own days, else the last thirty."""
    today = visit.session.today
    since, until = visit.session.days(wanted)
    last = min(until or today, max(today, since or today))
    first = max(since or _earlier(last, DAYS - 1), _earlier(last, DAYS_LIMIT - 1))
    tally = per_day(visit.session, wanted, first=first, last=last)  # with its own bounds: they may be hours
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


@dataclass(frozen=True, slots=True)
class MoneyRow:
    """What came in and went out in a day or a month, with the list of it; and its two bars, above and below a line."""

    label: str
    url: str
    total: CurrencyTotal
    x: str
    width: str
    y: str
    height_in: str
    height_out: str


@dataclass(frozen=True, slots=True)
class Money:
    """The sums of a currency, and what they come to by day or by month: `rows` oldest first, none where there is one
    period only. Heights are per `zero`, the place of the line."""

    total: CurrencyTotal
    rows: Sequence[MoneyRow]
    label: str
    width: int = MONEY_WIDTH
    height: int = MONEY_HEIGHT
    zero: str = "0"


def _spans(visit: Visit, wanted: Query, most_months: int) -> tuple[list[tuple[date, date]], bool]:
    """The days or months of a filter's money, and whether they are months: its own days, else the last months."""
    today = visit.session.today
    since, until = visit.session.days(wanted)
    last = min(until or today, max(today, since or today))
    if since and (last - since).days < MOST_MONEY_DAYS:
        days = (last - since).days + 1
        return [(day, day) for day in (since + timedelta(days=number) for number in range(days))], False
    spans: list[tuple[date, date]] = []
    while len(spans) < most_months and (since is None or last >= since):
        first = max(last.replace(day=1), since or date.min)
        spans.append((first, last))
        if first.toordinal() == 1:
            break
        last = _earlier(first, 1)
    return spans[::-1], True


def _moneys(visit: Visit, wanted: Query, summed: Totals, most_months: int) -> list[Money]:
    """The sums of each currency with what they come to by day or month, from the first that has money."""
    spans, by_month = _spans(visit, wanted, most_months)
    periods = by_period(visit.session, wanted, spans).periods if summed.currencies and len(spans) > 1 else ()
    named = [(_named(visit, wanted, one, by_month), one) for one in periods]
    return [_money(total, named) for total in summed.currencies]


def _named(visit: Visit, wanted: Query, one: Period, by_month: bool) -> tuple[str, str]:
    """What a period is called, and the address of its list."""
    text = query.format(replace(wanted, first=one.first, last=one.last))
    label = localization.month(one.first) if by_month else localization.short_day(one.first)
    return label, address("activity", visit.clinic_id, text)


def _money(total: CurrencyTotal, periods: Sequence[tuple[tuple[str, str], Period]]) -> Money:
    nothing = CurrencyTotal(total.currency, Sum(), Sum())
    of = [(name, next((one for one in period.currencies if one.currency == total.currency), nothing))
          for name, period in periods]  # fmt: skip
    while of and of[0][1] == nothing:
        of = of[1:]
    if len(of) < 2:
        return Money(total, (), "")
    most_in, most_out = (
        max(max(0, side.amount_minor) for side in sides)
        for sides in ([one.money_in for _, one in of], [one.money_out for _, one in of])
    )
    scale = (MONEY_HEIGHT - 4) / max(1, most_in + most_out)
    zero, step = most_in * scale + 2, MONEY_WIDTH / len(of)
    rows = []
    for number, ((label, url), one) in enumerate(of):
        # What there is at all is seen.
        above, below = (
            max(1.5, side.amount_minor * scale) if side.amount_minor > 0 else 0.0
            for side in (one.money_in, one.money_out)
        )
        gap = min(3.0, step / 4)
        rows.append(MoneyRow(label, url, one, f"{number * step + gap / 2:.2f}", f"{step - gap:.2f}",
                             f"{zero - above:.2f}", f"{above:.2f}", f"{below:.2f}"))  # fmt: skip
    return Money(total, rows, f"{of[0][0][0]} – {of[-1][0][0]}", zero=f"{zero:.2f}")


@require_safe
@in_clinic(Right.TOTALS)
def money(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Money in and out per currency, of the whole filtered list: a page, or the part beside a list."""
    wish = asked(request, visit)
    in_part = request.htmx and request.htmx.target == "totals"
    found: dict[str, Any] = {
        "wish": wish,
        "back": address("activity", visit.clinic_id, wish.text),
        "in_part": in_part,
        "page": address("totals", visit.clinic_id, wish.text),
    }
    if not wish.problem:
        summed = totals(visit.session, wish.wanted, after=wish.after)
        # What goes on behind a place has no days of its own.
        wanted, months = wish.wanted, BESIDE_MONTHS if in_part else PAGE_MONTHS
        found |= {
            "totals": summed,
            "moneys": [Money(one, (), "") for one in summed.currencies]
            if wish.after or not summed.whole
            else _moneys(visit, wanted, summed, months),
            "reached": None if summed.reached is None else visit.session.day(summed.reached),
            "begun": None if wish.after is None else visit.session.day(wish.after.occurred_at),
            "older": address("totals", visit.clinic_id, wish.text, after=summed.older.encode()) if summed.older else "",
        }
        note_reading(request, visit, wish.wanted)
    return render(
        request, "indelible/activity/totals.html" if in_part else "indelible/activity/totals_page.html", found
    )
