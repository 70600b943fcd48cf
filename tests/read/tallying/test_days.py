"""Days of the clinic: of 23, 24 and 25 hours, days that are skipped or interrupted, and a clinic that moved."""

from __future__ import annotations

from datetime import date

import pytest

from indelible.errors import InvalidInput
from indelible.format import instant
from indelible.read import tallying
from indelible.read.tallying import per_day
from indelible.record import document
from indelible.record.document import Staff
from indelible.testing.logs import event


def record(log, *times):
    log.append([log.draft(document.parse(event(occurred_at=time))) for time in times])


def every_half_hour(day):
    """The 60 hours from noon of the day before, UTC."""
    start = instant.parse(f"{day}T00:00:00Z", "") - 12 * instant.HOUR
    return [instant.format(start + half * instant.HOUR // 2) for half in range(120)]


def counts(log, first, last, words=""):
    found = per_day(
        log.reading(), log.reading().parse(words), first=date.fromisoformat(first), last=date.fromisoformat(last)
    )
    assert found.whole
    return {day.day.isoformat()[5:]: day.count for day in found.days}


@pytest.fixture
def at(journal):
    def made(zone):
        return journal.add_clinic("c_there", name="There", zone=zone)

    return made


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2025-03-30", 23),
        ("Europe/Berlin", "2025-10-26", 25),
        ("Europe/Berlin", "2025-06-01", 24),
        ("Australia/Lord_Howe", "2025-04-06", 24.5),
        ("America/Havana", "2025-03-09", 23),  # midnight does not exist
        ("America/Havana", "2025-11-02", 25),  # midnight comes twice
        ("America/Santiago", "2025-04-05", 25),  # its last hour comes twice
    ],
)
@pytest.mark.parametrize("words", ["", "usr_12", "-actor:system", "about:cli_77"])
def test_a_day_counts_all_of_its_hours_and_no_other(at, zone, day, hours, words):
    log = at(zone)
    record(log, *every_half_hour(day))
    (found,) = counts(log, day, day, words).values()
    assert found == 2 * hours


def test_the_hour_that_comes_twice_belongs_to_its_day(at):
    log = at("Europe/Berlin")
    record(log, "2025-10-26T02:30:00+02:00", "2025-10-26T02:30:00+01:00", "2025-10-26T23:59:59.999999+01:00",
           "2025-10-27T00:00:00+01:00", "2025-10-25T23:59:59.999999+02:00", "2025-10-26T00:00:00+02:00")  # fmt: skip
    assert counts(log, "2025-10-25", "2025-10-27") == {"10-25": 1, "10-26": 4, "10-27": 1}


@pytest.mark.parametrize("words", ["", "usr_12"])
def test_a_day_that_the_zone_skipped_has_no_entries(at, words):
    log = at("Pacific/Apia")
    record(log, "2011-12-29T23:59:59.999999-10:00", "2011-12-31T00:00:00+14:00")
    assert counts(log, "2011-12-29", "2011-12-31", words) == {"12-29": 1, "12-30": 0, "12-31": 1}
    assert counts(log, "2011-12-30", "2011-12-30", words) == {"12-30": 0}


@pytest.mark.parametrize("words", ["", "usr_12"])
def test_a_day_that_is_interrupted_by_the_next_one_counts_both_its_parts(at, words):
    log = at("America/St_Johns")  # at 00:01 of 7 November 2010 the clocks went back to 23:01 of the 6th
    record(log, "2010-11-07T00:00:30-02:30", "2010-11-06T23:00:00-02:30", "2010-11-06T23:30:00-03:30",
           "2010-11-07T00:00:00-03:30")  # fmt: skip
    assert counts(log, "2010-11-05", "2010-11-08", words) == {"11-05": 0, "11-06": 2, "11-07": 2, "11-08": 0}
    assert counts(log, "2010-11-06", "2010-11-06", words) == {"11-06": 2}
    assert counts(log, "2010-11-07", "2010-11-07", words) == {"11-07": 2}


def test_days_are_those_of_the_zone_that_the_clinic_has_now(log):
    record(log, "2026-05-01T23:30:00+01:00")
    assert counts(log, "2026-05-01", "2026-05-02") == {"05-01": 1, "05-02": 0}
    log.set_time_zone("Europe/Madrid", actor=Staff("usr_1"))
    assert counts(log, "2026-05-01", "2026-05-02") == {"05-01": 0, "05-02": 1}


def test_days_outside_the_filters_own_have_none(log):
    record(log, *(f"2026-04-0{day}T12:00:00Z" for day in range(1, 6)))
    assert list(counts(log, "2026-04-01", "2026-04-05", "from:2026-04-02 to:2026-04-03").values()) == [0, 1, 1, 0, 0]


def test_no_days_are_asked_for(log):
    assert counts(log, "2026-04-02", "2026-04-01") == {}


def test_a_chart_has_a_limit_of_days(log, monkeypatch):
    monkeypatch.setattr(tallying, "DAYS_LIMIT", 3)
    record(log, "2026-04-01T12:00:00Z")
    assert sum(counts(log, "2026-04-01", "2026-04-03").values()) == 1
    with pytest.raises(InvalidInput, match="3 days"):
        counts(log, "2026-04-01", "2026-04-04")


@pytest.mark.parametrize(("first", "last"), [("0001-01-01", "0001-01-03"), ("9999-12-29", "9999-12-31")])
def test_the_ends_of_the_calendar_are_days_too(log, first, last):
    assert set(counts(log, first, last).values()) == {0}
