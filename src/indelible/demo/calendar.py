"""When the demo's clinic is open, and local times as instants.

Opening hours, in Lisbon's local time: Monday to Friday 09:00 to 19:00, Saturday 09:00 to 13:00. Closed on Sundays, on
Portugal's public holidays (Código do Trabalho, article 234) and on Lisbon's own, 13 June. Four of them move with
Easter: Good Friday is two days before it, Corpus Christi sixty days after. An instant is microseconds since 1970 in
UTC.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from random import Random

from ..format import instant

ZONE = "Europe/Lisbon"
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = timedelta(days=1)

_ZONE = instant.zone(ZONE)
_SATURDAY, _SUNDAY = 5, 6


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (the method of Meeus, Jones and Butcher)."""
    century, rest = divmod(year, 100)
    golden = year % 19
    leaps, left = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leaps - moon + 15) % 30
    weekday = (32 + 2 * left + 2 * (rest // 4) - epact - rest % 4) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)


@lru_cache(maxsize=64)
def holidays(year: int) -> frozenset[date]:
    """Return the days of a year on which the clinic is closed by law, Sundays aside."""
    sunday = easter(year)
    fixed = ((1, 1), (4, 25), (5, 1), (6, 10), (6, 13), (8, 15), (10, 5), (11, 1), (12, 1), (12, 8), (12, 25))
    return frozenset({date(year, month, day) for month, day in fixed} | {sunday - 2 * DAY, sunday + 60 * DAY})


@lru_cache(maxsize=4096)
def opening(day: date) -> tuple[int, int] | None:
    """Return when the clinic opens and closes, in minutes after local midnight, or None on a day when it is closed."""
    if day.weekday() == _SUNDAY or day in holidays(day.year):
        return None
    return (9 * 60, 13 * 60) if day.weekday() == _SATURDAY else (9 * 60, 19 * 60)


def demand(day: date) -> float:
    """Return how full the day is, as a part of the slots: about half, less in August, when Lisbon is away."""
    by_month = {1: 0.46, 7: 0.48, 8: 0.32, 12: 0.58}
    return by_month.get(day.month, 0.52) * (1.1 if day.weekday() >= 4 else 1.0)


@lru_cache(maxsize=4096)
def midnight(day: date) -> int:
    """Return the first instant of a local day."""
    return round(datetime.combine(day, time(0), _ZONE).timestamp()) * 1_000_000


@lru_cache(maxsize=4096)
def _noon(day: date) -> int:
    return round(datetime.combine(day, time(12), _ZONE).timestamp()) * 1_000_000


def at(day: date, minute: int) -> int:
    """Return the instant of a local time, in minutes after midnight. Lisbon's clocks change at 01:00 or at 02:00."""
    return midnight(day) + minute * MINUTE if minute < 60 else _noon(day) + (minute - 720) * MINUTE


def local(us: int) -> datetime:
    """Return the local time of an instant."""
    seconds, rest = divmod(us, 1_000_000)
    return datetime.fromtimestamp(seconds, _ZONE).replace(microsecond=rest)


def some_time(rng: Random, low: int, high: int, *, open_only: bool) -> int | None:
    """Return an instant between two others at which somebody would book or cancel, or None where a few tries find none.

    With `open_only` the clinic is open then (somebody of its staff does it); else it is between 07:00 and 23:55.
    """
    first = local(low).date()
    span = (local(high).date() - first).days
    for _ in range(12):
        day = first + timedelta(days=rng.randint(0, span))
        hours = opening(day) if open_only else (7 * 60, 24 * 60)
        if hours is None:
            continue
        # Not in the last minutes: what belongs to it follows within seconds, and is to be in time too.
        found = at(day, hours[0]) + rng.randrange((hours[1] - hours[0] - 5) * MINUTE)
        if low < found < high:
            return found
    return None


def some_night(rng: Random, low: int, high: int) -> int | None:
    """Return an instant between two others from 22:00 to 07:00, when nobody is at the desk, or None."""
    first = local(low).date()
    span = (local(high).date() - first).days
    for _ in range(12):
        minute = rng.randrange(-120, 7 * 60 - 5)
        found = midnight(first + timedelta(days=rng.randint(0, span))) + minute * MINUTE + rng.randrange(MINUTE)
        hour = local(found).hour  # a night has an hour more or less when the clocks change
        if low < found < high and (hour >= 22 or hour < 7):
            return found
    return None
