"""Backup and restore: what comes back, what is recognised as older, and what stays erased."""

from __future__ import annotations

import shutil
import sqlite3

import pytest
from tests.erasure.conftest import attack

from indelible import Journal, Staff
from indelible.errors import KeyUnavailable, NotFound, SigningRefused, StorageFailure
from indelible.keep.keys import create
from indelible.manage.inspection import inspect
from indelible.manage.lifetime import Restored, backup, restore
from indelible.testing.logs import assert_intact, event

__all__ = ["attack"]


def fill(log, *numbers, **members):
    for number in numbers:
        log.record_document(event(number, **members))


@pytest.fixture
def lost(journal, log, tmp_path):
    """A function that backs the log up, lets more happen, and loses the database. Returns the backup's path."""

    def lose(then=lambda: None):
        backup(journal, tmp_path / "saved.db")
        then()
        journal.close()
        for name in ("activity.db", "activity.db-wal", "activity.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        return tmp_path / "saved.db"

    return lose


@pytest.fixture
def database(tmp_path):
    return tmp_path / "activity.db"


@pytest.fixture
def journal(tmp_path, clock):
    """As in `indelible.testing`, but the tests here lose it: what they put back they verify themselves."""
    made = Journal.create(tmp_path / "activity.db", installation="log.example.org", clock=clock)
    made.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
    yield made
    made.store.close()


def test_the_newest_backup_comes_back_whole_and_goes_on(log, lost, database):
    fill(log, 1, 2, 3)
    assert restore(lost(), database) == [Restored("c_lisbon", "complete", 3, 3, erased_since=False)]
    with Journal(database) as again:
        fill(again.clinic(), 4)
        again.clinic().checkpoint()
        assert [view.members["target"]["id"] for view in again.clinic().read()] == ["bk_4", "bk_3", "bk_2", "bk_1"]
        assert_intact(again.clinic())


def test_a_backup_is_one_file_for_its_owner_with_everything_signed(journal, log, tmp_path):
    fill(log, 1, 2)
    backup(journal, tmp_path / "saved.db")
    assert sorted(path.name for path in tmp_path.glob("saved*")) == ["saved.db"]
    assert (tmp_path / "saved.db").stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(tmp_path / "saved.db") as db:
        assert db.execute("SELECT max(size) FROM indelible_checkpoint").fetchone() == (2,)
    db.close()


def test_a_backup_is_made_while_others_write(journal, log, tmp_path, database):
    fill(log, *range(50))
    with Journal(database) as other:
        writer = other.clinic()
        backup(journal, tmp_path / "saved.db", lambda done, every: fill(writer, done))
    with sqlite3.connect(tmp_path / "saved.db") as db:
        assert db.execute("SELECT count(*) FROM indelible_entry").fetchone()[0] >= 50
    db.close()


def test_an_older_backup_is_recognised_and_nothing_is_signed(log, lost, database):
    fill(log, 1, 2)

    def more():
        fill(log, 3, 4, 5)
        log.checkpoint()

    assert restore(lost(more), database) == [Restored("c_lisbon", "older", 2, 5, erased_since=False)]
    with Journal(database) as again:
        assert again.clinic().size == 2
        with pytest.raises(
            SigningRefused, match="older backup was restored; restore a newer backup, or start a new log"
        ):
            again.clinic().checkpoint()
        assert {finding.verdict for finding in inspect(again.clinic()).findings} == {"truncated"}


def test_what_was_erased_since_the_backup_is_erased_in_it_again(log, lost, database, attack):
    fill(log, 1, 2)
    fill(log, 3, client={"id": "cli_9", "name": "Another"})
    saved = lost(lambda: log.anonymize("cli_77", requested_by="client", actor=Staff("usr_1")))
    assert restore(saved, database) == [Restored("c_lisbon", "older", 3, 4, erased_since=True)]
    with Journal(database) as again:
        assert [view.values.get("client.name") for view in again.clinic().read()] == ["Another", None, None]
        assert attack(again, ["Ana Sousa", "cli_77"], [saved]) == []
        assert {value for _, value, _ in attack(again, ["Another"], [saved])} == {"Another"}
        report = inspect(again.clinic())
        assert {finding.verdict for finding in report.findings} == {"truncated"}
        assert any("erased later than this database was copied" in notice for notice in report.notices)


def test_an_older_file_put_back_by_hand_loses_what_was_erased_when_it_is_opened(journal, log, database, tmp_path):
    fill(log, 1, 2)
    backup(journal, tmp_path / "saved.db")
    log.anonymize("cli_77", requested_by="client", actor=Staff("usr_1"))
    journal.close()
    for name in ("activity.db-wal", "activity.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "saved.db", database)
    with Journal(database) as again:
        assert [view.values.get("client.name") for view in again.clinic().read()] == [None, None]


def test_a_lost_log_is_continued_by_one_that_names_its_last_head(log, lost, database):
    fill(log, 1)

    def more():
        fill(log, 2, 3)
        log.checkpoint()

    restore(lost(more), database)
    with Journal(database) as again:
        new = again.add_clinic("c_new", name="Lisbon", zone="Europe/Lisbon", continues="c_lisbon")
        first = new.entry(1)
        assert (first.action, first.context["size"]) == ("log.continued", 3)
        assert first.context["log_origin"] == log.clinic.origin
        assert first.sentence == "System continued the activity log of Lisbon after its entry 3"
        new.checkpoint()
        assert_intact(new)


def test_only_a_log_that_was_signed_can_be_continued(journal):
    for known in ("c_lisbon", "nobody"):
        with pytest.raises(NotFound, match="nothing was ever signed"):
            journal.add_clinic("c_new", name="Lisbon", zone="Europe/Lisbon", continues=known)
    assert [clinic.id for clinic, _ in journal.clinics()] == ["c_lisbon"]


def test_without_the_head_store_the_state_is_unknown(log, lost, database, tmp_path):
    fill(log, 1)
    saved = lost()
    (tmp_path / "activity.db.keep" / "heads").unlink()
    assert restore(saved, database) == [Restored("c_lisbon", "unknown", 1, 0, erased_since=False)]


@pytest.mark.parametrize("there", ["activity.db", "activity.db-wal", "activity.db-journal"])
def test_nothing_is_restored_over_what_is_there(log, lost, database, tmp_path, there):
    fill(log, 1)
    saved = lost()
    (tmp_path / there).write_bytes(b"precious")
    with pytest.raises(StorageFailure, match="is there already; move it away first"):
        restore(saved, database)
    assert (tmp_path / there).read_bytes() == b"precious"


@pytest.mark.parametrize("what", [b"", b"not a database at all, whatever it is called" * 50])
def test_what_is_no_backup_is_refused(tmp_path, what):
    (tmp_path / "saved.db").write_bytes(what)
    with pytest.raises(StorageFailure):
        restore(tmp_path / "saved.db", tmp_path / "new.db")
    assert not (tmp_path / "new.db").exists()


def test_a_damaged_backup_is_refused_and_nothing_is_left(log, lost, database, tmp_path):
    fill(log, *range(200))
    saved = lost()
    data = bytearray(saved.read_bytes())
    data[4096 * 20 : 4096 * 24] = b"\xff" * 4096 * 4
    saved.write_bytes(data)
    with pytest.raises(StorageFailure, match=r"damaged|malformed"):
        restore(saved, database)
    assert not list(tmp_path.glob("activity.db*.part"))
    assert not database.exists()


def test_without_the_right_master_key_nothing_is_restored(log, lost, database, tmp_path):
    fill(log, 1)
    saved = lost()
    (tmp_path / "activity.db.key").rename(tmp_path / "elsewhere")
    with pytest.raises(KeyUnavailable, match="put it back there"):
        restore(saved, database)
    create(tmp_path / "activity.db.key")
    with pytest.raises(KeyUnavailable, match="not the one that the backup was made with"):
        restore(saved, database)
    assert not database.exists()
