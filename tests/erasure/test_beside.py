"""Around an erasure: the head store, an older copy of the database, the verdicts, and what an export wrote down."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest

from indelible.document import Staff
from indelible.errors import SigningRefused
from indelible.exported import record_export
from indelible.inspection import inspect
from indelible.journal import Journal
from indelible.testing.logs import Clock, assert_intact, event

BY = Staff("usr_12", "Maria Fernandes")
ANA = {"id": "cli_77", "name": "Ana Planted"}
OTHER = {"id": "cli_78", "name": "Bruno Sousa"}


def anonymize(log, client="cli_77"):
    return log.anonymize(client, requested_by="client", actor=BY)


def copy(journal, folder):
    """Copy the database as it is now to `folder`, write-ahead log included."""
    journal.store.wipe()
    shutil.copy(journal.places.database, folder / "copy.db")
    return folder / "copy.db"


# The head store


def test_the_head_store_keeps_an_erasure_from_the_checkpoint_on(journal, log):
    log.record_document(event(1, client=ANA))
    token = log.selecting().token("client", "cli_77")
    done = anonymize(log)
    log.checkpoint()
    kept = journal.heads.erasures(log.info.origin, after=0)
    assert [(one.token, one.classes, one.up_to_seq) for one in kept] == [(token, ("identity", "network"), 1)]
    assert journal.heads.erasures(log.info.origin, after=done.entry.seq) == []


@pytest.fixture
def put_back(tmp_path):
    """A database exchanged for a copy from before an erasure, not opened yet. The client's entry is the second."""
    clock = Clock()
    made = Journal.create(tmp_path / "own.db", installation="log.example.org", clock=clock)
    log = made.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
    log.record_document(event(1, client=OTHER))
    log.record_document(event(2, client=ANA))
    log.checkpoint()
    old = copy(made, tmp_path)
    anonymize(log)
    log.record_document(event(3, client=OTHER))
    log.checkpoint()
    made.close()
    shutil.copy(old, tmp_path / "own.db")
    return tmp_path / "own.db"


def live_rows(database):
    with closing(sqlite3.connect(database)) as db:
        sql = "SELECT count(*) FROM indelible_personal WHERE sealed IS NOT NULL AND seq <= 2"
        return db.execute(sql).fetchone()[0]


def test_an_older_copy_put_back_loses_the_values_again_when_it_is_opened(put_back):
    before = live_rows(put_back)
    journal = Journal(put_back)
    log = journal.clinic()
    assert log.entry(2).client == {"id": None, "name": None}
    assert log.entry(1).client == OTHER
    assert list(log.read("Planted")) == []
    assert log.selecting().token("client", "cli_77") is None
    log.record_document(event(4, client=OTHER))
    with pytest.raises(SigningRefused):
        log.checkpoint()
    assert live_rows(put_back) == before - 1
    with pytest.raises(SigningRefused):
        journal.close()


def test_an_older_copy_put_back_holds_nothing_of_the_client_in_its_files(put_back, attack):
    journal = Journal(put_back)
    journal.clinic()
    assert attack(journal, ["Ana Planted"]) == []
    journal.store.close()


# Verdicts


@pytest.fixture
def erased(tmp_path):
    """A journal with one client anonymized by entry 4, and a raw connection; it may be damaged."""
    made = Journal.create(tmp_path / "own.db", installation="log.example.org", clock=Clock())
    log = made.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
    for number, client in enumerate([ANA, OTHER, ANA], 1):
        log.record_document(event(number, client=client))
    with closing(sqlite3.connect(tmp_path / "own.db", isolation_level=None)) as db:
        kept = db.execute("SELECT * FROM indelible_personal").fetchall()
        anonymize(log)
        log.checkpoint()
        yield log, db, kept
    made.store.close()


def verdicts(log):
    report = inspect(log)
    return {(finding.verdict, finding.seq) for finding in report.findings}, report


def test_verify_names_the_entry_that_accounts_for_each_erased_one(erased):
    found, report = verdicts(erased[0])
    assert found == set()
    assert report.erased == {1: (4,), 3: (4,)}


def test_a_row_deleted_without_an_entry_is_missing_and_not_erased(erased):
    log, db, _ = erased
    db.execute("DELETE FROM indelible_personal WHERE seq = 2 AND class = 'identity'")
    found, report = verdicts(log)
    assert ("missing", 2) in found
    assert 2 not in report.erased
    assert log.entry(2).states["actor.name"] == log.entry(2).states["client.name"] == "missing"


def test_a_row_emptied_without_an_entry_is_missing(erased):
    log, db, _ = erased
    db.execute("UPDATE indelible_personal SET sealed = NULL WHERE seq = 2 AND class = 'network'")
    assert verdicts(log)[0] == {("missing", 2)}


@pytest.mark.parametrize("seq", [1, 3])
def test_a_row_put_back_after_an_erasure_is_restored(erased, seq):
    log, db, kept = erased
    live = set(db.execute("SELECT seq, token, class FROM indelible_personal WHERE sealed IS NOT NULL"))
    gone = [row for row in kept if row[1] == seq and row[1:4] not in live]
    assert len(gone) == 1
    db.execute("INSERT INTO indelible_personal VALUES (?, ?, ?, ?, ?)", gone[0])
    found, _ = verdicts(log)
    assert ("restored", seq) in found
    assert {verdict for verdict, _ in found} <= {"restored", "misfiled"}


# What an export wrote down

FILTERS = [
    "client:cli_77",
    "target:client/cli_77",
    "about:cli_77 category:bookings",
    "-client:cli_77",
    "actor:cli_77",
    "client:cli_77 client:cli_78",
    "client:cli_77 -client:cli_78",
    "about:client/cli_77 client:cli_78 actor:usr_12",
    "Planted",
    '"ana planted" -Planted client:cli_78',
    "client:cli_77 Planted",
]


@pytest.mark.parametrize("words", FILTERS)
def test_an_export_leaves_no_id_and_no_word_of_a_client_after_anonymize(journal, log, attack, words):
    log.record_document(event(1, client=ANA))
    log.record_document(event(2, actor={"kind": "client"} | ANA, client=OTHER))
    done = record_export(log, log.parse(words), log.checkpoint(), BY, format="csv", profile="csv")
    anonymize(log)
    view = log.entry(done.seq)
    for text in ("cli_77", "Planted", "planted"):
        assert text not in str(view.document())
        assert text not in str(view.members)
    assert attack(journal, ["cli_77", "Planted", "planted"]) == []
    assert_intact(log)


def test_an_export_about_others_keeps_its_filter(log):
    log.record_document(event(1, client=ANA))
    log.record_document(event(2, client=OTHER))
    done = record_export(log, log.parse("client:cli_78"), log.checkpoint(), BY, format="csv", profile="csv")
    anonymize(log)
    assert log.entry(done.seq).context["filter"] == "client:cli_78"
