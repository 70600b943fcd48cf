"""Lists, stories and single entries are on the clinic's present clock, and say where an entry's own was another."""

from __future__ import annotations

import pytest

from indelible.testing.logs import event


@pytest.fixture
def moved(cli):
    starts_at = {"old": "2026-05-04T08:00:00Z", "new": "2026-05-05T08:00:00Z"}
    context = {"starts_at": starts_at}
    cli.record(event(1, occurred_at="2026-05-03T22:30:00Z", action="booking.rescheduled", context=context))
    cli.ok("clinic", "set-time-zone", "Asia/Tokyo")
    return cli


@pytest.mark.parametrize("command", [["list", "about:bk_1"], ["story", "booking/bk_1"], ["show", "1"]])
def test_after_a_move_the_present_clock_is_shown_and_that_of_then_beside_it(moved, command):
    out = " ".join(moved.ok(*command).out.split())
    assert "2026-05-04 07:30:00" in out
    assert "2026-05-03 23:30 in Europe/Lisbon then" in out
    assert "09:00+01:00" in out  # the planned time keeps the clock on which it was agreed


def test_what_was_taken_late_or_imported_says_so(cli):
    cli.ok("record", '{"action": "booking.created", "actor": {"kind": "staff", "id": "usr_1"}, '
           '"target": {"kind": "booking", "id": "bk_7"}, "occurred_at": "2020-05-03T12:00:00Z"}')  # fmt: skip
    cli.record(event(8))
    assert "years later" in cli.ok("list", "about:bk_7").out
    assert "years later" in cli.ok("story", "booking/bk_7").out
    assert "years later" in cli.ok("show", "1").out
    assert "imported" in cli.ok("list", "about:bk_8").out
    assert [one["seq"] for one in cli.ok("list", "--json", "recorded:late").lines] == [1]
    assert [one["seq"] for one in cli.ok("list", "--json", "recorded:#2..").lines] == [2]
    assert "write a day" in cli.refused("list", "recorded:soon")
