"""Changes around the rows: indexes that lie, tables that are views, flags, and values that are there twice."""

from __future__ import annotations

import sqlite3

import pytest

from indelible import Journal, Staff
from indelible.manage.inspection import inspect, inspect_clinic
from indelible.testing.logs import event


@pytest.fixture
def journal(tmp_path, clock):
    """As in `indelible.testing`, but the tests here leave the log damaged."""
    made = Journal.create(tmp_path / "activity.db", installation="log.example.org", clock=clock)
    made.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
    yield made
    made.store.close()


@pytest.fixture
def log(journal):
    return journal.clinic("c_lisbon")


@pytest.fixture
def filled(log):
    for number in range(1, 31):
        log.record_document(event(number))
    log.checkpoint()
    return log


@pytest.fixture
def attack(filled):
    """Run statements on the database as somebody who can write its file."""

    def run(*statements):
        filled.shared.store.close()
        db = sqlite3.connect(filled.shared.places.database, isolation_level=None)
        for name in ("indelible_entry_no_update", "indelible_entry_no_delete", "indelible_entry_no_replace"):
            db.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            db.execute(statement)
        db.close()

    return run


def verdicts(log, **options):
    return {finding.verdict for finding in inspect(log, **options).findings}


def test_an_untouched_log_without_its_triggers_is_intact(filled, attack):
    attack()
    assert verdicts(filled) == set()


@pytest.mark.parametrize(
    ("name", "columns"),
    [("indelible_entry_time", "(clinic, occurred_at, seq)"), ("indelible_entry_seq", "(clinic, seq)")],
)
def test_an_index_that_leaves_an_entry_out_of_lists_is_found(filled, attack, name, columns):
    attack(f"DROP INDEX {name}", f"CREATE INDEX {name} ON indelible_entry {columns} WHERE seq <> 17")
    assert "misfiled" in verdicts(filled)


def test_it_is_found_also_where_the_schema_says_that_it_is_the_right_one(filled, attack):
    with sqlite3.connect(filled.shared.places.database) as db:
        (right,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'indelible_entry_time'").fetchone()
    db.close()
    attack(
        "DROP INDEX indelible_entry_time",
        "CREATE INDEX indelible_entry_time ON indelible_entry (clinic, occurred_at, seq) WHERE seq <> 17",
        "PRAGMA writable_schema = ON",
        f"UPDATE sqlite_schema SET sql = '{right}' WHERE name = 'indelible_entry_time'",
        "PRAGMA writable_schema = RESET",
    )
    found = inspect(filled).findings
    assert any("contradicts itself" in finding.what for finding in found)


def test_a_view_in_the_place_of_the_entries_is_found(filled, attack):
    attack(
        "ALTER TABLE indelible_entry RENAME TO elsewhere",
        "CREATE VIEW indelible_entry AS SELECT * FROM elsewhere",
    )
    assert "misfiled" in verdicts(filled)


def test_a_trigger_that_is_not_ours_is_found(filled, attack):
    attack("CREATE TRIGGER quiet BEFORE INSERT ON indelible_entry BEGIN SELECT RAISE(IGNORE); END")
    assert "misfiled" in verdicts(filled)


def test_values_that_are_there_twice_are_found(filled, attack):
    attack("UPDATE indelible_entry SET sealed = CAST(sealed || sealed AS BLOB) WHERE seq = 5")
    assert "added" in verdicts(filled)


def test_a_clinic_that_is_only_marked_as_closed_is_not_intact(filled, attack):
    attack("UPDATE indelible_head SET closed_at = 1")
    ((info, _),) = filled.shared.store.clinics()
    assert inspect_clinic(filled.shared, info, None).result == "not_intact"


def test_without_opening_values_an_unsigned_erasure_is_a_doubt(filled):
    filled.anonymize("cli_77", requested_by="client", actor=Staff("usr_1"))
    assert inspect(filled, open_values=False).result == "intact"
    filled.record_document(event(1))
    filled.checkpoint()
    with filled.appending() as (tx, at):  # as an anonymization that nobody has signed yet
        from indelible.erasure import anonymizing as erasure
        from indelible.record.document import Request

        erasure.anonymize(
            tx, "cli_77", at, filled.sealer,
            requested_by="client", actor=Staff("usr_1"), request=Request(),
        )  # fmt: skip
    filled.replay()
    assert filled.scrub() == 2
    assert inspect(filled, open_values=False).result == "could_not_tell"
    assert inspect(filled).result == "intact"
