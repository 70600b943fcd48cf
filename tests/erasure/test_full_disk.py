"""The keep on a full or read-only disk while somebody is erased: one sentence, and the next opening finishes it."""

from __future__ import annotations

import errno
import os
from contextlib import closing

import pytest

from indelible.cli import main
from indelible.errors import NotFound, StorageFailure
from indelible.files import replacing
from indelible.journal import Journal
from indelible.record.document import Staff
from indelible.testing.logs import Clock, event

BY = Staff("usr_12", "Maria Fernandes")
BRUNO = {"id": "cli_78", "name": "Bruno Kept"}
FAULTS = [
    ("write", errno.ENOSPC, "the disk is full; make room and try again"),
    ("fsync", errno.ENOSPC, "the disk is full; make room and try again"),
    ("write", errno.EDQUOT, "the disk quota is used up"),
    ("link", errno.EPERM, "on a file system with hard links"),
    ("rename", errno.EIO, "check its folder and the disk"),
    ("open", errno.EROFS, "the disk is read-only"),
    ("open", errno.EACCES, "this user may not"),
]


class Failing:
    """The module `os`, of which one function fails."""

    def __init__(self, name: str, number: int) -> None:
        self._name, self._number = name, number

    def __getattr__(self, name):
        found = getattr(os, name)
        if name != self._name:
            return found

        def fail(*arguments, **options):
            if name == "open" and not arguments[1] & (os.O_WRONLY | os.O_RDWR):
                return found(*arguments, **options)
            raise OSError(self._number, os.strerror(self._number))

        return fail


@pytest.fixture
def faulty(log, monkeypatch):
    """`faulty(name, number)`: a client's erasure is committed, and the keep's disk fails; returns what was said."""
    log.record_document(event(1))
    log.record_document(event(2, client=BRUNO))

    def failed(name, number):
        monkeypatch.setattr(replacing, "os", Failing(name, number))
        with pytest.raises(StorageFailure) as told:
            log.anonymize("cli_77", requested_by="client", actor=BY)
        return str(told.value)

    return failed


@pytest.mark.parametrize(
    ("name", "number", "mend"), FAULTS, ids=[f"{name} {errno.errorcode[n]}" for name, n, _ in FAULTS]
)
def test_it_is_told_in_a_sentence_and_the_next_opening_finishes(
    journal, log, faulty, monkeypatch, attack, name, number, mend
):
    said = faulty(name, number)
    assert "the erasure is recorded, as entry 3, and the client's keys are not gone yet" in said
    assert mend in said
    assert "\n" not in said
    assert log.size == 3
    monkeypatch.setattr(replacing, "os", os)
    with closing(Journal(journal.places.database, clock=Clock())) as again:
        assert again.clinic().entry(1).client == {"id": None, "name": None}
        assert again.clinic().entry(2).client == BRUNO
        assert attack(journal, ["Ana Sousa", "cli_77"]) == []
    assert log.entry(1).states["client.name"] == "erased"
    assert sorted(path.suffix for path in journal.places.keep.iterdir()) == ["", ".cover", ".lock"]


def test_as_long_as_the_disk_is_full_nobody_opens_the_log_anew_and_what_was_open_says_it_again(journal, log, faulty):
    faulty("write", errno.ENOSPC)
    with closing(Journal(journal.places.database, clock=Clock())) as again, pytest.raises(StorageFailure) as told:
        again.clinic()
    assert "the disk is full" in str(told.value)
    with pytest.raises(StorageFailure, match="the disk is full"):
        log.anonymize("cli_77", requested_by="client", actor=BY)
    assert log.size == 3


def test_a_second_try_finishes_it_and_says_that_the_client_is_gone(log, faulty, monkeypatch, attack, journal):
    faulty("write", errno.ENOSPC)
    monkeypatch.setattr(replacing, "os", os)
    with pytest.raises(NotFound, match="the client was anonymized before"):
        log.anonymize("cli_77", requested_by="client", actor=BY)
    assert attack(journal, ["Ana Sousa", "cli_77"]) == []


def test_the_same_key_again_answers_with_the_erasure_that_was_recorded(log, monkeypatch, attack, journal):
    log.record_document(event(1))
    monkeypatch.setattr(replacing, "os", Failing("write", errno.ENOSPC))
    with pytest.raises(StorageFailure):
        log.anonymize("cli_77", requested_by="client", actor=BY, key="order-1")
    monkeypatch.setattr(replacing, "os", os)
    done = log.anonymize("cli_77", requested_by="client", actor=BY, key="order-1")
    assert (done.entry.seq, done.entry.repeated) == (2, True)
    assert attack(journal, ["Ana Sousa", "cli_77"]) == []


def test_the_command_says_it_in_one_line(journal, log, faulty, monkeypatch, capsys):
    for name in ("INDELIBLE_DATABASE", "INDELIBLE_KEEP", "INDELIBLE_MASTER_KEY", "INDELIBLE_OUTBOXES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(journal.places.database.parent)
    monkeypatch.setattr(replacing, "os", Failing("write", errno.ENOSPC))
    assert main.run(["anonymize", "cli_77", "--requested-by", "client"]) >= 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "the disk is full" in said
    assert "the erasure is recorded, as entry 3" in said
    monkeypatch.setattr(replacing, "os", os)
    assert log.replay() == 1
