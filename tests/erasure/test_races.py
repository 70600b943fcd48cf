"""Erasures beside whatever else is under way: no value under a dead token, nothing missing, nothing half."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import closing

import pytest

from indelible.errors import IndelibleError, NotFound, StorageFailure
from indelible.export.bundling import export_bundle, export_complete
from indelible.export.run import begin
from indelible.journal import Journal
from indelible.manage.inspection import inspect
from indelible.manage.lifetime import close_clinic
from indelible.proof.verify import verify_bundle
from indelible.read.query import Query
from indelible.record.document import Staff
from indelible.testing.logs import Clock, assert_intact, event

BY = Staff("usr_12", "Maria Fernandes")
ANA, BRUNO = {"id": "cli_77", "name": "Ana Planted"}, {"id": "cli_78", "name": "Bruno Kept"}


def anonymize(log, client="cli_77"):
    return log.anonymize(client, requested_by="client", actor=BY)


def opened_anew(journal):
    return closing(Journal(journal.places.database, clock=Clock()))


def together(*works):
    """Do everything at the same time and return what each returned or raised."""
    results: list = [None] * len(works)
    barrier = threading.Barrier(len(works))

    def run(number, work):
        barrier.wait()
        try:
            results[number] = work()
        except IndelibleError as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number, work)) for number, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def dead_tokens_are_marked(log):
    """Nobody whose key is gone has a value that no erasure accounts for."""
    log.sealer.refresh()
    for row in log.rows.persons("all"):
        assert log.sealer.is_dead(row.token) == (row.erased_by is not None)


def test_a_process_with_keys_from_before_gives_who_returns_a_new_token(journal, log):
    log.record_document(event(1, client=ANA))
    with opened_anew(journal) as other:
        theirs = other.clinic()
        assert theirs.entry(1).client == ANA  # every key of Ana's is in its memory
        anonymize(log)
        done = theirs.record_document(event(3, client=ANA))
        assert theirs.entry(1).client == {"id": None, "name": None}
        assert theirs.entry(done.seq).client == ANA
        old, new = (theirs.entry(seq).members["tokens"] for seq in (1, done.seq))
        assert len(set(old) & set(new)) == 1  # the receptionist
    dead_tokens_are_marked(log)
    assert_intact(log)


def test_between_the_commit_and_the_puncture_who_returns_has_a_new_token_already(log, monkeypatch):
    log.record_document(event(1, client=ANA))
    cut_out = log._cut_out

    def record_first(behind):
        if behind is not None:
            log.record_document(event(3, client=ANA))
        return cut_out(behind)

    monkeypatch.setattr(log, "_cut_out", record_first)
    anonymize(log)
    assert [log.entry(seq).client["name"] for seq in (1, 3)] == [None, "Ana Planted"]
    dead_tokens_are_marked(log)
    assert_intact(log)


def test_two_erasures_of_one_client_are_one(journal, log):
    log.record_document(event(1, client=ANA))
    log.record_document(event(2, client=BRUNO))
    with opened_anew(journal) as other:
        theirs = other.clinic()
        results = together(lambda: anonymize(log), lambda: anonymize(theirs))
    assert sorted(type(one).__name__ for one in results) == ["Anonymized", "NotFound"]
    assert log.size == 3
    assert log.entry(2).client == BRUNO
    dead_tokens_are_marked(log)


def test_erasures_of_many_clients_in_many_places_all_hold(journal, log):
    for number in range(8):
        log.record_document(event(number, client={"id": f"cli_{number}", "name": f"planted-{number}"}))
    log.record_document(event(9, client=BRUNO))
    with opened_anew(journal) as one, opened_anew(journal) as two:
        logs = [log, log, one.clinic(), two.clinic()]
        results = together(*(lambda at=at, n=n: anonymize(at, f"cli_{n}") for n, at in enumerate([*logs, *logs])))
    assert [one for one in results if isinstance(one, Exception)] == []
    assert {view.client["name"] for view in log.read("action:booking.cancelled")} == {None, "Bruno Kept"}
    assert journal.kept(log.clinic).up_to == log.size
    dead_tokens_are_marked(log)
    assert_intact(log)


def test_an_erasure_beside_a_writer_in_another_process_leaves_nothing_under_a_dead_key(journal, log):
    log.record_document(event(1, client=ANA))
    code = (
        "import sys; from indelible import Journal; from indelible.testing.logs import Clock, event\n"
        "journal = Journal(sys.argv[1], clock=Clock())\nlog = journal.clinic()\n"
        "print(log.entry(1).client['name'], flush=True)\n"
        "for number in range(60): log.record_document(event(number, client={'id': 'cli_77', 'name': 'Ana Planted'}))\n"
        "journal.close()\n"
    )
    path = str(journal.places.database)
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "Ana Planted\n"
        done = 0
        while writer.poll() is None:
            try:
                anonymize(log)
                done += 1
            except NotFound:
                continue
    assert writer.returncode == 0
    assert done >= 1
    assert log.size == 61 + done
    dead_tokens_are_marked(log)
    assert_intact(log)
    opened = [view for view in log.read("action:booking.cancelled") if view.client["name"]]
    assert len(opened) + len(inspect(log).erased) == 61


@pytest.mark.parametrize(("words", "left"), [("", 5), ("client:cli_77", 5), ("train", 1)])
def test_an_erasure_in_the_middle_of_an_export_is_in_the_chunks_that_come(journal, log, monkeypatch, words, left):
    """Two entries at a time, and each time the keep is asked; of the chunk that was begun one is still to come."""
    monkeypatch.setattr("indelible.read.session.CHUNK", 2)
    for number in range(6):
        log.record_document(event(number, client=ANA))
    rows = log.read(words)
    assert next(rows).client == ANA
    with opened_anew(journal) as other:
        anonymize(other.clinic())
    clients = [view.client for view in rows]
    assert len(clients) <= left
    assert clients[1:] == [{"id": None, "name": None}] * (left - 1)
    assert_intact(log)


@pytest.mark.parametrize("work", [export_bundle, export_complete], ids=["filter", "complete"])
def test_a_bundle_begun_between_an_erasures_commit_and_the_end_of_its_keys_has_no_value_of_theirs(
    log, tmp_path, work, monkeypatch
):
    for number in range(6):
        log.record_document(event(number, client=ANA if number % 3 else BRUNO))
    with monkeypatch.context() as patch:
        patch.setattr(type(log), "_cut_out", lambda self, behind: 0)
        anonymize(log)
    output = tmp_path / "evidence.zip"
    work(*((log, log.reading().parse(""), output) if work is export_bundle else (log, output)), actor=BY)
    with output.open("rb") as file:
        report = verify_bundle(file, log.signer.verifier)
    assert report.findings == []
    assert report.erased


@pytest.mark.parametrize("format", ["csv", "xlsx", "jsonl"])
def test_a_list_begun_between_an_erasures_commit_and_the_end_of_its_keys_has_no_value_of_theirs(
    log, monkeypatch, format
):
    log.record_document(event(1, client=ANA))
    with monkeypatch.context() as patch:
        patch.setattr(type(log), "_cut_out", lambda self, behind: 0)
        anonymize(log)
    rows = begin(log, Query(), format=format, actor=BY)
    assert [view.client for view in rows.session.read("action:booking.cancelled")] == [{"id": None, "name": None}]
    assert b"".join(rows.blocks())


@pytest.mark.parametrize(("client", "refused"), [("cli_77", True), ("cli_other", False)])
def test_a_bundle_is_begun_anew_where_somebody_in_it_was_erased_meanwhile_and_not_for_others(
    log, tmp_path, client, refused
):
    log.record_document(event(1, client=ANA))
    log.record_document(event(2, client={"id": "cli_other", "name": "Somebody Else"}))
    erased: list[object] = []

    def meanwhile(done):
        if not erased:
            erased.append(anonymize(log, client))

    output = tmp_path / "evidence.zip"
    wanted = log.reading().parse("client:cli_77")
    if refused:
        with pytest.raises(StorageFailure, match="anonymized while"):
            export_bundle(log, wanted, output, actor=BY, progress=meanwhile)
        return
    export_bundle(log, wanted, output, actor=BY, progress=meanwhile)
    with output.open("rb") as file:
        assert verify_bundle(file, log.signer.verifier).findings == []
    assert erased


@pytest.mark.parametrize("work", [export_bundle, export_complete], ids=["filter", "complete"])
def test_an_erasure_beside_a_bundle_gives_a_bundle_that_checks_out(journal, log, tmp_path, work):
    for number in range(30):
        log.record_document(event(number, client=ANA if number % 3 else BRUNO))
    output = tmp_path / "evidence.zip"
    given = (log, log.reading().parse(""), output) if work is export_bundle else (log, output)
    bundled, erased = together(lambda: work(*given, actor=BY), lambda: anonymize(log))
    assert not isinstance(erased, Exception)
    if isinstance(bundled, Exception):  # told to begin anew, with no file left
        assert not output.exists()
    else:
        with output.open("rb") as file:
            assert verify_bundle(file, log.signer.verifier).findings == []
    dead_tokens_are_marked(log)
    assert_intact(log)


def test_an_erasure_beside_a_close_is_done_or_refused_and_the_log_is_sound(tmp_path):
    journal = Journal.create(tmp_path / "own.db", installation="log.example.org", clock=Clock())
    log = journal.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
    for number in range(5):
        log.record_document(event(number, client=ANA))
    with opened_anew(journal) as other:
        theirs = other.clinic()
        closed, erased = together(
            lambda: close_clinic(journal, log.clinic.id, tmp_path / "last.zip", actor=BY), lambda: anonymize(theirs)
        )
    info, _ = next(iter(journal.clinics()))
    if isinstance(closed, Exception):
        assert not isinstance(erased, Exception)
        assert journal.kept(info).cover.encode()
        assert_intact(journal.clinic())
    else:
        assert len(journal.kept(info).cover) == 0
    journal.store.close()
