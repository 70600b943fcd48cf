"""Tallies of a filtered list: how many entries, how many on each day, and what money came in and went out.

Days are those of the clinic's zone now, as `from:` and `to:` of a filter are: a day may have 23 or 25 hours, and one
that the zone skipped has no entries. Money counts as the catalogue says of each action
(`money.EFFECTS`): what undoes money out makes the sum of money out smaller, which is below zero where a filter has the
undoing and not the undone.

Without free words every tally is exact, and also with those that are looked up as an id or a name. Others are looked
for in opened entries, of which at most `Session.search_limit` are opened, the newest; where there are more, a tally
says so (`whole` is false), how far back it came, and from where it can go on.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from ..catalogue import registered
from ..errors import InvalidInput
from ..format import instant
from ..format.money import EFFECTS
from ..stores.contract import AmountTally, EntryRow, Selection
from .query import Query
from .searching import Words
from .session import Cursor, Session

# Days of one chart: ten years. Each costs a look into the index, and nobody can click on a narrower bar.
DAYS_LIMIT = 3_660


@dataclass(frozen=True, slots=True)
class Counted:
    """How many entries a filter means. `whole` is false where more entries would have to be opened for free words;
    `reached` is then the instant of the oldest that was, in microseconds, and `older` the place from which to go on.
    Likewise in the tallies below; the days of a chart go on with a last day of where it came to."""

    entries: int
    whole: bool = True
    reached: int | None = None
    older: Cursor | None = None


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


# Days or months of one table of money.
PERIODS_LIMIT = 370


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
    older: Cursor | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """The money of some days of the clinic, from the first to the last, by currency as in `Totals`."""

    first: date
    last: date
    currencies: Sequence[CurrencyTotal]


@dataclass(frozen=True, slots=True)
class Periods:
    """Money by consecutive periods; on the day of `reached` and before, not all is summed."""

    periods: Sequence[Period]
    whole: bool = True
    reached: int | None = None


def count(session: Session, wanted: Query, *, after: Cursor | None = None) -> Counted:
    """Count the entries of a filter.

    `after` is the `older` of a count that was not whole: it counts on behind it, and counts nothing twice.
    """
    sought = session.seek(wanted)
    selection = sought.selection
    if sought.words or after is not None:
        found = _search(session, sought.words, selection, after)
        return Counted(len(found.hits), found.whole, found.reached, found.older)
    (entries,) = session.counts(selection, (instant.EARLIEST, instant.LATEST + 1))
    return Counted(entries)


def per_day(session: Session, wanted: Query, *, first: date, last: date) -> Days:
    """Count the entries of a filter on every day from `first` to `last`, zeros included.

    Days outside `from:` and `to:` of the filter have none. Raises InvalidInput for more than DAYS_LIMIT days.
    """
    length = (last - first).days + 1
    if length > DAYS_LIMIT:
        raise InvalidInput(f"is more than {DAYS_LIMIT} days before the last day; choose fewer days", "first")
    days = [date.fromordinal(first.toordinal() + number) for number in range(length)]
    sought = session.seek(wanted)
    selection = sought.selection
    on, edges = _edges(part for day in days for part in _parts(session.zone, day, day))
    found = _Search()
    if sought.words:
        found = _search(session, sought.words, _within(selection, edges))
        counts: Sequence[int] = _between([occurred_at for occurred_at, _ in found.hits], edges)
    else:
        counts = session.counts(selection, edges)
    counted: Counter[int] = Counter()
    for start, entries in zip(edges, counts, strict=False):
        counted[on.get(start, 0)] += entries
    return Days([Day(day, counted[day.toordinal()]) for day in days], found.whole, found.reached)


def _edges(parts: Iterable[tuple[int, int, int]]) -> tuple[Mapping[int, int], list[int]]:
    """On which day each part begins, and all instants at which one begins or ends. Edges may be further apart than a
    part is long, but no part lies on two sides of one."""
    every = sorted(parts)
    return {start: day for start, _, day in every}, sorted({edge for start, end, _ in every for edge in (start, end)})


def by_period(session: Session, wanted: Query, spans: Sequence[tuple[date, date]]) -> Periods:
    """Sum the money of a filter in each of some spans of days, which are in order and apart, as `totals` does.

    Days outside `from:` and `to:` of the filter have none. Raises InvalidInput for more than PERIODS_LIMIT spans.
    """
    if len(spans) > PERIODS_LIMIT:
        raise InvalidInput(f"are more than {PERIODS_LIMIT} periods; choose fewer days", "periods")
    sought = session.seek(wanted)
    counting, selection = _counting(sought.selection)
    on, edges = _edges(part for first, last in spans for part in _parts(session.zone, first, last))
    found = _Search()
    if sought.words:
        found = _search(session, sought.words, _within(selection, edges))
        between: Sequence[Sequence[AmountTally]] = _amounts_between(found.hits, edges)
    else:
        between = session.amounts_between(selection, edges)
    sums: dict[int, list[AmountTally]] = defaultdict(list)
    for start, tallies in zip(edges, between, strict=False):
        sums[on.get(start, 0)] += tallies
    periods = [Period(first, last, _by_currency(sums[first.toordinal()], counting)) for first, last in spans]
    return Periods(periods, found.whole, found.reached)


def totals(session: Session, wanted: Query, *, after: Cursor | None = None) -> Totals:
    """Sum the money of a filter by currency; a currency without money in or out is left out.

    `after` is the `older` of totals that were not whole: it sums on behind it, and sums nothing twice.
    """
    sought = session.seek(wanted)
    counting, selection = _counting(sought.selection)
    found = _Search()
    if sought.words or after is not None:
        found = _search(session, sought.words, selection, after)
        amounts: Sequence[AmountTally] = [amount for _, amount in found.hits if amount is not None]
    else:
        amounts = session.amounts(selection)
    return Totals(_by_currency(amounts, counting), found.whole, found.reached, found.older)


def _counting(selection: Selection) -> tuple[Mapping[str, str], Selection]:
    """How the amounts of each action count, and the part of a selection whose actions do."""
    counting = {cls.code: cls.money for cls in registered() if cls.money != "none"}
    asked = counting.keys() if selection.actions is None else counting.keys() & set(selection.actions)
    return counting, replace(selection, actions=tuple(sorted(asked)))


def _by_currency(amounts: Iterable[AmountTally], counting: Mapping[str, str]) -> list[CurrencyTotal]:
    sums: dict[str, dict[str, Sum]] = {}
    for tally in amounts:
        if tally.currency is not None:
            sides = sums.setdefault(tally.currency, {"in": Sum(), "out": Sum()})
            side, sign = EFFECTS[counting[tally.action]]
            sides[side] = sides[side].plus(tally, sign)
    return [CurrencyTotal(code, sides["in"], sides["out"]) for code, sides in sorted(sums.items())]


@lru_cache(maxsize=2 * DAYS_LIMIT)
def _parts(zone: str, first: date, last: date) -> tuple[tuple[int, int, int], ...]:
    """The instants of some days, as half-open (start, end) in microseconds, with the ordinal of the first."""
    return tuple(
        (start, end, first.toordinal())
        for start, end in instant.day_intervals(zone, first, last)
        if start is not None and end is not None
    )


# Free words


class _Search(NamedTuple):
    """The entries that have the words, among the newest that a selection means, newest first: when each occurred, and
    its amount."""

    hits: Sequence[tuple[int, AmountTally | None]] = ()
    whole: bool = True
    reached: int | None = None
    older: Cursor | None = None


def _search(session: Session, words: Words, selection: Selection, after: Cursor | None = None) -> _Search:
    hits: list[tuple[int, AmountTally | None]] = []
    tested, last = 0, None
    # However often it goes on, it is bounded as it was when it began.
    up_to = selection.up_to if after is None else after.up_to
    for found, has in session.tested(selection, words, after):
        if tested == session.search_limit and last is not None:
            older = Cursor(last.occurred_at, last.seq, up_to)
            return _Search(hits, False, last.occurred_at, older)
        tested, last = tested + 1, found
        if has:
            hits.append((found.occurred_at, _amount_of(found)))
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


def _amounts_between(
    hits: Iterable[tuple[int, AmountTally | None]], edges: Sequence[int]
) -> Sequence[Sequence[AmountTally]]:
    """The amounts of what was found, between each edge and the next."""
    between: list[list[AmountTally]] = [[] for _ in edges[1:]]
    for occurred_at, amount in hits:
        number = bisect_right(edges, occurred_at) - 1
        if amount is not None and 0 <= number < len(between):
            between[number].append(amount)
    return between


def _amount_of(found: EntryRow) -> AmountTally | None:
    if found.amount_minor is None:
        return None
    return AmountTally(found.action, found.currency, 1, found.amount_minor)
