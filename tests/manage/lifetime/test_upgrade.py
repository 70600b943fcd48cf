"""A database of an older schema: refused with the mend, upgraded in one transaction, and the same as a new one."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from indelible import Journal, Staff, stores
from indelible.errors import StorageFailure
from indelible.manage.lifetime import upgrade
from indelible.stores.contract import Installation
from indelible.stores.sqlite import schema as sqlite_schema
from indelible.testing.logs import assert_intact, event

# A second migration, as the next release may bring one.
NEXT = [
    "CREATE TABLE indelible_note (clinic INTEGER NOT NULL) STRICT;",
    "CREATE INDEX indelible_n ON indelible_note (clinic);",
]


def schema(path):
    with closing(sqlite3.connect(path)) as db:
        found = db.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name LIKE 'indelible%'"
        ).fetchall()
        columns = {name: db.execute(f"PRAGMA table_xinfo({name})").fetchall() for _, name, _, _ in found}
    return sorted((kind, name) for kind, name, _, _ in found), columns


@pytest.fixture
def old(journal, log, tmp_path, monkeypatch):
    """A log of this release, in the next one."""
    for number in range(5):
        log.record_document(event(number))
    log.checkpoint()
    journal.store.close()
    statements = sqlite_schema._statements
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", (*sqlite_schema.MIGRATIONS, "next"))
    monkeypatch.setattr(sqlite_schema, "VERSION", 2)
    monkeypatch.setattr(sqlite_schema, "_statements", lambda name: NEXT if name == "next" else statements(name))
    yield tmp_path / "activity.db"
    monkeypatch.undo()
    with closing(sqlite3.connect(tmp_path / "activity.db", isolation_level=None)) as db:  # as it was, to be verified
        db.execute("DROP TABLE IF EXISTS indelible_note")
        db.execute("UPDATE indelible_schema SET version = 1")


def test_an_older_database_is_refused_with_the_mend(old):
    with pytest.raises(StorageFailure, match=r"older Indelible \(schema 1; this one needs 2\).*`indelible upgrade`"):
        Journal(old)


def test_an_upgraded_log_is_read_found_recorded_and_intact(old):
    assert upgrade(old) == (1, 2)
    assert upgrade(old) == (2, 2)
    with Journal(old) as journal:
        log = journal.clinic()
        assert [view.seq for view in log.read("client:cli_77")] == [5, 4, 3, 2, 1]
        log.anonymize("cli_77", requested_by="client", actor=Staff("usr_1"))
        assert [view.seq for view in log.read("target:bk_3")] == [4]
        log.checkpoint()
        assert_intact(log)


def test_a_new_schema_is_the_sum_of_the_migrations(tmp_path, old):
    upgrade(old)
    stores.create(tmp_path / "new.db", Installation("log.example.org", "0" * 16))
    assert schema(tmp_path / "new.db") == schema(old)
    assert len(sqlite_schema.MIGRATIONS) == sqlite_schema.VERSION


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(old):
    before = schema(old)
    with closing(sqlite3.connect(old, isolation_level=None)) as db:
        db.execute("CREATE TABLE other (clinic)")
        db.execute("CREATE INDEX indelible_n ON other (clinic)")  # in the way of the migration's second statement
    with pytest.raises(StorageFailure):
        upgrade(old)
    with closing(sqlite3.connect(old, isolation_level=None)) as db:
        assert db.execute("SELECT version FROM indelible_schema").fetchone() == (1,)
        db.execute("DROP TABLE other")
    assert schema(old) == before
    assert upgrade(old) == (1, 2)


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
