"""What the database does with rows is what our migrations make: each trigger, index, table and view, word for word."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest
from tests.verify.conftest import _BESIDE, CLINIC

from indelible.errors import StorageFailure
from indelible.journal import Journal
from indelible.manage.inspection import inspect
from indelible.manage.lifetime import close_clinic, finish_closing, upgrade
from indelible.record.document import Staff
from indelible.stores.sqlite import schema as sqlite_schema
from indelible.testing.logs import event

OURS = sqlite_schema.expected()
TABLES = [one.name for one in OURS if one.kind == "table"]
TRIGGERS = [one for one in OURS if one.kind == "trigger"]
_BY_HAND = "PRAGMA writable_schema = ON"


@pytest.fixture
def path(template, tmp_path):
    """A copy of the log, with its triggers."""
    shutil.copytree(template, tmp_path / "log", ignore=_BESIDE)
    return tmp_path / "log" / "activity.db"


def change(path, *statements):
    """Run statements as somebody who can write the file, with functions that only a host has."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.create_function("host_function", 1, lambda value: 1, deterministic=True)
        db.create_collation("host_order", lambda a, b: (a > b) - (a < b))
        for statement in statements:
            db.execute(statement)


def verify(path):
    with Journal(path) as journal:
        return inspect(journal.clinic(CLINIC))


def found(path) -> str:
    """The findings about the schema, which must be there."""
    report = verify(path)
    assert report.result == "not_intact"
    return "\n".join(finding.what for finding in report.findings if finding.verdict == "misfiled")


def defects(path) -> str:
    with Journal(path) as journal:
        return "\n".join(one.text for one in journal.store.defects() if one.kind != "guard")


def test_nothing_is_found_in_a_log_that_nobody_changed(path):
    report = verify(path)
    assert (report.result, report.notices) == ("intact", [])


@pytest.mark.parametrize("name", ["indelible_entry_no_x", "indelible_checkpoint_no_x", "indelible_x", "quiet"])
def test_a_trigger_of_any_name_on_any_of_our_tables_is_found(path, name):
    for table in TABLES:
        for when in ("BEFORE INSERT", "AFTER INSERT", "AFTER UPDATE", "BEFORE DELETE"):
            change(path, f"CREATE TRIGGER {name} {when} ON {table} BEGIN SELECT RAISE(IGNORE); END")
            assert f"the trigger {name} on {table} is none that this release makes" in defects(path)
            change(path, f"DROP TRIGGER {name}")
    assert defects(path) == ""


@pytest.mark.parametrize("ours", TRIGGERS, ids=lambda one: one.name)
def test_a_trigger_with_our_name_and_another_text_is_found(path, ours):
    does_nothing = f"CREATE TRIGGER {ours.name} BEFORE INSERT ON {ours.table} BEGIN SELECT RAISE(IGNORE); END"
    elsewhere = f"CREATE TRIGGER {ours.name} BEFORE INSERT ON host BEGIN SELECT 1; END"
    change(path, "CREATE TABLE host (x)")
    for text in (does_nothing, elsewhere, ours.sql.replace("BEGIN", "BEGIN SELECT 1;"), ours.sql.replace(" ", "  ", 3)):
        change(path, f"DROP TRIGGER {ours.name}", text)
        assert f"the trigger {ours.name} on" in found(path), text


def test_a_comment_that_swallows_a_column_is_found(path):
    """The words are the same, and the line that ended the comment is gone."""
    change(path, _BY_HAND, "UPDATE sqlite_schema SET sql = replace(sql, 'NULL: open\n', 'NULL: open ')")
    with closing(sqlite3.connect(path)) as db:
        assert len(db.execute("PRAGMA table_info(indelible_head)").fetchall()) == 7
        told = sqlite_schema.found_in(db)
    assert [one.name for one in set(told) - set(OURS)] == ["indelible_head"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sqlite_schema SET sql = CAST(sql AS BLOB) WHERE name = 'indelible_entry_no_update'",
        "UPDATE sqlite_schema SET name = 'INDELIBLE_ENTRY_NO_UPDATE' WHERE name = 'indelible_entry_no_update'",
        "UPDATE sqlite_schema SET type = 'TRIGGER' WHERE name = 'indelible_entry_no_update'",
        "UPDATE sqlite_schema SET tbl_name = 'Indelible_Entry' WHERE name = 'indelible_entry_no_update'",
        "UPDATE sqlite_schema SET sql = sql || char(0) || ' ' WHERE name = 'indelible_entry_no_update'",
        (
            "INSERT INTO sqlite_schema VALUES ('trigger', 'indelible_entry_no_update', 'indelible_entry', 0,"
            " 'CREATE TRIGGER IF NOT EXISTS indelible_entry_no_update BEFORE INSERT ON indelible_entry"
            " BEGIN SELECT RAISE(IGNORE); END')"
        ),
        (
            "INSERT INTO sqlite_schema VALUES ('trigger', 'sqlite_stat9', 'indelible_entry', 0,"
            " 'CREATE TRIGGER sqlite_stat9 BEFORE INSERT ON indelible_entry BEGIN SELECT RAISE(IGNORE); END')"
        ),
    ],
)
def test_a_schema_written_by_hand_is_found(path, statement):
    change(path, _BY_HAND, statement)
    assert "trigger" in found(path).lower()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER evil BEFORE INSERT ON indelible_entry BEGIN SELECT RAISE(IGNORE); END",
        "CREATE VIEW evil AS SELECT 1",
    ],
)
@pytest.mark.parametrize("lie", ["tbl_name = 'host'", "name = 'other', tbl_name = 'host'", "type = 'table'"])
def test_a_schema_that_names_another_place_than_its_text_is_refused(path, statement, lie):
    change(path, "CREATE TABLE host (x)", statement)
    change(path, _BY_HAND, f"UPDATE sqlite_schema SET {lie} WHERE name = 'evil'")
    with pytest.raises(StorageFailure):
        verify(path)


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE indelible_extra (x)"],
        ["CREATE VIEW indelible_summary AS SELECT 1 AS x"],
        ["CREATE VIEW INDELIBLE_SUMMARY AS SELECT 1 AS x"],
        ["CREATE TABLE host (x)", "CREATE INDEX indelible_host ON host (x)"],
        ["CREATE TABLE host (x)", "CREATE TRIGGER indelible_host AFTER INSERT ON host BEGIN SELECT 1; END"],
        ["ALTER TABLE indelible_entry ADD COLUMN more TEXT"],
        ["ALTER TABLE indelible_entry ADD COLUMN more TEXT AS (upper(action))"],
        ["ALTER TABLE indelible_person ADD COLUMN more TEXT AS (host_function(token))"],
        ["ALTER TABLE indelible_link RENAME TO away", "CREATE VIEW indelible_link AS SELECT * FROM away"],
        ["CREATE INDEX theirs ON indelible_entry (clinic, action) WHERE seq > 3"],
        ["CREATE UNIQUE INDEX theirs ON indelible_entry (upper(hex(id)))"],
        ["CREATE INDEX theirs ON indelible_entry (host_function(seq))"],
        ["DROP INDEX indelible_entry_id"],
        ["DROP INDEX indelible_entry_id", "CREATE INDEX indelible_entry_id ON indelible_entry (clinic, id)"],
        [
            "DROP INDEX indelible_entry_action",
            "CREATE INDEX indelible_entry_action ON indelible_entry"
            " (clinic, action COLLATE NOCASE, occurred_at, seq)",
        ],
    ],
    ids=lambda statements: statements[-1],
)  # fmt: skip
def test_whatever_else_has_our_name_or_is_on_our_tables_is_found(path, statements):
    change(path, *statements)
    assert "this release makes" in found(path) or "is missing" in found(path)


HOST = (
    "CREATE TABLE host (id INTEGER PRIMARY KEY, x TEXT COLLATE host_order CHECK (host_function(x) = 1))",
    "CREATE INDEX host_x ON host (x)",
    "CREATE INDEX host_f ON host (host_function(x))",
    "CREATE TABLE bookings (id TEXT PRIMARY KEY, seq INTEGER CHECK (seq > 0))",
    "CREATE VIEW booking_log AS SELECT b.id, e.action FROM bookings b JOIN indelible_entry e ON e.seq = b.seq",
    "CREATE TRIGGER host_booked AFTER INSERT ON bookings BEGIN INSERT INTO host (x) VALUES (NEW.id); END",
    "INSERT INTO bookings VALUES ('bk_1', 1)",
    "ANALYZE",
)


@pytest.mark.parametrize("statements", [HOST, (*HOST[3:5], HOST[7])], ids=["with functions of its own", "plain"])
def test_what_a_host_has_in_the_same_file_is_its_own(path, statements):
    change(path, *statements, "PRAGMA ignore_check_constraints = ON", "INSERT INTO bookings VALUES ('bk_2', -1)")
    report = verify(path)
    assert (report.result, report.findings, report.notices) == ("intact", [], [])


@pytest.mark.parametrize("statements", [HOST, HOST[3:5], ()], ids=["with functions of its own", "plain", "none"])
def test_beside_a_host_an_index_that_lies_and_a_shared_page_are_found(path, statements):
    change(path, *statements)
    with closing(sqlite3.connect(path)) as db:
        (right,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'indelible_entry_time'").fetchone()
    change(
        path,
        "DROP INDEX indelible_entry_time",
        "CREATE INDEX indelible_entry_time ON indelible_entry (clinic, occurred_at, seq) WHERE seq <> 17",
        _BY_HAND,
        f"UPDATE sqlite_schema SET sql = '{right}' WHERE name = 'indelible_entry_time'",
    )
    assert "contradicts itself" in found(path)


@pytest.mark.parametrize("statements", [HOST, HOST[3:5], ()], ids=["with functions of its own", "plain", "none"])
def test_a_second_name_for_the_pages_of_our_table_is_found(path, statements):
    """What is written through it, no trigger sees."""
    change(
        path,
        *statements,
        _BY_HAND,
        "INSERT INTO sqlite_schema SELECT 'table', 'other', 'other', rootpage,"
        " 'CREATE TABLE other (a, b, c, d, e, f, g, h, i, j, k, l, m, n)' FROM sqlite_schema"
        " WHERE name = 'indelible_entry'",
    )
    assert "contradicts itself" in found(path)


def test_triggers_that_are_gone_are_told_and_made_again(path):
    change(path, *(f"DROP TRIGGER {one.name}" for one in TRIGGERS[1:3]))
    report = verify(path)
    assert report.result == "intact"
    (notice,) = report.notices
    assert TRIGGERS[1].name in notice and TRIGGERS[2].name in notice and "`indelible upgrade`" in notice
    upgrade(path)
    assert verify(path).notices == []
    with closing(sqlite3.connect(path)) as db:
        assert sqlite_schema.found_in(db) == OURS


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER quiet BEFORE UPDATE ON head BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER forget AFTER INSERT ON clock BEGIN DELETE FROM clock; END",
        "CREATE TABLE more (x)",
        "ALTER TABLE head ADD COLUMN more TEXT",
    ],
)
def test_the_schema_of_the_head_store_is_compared_too(path, statement):
    change(path.with_name("activity.db.keep") / "heads", statement)
    assert "in the head store, the" in found(path)


def test_a_head_store_of_an_older_release_is_no_change(path):
    change(path.with_name("activity.db.keep") / "heads", "DROP TABLE clock")
    assert verify(path).findings == []


@pytest.mark.parametrize("table", ["entry", "link", "person", "idempotency", "head"])
def test_nothing_is_acknowledged_that_a_trigger_swallows(path, table):
    change(path, *(
        f"CREATE TRIGGER quiet{event} BEFORE {event} ON indelible_{table} BEGIN SELECT RAISE(IGNORE); END"
        for event in ("INSERT", "UPDATE")
    ))  # fmt: skip
    with Journal(path) as journal:
        log = journal.clinic(CLINIC)
        before = log.size
        with pytest.raises(StorageFailure, match="did not take every row, so nothing of this was kept"):
            log.record_document(event(77, key="new", client={"id": "cli_new", "name": "Nobody yet"}))
        assert log.size == before


def test_nobody_is_called_erased_whose_row_a_trigger_keeps_from_saying_so(path):
    change(path, "CREATE TRIGGER keep BEFORE UPDATE ON indelible_person BEGIN SELECT RAISE(IGNORE); END")
    with Journal(path) as journal:
        log = journal.clinic(CLINIC)
        before = log.size, journal.kept(log.clinic).cover.encode()
        with pytest.raises(StorageFailure, match="did not take every row, so nothing of this was kept"):
            log.anonymize("cli_77", requested_by="client", actor=Staff("usr_1"))
        assert (log.size, journal.kept(log.clinic).cover.encode()) == before
        assert log.entry(1).client == {"id": "cli_77", "name": "Ana Sousa"}


def test_nothing_is_called_scrubbed_that_a_trigger_keeps(path):
    change(path, "CREATE TRIGGER keep BEFORE UPDATE ON indelible_entry BEGIN SELECT RAISE(IGNORE); END")
    with Journal(path) as journal:
        log = journal.clinic(CLINIC)
        log.anonymize("cli_77", requested_by="client", actor=Staff("usr_1"))
        before = log.size
        with pytest.raises(StorageFailure, match="did not take every row, so nothing of this was kept"):
            log.scrub()
        assert log.size == before


def test_no_clinic_is_called_closed_whose_keys_a_trigger_keeps(path, tmp_path):
    change(path, "CREATE TRIGGER keep BEFORE DELETE ON indelible_key BEGIN SELECT RAISE(IGNORE); END")
    with Journal(path) as journal:
        with pytest.raises(StorageFailure, match="did not delete every row"):
            close_clinic(journal, CLINIC, tmp_path / "final.zip", actor=Staff("usr_1"))
        change(path, "DROP TRIGGER keep")
        (info,) = [clinic for clinic, _ in journal.clinics() if clinic.id == CLINIC]
        finish_closing(journal, info)
        assert not journal.store.keys(CLINIC)
