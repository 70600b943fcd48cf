"""A database of an older schema: refused with the mend, upgraded in one transaction, and the same as a new one."""

from __future__ import annotations

import sqlite3

import pytest

from indelible import Journal, Staff
from indelible.errors import StorageFailure
from indelible.lifetime import upgrade
from indelible.store import Installation
from indelible.stores import sqlite, sqlite_schema
from indelible.testing.logs import assert_intact, event

# What schemas 2 to 5 changed, undone.
TO_SCHEMA_1 = """
DROP INDEX indelible_entry_amount;
DROP TABLE indelible_source;
DROP INDEX indelible_entry_late;
CREATE TABLE old (clinic_id TEXT NOT NULL, kind TEXT NOT NULL, ref BLOB NOT NULL, occurred_at INTEGER NOT NULL,
    seq INTEGER NOT NULL, role TEXT NOT NULL,
    PRIMARY KEY (clinic_id, kind, ref, occurred_at, seq, role)) STRICT, WITHOUT ROWID;
INSERT INTO old SELECT clinic_id, kind, ref, occurred_at, seq, role FROM indelible_link;
DROP TABLE indelible_link;
ALTER TABLE old RENAME TO indelible_link;
CREATE TABLE old (clinic_id TEXT NOT NULL, seq INTEGER NOT NULL, token BLOB NOT NULL, class TEXT NOT NULL,
    sealed BLOB NOT NULL, PRIMARY KEY (clinic_id, seq, token, class)) STRICT, WITHOUT ROWID;
INSERT INTO old SELECT * FROM indelible_personal;
DROP TABLE indelible_personal;
ALTER TABLE old RENAME TO indelible_personal;
CREATE INDEX indelible_personal_token ON indelible_personal (clinic_id, token, class, seq);
DROP INDEX indelible_entry_actor_action;
ALTER TABLE indelible_clinic DROP COLUMN closed_at;
UPDATE indelible_schema SET version = 1;
"""


def schema(path):
    with sqlite3.connect(path) as db:
        found = db.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name LIKE 'indelible%'"
        ).fetchall()
        columns = {name: db.execute(f"PRAGMA table_xinfo({name})").fetchall() for _, name, _, _ in found}
    db.close()
    return sorted((kind, name) for kind, name, _, _ in found), columns


@pytest.fixture
def old(journal, log, tmp_path):
    for number in range(5):
        log.record_document(event(number))
    log.checkpoint()
    journal.store.close()
    with sqlite3.connect(tmp_path / "activity.db") as db:
        db.executescript(TO_SCHEMA_1)
    db.close()
    with sqlite3.connect(tmp_path / "activity.db.heads") as db:
        db.execute("DROP TABLE erasure")
    db.close()
    return tmp_path / "activity.db"


def test_an_older_database_is_refused_with_the_mend(old):
    with pytest.raises(StorageFailure, match=r"older Indelible \(schema 1; this one needs 5\).*`indelible upgrade`"):
        Journal(old)
    upgrade(old)


def test_an_upgraded_log_is_read_found_recorded_and_intact(old):
    assert upgrade(old) == (1, 5)
    assert upgrade(old) == (5, 5)
    with Journal(old) as journal:
        log = journal.clinic()
        assert [view.seq for view in log.read("client:cli_77")] == [5, 4, 3, 2, 1]
        log.anonymize("cli_77", requested_by="client", actor=Staff("usr_1"))
        assert [view.seq for view in log.read("target:bk_3")] == [4]
        log.checkpoint()
        assert_intact(log)


def test_a_new_schema_is_the_sum_of_the_migrations(tmp_path, old):
    upgrade(old)
    sqlite.create(tmp_path / "new.db", Installation("log.example.org", "0" * 16), 0)
    assert schema(tmp_path / "new.db") == schema(old)
    assert len(sqlite_schema.MIGRATIONS) == sqlite_schema.VERSION


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(old):
    before = schema(old)
    with sqlite3.connect(old) as db:
        db.execute("CREATE TABLE indelible_link_by_role (x)")  # in the way of the migration
    db.close()
    with pytest.raises(StorageFailure):
        upgrade(old)
    with sqlite3.connect(old) as db:
        assert db.execute("SELECT version FROM indelible_schema").fetchone() == (1,)
        db.execute("DROP TABLE indelible_link_by_role")
    db.close()
    assert schema(old) == before
    upgrade(old)


@pytest.mark.parametrize(("version", "reason"), [(0, "without an activity log"), (99, "newer Indelible")])
def test_what_is_no_older_log_is_not_upgraded(tmp_path, version, reason):
    with sqlite3.connect(tmp_path / "some.db") as db:
        db.execute("CREATE TABLE indelible_schema (version INTEGER)")
        db.execute("INSERT INTO indelible_schema VALUES (?)", (version,))
    db.close()
    with pytest.raises(StorageFailure, match=reason):
        upgrade(tmp_path / "some.db")


def test_a_file_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(StorageFailure, match="there is no database"):
        upgrade(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()
