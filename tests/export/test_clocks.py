"""Which clock each time of a file is on: one for all rows, and for planned times the one on which they were said."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import pytest

from indelible.catalogue import Action
from indelible.catalogue.action import _REGISTER
from indelible.catalogue.fields import Instant, Personal, Word
from indelible.export.run import export
from indelible.format import instant, offsets
from indelible.log import ClinicLog
from indelible.record.document import System

Record = Callable[..., Any]
Exported = Callable[..., list[dict[str, str]]]
CLOCKS = ("occurred_at", "time_zone", "local_date", "local_time", "recorded_zone")


def moved(**sides: str) -> dict[str, Any]:
    return {"starts_at": sides}


@pytest.fixture
def planned() -> Iterator[None]:
    """An action whose context has times in every place where one may be declared, and a word that looks like one."""

    class RoomPlanned(
        Action, code="room.planned", label="Planned room", category="bookings", targets=("room",),
        sentence="{actor} planned {target}",
    ):  # fmt: skip
        at: Instant | None = None
        each: list[Instant] | None = None
        hidden: Annotated[Instant, Personal()] | None = None
        word: Word | None = None

    yield
    del _REGISTER["room.planned"]


def test_after_a_move_every_row_is_on_the_clock_of_the_present_zone(log: ClinicLog, record: Record, exported: Exported):
    record(occurred_at="2026-05-03T23:30:00Z")  # the 4th in Lisbon
    log.set_time_zone("America/New_York")
    record(occurred_at="2026-05-04T03:30:00Z")
    rows = [tuple(row[name] for name in CLOCKS) for row in exported("category:bookings")]
    zone = "America/New_York"
    assert rows == [
        ("2026-05-03T23:30:00.000000-04:00", zone, "2026-05-03", "23:30:00", zone),
        ("2026-05-03T19:30:00.000000-04:00", zone, "2026-05-03", "19:30:00", "Europe/Lisbon"),
    ]


@pytest.mark.parametrize("zone", ["Pacific/Apia", "Pacific/Pago_Pago", "Europe/Lisbon", "America/St_Johns"])
def test_the_days_of_the_file_are_those_of_the_filter(log: ClinicLog, record: Record, exported: Exported, zone: str):
    for hour in range(0, 72, 5):
        record(occurred_at=instant.format(instant.parse("2026-05-02T00:00:00Z", "") + hour * instant.HOUR))
    log.set_time_zone(zone)
    for day in ("2026-05-02", "2026-05-03", "2026-05-04"):
        rows = exported(f"category:bookings from:{day} to:{day}")
        assert {row["local_date"] for row in rows} == {day} and {row["time_zone"] for row in rows} == {zone}
    everything = exported("category:bookings")
    walls = [(row["local_date"], row["local_time"]) for row in everything]
    assert walls == sorted(walls, reverse=True) and len(everything) == 15


def test_recorded_at_is_on_the_same_clock(log: ClinicLog, record: Record, exported: Exported):
    appended = record(occurred_at="2019-07-01T10:00:00Z")
    log.set_time_zone("Asia/Kolkata")
    row = exported("category:bookings")[0]
    assert row["recorded_at"] == instant.local_text(appended.recorded_at, 330)
    assert row["occurred_at"] == "2019-07-01T15:30:00.000000+05:30"


def test_planned_times_are_on_the_clock_on_which_they_were_said(log: ClinicLog, record: Record, exported: Exported):
    context = moved(old="2026-05-04T10:00:00+02:00", new="2026-10-26T09:00:00Z")
    record("booking.rescheduled", context=context)
    log.set_time_zone("Asia/Tokyo")
    record("booking.rescheduled", context=context)
    said = {"old": "2026-05-04T10:00:00.000000+02:00", "new": "2026-10-26T09:00:00.000000Z"}
    assert [json.loads(row["context"])["starts_at"] for row in exported("category:bookings")] == [said, said]


def test_the_two_hours_of_a_night_are_told_apart(record: Record, exported: Exported):
    night = datetime(2026, 10, 25, 1, 30, tzinfo=ZoneInfo("Europe/Lisbon"))
    starts_at = {"old": night, "new": night.replace(fold=1)}
    record("booking.rescheduled", context={"starts_at": starts_at})
    assert json.loads(exported()[0]["context"])["starts_at"] == {
        "old": "2026-10-25T01:30:00.000000+01:00", "new": "2026-10-25T01:30:00.000000Z",
    }  # fmt: skip


@pytest.mark.usefixtures("planned")
def test_only_what_is_declared_a_time_is_one(record: Record, exported: Exported):
    sent, said = "2026-05-04t10:00:00+02:00", "2026-05-04T10:00:00.000000+02:00"
    context = {"at": sent, "each": [sent, sent], "hidden": sent, "word": sent}
    record("room.planned", target={"kind": "room", "id": sent, "name": sent}, context=context)
    (row,) = exported()
    assert json.loads(row["context"]) == {"at": said, "each": [said, said], "hidden": said, "word": sent}
    assert (row["target_id"], row["target_name"]) == (sent, sent)


def test_a_time_of_an_action_that_nothing_declares_any_more_is_the_same(record: Record, exported: Exported, planned):
    record("room.planned", target={"kind": "room", "id": "r"}, context={"at": "2026-05-04T10:00:00+02:00"})
    declared = _REGISTER.pop("room.planned")
    try:
        (row,) = exported()
    finally:
        _REGISTER["room.planned"] = declared
    assert json.loads(row["context"]) == {"at": "2026-05-04T10:00:00.000000+02:00"}


def test_a_text_that_looks_like_a_time_stays_as_it_was_typed(record: Record, exported: Exported):
    record(context={"reason_text": "2026-05-03T23:30:00+02:00"})
    assert json.loads(exported()[0]["context"]) == {"reason_text": "2026-05-03T23:30:00+02:00"}


def test_json_lines_say_the_same_times(log: ClinicLog, record: Record, exported: Exported):
    record("booking.rescheduled", context=moved(old="2026-05-03T23:30:00-03:30", new="2026-10-26T09:00:00Z"))
    log.set_time_zone("Asia/Tokyo")
    out = io.BytesIO()
    export(log, "category:bookings", out, format="jsonl", actor=System("command:export"))
    line, row = json.loads(out.getvalue()), exported("category:bookings")[0]
    for name in ("occurred_at", "recorded_at", "time_zone", "recorded_zone"):
        assert line[name] == row[name], name
    assert line["context"] == json.loads(row["context"])


def test_a_zone_that_the_database_knows_no_more_is_shown_in_utc():
    assert offsets.minutes(0, "Atlantis/Lost") == 0


@pytest.mark.parametrize("name", ["Europe/Lisbon", "Africa/Casablanca", "Australia/Lord_Howe", "Pacific/Apia", "UTC"])
def test_the_tables_give_what_the_zone_database_gives(name: str):
    place, used = instant.zone(name), offsets.Used()
    moments = range(
        instant.parse("2011-12-29T00:00:00Z", ""), instant.parse("2031-01-02T00:00:00Z", ""), 7 * instant.HOUR
    )
    expected = [instant.offset_minutes(us, place) for us in moments]
    assert [used.minutes(us, name) for us in moments] == expected
    given = offsets.Given(used.tables())
    assert [given.minutes(us, name) for us in moments] == expected
    for us in (instant.EARLIEST, instant.LATEST):
        assert offsets.minutes(us, name) == instant.offset_minutes(us, place)
