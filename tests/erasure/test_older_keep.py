"""An older copy of the keep that is put back: who was erased since is erased again before anybody reads."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import closing

import pytest

from indelible import stores
from indelible.errors import KeyUnavailable, NotFound
from indelible.journal import Journal
from indelible.keep import keys
from indelible.manage.inspection import inspect
from indelible.record.document import Staff
from indelible.testing.logs import Clock, assert_intact, event, last_connection

BY = Staff("usr_12", "Maria Fernandes")
ANA, BRUNO = {"id": "cli_77", "name": "Ana Planted"}, {"id": "cli_78", "name": "Bruno Kept"}
CARLA = {"id": "cli_79", "name": "Carla Kept"}
PLANTED = ["Ana Planted", "cli_77"]


def anonymize(log, client="cli_77"):
    return log.anonymize(client, requested_by="client", actor=BY)


@pytest.fixture
def older(journal, log, tmp_path):
    """A log whose entry 4 erased the client of its entry 1, and the folder of the keep from before."""
    for number, client in enumerate([ANA, BRUNO, CARLA], 1):
        log.record_document(event(number, client=client))
    log.checkpoint()
    folder = tmp_path / "older"
    shutil.copytree(journal.places.keep, folder)
    anonymize(log)
    return folder


def put_back(journal, older, *, heads=False):
    """Put the older covers into the keep, and with `heads` the older signed heads too."""
    for path in older.iterdir():
        if path.suffix == ".cover" or (heads and path.name == "heads"):
            shutil.copy(path, journal.places.keep / path.name)


def opened_anew(journal):
    return closing(Journal(journal.places.database, clock=Clock()))


def test_it_opens_who_was_erased_until_somebody_opens_the_log(journal, older, attack):
    put_back(journal, older)
    assert {value for _, value, _ in attack(journal, PLANTED)} == set(PLANTED)
    with opened_anew(journal) as again:
        log = again.clinic()
        assert attack(journal, PLANTED) == []  # before anything was read in it
        assert log.entry(1).states["client.name"] == "erased"
        assert [log.entry(seq).client["name"] for seq in (2, 3)] == ["Bruno Kept", "Carla Kept"]
        assert_intact(log)


def test_it_opens_nobody_in_a_process_that_saw_the_newer_one(journal, log, older):
    assert log.entry(1).client == {"id": None, "name": None}
    put_back(journal, older)
    assert log.entry(1).client == {"id": None, "name": None}
    assert list(log.read("Planted")) == []
    assert log.entry(2).client == BRUNO
    log.record_document(event(5, client=ANA))
    assert log.entry(5).members["tokens"][1] != log.entry(1).members["tokens"][1]
    assert log.replay() == 1
    assert_intact(log)


def test_the_next_erasure_erases_who_was_erased_before_as_well(journal, log, older, attack):
    put_back(journal, older)
    anonymize(log, "cli_78")
    assert attack(journal, [*PLANTED, "Bruno Kept"]) == []
    assert log.entry(3).client == CARLA


def test_a_process_that_saw_the_newer_one_takes_up_what_others_erase_after_the_older_was_put_back(journal, log, older):
    """The older copy is replaced in fewer steps than the newer was, so that their versions cross."""
    put_back(journal, older)
    with opened_anew(journal) as again:
        theirs = again.clinic()
        anonymize(theirs, "cli_78")
    assert log.entry(2).client == {"id": None, "name": None}
    assert log.entry(3).client == CARLA


def test_it_is_erased_again_in_another_process(journal, older, attack):
    put_back(journal, older)
    code = f"from indelible import Journal; print(Journal({str(journal.places.database)!r}).clinic().entry(1).states)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'client.name': 'erased'" in done.stdout
    assert attack(journal, PLANTED) == []


def test_it_is_erased_again_although_the_row_of_the_person_is_gone(tmp_path):
    journal = Journal.create(tmp_path / "own.db", installation="log.example.org", clock=Clock())
    log = journal.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
    log.record_document(event(1, client=ANA))
    token = log.reading().token("client", "cli_77")
    shutil.copytree(journal.places.keep, tmp_path / "older")
    anonymize(log)
    last_connection(journal.store).execute("DELETE FROM indelible_person WHERE token = ?", (token,))
    put_back(journal, tmp_path / "older")
    with opened_anew(journal) as again:
        log = again.clinic()
        assert log.entry(1).client == {"id": None, "name": None}
        assert log.sealer.is_dead(token)
        log.record_document(event(2, client=ANA))  # the name's own key is there still, and leads to nobody
        assert bytes.fromhex(log.entry(3).members["tokens"][1]) != token
    journal.store.close()


def test_nobody_reads_where_the_older_one_cannot_be_written_to(journal, older, monkeypatch):
    put_back(journal, older)

    def refuse(self, *arguments):
        raise KeyUnavailable("not now")

    monkeypatch.setattr("indelible.keep.folder.Keep.swap", refuse)
    with opened_anew(journal) as again, pytest.raises(KeyUnavailable, match="not now"):
        again.clinic()
    monkeypatch.undo()


def test_an_older_database_and_an_older_keep_together_are_told_by_the_signed_heads_alone(tmp_path):
    """The whole keep of then beside the database of then: nothing here knows better, but a checkpoint elsewhere."""
    journal = Journal.create(tmp_path / "own.db", installation="log.example.org", clock=Clock())
    log = journal.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
    log.record_document(event(1, client=ANA))
    log.checkpoint()
    shutil.copytree(journal.places.keep, tmp_path / "older")
    (tmp_path / "older.db").touch()
    stores.backup(tmp_path / "own.db", tmp_path / "older.db")
    anonymize(log)
    outside = log.checkpoint()
    assert outside is not None
    journal.close()
    shutil.copy(tmp_path / "older.db", tmp_path / "own.db")
    put_back(journal, tmp_path / "older")
    with opened_anew(journal) as again:
        assert {finding.verdict for finding in inspect(again.clinic()).findings} == {"truncated"}
    put_back(journal, tmp_path / "older", heads=True)
    with opened_anew(journal) as again:
        report = inspect(again.clinic())
        assert report.result == "intact"
        assert again.clinic().entry(1).client == ANA
        assert report.size < outside.size


# A keep that is none


def lose(journal, log):
    for path in journal.places.keep.glob("*.cover"):
        path.unlink()


def lose_all(journal, log):
    shutil.rmtree(journal.places.keep)


def take_another_installation_s(journal, log):
    other = journal.places.database.with_name("other.db")
    with Journal.create(other, installation="log.example.org", clock=Clock()) as made:
        made.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
    (theirs,) = other.with_name("other.db.keep").glob("*.cover")
    (mine,) = journal.places.keep.glob("*.cover")
    shutil.copy(theirs, mine)


def damage(journal, log):
    (mine,) = journal.places.keep.glob("*.cover")
    data = bytearray(mine.read_bytes())
    data[-1] ^= 1
    mine.write_bytes(data)


def cut_short(journal, log):
    (mine,) = journal.places.keep.glob("*.cover")
    mine.write_bytes(mine.read_bytes()[:10])


LOST = [lose, lose_all, take_another_installation_s, damage, cut_short]


@pytest.mark.parametrize("harm", LOST, ids=[one.__name__ for one in LOST])
def test_a_keep_that_does_not_fit_is_told_in_a_sentence_and_nothing_is_read_or_written(tmp_path, harm):
    journal = Journal.create(tmp_path / "own.db", installation="log.example.org", clock=Clock())
    log = journal.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
    log.record_document(event(1, client=ANA))
    log.checkpoint()
    shutil.copytree(journal.places.keep, tmp_path / "kept")
    harm(journal, log)
    calls = [
        lambda: log.entry(1),
        lambda: log.record_document(event(2, client=BRUNO)),
        lambda: anonymize(log),
        lambda: Journal(journal.places.database, clock=Clock()).clinic(),
    ]
    for call in calls:
        with pytest.raises(KeyUnavailable) as told:
            call()
        text = str(told.value)
        assert "put" in text
        assert "\n" not in text
        assert "own.db.keep" in text
    assert log.size == 1
    shutil.rmtree(journal.places.keep, ignore_errors=True)
    shutil.copytree(tmp_path / "kept", journal.places.keep)
    assert log.entry(1).client == ANA
    assert anonymize(log).entry.seq == 2
    with pytest.raises(NotFound):
        anonymize(log)
    journal.close()


def test_a_master_key_that_is_not_the_keep_s_is_told(journal, log, tmp_path):
    log.record_document(event(1, client=ANA))
    other = keys.create(tmp_path / "other.key")
    with pytest.raises(KeyUnavailable, match="is not the one that this database was made with"):
        Journal(journal.places.database, master_key=str(tmp_path / "other.key"))
    assert other.fingerprint != journal.store.installation.master_key


def test_behind_a_renewal_an_open_log_seals_under_the_new_keep(journal, older, log):
    """Somebody was erased, so to whoever has the lost keep in memory the new one looks older."""
    assert log.reading().named("Bruno")
    for cover in journal.places.keep.glob("*.cover"):
        cover.unlink()
    renewed = journal.renew_keep("c_lisbon")
    assert renewed.reading().named("Bruno") == frozenset(), "the name was lost with the keep"
    seqs = [one.record_document(event(9, client=CARLA)).seq for one in (renewed, log)]
    with Journal(journal.places.database, clock=journal.clock) as other:
        assert [other.clinic().entry(seq).client for seq in seqs] == [CARLA, CARLA]
    assert_intact(renewed)
