from __future__ import annotations

from datetime import date

import pytest

from indelible.demo import calendar


# 22 March and 25 April are the earliest and the latest Easter that there can be.
@pytest.mark.parametrize(
    "day",
    ["1818-03-22", "1981-04-19", "2000-04-23", "2008-03-23", "2024-03-31", "2025-04-20", "2026-04-05", "2027-03-28",
     "2038-04-25"],
)  # fmt: skip
def test_easter_is_on_the_published_day(day):
    assert calendar.easter(int(day[:4])).isoformat() == day


def test_the_holidays_of_2026_are_those_of_portugal_and_lisbon():
    days = ["01-01", "04-03", "04-25", "05-01", "06-04", "06-10", "06-13", "08-15", "10-05", "11-01", "12-01", "12-08",
            "12-25"]  # fmt: skip
    assert sorted(day.isoformat() for day in calendar.holidays(2026)) == [f"2026-{day}" for day in days]


def test_the_clinic_opens_by_weekday_and_is_closed_on_sundays_and_holidays():
    assert calendar.opening(date(2026, 4, 6)) == (540, 1140)
    assert calendar.opening(date(2026, 4, 11)) == (540, 780)
    assert calendar.opening(date(2026, 4, 12)) is None
    assert calendar.opening(date(2026, 4, 3)) is None


@pytest.mark.parametrize("day", [date(2026, 3, 28), date(2026, 3, 29), date(2026, 3, 30), date(2026, 10, 25)])
@pytest.mark.parametrize("minute", [0, 10, 180, 545, 1439])
def test_a_local_time_comes_back_from_its_instant_also_when_the_clocks_change(day, minute):
    found = calendar.local(calendar.at(day, minute))
    assert (found.date(), found.hour * 60 + found.minute) == (day, minute)
