"""Bounds of the filter: what `from` and `to` mean in a clinic's zone at an instant, against a look at every minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from indelible.errors import InvalidInput
from indelible.format import instant
from indelible.read import bounds
from indelible.read.bounds import NAMES, Back, Minute, Named

HOUR, MINUTE = instant.HOUR, instant.MINUTE
# Midnight is skipped or comes twice in some of these, and St John's once went back over it.
ZONES = ["Europe/Lisbon", "America/Havana", "Asia/Beirut", "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia",
         "America/St_Johns", "Asia/Tokyo"]  # fmt: skip

named = st.sampled_from(NAMES).map(Named)
ends = st.dates() | st.builds(Minute, st.dates(), st.integers(0, 1439)) | named
starts = ends | st.builds(Back, st.integers(1, 9999), st.sampled_from("dh"))


def at(text: str) -> int:
    return instant.from_datetime(datetime.fromisoformat(text), "at")


def wall(us: int, zone: str) -> datetime:
    local = datetime.fromtimestamp(us / 1_000_000, UTC).astimezone(instant.zone(zone))
    return local.replace(tzinfo=None)


@given(starts)
def test_what_is_printed_is_read_back(bound: bounds.Bound) -> None:
    assert bounds.parse(bounds.format(bound), "from") == bound


@pytest.mark.parametrize("text", [
    "", "Today", "last_month", "last-today", "this-month", "7d", "+7d", "-07d", "-7D", "-7m", "-7", "-d", "--7d",
    "2026-5-1", "2026-05-01T9:00", "2026-05-01T09", "2026-05-01 09:00", "2026-05-01T09:60", "2026-05-01T24:00",
    "2026-02-29", "2026-05-01T09:00Z", "\u0662\u0660\u0662\u0666-05-03",
])  # fmt: skip
def test_nothing_else_is_read(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^from: "):
        bounds.parse(text, "from")


# A Thursday in the middle of a quarter, half past midnight in Lisbon's summer, so another day in UTC.
NOW = at("2026-08-12T23:30:00+00:00")


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("today", "2026-08-13", "2026-08-13"),
        ("yesterday", "2026-08-12", "2026-08-12"),
        ("week", "2026-08-10", "2026-08-16"),
        ("month", "2026-08-01", "2026-08-31"),
        ("quarter", "2026-07-01", "2026-09-30"),
        ("year", "2026-01-01", "2026-12-31"),
        ("last-week", "2026-08-03", "2026-08-09"),
        ("last-month", "2026-07-01", "2026-07-31"),
        ("last-quarter", "2026-04-01", "2026-06-30"),
        ("last-year", "2025-01-01", "2025-12-31"),
    ],
)
def test_a_name_means_days_of_the_clinic(text: str, first: str, last: str) -> None:
    bound = Named(text)
    found = bounds.resolved(bound, bound, NOW, "Europe/Lisbon")
    assert found == (date.fromisoformat(first), date.fromisoformat(last))


@given(st.integers(0, 40 * 366), st.sampled_from(["week", "month", "quarter", "year"]))
def test_periods_lie_side_by_side(day: int, period: str) -> None:
    now = at("2000-01-01T12:00:00+00:00") + day * instant.DAY
    today = wall(now, "UTC").date()
    (first, last), (before_first, before_last) = (
        bounds.days(Named(name), Named(name), now, "UTC") for name in (period, f"last-{period}")
    )
    assert first is not None and last is not None and before_first is not None
    assert first <= today <= last
    assert before_last == first - timedelta(days=1)
    then = at(before_first.isoformat() + "T12:00:00+00:00")
    assert bounds.days(Named(period), Named(period), then, "UTC") == (before_first, before_last)


def test_seven_days_back_are_seven_days_of_the_calendar_with_today() -> None:
    assert bounds.resolved(Back(7, "d"), None, NOW, "Europe/Lisbon")[0] == date(2026, 8, 7)
    assert bounds.intervals(Back(7, "d"), None, NOW, "Europe/Lisbon") == ((at("2026-08-06T23:00:00+00:00"), None),)


def test_hours_back_roll_by_the_clock_that_never_changes() -> None:
    # Lisbon goes back from 02:00 to 01:00 at 01:00 UTC: two hours before 01:50 of the second time it was 00:50.
    now = at("2026-10-25T01:50:30+00:00")
    assert bounds.intervals(Back(2, "h"), None, now, "Europe/Lisbon") == ((now - 2 * HOUR, None),)
    assert bounds.resolved(Back(2, "h"), None, now, "Europe/Lisbon")[0] == Minute(date(2026, 10, 25), 50)


def test_more_days_or_hours_back_than_the_calendar_has_begin_with_it() -> None:
    for bound in (Back(9999, "d"), Back(9999, "h")):
        first, _ = bounds.resolved(bound, None, instant.EARLIEST + instant.DAY, "UTC")
        assert first in (date.min, Minute(date.min, 0))


@given(
    st.sampled_from(ZONES), st.integers(at("2010-01-01T00:00:00+00:00"), at("2027-12-31T00:00:00+00:00")),
    st.integers(0, 1439), st.integers(0, 3 * 1440),
)  # fmt: skip
@example("America/Havana", at("2026-11-01T05:30:00+00:00"), 30, 60)
@example("Europe/Lisbon", at("2026-03-29T01:30:00+00:00"), 90, 60)
@example("Pacific/Apia", at("2011-12-30T12:00:00+00:00"), 600, 2000)
def test_minutes_take_in_all_that_the_clock_shows_between_them(zone: str, us: int, minute: int, length: int) -> None:
    first = Minute(wall(us, zone).date(), minute)
    start = datetime.combine(first.day, datetime.min.time()) + timedelta(minutes=minute)
    end = start + timedelta(minutes=length)
    last = Minute(end.date(), end.hour * 60 + end.minute)
    found = bounds.intervals(first, last, us, zone)
    assert len(found) <= 1  # one range without a hole
    around = range(us - us % MINUTE - 3 * instant.DAY, us + 6 * instant.DAY, 7 * MINUTE)
    for moment in around:
        shown = wall(moment, zone)
        inside = any((left or 0) <= moment < (right or 0) for left, right in found)
        if start <= shown < end + timedelta(minutes=1):
            assert inside, shown
        elif abs(shown - start) > timedelta(hours=25) and abs(shown - end) > timedelta(hours=25):
            assert not inside, shown


def test_a_minute_that_the_clock_shows_twice_begins_with_the_first_and_ends_with_the_second() -> None:
    half_past_one = Minute(date(2026, 10, 25), 90)
    assert bounds.intervals(half_past_one, half_past_one, NOW, "Europe/Lisbon") == (
        (at("2026-10-25T00:30:00+00:00"), at("2026-10-25T01:31:00+00:00")),
    )


def test_a_minute_that_the_clock_skips_begins_with_the_one_that_it_shows_instead() -> None:
    half_past_one = Minute(date(2026, 3, 29), 90)
    assert bounds.intervals(half_past_one, None, NOW, "Europe/Lisbon") == ((at("2026-03-29T01:00:00+00:00"), None),)


@given(starts, st.none() | ends, st.sampled_from(ZONES))
def test_what_is_resolved_means_the_same_and_stays(first: bounds.Bound, last: bounds.Bound | None, zone: str) -> None:
    assume(not (isinstance(first, Back) and first.unit == "h"))  # of which the seconds are dropped
    found = bounds.resolved(first, last, NOW, zone)
    assert bounds.resolved(*found, NOW + 99 * instant.DAY, zone) == found
    assert bounds.intervals(*found, NOW, zone) == bounds.intervals(first, last, NOW, zone)


def test_a_range_that_has_no_day_is_empty() -> None:
    assert bounds.intervals(Named("today"), date(2020, 1, 1), NOW, "UTC") == ()
    assert bounds.intervals(Minute(date(2020, 1, 2), 5), Minute(date(2020, 1, 2), 4), NOW, "UTC") == ()
