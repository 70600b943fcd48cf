"""Around an erasure: an older copy of the database, the verdicts, and what an export wrote down."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from indelible import stores
from indelible.errors import SigningRefused
from indelible.journal import Journal
from indelible.keep.personal import join, split
from indelible.manage.inspection import inspect
from indelible.record.document import Staff
from indelible.recorder import Recorder
from indelible.testing.logs import Clock, assert_intact, event

BY = Staff("usr_12", "Maria Fernandes")
ANA = {"id": "cli_77", "name": "Ana Planted"}
OTHER = {"id": "cli_78", "name": "Bruno Sousa"}


def anonymize(log, client="cli_77"):
    return log.anonymize(client, requested_by="client", actor=BY)


def exported(log, words):
    session = log.reading()
    return Recorder(log, BY).exported(
        session, session.parse(words), log.checkpoint(), format="csv", profile="csv", up_to=session.size
    )


def copy(journal, folder):
    """Copy the database as it is now to `folder`."""
    (folder / "copy.db").touch(mode=0o600)
    stores.backup(journal.places.database, folder / "copy.db")
    return folder / "copy.db"


# An older copy of the database


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


def test_an_older_copy_put_back_opens_everybody_but_who_was_erased_since(put_back):
    journal = Journal(put_back)
    log = journal.clinic()
    assert log.entry(2).client == {"id": None, "name": None}
    assert log.entry(1).client == OTHER
    assert log.entry(2).actor["name"] == "Maria Fernandes"
    assert list(log.read("Planted")) == []
    assert log.reading().token("client", "cli_77") is None
    log.record_document(event(4, client=OTHER))
    with pytest.raises(SigningRefused):
        log.checkpoint()
    with pytest.raises(SigningRefused):
        journal.close()


def test_verification_of_an_older_copy_says_that_somebody_was_erased_later(put_back):
    journal = Journal(put_back)
    report = inspect(journal.clinic())
    assert {finding.verdict for finding in report.findings} == {"truncated"}
    assert [notice for notice in report.notices if "erased later than this database was copied" in notice] != []
    journal.store.close()


def test_an_older_copy_put_back_holds_nothing_of_the_client_in_its_files(put_back, attack):
    journal = Journal(put_back)
    journal.clinic()
    assert attack(journal, ["Ana Planted", "cli_77"]) == []
    assert {value for _, value, _ in attack(journal, ["Bruno Sousa"])} == {"Bruno Sousa"}
    journal.store.close()


def test_an_erasure_in_an_older_copy_is_finished_after_a_crash_too(put_back, monkeypatch):
    """Its number is one that the keep has seen already, of an erasure that this database does not have."""
    journal = Journal(put_back)
    log = journal.clinic()
    with monkeypatch.context() as patched:
        patched.setattr(log, "_cut_out", lambda behind: 0)
        anonymize(log, "cli_78")
    assert log.entry(1).client == OTHER
    journal.store.close()
    again = Journal(put_back)
    assert again.clinic().entry(1).client == {"id": None, "name": None}
    assert again.clinic().entry(1).states["client.name"] == "erased"
    again.store.close()


# Verdicts


@pytest.fixture
def erased(tmp_path):
    """A journal with one client anonymized by entry 4, a raw connection past the triggers, and the cover of before."""
    made = Journal.create(tmp_path / "own.db", installation="log.example.org", clock=Clock())
    log = made.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
    for number, client in enumerate([ANA, OTHER, ANA], 1):
        log.record_document(event(number, client=client))
    with closing(sqlite3.connect(tmp_path / "own.db", isolation_level=None)) as db:
        before = made.kept(log.clinic)
        anonymize(log)
        log.checkpoint()
        yield log, db, before
    made.store.close()


def seal(db, seq, change):
    """Put other sealed bytes into an entry, which may be longer; the trigger is there again afterwards."""
    (sql,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'indelible_entry_no_update'").fetchone()
    (sealed,) = db.execute("SELECT sealed FROM indelible_entry WHERE seq = ?", (seq,)).fetchone()
    db.execute("DROP TRIGGER indelible_entry_no_update")
    db.execute("UPDATE indelible_entry SET sealed = ? WHERE seq = ?", (join(change(split(sealed))), seq))
    db.execute(sql)
    return sealed


def verdicts(log):
    report = inspect(log)
    return {(finding.verdict, finding.seq) for finding in report.findings}, report


def test_verify_names_the_entry_that_accounts_for_each_erased_one(erased):
    found, report = verdicts(erased[0])
    assert found == set()
    assert report.erased == {1: (4,), 3: (4,)}


@pytest.mark.parametrize("name", ["identity", "network"])
def test_a_group_removed_without_an_entry_is_missing_and_not_erased(erased, name):
    log, db, _ = erased
    seal(db, 2, lambda parts: [one for one in parts if one.personal_class != name])
    found, report = verdicts(log)
    assert ("missing", 2) in found
    assert 2 not in report.erased
    gone = [path for path, state in log.entry(2).states.items() if state == "missing"]
    assert "client.name" in gone or name == "network"
    assert gone != []


def test_what_was_scrubbed_and_is_put_back_stays_dead(erased):
    log, db, _ = erased
    (before,) = db.execute("SELECT sealed FROM indelible_entry WHERE seq = 3").fetchone()
    log.scrub()
    scrubbed = seal(db, 3, lambda _: split(before))
    assert len(scrubbed) < len(before)
    found, report = verdicts(log)
    assert found == set()
    assert report.erased == {1: (4,), 3: (4,)}
    assert log.entry(3).client == {"id": None, "name": None}


def test_keys_put_back_by_who_has_the_master_key_are_restored(erased):
    """A cover of before the erasure that says it is of today: it takes the master key to write one."""
    log, _, before = erased
    keep, kept = log.shared.keep, log.shared.keep.read(log.clinic.origin)
    forged = replace(kept, cover=before.cover, version=kept.version + 1)
    assert keep.swap(log.clinic.origin, forged, kept.version)
    found, _ = verdicts(log)
    assert {one for one in found if one[0] == "restored"} == {("restored", 1)}
    assert {verdict for verdict, _ in found} == {"restored"}


def test_an_erasure_that_is_not_finished_is_told_and_is_nothing_wrong(tmp_path, monkeypatch):
    made = Journal.create(tmp_path / "own.db", installation="log.example.org", clock=Clock())
    log = made.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
    log.record_document(event(1, client=ANA))
    monkeypatch.setattr(log, "_cut_out", lambda behind: 0)
    anonymize(log)
    found, report = verdicts(log)
    assert found == set()
    assert [notice for notice in report.notices if "entry 2 erases somebody whose keys are still" in notice] != []
    monkeypatch.undo()
    assert log.replay() == 1
    assert inspect(log).notices == []
    made.close()


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
    done = exported(log, words)
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
    done = exported(log, "client:cli_78")
    anonymize(log)
    assert log.entry(done.seq).context["filter"] == "client:cli_78"
