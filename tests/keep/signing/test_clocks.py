"""A clock that cannot be believed records nothing until somebody says that it is right; verify names the entry."""

from __future__ import annotations

import pytest

from indelible.catalogue.bookings import BookingCancelled
from indelible.errors import StorageFailure
from indelible.journal import Journal
from indelible.keep.timekeeping import Uptime, uptime
from indelible.manage.inspection import inspect
from indelible.record.document import Staff
from indelible.testing.logs import START, Clock

BY = Staff("usr_12")
DAY = 86_400


class Machine(Clock):
    """A machine: time passes for its clock and for its uptime alike, unless somebody sets the clock."""

    def __init__(self, boot: str = "b1") -> None:
        super().__init__(START)
        self.boot, self.up = boot, 5_000_000

    def running(self) -> Uptime:
        return Uptime(self.boot, self.up)

    def passes(self, seconds: float) -> None:
        self.advance(seconds)
        self.up += round(seconds * 1_000_000)

    def restarts(self, boot: str) -> None:
        self.boot, self.up = boot, 0


@pytest.fixture
def machine():
    return Machine()


@pytest.fixture
def log(tmp_path, machine):
    database = tmp_path / "activity.db"
    Journal.create(database, installation="log.example.org", clock=machine).close()
    with Journal(database, clock=machine, running=machine.running) as journal:
        yield journal.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")


def record(log, number=0):
    return log.record(BookingCancelled(), actor=BY, target=("booking", f"bk_{number}"))


def years_ahead(log, machine):
    """Three years are recorded by mistake: the machine was started with a wrong clock, which nothing contradicts."""
    record(log)
    machine.restarts("b2")
    machine.advance(3 * 365 * DAY)
    record(log)
    machine.advance(-3 * 365 * DAY)


def test_a_clock_that_jumps_while_the_machine_runs_records_nothing(log, machine):
    record(log)
    log.checkpoint()
    machine.passes(60)
    machine.advance(3 * 365 * DAY)
    with pytest.raises(StorageFailure, match=r"went 1095 days ahead while the machine was running.*clock accept"):
        record(log)
    assert log.size == 1
    machine.advance(-3 * 365 * DAY)
    record(log)
    assert inspect(log).notices == []


def test_with_the_explicit_word_it_records(log, machine):
    record(log)
    log.checkpoint()
    machine.advance(5 * DAY)
    with pytest.raises(StorageFailure):
        record(log)
    log.shared.time.accept(log.clock(), log.state().recorded_at)
    record(log)
    assert log.size == 2


@pytest.mark.parametrize("seconds", [20 * 3_600, 14 * DAY, 400 * DAY])
def test_a_log_that_nobody_wrote_to_for_long_is_no_contradiction(log, machine, seconds):
    record(log)
    log.checkpoint()
    machine.passes(seconds)
    record(log)
    machine.restarts("b2")
    machine.passes(seconds)
    record(log)
    assert log.size == 3


def test_a_clock_behind_the_last_entry_records_nothing_until_somebody_says_which_is_right(log, machine):
    years_ahead(log, machine)
    machine.passes(60)
    with pytest.raises(StorageFailure, match=r"109[45] days behind the last entry"):
        record(log)
    with pytest.raises(StorageFailure):
        log.rename("New", actor=BY)
    log.shared.time.accept(log.clock(), log.state().recorded_at)
    record(log)
    assert log.size == 3
    assert log.entry(3).members["recorded_at"] == log.entry(2).members["recorded_at"]


def test_verify_names_the_entry_where_a_wrong_time_began(log, machine):
    years_ahead(log, machine)
    log.shared.time.accept(log.clock(), log.state().recorded_at)
    for number in range(4):
        machine.passes(60)
        record(log, number)
    log.checkpoint()
    report = inspect(log)
    assert report.result == "intact"
    (notice,) = report.notices
    assert notice.startswith("entry 2 was recorded by a clock that was 109")
    assert "entries up to 6" in notice


def test_the_last_entry_is_named_though_none_follows_it(log, machine):
    years_ahead(log, machine)
    log.checkpoint()
    (notice,) = inspect(log).notices
    assert "from entry 2 on" in notice


def test_a_small_step_back_is_no_matter(log, machine):
    record(log)
    machine.advance(-3_600)
    record(log)
    assert inspect(log).notices == []


def test_what_this_machine_says_of_itself():
    first, second = uptime(), uptime()
    if first is None or second is None:
        pytest.skip("uptime: this system does not tell how long it has run")
    assert first.boot == second.boot
    assert first.microseconds <= second.microseconds
