"""Instants, and the days of a clinic.

An instant is an `int`: microseconds since 1970-01-01T00:00:00Z without leap seconds, negative before. The range is
EARLIEST to LATEST, the years 0001 to 9999 in UTC.

    canonical = YYYY-MM-DD "T" hh:mm:ss "." ffffff "Z"     UTC, always six digits, 27 characters; `format`
    input     = RFC 3339 section 5.6: date-time with an offset; "t" and "z" may be small; 1 to 9 digits of a second,
                of which the seventh and later are dropped; no leap second; `parse`
    local     = YYYY-MM-DD "T" hh:mm:ss "." ffffff ("+" | "-") hh:mm; `local_text`

The offset of a zone is kept in whole minutes, towards zero. Only local mean time has seconds, in most places before
1912 (Monrovia: 1972); there `local_text` is up to 59 seconds beside the wall clock. `day_intervals` uses the exact
offset.

The rules of a zone always come from the `tzdata` package and never from the operating system, so that
`zone_data_version` names the rules that were used.
"""

from __future__ import annotations

import difflib
import importlib.resources
import re
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

import tzdata  # type: ignore[import-untyped]  # ships no types; one constant is read

from ..errors import InvalidInput, MalformedProof

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # naive on purpose: UTC arithmetic at half the cost
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
_NO_TIME = timedelta()
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()

EARLIEST = (1 - _EPOCH_ORDINAL) * DAY
LATEST = (date.max.toordinal() + 1 - _EPOCH_ORDINAL) * DAY - 1

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:(\d\d)(?:\.\d{1,9})?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)?", re.ASCII
)

# No zone is further from UTC than 16 hours; a boundary of a local day lies within this of the same boundary in UTC.
_WIDEST_OFFSET = 26 * HOUR

# Within one step a zone changes its offset at most once (the nearest two changes in tzdata are seven days apart).
_STEP = 6 * HOUR

# A name is compared with the 598 known ones to suggest the nearest; the longest of those has 32 characters.
_LONGEST_ZONE_NAME = 64

# Placeholders of the database, which are no place's time.
_NOT_A_ZONE = frozenset({"Factory", "localtime", "posixrules"})

Interval = tuple[int | None, int | None]


def parse(text: object, field: str) -> int:
    """Return the instant of an RFC 3339 date-time with an offset. Raises InvalidInput, naming `field`."""
    return _since_epoch(read(text, field))


def read(text: object, field: str) -> datetime:
    """Return the aware datetime of an RFC 3339 date-time, with the offset that it has. Raises InvalidInput."""
    if not isinstance(text, str):
        raise InvalidInput("is not text; write a time such as 2026-05-03T14:22:31+02:00", field)
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise InvalidInput("is not an RFC 3339 time; write it as 2026-05-03T14:22:31+02:00", field)
    second, offset = match.groups()
    if offset is None:
        raise InvalidInput("has no offset from UTC; write 2026-05-03T14:22:31+02:00, or end it with Z for UTC", field)
    if second == "60":
        raise InvalidInput("is a leap second, which the log does not keep; send the second 59 before it", field)
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise InvalidInput("is a day or a time of day that does not exist", field) from error
    if not 1 < moment.year < 9999:
        _in_range(_since_epoch(moment), field)
    return moment


def from_datetime(moment: datetime, field: str) -> int:
    """Return the instant of an aware datetime. Raises InvalidInput for a naive one, which is no instant."""
    if moment.utcoffset() is None:
        raise InvalidInput("is a datetime without a time zone; give it tzinfo, such as datetime.UTC", field)
    return _in_range(_since_epoch(moment), field)


def to_datetime(us: int, offset_minutes: int = 0) -> datetime:
    """Return the aware datetime of an instant, with a fixed offset; it can be pickled and compared."""
    offset = timedelta(minutes=_shown_offset(us, offset_minutes))
    return (_EPOCH_UTC + timedelta(microseconds=us)).astimezone(timezone(offset) if offset else UTC)


def format(us: int) -> str:
    """Return the canonical text of an instant, such as "2026-05-03T12:22:31.123456Z"."""
    return (_EPOCH + timedelta(0, *divmod(us, SECOND))).isoformat(timespec="microseconds") + "Z"


def parse_canonical(text: object) -> int:
    """Return the instant that `format` prints as `text`. Raises MalformedProof for every other value."""
    if type(text) is not str or len(text) != 27 or text[26] != "Z":
        raise MalformedProof("not an instant in its canonical form")
    fraction = text[20:26]
    try:
        us = _day(text[:11]) + _CLOCK[text[11:17]] + _SECOND[text[17:20]]
    except (KeyError, ValueError) as error:
        raise MalformedProof("not an instant in its canonical form") from error
    if not (fraction.isascii() and fraction.isdigit()):
        raise MalformedProof("not an instant in its canonical form")
    return us + int(fraction)


_CLOCK = {f"{hour:02d}:{minute:02d}:": hour * HOUR + minute * MINUTE for hour in range(24) for minute in range(60)}
_SECOND = {f"{second:02d}.": second * SECOND for second in range(60)}


@lru_cache(maxsize=4096)
def _day(text: str) -> int:
    """The first instant of a day, such as "2026-05-03T". Raises ValueError for another spelling."""
    day = date.fromisoformat(text[:10])  # which reads weeks, too
    if f"{day.isoformat()}T" != text:
        raise ValueError
    return (day.toordinal() - _EPOCH_ORDINAL) * DAY


def if_canonical(text: str) -> int | None:
    """Return the instant of a canonical text, or None for any other text: a name may end in Z, too."""
    if len(text) != 27 or text[10] != "T" or text[26] != "Z":
        return None
    try:
        return parse_canonical(text)
    except MalformedProof:
        return None


def local_text(us: int, offset_minutes: int) -> str:
    """Return the wall clock at an offset, such as "2026-05-03T14:22:31.123456+02:00".

    Where the local year would be 0 or 10000 (within a day of EARLIEST or LATEST) the text is in UTC, "+00:00".
    """
    offset_minutes = _shown_offset(us, offset_minutes)
    sign = "-" if offset_minutes < 0 else "+"
    hours, minutes = divmod(abs(offset_minutes), 60)
    return f"{_wall(us, offset_minutes).isoformat(timespec='microseconds')}{sign}{hours:02d}:{minutes:02d}"


def local_date(us: int, offset_minutes: int) -> str:
    """Return the date part of `local_text`, such as "2026-05-03"."""
    return _wall(us, _shown_offset(us, offset_minutes)).isoformat()[:10]


def local_time(us: int, offset_minutes: int) -> str:
    """Return the time part of `local_text` in whole seconds, rounded down, such as "14:22:31"."""
    return _wall(us, _shown_offset(us, offset_minutes)).isoformat()[11:19]


def zone(name: object, field: str = "zone") -> ZoneInfo:
    """Return the zone of an IANA name, spelled exactly as the database spells it.

    Raises InvalidInput, with the nearest name where one is near. The result cannot be pickled: store the name.
    """
    if not isinstance(name, str) or name not in _names():
        raise InvalidInput(f"is not the name of a time zone in the IANA database{_suggestion(name)}", field)
    return _load(name)


def offset_minutes(us: int, zone: ZoneInfo) -> int:
    """Return the zone's offset from UTC at an instant, in whole minutes towards zero, positive east of Greenwich."""
    return int(_offset(us, zone) / MINUTE)


def offsets(start: int, end: int, zone: ZoneInfo) -> list[tuple[int, int]]:
    """Return the offsets of a zone in [start, end), each as (since when, `offset_minutes`); the first since `start`."""
    found: list[tuple[int, int]] = []
    for begun, _, offset in _segments(start, end, zone):
        minutes = int(offset / MINUTE)
        if not found or found[-1][1] != minutes:
            found.append((begun, minutes))
    return found


def zone_data_version() -> str:
    """Return the release of the IANA database that the rules come from, such as "2026b"."""
    return str(tzdata.IANA_VERSION)


def day_intervals(zone_name: str, first: date | None, last: date | None) -> tuple[Interval, ...]:
    """Return all instants whose date in the zone is `first` or later, and `last` or earlier, as half-open intervals.

    In order and apart; None stands for no bound. One interval as a rule. More than one where the clock went back over
    midnight after midnight had passed (St John's, 00:01 to 23:01 of the day before, until 2011): what lies between
    belongs to the next day. None at all for a day that the zone skipped (Apia, 2011-12-30), or where `first` is after
    `last`. Raises InvalidInput for an unknown zone.
    """
    place = zone(zone_name)
    since: list[Interval] = [(None, None)]
    before: list[Interval] = [(None, None)]
    if first is not None:
        since = _since(_midnight(first.toordinal()), place)
    if last is not None:
        before = _complement(_since(_midnight(last.toordinal() + 1), place))
    return tuple(_intersect(since, before))


def clock_interval(zone_name: str, first: int | None, last: int | None) -> Interval:
    """Return one interval from the first instant at which the wall clock shows `first` or later, to the last one at
    which it shows earlier than `last`: what it shows twice belongs both times. Both are microseconds since 1970 on the
    wall clock, as `midnight` counts them. Raises InvalidInput for an unknown zone.
    """
    place = zone(zone_name)
    start = None if first is None else _since(first, place)[0][0]
    return start, None if last is None else _since(last, place)[-1][0]


def midnight(day: date) -> int:
    """Return the wall clock at which a day begins, in microseconds since 1970 began on that clock."""
    return _midnight(day.toordinal())


def _since(midnight: int, place: ZoneInfo) -> list[Interval]:
    """The instants at which the wall clock shows `midnight` or later; the last interval has no end."""
    starts: list[int] = []
    ends: list[int] = []
    for start, end, offset in _segments(midnight - _WIDEST_OFFSET, midnight + _WIDEST_OFFSET, place):
        start = max(start, midnight - offset)
        if start >= end:
            continue
        if ends and ends[-1] == start:
            ends[-1] = end
        else:
            starts.append(start)
            ends.append(end)
    return list(zip(starts, [*ends[:-1], None], strict=True))


def _segments(start: int, end: int, place: ZoneInfo) -> list[tuple[int, int, int]]:
    """Cut [start, end) into (start, end, offset) where the zone changes its offset, to the second."""
    segments: list[tuple[int, int, int]] = []
    begun = start
    for left in range(start, end, _STEP):
        right = min(left + _STEP, end)
        offset = _offset(left, place)
        if _offset(right, place) == offset:
            continue
        while right - left > SECOND:
            middle = left + (right - left) // SECOND // 2 * SECOND
            if _offset(middle, place) == offset:
                left = middle
            else:
                right = middle
        segments.append((begun, right, offset))
        begun = right
    if begun < end:
        segments.append((begun, end, _offset(begun, place)))
    return segments


def _complement(intervals: list[Interval]) -> list[Interval]:
    """The rest of the time line; the last of `intervals` has no end."""
    ends = [None, *(end for _, end in intervals[:-1])]
    return [(end, start) for end, (start, _) in zip(ends, intervals, strict=True)]


def _intersect(left: list[Interval], right: list[Interval]) -> list[Interval]:
    common: list[Interval] = []
    for start, end in left:
        for start_2, end_2 in right:
            starts = [bound for bound in (start, start_2) if bound is not None]
            ends = [bound for bound in (end, end_2) if bound is not None]
            if not starts or not ends or max(starts) < min(ends):
                common.append((max(starts, default=None), min(ends, default=None)))
    return common


def _midnight(ordinal: int) -> int:
    return (ordinal - _EPOCH_ORDINAL) * DAY


def _offset(us: int, place: ZoneInfo) -> int:
    """The exact offset in microseconds. A day is kept from both ends of the range, where datetime would overflow."""
    if not EARLIEST + DAY <= us <= LATEST - DAY:
        us = min(max(us, EARLIEST + DAY), LATEST - DAY)
    # Offsets are whole seconds and change at whole seconds.
    offset = (_EPOCH_UTC + timedelta(0, us // SECOND)).astimezone(place).utcoffset() or _NO_TIME
    return (offset.days * 86_400 + offset.seconds) * SECOND


def _since_epoch(moment: datetime) -> int:
    elapsed = moment - _EPOCH_UTC
    return (elapsed.days * 86_400 + elapsed.seconds) * SECOND + elapsed.microseconds


def _in_range(us: int, field: str) -> int:
    if not EARLIEST <= us <= LATEST:
        raise InvalidInput("is outside the years 0001 to 9999 in UTC", field)
    return us


def _shown_offset(us: int, offset_minutes: int) -> int:
    return offset_minutes if EARLIEST <= us + offset_minutes * MINUTE <= LATEST else 0


def _wall(us: int, offset_minutes: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us + offset_minutes * MINUTE)


@cache
def _names() -> frozenset[str]:
    listed = importlib.resources.files("tzdata").joinpath("zones").read_text(encoding="ascii")
    return frozenset(listed.split()) - _NOT_A_ZONE


@cache
def _load(name: str) -> ZoneInfo:
    with importlib.resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def _suggestion(name: object) -> str:
    """The end of the sentence: the nearest name by spelling, whole or only its city, or where to find the names."""
    if isinstance(name, str) and 0 < len(name) <= _LONGEST_ZONE_NAME:
        spellings = {known.lower(): known for known in sorted(_names())}
        cities = {known.rpartition("/")[2].lower(): known for known in sorted(_names(), reverse=True)}
        asked = name.lower().replace(" ", "_")
        for table in (spellings, cities):
            near = difflib.get_close_matches(asked, table, n=1, cutoff=0.75)
            if near:
                return f"; did you mean {table[near[0]]}?"
    return "; write one such as Europe/Lisbon"
