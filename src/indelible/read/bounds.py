"""When entries happened, as a part of the filter: the values of the keys `from` and `to`.

    bound  = day | minute | named | back
    day    = YYYY-MM-DD                                  a day of the clinic
    minute = YYYY-MM-DD "T" hh:mm                        a minute of the clinic's clock
    named  = "today" | "yesterday"
           | ["last-"] ("week" | "month" | "quarter" | "year")     weeks begin on Monday; a year is a calendar year
    back   = "-" number ("d" | "h")                      1 to 9999 days or hours; only after from:

Every bound is a span of time: `from` begins where it begins, `to` ends where it ends, so both belong to the range.

    from:today                         today, from its midnight on
    from:last-month to:last-month      the whole month before this one
    from:-7d                           the last seven days of the calendar, of which today is one
    from:-2h                           the two hours before now, which roll
    from:2026-12-05T14:00 to:2026-12-05T18:00      a clock that shows 14:00 to 18:00; the minute 18:00 belongs

A named bound and a number back are kept as they are written and mean something else tomorrow: `resolved` says what they
mean now. Days are those of the clinic's zone now, with 23, 24 or 25 hours. Where the clock shows a minute twice, `from`
begins with the first time and `to` ends with the second; where it skips one, with the minute that it shows instead. So
nothing is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ..errors import InvalidInput
from ..format import instant

PERIODS = ("week", "month", "quarter", "year")
NAMES = ("today", "yesterday", *PERIODS, *(f"last-{period}" for period in PERIODS))

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MINUTE = re.compile(r"(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_BACK = re.compile(r"-([1-9]\d{0,3})([dh])", re.ASCII)
# strftime would follow the locale of the machine.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_UNITS = {"d": "day", "h": "hour"}


@dataclass(frozen=True, slots=True)
class Minute:
    """A minute of the clinic's clock; `minute` counts from midnight, as the clock shows it. Raises InvalidInput."""

    day: date
    minute: int

    def __post_init__(self) -> None:
        if not 0 <= self.minute < 24 * 60:
            raise InvalidInput("has a time that no day has; write it as 2026-05-31T14:00", "from")

    @property
    def clock(self) -> str:
        """The time of day: "14:00"."""
        return f"{self.minute // 60:02d}:{self.minute % 60:02d}"


@dataclass(frozen=True, slots=True)
class Named:
    """One of NAMES. Raises InvalidInput."""

    name: str

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise InvalidInput(f"is not one of {', '.join(NAMES)}", "from")


@dataclass(frozen=True, slots=True)
class Back:
    """So many days ("d") of the calendar, today the last of them, or hours ("h") before now. Raises InvalidInput."""

    number: int
    unit: str

    def __post_init__(self) -> None:
        if not 1 <= self.number <= 9999 or self.unit not in _UNITS:
            raise InvalidInput("is not from 1 to 9999 days or hours; write it as from:-7d or from:-2h", "from")


Absolute = date | Minute
Bound = Absolute | Named | Back


def parse(text: str, key: str) -> Bound:
    """Return the bound of a text after the key `from` or `to`. Raises InvalidInput, which names the key."""
    if text in NAMES:
        return Named(text)
    if back := _BACK.fullmatch(text):
        if key != "from":
            raise InvalidInput("cannot count back; write the day, or leave it out to go on until now", key)
        return Back(int(back[1]), back[2])
    day, minute = text, None
    if clock := _MINUTE.fullmatch(text):
        day, minute = clock[1], int(clock[2]) * 60 + int(clock[3])
    if not _DAY.fullmatch(day):
        raise InvalidInput(
            f"is not a day; write it as {key}:2026-05-31, {key}:2026-05-31T14:00, {key}:today or {key}:last-month", key
        )
    try:
        found = date.fromisoformat(day)
    except ValueError as error:
        raise InvalidInput("is a day that the calendar does not have", key) from error
    return found if minute is None else Minute(found, minute)


def format(bound: Bound) -> str:
    """Return the text that `parse` reads back."""
    match bound:
        case Named():
            return bound.name
        case Back():
            return f"-{bound.number}{bound.unit}"
        case Minute():
            return f"{bound.day.isoformat()}T{bound.clock}"
    return bound.isoformat()


def check(first: Bound | None, last: Bound | None) -> None:
    """Raise InvalidInput for what is no bound, and for a range whose two fixed ends are in the wrong order."""
    for key, bound in (("from", first), ("to", last)):
        if isinstance(bound, datetime) or not isinstance(bound, date | Minute | Named | Back | None):
            raise InvalidInput("must be a date, or a Minute, Named or Back", key)
    if isinstance(last, Back):
        raise InvalidInput("cannot count back; give the day", "to")
    if are_exchanged(first, last):
        raise InvalidInput("is after the day in to", "from")


def are_exchanged(first: Bound | None, last: Bound | None) -> bool:
    """Whether two fixed ends are in the wrong order; what is relative is compared when it is resolved."""
    if not isinstance(first, date | Minute) or not isinstance(last, date | Minute):
        return False
    start = (first.day, first.minute) if isinstance(first, Minute) else (first, 0)
    end = (last.day, last.minute) if isinstance(last, Minute) else (last, 24 * 60)
    return start > end


def resolved(first: Bound | None, last: Bound | None, now: int, zone: str) -> tuple[Absolute | None, Absolute | None]:
    """Return both ends as they are at the instant `now`. Hours back become the minute that the clinic's clock showed
    then."""
    return _resolved(first, now, zone, 0), _resolved(last, now, zone, 1)


def days(first: Bound | None, last: Bound | None, now: int, zone: str) -> tuple[date | None, date | None]:
    """Return the first and the last day of a range, as it is at the instant `now`."""
    found = resolved(first, last, now, zone)
    start, end = (bound.day if isinstance(bound, Minute) else bound for bound in found)
    return start, end


def _resolved(bound: Bound | None, now: int, zone: str, end: int) -> Absolute | None:
    match bound:
        case Named():
            return _span(bound.name, _today(now, zone))[end]
        case Back(number, "d"):
            return date.fromordinal(max(1, _today(now, zone).toordinal() - number + 1))
        case Back(number, _):
            local = _local(now - number * instant.HOUR, zone)
            return Minute(local.date(), local.hour * 60 + local.minute)
    return bound


def _local(us: int, zone: str) -> datetime:
    us = max(us, instant.EARLIEST)
    return instant.to_datetime(us, instant.offset_minutes(us, instant.zone(zone)))


def _today(now: int, zone: str) -> date:
    return _local(now, zone).date()


def _span(name: str, today: date) -> tuple[date, date]:
    """The first and the last day of what a name means."""
    if name == "today":
        return today, today
    if name == "yesterday":
        return today - timedelta(days=1), today - timedelta(days=1)
    first = _begin(name.removeprefix("last-"), today)
    if name.startswith("last-"):
        last = first - timedelta(days=1)
        return _begin(name.removeprefix("last-"), last), last
    # 31 days behind its first, a month or a week is over and the next one not; likewise the longer ones.
    beyond = {"week": 7, "month": 31, "quarter": 92, "year": 366}[name]
    return first, _begin(name, first + timedelta(days=beyond)) - timedelta(days=1)


def _begin(period: str, day: date) -> date:
    """The first day of the period that a day is in."""
    if period == "week":
        return day - timedelta(days=day.weekday())
    month = {"month": day.month, "quarter": (day.month - 1) // 3 * 3 + 1, "year": 1}[period]
    return day.replace(month=month, day=1)


def intervals(first: Bound | None, last: Bound | None, now: int, zone: str) -> tuple[instant.Interval, ...]:
    """Return the instants of a range, half-open, in order and apart; None stands for no bound, and none at all are
    where the range is empty."""
    ends = [None if _is_clock(bound) else day for bound, day in zip((first, last), days(first, last, now, zone),
                                                                    strict=True)]  # fmt: skip
    start = end = None
    if isinstance(first, Minute):
        start, _ = instant.clock_interval(zone, _wall(first), None)
    elif isinstance(first, Back) and first.unit == "h":
        start = now - first.number * instant.HOUR
    if isinstance(last, Minute):
        _, end = instant.clock_interval(zone, None, _wall(last) + instant.MINUTE)
    return tuple(_clipped(instant.day_intervals(zone, *ends), start, end))


def _clipped(found: tuple[instant.Interval, ...], start: int | None, end: int | None) -> list[instant.Interval]:
    clipped = []
    for left, right in found:
        left = left if start is None else start if left is None else max(left, start)
        right = right if end is None else end if right is None else min(right, end)
        if left is None or right is None or left < right:
            clipped.append((left, right))
    return clipped


def _is_clock(bound: Bound | None) -> bool:
    return isinstance(bound, Minute) or (isinstance(bound, Back) and bound.unit == "h")


def _wall(bound: Minute) -> int:
    return instant.midnight(bound.day) + bound.minute * instant.MINUTE


def in_words(first: Bound | None, last: Bound | None, zone: str) -> str:
    """Return a range in English, as the end of "entries ...": "from 1 May 2026 to 31 May 2026 (days in UTC)"."""
    where = f" ({'times' if _is_clock(first) or _is_clock(last) else 'days'} in {zone})"
    if isinstance(first, Back):
        unit = _UNITS[first.unit]
        since = f"in the last {first.number} {unit}s" if first.number > 1 else f"in the last {unit}"
        return (since if last is None else f"{since} up to {_end(last, last=True)}") + where
    if first is not None and first == last:
        return (_of_name(first.name) if isinstance(first, Named) else f"on {_end(first)}") + where
    if first is not None and last is not None:
        return f"from {_end(first)} to {_end(last, last=True)}{where}"
    if first is not None:
        return f"from {_end(first)} on{where}"
    return f"up to {_end(last, last=True)}{where}" if last is not None else ""


def _of_name(name: str) -> str:
    if name in ("today", "yesterday"):
        return name
    return name.replace("-", " ") if name.startswith("last-") else f"this {name}"


def _end(bound: Bound, *, last: bool = False) -> str:
    if isinstance(bound, Named):
        whole = _of_name(bound.name)
        return whole if bound.name in NAMES[:2] else f"the {'end' if last else 'beginning'} of {whole}"
    if isinstance(bound, Minute):
        return f"{day_in_words(bound.day)} {bound.clock}"
    return day_in_words(bound) if isinstance(bound, date) else format(bound)


def day_in_words(day: date) -> str:
    """Return a day in English: "1 May 2026"."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
