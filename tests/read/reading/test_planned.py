"""A time that an entry speaks of is shown on the clock on which it was said, with the offset where that is another."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from indelible.catalogue.bookings import BookingRescheduled
from indelible.errors import Conflict
from indelible.format import planned
from indelible.read.details import details
from indelible.read.view import Zones, planned_text
from indelible.record.document import Staff
from indelible.testing.logs import event

LISBON = "Europe/Lisbon"


@pytest.mark.parametrize(
    ("said", "recorded", "present", "shown"),
    [
        ("2026-05-04T10:00:00+01:00", LISBON, LISBON, "2026-05-04 10:00"),
        ("2026-05-04T10:00:00+02:00", LISBON, LISBON, "2026-05-04 10:00+02:00"),  # sent from Madrid
        ("2026-12-04T10:00:00+01:00", LISBON, LISBON, "2026-12-04 10:00+01:00"),  # no clock of Lisbon in winter
        ("2026-05-04T10:00:00+01:00", LISBON, "Asia/Tokyo", "2026-05-04 10:00+01:00"),
        ("2026-05-04T10:00:00+09:00", LISBON, "Asia/Tokyo", "2026-05-04 10:00"),
        ("2026-05-04T23:30:00-03:30", LISBON, LISBON, "2026-05-04 23:30-03:30"),
        ("2026-10-25T01:30:00+01:00", LISBON, LISBON, "2026-10-25 01:30+01:00"),  # comes twice
        ("2026-10-25T01:30:00+01:00", "Africa/Lagos", "Africa/Lagos", "2026-10-25 01:30"),  # not there
        # UTC says no clock: that of the zone of then
        ("2026-05-04T09:00:00Z", LISBON, LISBON, "2026-05-04 10:00"),
        ("2026-05-04T09:00:00+00:00", LISBON, LISBON, "2026-05-04 10:00"),
        ("2026-05-04T09:00:00Z", LISBON, "Asia/Tokyo", "2026-05-04 10:00+01:00"),
        ("2026-05-04T09:00:00Z", "Asia/Tokyo", LISBON, "2026-05-04 18:00+09:00"),
        ("2026-10-25T01:30:00Z", LISBON, LISBON, "2026-10-25 01:30+00:00"),
        ("2026-05-04T09:00:00Z", LISBON, "Europe/London", "2026-05-04 10:00"),
    ],
)
def test_the_clock_on_which_it_was_said(said, recorded, present, shown):
    assert planned_text(planned.parse(said, ""), Zones(recorded, present)) == shown


def test_a_booking_planned_before_the_clinic_moved_keeps_its_clock_when_it_is_moved_after(log):
    log.record(
        BookingRescheduled.model_validate({"starts_at": {
            "old": datetime(2026, 5, 4, 10, tzinfo=ZoneInfo(LISBON)),
            "new": datetime(2026, 5, 5, 10, tzinfo=ZoneInfo("Asia/Tokyo"))}}),
        actor=Staff("usr_1"), target=("booking", "bk_1"),
    )  # fmt: skip
    log.set_time_zone("Asia/Tokyo")
    view = log.entry(1)
    assert view.context["starts_at"] == {
        "old": "2026-05-04T10:00:00.000000+01:00", "new": "2026-05-05T10:00:00.000000+09:00",
    }  # fmt: skip
    (begins,) = (one for one in details(view) if one.label == "Begins")
    assert (begins.old, begins.new) == ("2026-05-04 10:00+01:00", "2026-05-05 10:00")
    assert view.document()["context"] == view.context


def test_the_same_instant_on_another_clock_is_another_document(log):
    def sent(starts_at):
        return event(1, action="booking.created", key="k1", context={"starts_at": starts_at})

    first = log.record_document(sent("2026-05-04T10:00:00+02:00"))
    again = log.record_document(sent("2026-05-04T10:00:00.000+02:00"))
    assert (again.seq, again.repeated) == (first.seq, True)
    with pytest.raises(Conflict):
        log.record_document(sent("2026-05-04T09:00:00+01:00"))


def test_a_time_inside_a_snapshot_is_one_in_either_form(log):
    log.record_document(event(1, action="service.deleted", target={"kind": "service", "id": "s"}, client=None, context={
        "snapshot": {"since": "2026-05-04T10:00:00.000000+02:00", "other": "2026-05-04T10:00:00+02:00",
                     "until": "2026-05-04T09:00:00.000000Z"}}))  # fmt: skip
    (found,) = (one for one in details(log.entry(1)) if one.name == "snapshot")
    assert {one.name: one.text for one in found.parts} == {
        "since": "2026-05-04 10:00+02:00", "other": "2026-05-04T10:00:00+02:00", "until": "2026-05-04 10:00",
    }  # fmt: skip
