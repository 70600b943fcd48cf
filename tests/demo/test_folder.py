"""The folder: made once, completed where it was left, and never with anybody else's keys."""

from __future__ import annotations

from datetime import date

import pytest

from indelible import demo
from indelible.catalogue.settings import SettingsChanged
from indelible.demo import calendar, folder
from indelible.errors import Conflict
from indelible.manage.inspection import inspect
from indelible.record.document import Staff, Target

# A morning long after the clinic's first six weeks.
NOW = calendar.at(date(2026, 3, 2), 600)
DAYS = 45


class Stopped(Exception):
    pass


@pytest.fixture
def place(tmp_path):
    """A folder whose log is verified when the test is over."""
    yield tmp_path / "demo"
    with demo.reopen(tmp_path / "demo") as journal:
        report = inspect(journal.clinic())
        assert (report.result, report.findings, report.signed_size) == ("intact", [], report.size)


def entries(where):
    with demo.reopen(where) as journal:
        return [one.document() for one in journal.clinic().read()]


def test_a_build_records_every_document_and_ends_yesterday(place):
    made = demo.build(place, days=DAYS, now=NOW)
    found = entries(place)
    assert made.added == made.documents == len(found)
    assert found[0]["occurred_at"][:10] <= "2026-03-01"
    assert found[-1]["occurred_at"][:10] == made.start.isoformat() == "2026-01-16"


def test_a_second_build_adds_nothing_even_weeks_later(place):
    first = demo.build(place, days=DAYS, now=NOW)
    second = demo.build(place, days=DAYS, now=NOW + 40 * 24 * calendar.HOUR)
    assert second.added == 0
    assert (second.documents, second.start) == (first.documents, first.start)


def test_a_build_that_was_stopped_is_completed(place, monkeypatch):
    monkeypatch.setattr(folder, "BATCH", 200)

    def stop(done, _):
        if done == 400:
            raise Stopped

    with pytest.raises(Stopped):
        demo.build(place, days=DAYS, now=NOW, progress=stop)
    steps = []
    made = demo.build(place, days=DAYS, now=NOW, progress=lambda done, total: steps.append((done, total)))
    assert steps[0] == (400, made.documents)
    assert steps[-1] == (made.documents, made.documents)
    assert made.added == made.documents - 400
    assert len(entries(place)) == made.documents


def test_an_entry_recorded_in_between_does_no_harm(place, monkeypatch):
    monkeypatch.setattr(folder, "BATCH", 200)

    def stop(done, _):
        if done == 400:
            raise Stopped

    with pytest.raises(Stopped):
        demo.build(place, days=DAYS, now=NOW, progress=stop)
    with demo.reopen(place) as journal:
        own = SettingsChanged(section="mine")
        journal.clinic().record(own, actor=Staff("usr_1"), target=Target("settings", "set_mine"))
    made = demo.build(place, days=DAYS, now=NOW)
    assert made.added == made.documents - 400
    assert len(entries(place)) == made.documents + 1


def test_the_year_of_another_seed_is_refused(place):
    demo.build(place, seed=1, days=2, now=NOW)
    with pytest.raises(Conflict, match="another seed"):
        demo.build(place, seed=2, days=2, now=NOW)


def test_the_keys_of_an_installation_in_earnest_are_not_touched(place, tmp_path, monkeypatch):
    monkeypatch.setenv("INDELIBLE_MASTER_KEY", str(tmp_path / "earnest.key"))
    monkeypatch.setenv("INDELIBLE_KEEP", str(tmp_path / "earnest.keep"))
    demo.build(place, days=1, now=NOW)
    assert sorted(path.name for path in place.iterdir()) == ["activity.db", "activity.db.keep", "activity.db.key"]
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_history_is_imported_and_the_last_month_was_recorded_as_it_happened(place):
    demo.build(place, days=DAYS, now=NOW)
    with demo.reopen(place) as journal:
        log = journal.clinic()
        views = list(log.read())
    moved = calendar.midnight(date(2026, 1, 31))
    assert {view.imported for view in views if view.occurred_at < moved} == {True}
    assert {view.imported for view in views if view.occurred_at >= moved} == {False}
    assert [view.seq for view in views if view.delay is not None and not view.imported] == []
