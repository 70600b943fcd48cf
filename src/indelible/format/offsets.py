"""How far the clocks of zones are ahead of UTC, as tables: what a row needs of the zone database, and a bundle carries.

    table   = (from, minutes), (from, minutes), ...      in the order of from, each later than the one before
    minutes   of an instant: those of the last pair whose `from` is at it or before it; 0 where there is none

`from` is an instant. A table need not reach back to the beginning of time: it covers the years that were asked for. The
rules of zones change with the releases of the IANA database, and two computers may have two of them. So what was
written with one table is checked with the same table, which travels along.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from ..errors import InvalidInput
from . import instant

Table = tuple[tuple[int, int], ...]

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # naive on purpose: UTC arithmetic at half the cost
# A clinic has a zone or two, and a log some tens of years.
_YEARS_KEPT = 4_096


def minutes(us: int, zone: str) -> int:
    """Return how many minutes the clock of a zone is ahead of UTC at an instant, by the IANA database.

    0 for a zone that the database does not know: an entry keeps the name of its zone for ever, the database may not.
    """
    return _last(us, _year(zone, (_EPOCH + timedelta(microseconds=us)).year))


class Used:
    """`minutes`, and which years of which zones it was asked for."""

    def __init__(self) -> None:
        self._years: dict[tuple[str, int], Table] = {}

    def minutes(self, us: int, zone: str) -> int:
        place = zone, (_EPOCH + timedelta(microseconds=us)).year
        table = self._years.get(place)
        if table is None:
            table = self._years[place] = _year(*place)
        return _last(us, table)

    def tables(self) -> dict[str, Table]:
        """The tables that give the same minutes for every instant that was asked for, by zone."""
        tables: dict[str, list[tuple[int, int]]] = {}
        for (zone, _), table in sorted(self._years.items()):
            pairs = tables.setdefault(zone, [])
            for begin, ahead in table:
                if not pairs or pairs[-1][1] != ahead:
                    pairs.append((begin, ahead))
        return {zone: tuple(pairs) for zone, pairs in tables.items() if pairs}


class Given:
    """`minutes` by tables from outside, such as those in a bundle."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = {
            zone: ([begin for begin, _ in table], [ahead for _, ahead in table]) for zone, table in tables.items()
        }

    def minutes(self, us: int, zone: str) -> int:
        begins, ahead = self._tables.get(zone, ([], []))
        place = bisect_right(begins, us)
        return ahead[place - 1] if place else 0


def _last(us: int, table: Table) -> int:
    """The minutes of an instant within the year of the table: three pairs at most, as a rule."""
    for begin, ahead in reversed(table):
        if begin <= us:
            return ahead
    return 0


@lru_cache(maxsize=_YEARS_KEPT)
def _year(zone: str, year: int) -> Table:
    """The table of a zone for a year of UTC; empty for a zone that the database does not know."""
    try:
        place = instant.zone(zone)
    except InvalidInput:
        return ()
    start = instant.from_datetime(datetime(year, 1, 1, tzinfo=UTC), "year")
    end = instant.LATEST if year == 9999 else instant.from_datetime(datetime(year + 1, 1, 1, tzinfo=UTC), "year")
    return tuple(instant.offsets(start, end, place))
