"""The end of an account: a final bundle, an entry, and keys that are gone."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from tests.erasure.conftest import attack

from indelible import Journal, Staff, stores
from indelible.errors import IndelibleError, KeyUnavailable, StorageFailure
from indelible.keep.keys import KEY_BYTES
from indelible.manage.inspection import inspect_clinic
from indelible.manage.lifetime import close_clinic, finish_closing
from indelible.proof.note import Verifier
from indelible.proof.verify import verify_bundle
from indelible.stores.sqlite.rows import SQLiteAppending
from indelible.testing.logs import event, last_connection

__all__ = ["attack"]


@pytest.fixture
def journal(tmp_path, clock):
    """As in `indelible.testing`, but the tests here close its clinic: what is left they verify themselves."""
    made = Journal.create(tmp_path / "activity.db", installation="log.example.org", clock=clock)
    made.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
    yield made
    made.close()


@pytest.fixture
def closed(log, journal, tmp_path):
    for number in range(3):
        log.record_document(event(number))
    log.anonymize("cli_77", requested_by="staff", actor=Staff("usr_1"))
    log.record_document(event(4, client={"id": "cli_1", "name": "Kept Client"}))
    return close_clinic(journal, log.clinic.id, tmp_path / "final.zip", actor=Staff("usr_1"))


def test_the_final_bundle_holds_every_entry_before_it_and_is_intact(closed, log, tmp_path):
    with (tmp_path / "final.zip").open("rb") as file:
        report = verify_bundle(file, Verifier.decode(log.clinic.vkey))
    assert (report.result, report.entries, report.findings) == ("intact", 5, [])
    assert closed.size == 7  # log.exported and clinic.closed come after


def test_nothing_of_a_closed_clinic_can_be_read_recorded_or_signed(closed, journal, log):
    with pytest.raises(KeyUnavailable, match=r"was closed on 2026-05-03 and its keys destroyed"):
        journal.clinic("c_lisbon")
    with pytest.raises(StorageFailure, match="was closed; nothing more is recorded"):
        log.record_document(event(9))
    assert journal.store.keys("c_lisbon") == []


def test_no_value_opens_any_more_in_any_copy_whoever_kept_the_wrapped_keys(log, journal, tmp_path, attack):
    log.record_document(event(1))
    wrapped = [row.wrapped for row in log.shared.store.keys("c_lisbon")]
    assert all(len(one) > KEY_BYTES for one in wrapped)
    (tmp_path / "before.db").touch()
    stores.backup(tmp_path / "activity.db", tmp_path / "before.db")
    copies = [tmp_path / "before.db"]
    assert {how for _, _, how in attack(journal, ["Ana Sousa", "cli_77", "Maria Fernandes"], copies)} == {"sealed"}
    close_clinic(journal, log.clinic.id, tmp_path / "final.zip", actor=Staff("usr_1"))
    assert any(wrapped[0] in path.read_bytes() for path in copies)
    assert attack(journal, ["Ana Sousa", "cli_77", "Maria Fernandes", "train was late"], copies) == []
    assert len(journal.kept(log.clinic).cover) == 0


def test_the_last_checkpoint_stays_and_the_structure_is_still_verified(closed, journal):
    ((clinic, _),) = journal.clinics()
    report = inspect_clinic(journal, clinic, None)
    assert (report.result, report.entries, report.signed_size) == ("intact", 7, 7)
    assert journal.clinics()[0][1].size == 7


def test_a_change_in_a_closed_log_is_still_found(closed, journal, tmp_path):
    db = last_connection(journal.store)
    db.execute("DROP TRIGGER indelible_entry_no_update")
    db.execute("UPDATE indelible_entry SET body = CAST(replace(body, 'bk_1', 'bk_7') AS BLOB) WHERE seq = 2")
    ((clinic, _),) = journal.clinics()
    assert {(f.verdict, f.seq) for f in inspect_clinic(journal, clinic, None).findings} == {
        ("forked", None),
        ("misfiled", 2),
    }


def test_another_clinic_of_the_database_goes_on(closed, journal):
    other = journal.add_clinic("c_porto", name="Porto", zone="Europe/Lisbon")
    other.record_document(event(1))
    assert other.entry(1).client == {"id": "cli_77", "name": "Ana Sousa"}


def test_where_the_bundle_cannot_be_written_nothing_is_destroyed(log, journal, tmp_path):
    log.record_document(event(1))
    with pytest.raises(StorageFailure, match="the folder does not exist"):
        close_clinic(journal, log.clinic.id, tmp_path / "nowhere" / "final.zip", actor=Staff("usr_1"))
    assert len(log.shared.store.keys("c_lisbon")) == 2
    assert log.entry(1).client == {"id": "cli_77", "name": "Ana Sousa"}


def test_what_is_recorded_while_the_bundle_is_written_keeps_the_clinic_open(log, journal, tmp_path):
    log.record_document(event(1))
    with Journal(tmp_path / "activity.db") as other:

        def meanwhile(done):
            other.clinic().record_document(event(2))

        with pytest.raises(StorageFailure, match="something was recorded while the bundle was written"):
            close_clinic(journal, log.clinic.id, tmp_path / "final.zip", actor=Staff("usr_1"), progress=meanwhile)
    assert len(log.shared.store.keys("c_lisbon")) == 2
    assert log.entry(2).client is not None


def test_a_reader_who_holds_the_write_ahead_log_delays_nothing(log, journal, tmp_path, attack):
    log.record_document(event(1))
    with closing(sqlite3.connect(tmp_path / "activity.db", isolation_level=None)) as reading:
        reading.execute("BEGIN")
        assert reading.execute("SELECT seq FROM indelible_entry").fetchone() == (1,)
        close_clinic(journal, log.clinic.id, tmp_path / "final.zip", actor=Staff("usr_1"))
        assert attack(journal, ["Ana Sousa", "cli_77"]) == []
    assert log.shared.store.keys("c_lisbon") == []


def test_a_closing_that_was_interrupted_before_the_cover_went_is_finished(log, journal, tmp_path, monkeypatch, attack):
    log.record_document(event(1))

    def crash(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(journal.keep, "swap", crash)
    with pytest.raises(KeyboardInterrupt):
        close_clinic(journal, log.clinic.id, tmp_path / "final.zip", actor=Staff("usr_1"))
    monkeypatch.undo()
    assert attack(journal, ["Ana Sousa"]) != []
    ((clinic, _),) = journal.clinics()
    finish_closing(journal, clinic)
    assert attack(journal, ["Ana Sousa"]) == []
    assert inspect_clinic(journal, clinic, None).result == "intact"


def test_a_closing_that_was_interrupted_before_the_keys_went_is_finished(log, journal, tmp_path, monkeypatch):
    log.record_document(event(1))

    written = SQLiteAppending.write

    def write(tx, batch):
        if batch.drop_keys:
            raise KeyboardInterrupt
        written(tx, batch)

    monkeypatch.setattr(SQLiteAppending, "write", write)
    with pytest.raises(KeyboardInterrupt):
        close_clinic(journal, log.clinic.id, tmp_path / "final.zip", actor=Staff("usr_1"))
    monkeypatch.undo()
    ((clinic, _),) = journal.clinics()
    assert inspect_clinic(journal, clinic, None).result == "not_intact"  # marked as closed, and its keys are there
    finish_closing(journal, clinic)
    assert inspect_clinic(journal, clinic, None).result == "intact"


@pytest.mark.parametrize(
    "name",
    [
        "activity.db",
        "activity.db.key",
        "activity.db.keep/heads",
        "activity.db.keep/new.zip",
        "activity.db.keep",
        "activity.db-wal",
        "there.zip",
    ],
)
def test_the_final_bundle_is_never_written_over_a_file(log, journal, tmp_path, name):
    log.record_document(event(1))
    (tmp_path / "there.zip").write_bytes(b"precious")
    kept = [path for path in (tmp_path / "activity.db.keep").iterdir() if path.suffix == ".cover"]
    before = {path: path.read_bytes() for path in [*kept, tmp_path / "activity.db.key", tmp_path / "there.zip"]}
    with pytest.raises(IndelibleError):
        close_clinic(journal, log.clinic.id, tmp_path / name, actor=Staff("usr_1"))
    assert {path: path.read_bytes() for path in before} == before
    assert not (tmp_path / "activity.db.keep" / "new.zip").exists()
    assert len(log.shared.store.keys("c_lisbon")) == 2
