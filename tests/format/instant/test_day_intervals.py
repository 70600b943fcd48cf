"""The instants of a clinic's days: nothing lost, nothing doubled, whatever its zone did."""

from __future__ import annotations

import importlib.resources
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo
from zoneinfo._zoneinfo import ZoneInfo as PythonZoneInfo  # type: ignore[import-not-found]

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indelible.errors import InvalidInput
from indelible.format import instant

NAMES = sorted(instant._names())
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc(text: str) -> int:
    return instant.parse(f"{text}Z", "at")


def intervals(zone: str, first: str | None, last: str | None) -> tuple[instant.Interval, ...]:
    return instant.day_intervals(
        zone, date.fromisoformat(first) if first else None, date.fromisoformat(last) if last else None
    )


def holds(found: tuple[instant.Interval, ...], us: int) -> bool:
    return any((start is None or start <= us) and (end is None or us < end) for start, end in found)


def local_day(us: int, zone: ZoneInfo) -> date:
    return (EPOCH + timedelta(microseconds=us)).astimezone(zone).date()


def hours(found: tuple[instant.Interval, ...]) -> float:
    return sum(end - start for start, end in found if start is not None and end is not None) / instant.HOUR


@cache
def changes(name: str) -> list[tuple[int, int, int]]:
    """(instant, offset before, offset after) of the zone's explicit changes, read by the pure Python reader."""
    with importlib.resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        zone = PythonZoneInfo.from_file(file)
    after = [int(info.utcoff.total_seconds()) for info in zone._ttinfos]
    before = [int(zone._tti_before.utcoff.total_seconds()), *after]
    steps = zip(zone._trans_utc, before, after, strict=False)
    return [(at * instant.SECOND, old, new) for at, old, new in steps if old != new]


@pytest.mark.parametrize(
    ("zone", "day", "start", "end", "length"),
    [
        # all in the past: a government may still change what comes (Cuba, for November 2026)
        # the clock goes back at midnight: the day ends an hour after its first 23:59:59
        ("America/Santiago", "2025-04-05", "2025-04-05T03:00:00", "2025-04-06T04:00:00", 25),
        ("Asia/Beirut", "2025-10-25", "2025-10-24T21:00:00", "2025-10-25T22:00:00", 25),
        # days of 23, 25 and 24.5 hours
        ("Europe/Berlin", "2025-03-30", "2025-03-29T23:00:00", "2025-03-30T22:00:00", 23),
        ("Europe/Berlin", "2025-10-26", "2025-10-25T22:00:00", "2025-10-26T23:00:00", 25),
        ("Australia/Lord_Howe", "2025-04-06", "2025-04-05T13:00:00", "2025-04-06T13:30:00", 24.5),
        # midnight does not exist
        ("America/Havana", "2025-03-09", "2025-03-09T05:00:00", "2025-03-10T04:00:00", 23),
        ("Asia/Beirut", "2025-03-30", "2025-03-29T22:00:00", "2025-03-30T21:00:00", 23),
        ("Africa/Cairo", "2025-04-25", "2025-04-24T22:00:00", "2025-04-25T21:00:00", 23),
        ("America/Santiago", "2025-09-07", "2025-09-07T04:00:00", "2025-09-08T03:00:00", 23),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00", "2018-11-05T02:00:00", 23),
        # midnight comes twice, both times on the same day
        ("America/Havana", "2025-11-02", "2025-11-02T04:00:00", "2025-11-03T05:00:00", 25),
        # a change from 23:30 to 00:30 swallows midnight: both days lose half an hour
        ("America/Toronto", "1919-03-30", "1919-03-30T05:00:00", "1919-03-31T04:30:00", 23.5),
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30:00", "1919-04-01T04:00:00", 23.5),
        # around the day that Samoa skipped
        ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00", "2011-12-30T10:00:00", 24),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00", "2011-12-31T10:00:00", 24),
    ],
)
def test_a_day_is_one_half_open_interval(zone: str, day: str, start: str, end: str, length: float) -> None:
    found = intervals(zone, day, day)
    assert found == ((utc(start), utc(end)),)
    assert hours(found) == length


def test_the_last_second_before_midnight_is_in_the_day_both_times_that_it_comes() -> None:
    found = intervals("America/Santiago", "2025-04-05", "2025-04-05")
    assert holds(found, utc("2025-04-06T02:59:59.999999"))
    assert holds(found, utc("2025-04-06T03:59:59.999999"))
    assert not holds(found, utc("2025-04-06T04:00:00"))


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Pacific/Apia", "2011-12-30"), ("Pacific/Kwajalein", "1993-08-21"), ("Pacific/Kiritimati", "1994-12-31")],
)
def test_a_day_that_the_zone_skipped_is_empty_and_no_error(zone: str, day: str) -> None:
    assert intervals(zone, day, day) == ()


def test_a_range_over_a_skipped_day_is_one_interval() -> None:
    assert intervals("Pacific/Apia", "2011-12-29", "2011-12-31") == (
        (utc("2011-12-29T10:00:00"), utc("2011-12-31T10:00:00")),
    )


def test_where_the_clock_went_back_over_midnight_both_parts_of_a_day_are_returned() -> None:
    # St John's, 00:01 back to 23:01: Sunday has one minute, then Saturday goes on for 59.
    saturday = intervals("America/St_Johns", "2010-11-06", "2010-11-06")
    sunday = intervals("America/St_Johns", "2010-11-07", "2010-11-07")
    assert saturday == (
        (utc("2010-11-06T02:30:00"), utc("2010-11-07T02:30:00")),
        (utc("2010-11-07T02:31:00"), utc("2010-11-07T03:30:00")),
    )
    assert sunday == (
        (utc("2010-11-07T02:30:00"), utc("2010-11-07T02:31:00")),
        (utc("2010-11-07T03:30:00"), utc("2010-11-08T03:30:00")),
    )
    assert intervals("America/St_Johns", "2010-11-06", "2010-11-07") == ((saturday[0][0], sunday[1][1]),)


def test_a_month_that_ends_within_the_doubled_night_has_both_parts() -> None:
    assert intervals("America/St_Johns", "2010-11-01", "2010-11-06") == (
        (utc("2010-11-01T02:30:00"), utc("2010-11-07T02:30:00")),
        (utc("2010-11-07T02:31:00"), utc("2010-11-07T03:30:00")),
    )


def test_a_utc_month_and_a_local_month_differ_at_their_ends() -> None:
    # A payment of 30 September 19:30 in Los Angeles is one of October in UTC, as in Stripe's reports.
    paid = utc("2026-10-01T02:30:00")
    assert holds(intervals("America/Los_Angeles", "2026-09-01", "2026-09-30"), paid)
    assert not holds(intervals("UTC", "2026-09-01", "2026-09-30"), paid)
    assert holds(intervals("UTC", "2026-10-01", "2026-10-31"), paid)


def test_the_days_are_those_of_the_given_zone() -> None:
    same_day = {zone: intervals(zone, "2026-05-03", "2026-05-03") for zone in ("Asia/Tokyo", "Europe/Lisbon")}
    assert same_day["Asia/Tokyo"] == ((utc("2026-05-02T15:00:00"), utc("2026-05-03T15:00:00")),)
    assert same_day["Europe/Lisbon"] == ((utc("2026-05-02T23:00:00"), utc("2026-05-03T23:00:00")),)


def test_a_voucher_expires_at_the_end_of_its_local_day() -> None:
    ((_, end),) = intervals("America/Santiago", None, "2025-04-05")
    assert end == utc("2025-04-06T04:00:00")


def test_open_ranges_have_no_bound() -> None:
    assert intervals("Europe/Lisbon", None, None) == ((None, None),)
    assert intervals("Europe/Lisbon", "2026-05-01", None) == ((utc("2026-04-30T23:00:00"), None),)
    assert intervals("Europe/Lisbon", None, "2026-05-31") == ((None, utc("2026-05-31T23:00:00")),)


def test_first_after_last_is_empty() -> None:
    assert intervals("Europe/Lisbon", "2026-05-02", "2026-05-01") == ()


def test_the_ends_of_the_calendar_are_days_too() -> None:
    assert intervals("UTC", "0001-01-01", "9999-12-31") == ((instant.EARLIEST, instant.LATEST + 1),)


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(InvalidInput):
        intervals("Europe/Atlantis", "2026-05-01", None)


zones_changes = st.sampled_from(NAMES).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(changes(name) or [(0, 0, 0)]))
)
days = st.dates(date(1900, 1, 1), date(2100, 12, 31))


@settings(max_examples=400)
@given(st.sampled_from(NAMES), days, st.integers(0, 40), st.integers(-50 * 3600, 50 * 3600), st.booleans())
def test_an_instant_is_in_the_intervals_exactly_if_its_local_day_is_in_the_range(
    name: str, first: date, length: int, seconds: int, at_end: bool
) -> None:
    last = first + timedelta(days=length)
    boundary = last + timedelta(days=1) if at_end else first
    us = (boundary.toordinal() - date(1970, 1, 1).toordinal()) * instant.DAY + seconds * instant.SECOND
    expected = first <= local_day(us, instant.zone(name)) <= last
    assert holds(instant.day_intervals(name, first, last), us) == expected


@settings(max_examples=400)
@given(zones_changes, st.integers(-2, 2), st.integers(0, 2), st.integers(-30 * 3600, 30 * 3600) | st.integers(-3, 3))
@example(("America/St_Johns", (1289097060_000_000, 0, 0)), 0, 0, -1)
def test_the_same_holds_around_every_change_of_the_clock(
    change: tuple[str, tuple[int, int, int]], before: int, length: int, seconds: int
) -> None:
    name, (at, _, _) = change
    zone = instant.zone(name)
    us = at + seconds * instant.SECOND
    first = local_day(at, zone) + timedelta(days=before)
    last = first + timedelta(days=length)
    expected = first <= local_day(us, zone) <= last
    assert holds(instant.day_intervals(name, first, last), us) == expected


@given(st.sampled_from(NAMES), days, st.integers(1, 5))
def test_days_next_to_each_other_share_no_instant_and_leave_none_out(name: str, day: date, count: int) -> None:
    single = [
        part
        for number in range(count)
        for part in instant.day_intervals(name, day + timedelta(days=number), day + timedelta(days=number))
    ]
    joined: list[instant.Interval] = []
    for start, end in sorted(single, key=lambda part: part[0] or 0):
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    assert tuple(joined) == instant.day_intervals(name, day, day + timedelta(days=count - 1))


def test_every_change_within_an_hour_of_midnight_since_1900_is_cut_to_the_second() -> None:
    """All zones, not a sample: where a change moves an instant to another day, the intervals follow it."""
    seen: set[tuple[int, int, int]] = set()
    for name in NAMES:
        zone = instant.zone(name)
        for at, old, new in changes(name):
            clock = [(at // instant.SECOND + offset) % 86_400 for offset in (old, new)]
            if (
                (at, old, new) in seen
                or at < utc("1900-01-01T00:00:00")
                or not any(seconds <= 3600 or seconds >= 82_800 for seconds in clock)
            ):
                continue
            seen.add((at, old, new))
            day = local_day(at, zone)
            for first in (day - timedelta(days=1), day):
                found = instant.day_intervals(name, first, first)
                for near in (at - instant.SECOND, at - 1, at, at + instant.SECOND, *_ends(found)):
                    assert holds(found, near) == (local_day(near, zone) == first), (name, first, near)
    assert len(seen) > 500


def _ends(found: tuple[instant.Interval, ...]) -> list[int]:
    return [bound + side for part in found for bound in part if bound is not None for side in (-1, 0)]


def test_two_changes_of_one_zone_are_further_apart_than_a_step_of_the_search() -> None:
    gaps = [(later[0] - earlier[0], name) for name in NAMES for earlier, later in pairwise(changes(name))]
    assert min(gaps)[0] > instant._STEP


def test_no_zone_is_further_from_utc_than_the_search_looks() -> None:
    widest = max(abs(offset) for name in NAMES for _, *offsets in changes(name) for offset in offsets)
    assert widest * instant.SECOND < instant._WIDEST_OFFSET
