"""Tallies of a filtered list: how many entries, how many on each day, and what money came in and went out.

Days are those of the clinic's zone now, as `from:` and `to:` of a filter are: a day may have 23 or 25 hours, and one
that the zone skipped has no entries. Money counts as the catalogue says of each action
(`money.EFFECTS`): what undoes money out makes the sum of money out smaller, which is below zero where a filter has the
undoing and not the undone.

Without free words every tally is exact. Free words are looked for in opened entries, so with them at most SEARCH_LIMIT
entries are opened, the newest; where there are more, a tally says so (`whole` is false) and how far back it came.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from . import instant, reading
from .catalogue import registered
from .errors import InvalidInput
from .journal import ClinicLog
from .money import EFFECTS
from .query import Query
from .reading import Words
from .store import AmountTally, Selection
from .view import View

# Days of one chart: ten years. Each costs a look into the index, and nobody can click on a narrower bar.
DAYS_LIMIT = 3_660


@dataclass(frozen=True, slots=True)
class Counted:
    """How many entries a filter means. `whole` is false where more entries would have to be opened for free words;
    `reached` is then the instant of the oldest that was, in microseconds. Likewise in the tallies below."""

    entries: int
    whole: bool = True
    reached: int | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """How many entries occurred on a day of the clinic."""

    day: date
    count: int


@dataclass(frozen=True, slots=True)
class Days:
    """Consecutive days, those without entries included; on `reached` and before, not all is counted."""

    days: Sequence[Day]
    whole: bool = True
    reached: int | None = None


class Sum(NamedTuple):
    """Entries that count on one side, and the sum of their amounts in minor units, less what was undone."""

    entries: int = 0
    amount_minor: int = 0

    def plus(self, tally: AmountTally, sign: int) -> Sum:
        return Sum(self.entries + tally.entries, self.amount_minor + sign * tally.amount_minor)


class CurrencyTotal(NamedTuple):
    """The money of one currency, an ISO 4217 code."""

    currency: str
    money_in: Sum
    money_out: Sum

    @property
    def net_minor(self) -> int:
        """What came in less what went out, in minor units."""
        return self.money_in.amount_minor - self.money_out.amount_minor


@dataclass(frozen=True, slots=True)
class Totals:
    """Money in and out for each currency that occurs, by code. Currencies are never added to each other."""

    currencies: Sequence[CurrencyTotal]
    whole: bool = True
    reached: int | None = None


def count(log: ClinicLog, wanted: Query, *, up_to: int | None = None) -> Counted:
    """Count the entries of a filter, among those with a number of at most `up_to` (default: all)."""
    selection = log.select(wanted, up_to)
    if _has_words(wanted):
        found = _search(log, wanted, selection)
        return Counted(len(found.hits), found.whole, found.reached)
    (entries,) = log.store.counts(log.info.id, selection, (instant.EARLIEST, instant.LATEST + 1))
    return Counted(entries)


def per_day(log: ClinicLog, wanted: Query, *, first: date, last: date, up_to: int | None = None) -> Days:
    """Count the entries of a filter on every day from `first` to `last`, zeros included.

    Days outside `from:` and `to:` of the filter have none. Raises InvalidInput for more than DAYS_LIMIT days.
    """
    length = (last - first).days + 1
    if length > DAYS_LIMIT:
        raise InvalidInput(f"is more than {DAYS_LIMIT} days before the last day; choose fewer days", "first")
    days = [date.fromordinal(first.toordinal() + number) for number in range(length)]
    selection = log.select(wanted, up_to)
    parts = sorted(part for day in days for part in _parts(log.info.zone, day))
    edges = sorted({edge for start, end, _ in parts for edge in (start, end)})
    found = _Search()
    if _has_words(wanted):
        found = _search(log, wanted, _within(selection, edges))
        counts: Sequence[int] = _between([hit.occurred_at for hit in found.hits], edges)
    else:
        counts = log.store.counts(log.info.id, selection, edges)
    # Edges may be further apart than a part is long, but no part lies on two sides of one.
    on = {start: day for start, _, day in parts}
    counted: Counter[int] = Counter()
    for start, entries in zip(edges, counts, strict=False):
        counted[on.get(start, 0)] += entries
    return Days([Day(day, counted[day.toordinal()]) for day in days], found.whole, found.reached)


def totals(log: ClinicLog, wanted: Query, *, up_to: int | None = None) -> Totals:
    """Sum the money of a filter by currency; a currency without money in or out is left out."""
    selection = log.select(wanted, up_to)
    counting = {cls.code: cls.money for cls in registered() if cls.money != "none"}
    asked = counting.keys() if selection.actions is None else counting.keys() & set(selection.actions)
    selection = replace(selection, actions=tuple(sorted(asked)))
    found = _Search()
    if _has_words(wanted):
        found = _search(log, wanted, selection)
        amounts: Sequence[AmountTally] = _amounts_of(found.hits)
    else:
        amounts = log.store.amounts(log.info.id, selection)
    return Totals(_by_currency(amounts, counting), found.whole, found.reached)


def _by_currency(amounts: Iterable[AmountTally], counting: Mapping[str, str]) -> list[CurrencyTotal]:
    sums: dict[str, dict[str, Sum]] = {}
    for tally in amounts:
        if tally.currency is not None:
            sides = sums.setdefault(tally.currency, {"in": Sum(), "out": Sum()})
            side, sign = EFFECTS[counting[tally.action]]
            sides[side] = sides[side].plus(tally, sign)
    return [CurrencyTotal(code, sides["in"], sides["out"]) for code, sides in sorted(sums.items())]


@lru_cache(maxsize=2 * DAYS_LIMIT)
def _parts(zone: str, day: date) -> tuple[tuple[int, int, int], ...]:
    """The instants of a day, as half-open (start, end) in microseconds, with its ordinal."""
    return tuple(
        (start, end, day.toordinal())
        for start, end in instant.day_intervals(zone, day, day)
        if start is not None and end is not None
    )


# Free words


class _Search(NamedTuple):
    """The entries that have the words, among the newest that a selection means."""

    hits: Sequence[View] = ()
    whole: bool = True
    reached: int | None = None


def _has_words(wanted: Query) -> bool:
    return bool(wanted.words or wanted.unwanted_words)


def _search(log: ClinicLog, wanted: Query, selection: Selection) -> _Search:
    has = Words(wanted.words, wanted.unwanted_words).test()
    hits: list[View] = []
    opened, reached = 0, None
    for view in log.views(selection, limit=reading.SEARCH_LIMIT + 1):
        if opened == reading.SEARCH_LIMIT:
            return _Search(hits, False, reached)
        opened, reached = opened + 1, view.occurred_at
        if has(view):
            hits.append(view)
    return _Search(hits)


def _within(selection: Selection, edges: Sequence[int]) -> Selection:
    """The same between the first and the last edge, so that nothing is opened that cannot count."""
    if not edges:
        return replace(selection, intervals=())
    first, last = edges[0], edges[-1]
    intervals = ((None, None),) if selection.intervals is None else selection.intervals
    return replace(selection, intervals=tuple(
        (first if start is None else max(first, start), last if end is None else min(last, end))
        for start, end in intervals
    ))  # fmt: skip


def _between(instants: Iterable[int], edges: Sequence[int]) -> list[int]:
    """How many instants lie between each edge and the next."""
    counted = Counter(bisect_right(edges, one) - 1 for one in instants)
    return [counted[number] for number in range(len(edges) - 1)]


def _amounts_of(views: Iterable[View]) -> list[AmountTally]:
    return [
        AmountTally(view.action, view.currency, 1, view.amount_minor) for view in views if view.amount_minor is not None
    ]
