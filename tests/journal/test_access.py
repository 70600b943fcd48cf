"""What somebody does at a log through an access: the report of a check, and what the log says of it."""

from __future__ import annotations

from base64 import b64decode
from contextlib import closing

import pytest

from indelible.access import Access, Principal
from indelible.errors import StorageFailure
from indelible.journal import Journal
from indelible.proof.verify import Report
from indelible.record.document import Staff
from indelible.recorder import Recorder
from indelible.testing.logs import event

MARIA = Principal(Staff("usr_12", "Maria Fernandes", "owner"), frozenset({"verify"}))


@pytest.fixture
def access(journal, log):
    for number in range(1, 4):
        log.record_document(event(number))
    return Access.enter(journal, "c_lisbon", MARIA)


def test_a_check_is_recorded_with_the_checkpoint_that_it_checked(journal, log, access):
    """Others record and sign while it runs, which takes minutes for a large log."""

    def progress(done):
        with closing(Journal(journal.places.database, clock=journal.clock)) as other:
            other.clinic().record_document(event(9))
            other.clinic().checkpoint()

    report = access.verify(progress)
    assert (report.result, report.size) == ("intact", 3)
    said = next(log.read("action:log.verified")).context
    assert (said["to_seq"], said["checkpoint_size"], b64decode(said["checkpoint_root"])) == (3, 3, report.root)
    assert log.reading().last_checkpoint().size > 3


def test_a_report_that_cannot_be_recorded_is_told_all_the_same(access, monkeypatch):
    def full(*_):
        raise StorageFailure("the disk is full")

    monkeypatch.setattr(Recorder, "verified", full)
    told: list[Report] = []
    with pytest.raises(StorageFailure, match="the disk is full"):
        access.verify(tell=told.append)
    assert [report.result for report in told] == ["intact"]
