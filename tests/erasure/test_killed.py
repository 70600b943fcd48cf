"""A process that dies while it anonymizes: whatever it left, the next opening finishes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from indelible.erasure import scrubbing
from indelible.files import replacing
from indelible.journal import Journal
from indelible.manage.inspection import inspect
from indelible.record.document import Staff
from indelible.stores.contract import Batch
from indelible.stores.sqlite.rows import SQLiteAppending
from indelible.testing.logs import Clock, assert_intact, event

BY = Staff("usr_12", "Maria Fernandes")
OTHER = {"id": "cli_78", "name": "Bruno Kept"}
PLANTED = ["Ana Sousa", "cli_77"]
KILLED, FINISHED = 9, 0


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("template")
    with Journal.create(folder / "activity.db", installation="log.example.org", clock=Clock()) as journal:
        log = journal.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
        for number in range(1, 6):
            log.record_document(event(number))
        log.record_document(event(6, client=OTHER))
        log.record_document(event(7, client={"id": "cli_79", "name": "Carla"}))
        log.anonymize("cli_79", requested_by="staff", actor=BY)
    return folder


@pytest.fixture
def folder(template, tmp_path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "log"))


def die(*arguments, **options):
    os._exit(KILLED)


def in_a_process(work) -> int:
    """Do `work` in a process of its own, which it may end at any line; return its exit status."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(FINISHED)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def anonymize(folder, prepare=lambda log: None):
    log = Journal(folder / "activity.db", clock=Clock()).clinic()
    prepare(log)
    log.anonymize("cli_77", requested_by="client", actor=BY)
    return log


def dying_at(is_it: Callable[[Batch], bool]):
    """A way to write for a transaction that dies when a certain batch is written."""
    written = SQLiteAppending.write

    def write(tx, batch):
        written(tx, batch)
        if is_it(batch):
            die()

    return write


def assert_erased(folder, copy, attack):
    """What the next opening finds: the client is erased, the others are there, and no cover of before is left."""
    with Journal(folder / "activity.db", clock=Clock()) as journal:
        log = journal.clinic()
        names = [(log.entry(seq).client or {}).get("name") for seq in (1, 5, 6)]
        assert names == [None, None, "Bruno Kept"]
        assert log.entry(1).states["client.name"] == "erased"
        assert sorted(path.suffix for path in journal.places.keep.iterdir()) == ["", ".cover", ".lock"]
        assert attack(journal, PLANTED, [copy]) == []
        assert {value for _, value, _ in attack(journal, ["Bruno Kept"], [copy])} == {"Bruno Kept"}
        log.checkpoint()
        assert_intact(log)
        assert inspect(log).notices == []
        log.scrub()  # which may have been finished for one of the two
        assert sorted(view.context["entries"] for view in log.read("action:log.scrubbed")) == [1, 5]
        assert_intact(log)


@pytest.fixture
def copy(template, tmp_path) -> Path:
    """The database as it was before the erasure."""
    return Path(shutil.copytree(template, tmp_path / "before")) / "activity.db"


STEPS = {
    "after the commit": lambda log: setattr(log, "sign_when_due", die),
    "after the signature": lambda log: setattr(log, "_cut_out", lambda behind: 0 if behind is None else die()),
    "after the keys went": lambda log: setattr(log._directory, "forget", die),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_killed_behind_the_commit_it_is_finished_when_the_log_is_opened(folder, copy, attack, step):
    assert in_a_process(lambda: anonymize(folder, step)) == KILLED
    assert_erased(folder, copy, attack)


def test_killed_before_the_commit_nothing_was_done(folder, monkeypatch):
    monkeypatch.setattr(SQLiteAppending, "write", dying_at(lambda batch: any(row.erased_by for row in batch.persons)))
    assert in_a_process(lambda: anonymize(folder)) == KILLED
    monkeypatch.undo()
    with Journal(folder / "activity.db", clock=Clock()) as journal:
        log = journal.clinic()
        assert log.size == 8
        assert log.entry(1).client == {"id": "cli_77", "name": "Ana Sousa"}
        assert_intact(log)


class _Dying:
    """The module `os`, of which the call with a number is never made, or is the last one."""

    def __init__(self, at: int, *, is_made: bool) -> None:
        self._left, self._is_made = at, is_made

    def __getattr__(self, name):
        found = getattr(os, name)
        if name not in ("open", "write", "fsync", "utime", "link", "rename", "close"):
            return found

        def call(*arguments, **options):
            self._left -= 1
            if self._left == 0 and not self._is_made:
                os._exit(KILLED)
            result = found(*arguments, **options)
            if self._left == 0:
                os._exit(KILLED)
            return result

        return call


@pytest.mark.parametrize("is_made", [False, True], ids=["before it", "behind it"])
def test_killed_at_every_call_to_the_system_while_the_cover_is_replaced(template, tmp_path, copy, attack, is_made):
    for at in count(1):
        folder = Path(shutil.copytree(template, tmp_path / f"{at}"))

        def prepare(log, at=at):
            vars(replacing)["os"] = _Dying(at, is_made=is_made)  # of the child's process alone

        status = in_a_process(lambda folder=folder, prepare=prepare: anonymize(folder, prepare))
        assert status in (KILLED, FINISHED)
        assert_erased(folder, copy, attack)
        if status == FINISHED:
            break
        shutil.rmtree(folder)
    assert at >= 20


@pytest.mark.parametrize("transaction", [1, 2, 3, 4])
def test_killed_while_scrubbing_the_counts_are_right_in_the_end(folder, copy, attack, monkeypatch, transaction):
    """Five entries in three transactions and one in another; the one at which it dies is not committed."""
    monkeypatch.setattr(scrubbing, "_AT_ONCE", 2)
    calls = count(1)
    dying = dying_at(lambda batch: batch == Batch(sealed=batch.sealed) and next(calls) == transaction)

    def work():
        log = anonymize(folder)
        monkeypatch.setattr(SQLiteAppending, "write", dying)
        log.scrub()

    assert in_a_process(work) == KILLED
    assert_erased(folder, copy, attack)


def test_killed_between_the_last_part_and_its_record_the_scrubbing_is_recorded_by_the_next(
    folder, copy, attack, monkeypatch
):
    def work():
        dying = dying_at(lambda batch: any(row.scrubbed_by for row in batch.persons))
        monkeypatch.setattr(SQLiteAppending, "write", dying)
        anonymize(folder).scrub()

    assert in_a_process(work) == KILLED
    assert_erased(folder, copy, attack)
