"""The signer: what other programs left unsigned, what it says where it is refused, and that nothing stops it."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
import time
from contextlib import closing

import pytest

from indelible import Journal
from indelible.keep import erasures
from indelible.log import ClinicLog
from indelible.record.document import System
from indelible.service.run import signer
from indelible.testing.logs import Clock, assert_intact, event


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "activity.db"
    with Journal.create(path) as journal:
        for clinic in ("c_1", "c_2"):
            journal.add_clinic(clinic, name="Clinic", zone="Europe/Lisbon")
    return path


def leave_unsigned(database, clinic: str, entries: int = 3) -> None:
    """Record as a program that crashes: its first entry is signed, the others come in the same second."""
    journal = Journal(database, clock=Clock())
    log = journal.clinic(clinic)
    for number in range(entries + 1):
        log.record_document(event(number))
    journal.store.close()


def unsigned(database, clinic: str) -> int:
    journal = Journal(database)
    try:
        rows = journal.store.rows(clinic)
        return rows.state().size - sum(last.size for last in rows.checkpoints(last=1))
    finally:
        journal.store.close()


def test_every_log_with_unsigned_entries_is_signed(database):
    leave_unsigned(database, "c_1")
    leave_unsigned(database, "c_2", 1)
    assert (unsigned(database, "c_1"), unsigned(database, "c_2")) == (3, 1)
    assert signer.sign_once(database)
    assert (unsigned(database, "c_1"), unsigned(database, "c_2")) == (0, 0)


def test_what_is_signed_is_not_signed_again(database):
    leave_unsigned(database, "c_1")
    assert signer.sign_once(database)
    with Journal(database) as journal:
        before = list(journal.store.rows("c_1").checkpoints())
    assert signer.sign_once(database)
    with Journal(database) as journal:
        assert list(journal.store.rows("c_1").checkpoints()) == before


def test_a_clinic_that_comes_later_is_signed_too(database):
    one = signer.LogSigner(database)
    assert one.sign()
    with Journal(database) as journal:
        journal.add_clinic("c_3", name="Clinic", zone="Europe/Lisbon")
    leave_unsigned(database, "c_3")
    assert one.sign()
    one.close()
    assert unsigned(database, "c_3") == 0


def test_a_refusal_is_said_once_and_keeps_no_other_log_unsigned(database, caplog):
    leave_unsigned(database, "c_1")
    leave_unsigned(database, "c_2")
    with closing(sqlite3.connect(database)) as db, db:
        kept = db.execute("SELECT body FROM indelible_entry WHERE clinic = 1 AND seq = 3").fetchone()
        for name in [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")]:
            db.execute(f"DROP TRIGGER {name}")
        db.execute("UPDATE indelible_entry SET body = x'00' WHERE clinic = 1 AND seq = 3")
    one = signer.LogSigner(database)
    with caplog.at_level(logging.WARNING, "indelible.keep.signing"):
        assert [one.sign() for _ in range(3)] == [False, False, False]
        (record,) = caplog.records
        assert "the log of c_1 is not signed: the entries do not come to the committed head" in record.getMessage()
        assert unsigned(database, "c_2") == 0
        with closing(sqlite3.connect(database)) as db, db:
            db.execute("UPDATE indelible_entry SET body = ? WHERE clinic = 1 AND seq = 3", kept)
        assert one.sign()
        assert caplog.messages[1:] == ["the log of c_1 can be signed again"]
    one.close()
    assert unsigned(database, "c_1") == 0


def test_a_database_that_cannot_be_opened_is_said_once_and_tried_again(database, caplog):
    key = database.with_name("activity.db.key")
    hidden = key.rename(key.with_suffix(".hidden"))
    leave_key = signer.LogSigner(database)
    with caplog.at_level(logging.WARNING, "indelible.keep.signing"):
        assert [leave_key.sign() for _ in range(2)] == [False, False]
        assert len(caplog.records) == 1
        hidden.rename(key)
        assert leave_key.sign()
    leave_key.close()


def test_a_closed_clinic_is_left_alone(database, caplog):
    with closing(sqlite3.connect(database)) as db, db:
        db.execute(
            "UPDATE indelible_head SET closed_at = 1 WHERE clinic ="
            " (SELECT clinic FROM indelible_clinic WHERE clinic_id = 'c_1')"
        )
    with caplog.at_level(logging.WARNING, "indelible.keep.signing"):
        assert signer.sign_once(database)
    assert not caplog.records


def test_it_waits_for_no_transaction_of_its_own(database):
    """Between two seconds another connection can write at once."""
    leave_unsigned(database, "c_1")
    one = signer.LogSigner(database)
    assert one.sign()
    with closing(sqlite3.connect(database, isolation_level=None, timeout=0)) as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute("ROLLBACK")
    one.close()


def test_the_thread_signs_while_four_others_record(database):
    signer.start(database, interval=0.02)
    with Journal(database) as journal:
        log = journal.clinic("c_1")
        failures: list[BaseException] = []

        def work(first: int) -> None:
            try:
                for number in range(first, first + 25):
                    log.record_document(event(number))
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(100 * number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert log.size == 100
    leave_unsigned(database, "c_2")
    end = time.monotonic() + 10
    while unsigned(database, "c_2") and time.monotonic() < end:
        time.sleep(0.02)
    assert unsigned(database, "c_2") == 0


# What was erased


def recorded_and_erased(database) -> None:
    """Two clients, of whom one is erased in c_1; the keep as it was before lies beside it, in `before`."""
    with Journal(database) as journal:
        log = journal.clinic("c_1")
        log.record_document(event(1))
        log.record_document(event(2, client={"id": "cli_78", "name": "Rui Alves"}))
        shutil.copytree(journal.places.keep, database.with_name("before"))
        log.anonymize("cli_77", requested_by="client", actor=System("job:test"))


def put_back(database) -> None:
    """The state after a crash between an erasure's commit and the keep: the covers are those of before."""
    for cover in database.with_name("before").glob("*.cover"):
        shutil.copy(cover, database.with_name("activity.db.keep"))


def scrubbed(database) -> list[int]:
    with Journal(database) as journal:
        return [view.seq for view in journal.clinic("c_1").read("action:log.scrubbed")]


def test_who_was_erased_and_is_still_in_the_keep_is_cut_out_of_it(database):
    recorded_and_erased(database)
    put_back(database)
    one = signer.LogSigner(database)
    assert one.sign()
    one.close()
    journal = Journal(database)
    clinic, _ = journal.clinics()[0]
    assert journal.kept(clinic).up_to == 3
    assert erasures.behind(journal.store.rows(clinic.id), journal.kept(clinic).up_to) == []
    journal.store.close()


def test_what_is_dead_is_removed_once_which_is_recorded_once_and_signed(database):
    recorded_and_erased(database)
    one = signer.LogSigner(database)
    assert one.sign()
    assert unsigned(database, "c_1") == 0
    assert [one.sign() for _ in range(4)] == [True] * 4
    one.close()
    assert scrubbed(database) == [4]
    with Journal(database) as journal:
        assert journal.clinic("c_1").size == 4
        assert_intact(journal.clinic("c_1"))


def test_an_erasure_that_is_not_believed_is_looked_into_once_and_not_every_second(database, monkeypatch):
    recorded_and_erased(database)
    put_back(database)
    asked: list[str] = []

    def replay(log: ClinicLog) -> int:
        asked.append(log.clinic.id)
        return 0

    monkeypatch.setattr(ClinicLog, "replay", replay)
    one = signer.LogSigner(database)
    one.sign()
    first = len(asked)
    assert first
    for _ in range(5):
        one.sign()
    one.close()
    assert len(asked) == first


def test_a_log_without_its_cover_is_said_once_and_keeps_no_other_waiting(database, caplog):
    recorded_and_erased(database)
    with Journal(database) as journal:
        origin = next(clinic.origin for clinic, _ in journal.clinics() if clinic.id == "c_2")
    database.with_name("activity.db.keep").joinpath(f"{origin.rpartition('/')[2]}.cover").unlink()
    one = signer.LogSigner(database)
    with caplog.at_level(logging.WARNING, "indelible.keep.signing"):
        assert [one.sign() for _ in range(3)] == [True] * 3
    one.close()
    (said,) = caplog.messages
    assert said.startswith("the log of c_2 is not kept clear of who was erased: the keep ")
    assert scrubbed(database) == [4]


def test_a_quiet_log_is_passed_over_and_looked_at_once_a_minute_all_the_same(database, monkeypatch):
    one = signer.LogSigner(database)
    assert one.sign()
    looked: list[str] = []
    sign = signer.LogSigner._sign

    def noting(self, journal, clinic):
        looked.append(clinic.id)
        sign(self, journal, clinic)

    monkeypatch.setattr(signer.LogSigner, "_sign", noting)
    leave_unsigned(database, "c_2")
    assert one.sign()
    assert "c_2" in looked
    assert unsigned(database, "c_2") == 0
    assert one.sign()  # once more, for what the last round itself recorded
    looked.clear()
    for _ in range(signer.ALL_ROUNDS):
        assert one.sign()
    assert sorted(set(looked)) == ["c_1", "c_2"]
    assert len(looked) <= 4  # twice each, when it is looked at: before keeping house and behind
    one.close()
