"""The signer: what other programs left unsigned, what it says where it is refused, and that nothing stops it."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from contextlib import closing

import pytest

from indelible import Journal
from indelible.service import signer
from indelible.testing.logs import Clock, event


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
        last = journal.store.last_checkpoint(clinic)
        return journal.store.head(clinic).size - (last.size if last else 0)
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
        before = journal.store.last_checkpoint("c_1")
    assert signer.sign_once(database)
    with Journal(database) as journal:
        assert journal.store.last_checkpoint("c_1") == before


def test_a_clinic_that_comes_later_is_signed_too(database):
    one = signer.Signer(database)
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
        kept = db.execute("SELECT body FROM indelible_entry WHERE clinic_id = 'c_1' AND seq = 3").fetchone()
        for name in [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")]:
            db.execute(f"DROP TRIGGER {name}")
        db.execute("UPDATE indelible_entry SET body = x'00' WHERE clinic_id = 'c_1' AND seq = 3")
    one = signer.Signer(database)
    with caplog.at_level(logging.WARNING, "indelible.signing"):
        assert [one.sign() for _ in range(3)] == [False, False, False]
        (record,) = caplog.records
        assert "the log of c_1 is not signed: entry 3 was changed" in record.getMessage()
        assert unsigned(database, "c_2") == 0
        with closing(sqlite3.connect(database)) as db, db:
            db.execute("UPDATE indelible_entry SET body = ? WHERE clinic_id = 'c_1' AND seq = 3", kept)
        assert one.sign()
        assert caplog.messages[1:] == ["the log of c_1 can be signed again"]
    one.close()
    assert unsigned(database, "c_1") == 0


def test_a_database_that_cannot_be_opened_is_said_once_and_tried_again(database, caplog):
    key = database.with_name("activity.db.key")
    hidden = key.rename(key.with_suffix(".hidden"))
    leave_key = signer.Signer(database)
    with caplog.at_level(logging.WARNING, "indelible.signing"):
        assert [leave_key.sign() for _ in range(2)] == [False, False]
        assert len(caplog.records) == 1
        hidden.rename(key)
        assert leave_key.sign()
    leave_key.close()


def test_a_closed_clinic_is_left_alone(database, caplog):
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("UPDATE indelible_clinic SET closed_at = 1 WHERE clinic_id = 'c_1'")
    with caplog.at_level(logging.WARNING, "indelible.signing"):
        assert signer.sign_once(database)
    assert not caplog.records


def test_it_waits_for_no_transaction_of_its_own(database):
    """Between two seconds another connection can write at once."""
    leave_unsigned(database, "c_1")
    one = signer.Signer(database)
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
