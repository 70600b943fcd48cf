"""Making a bundle: what the log keeps of it, and what happens where it cannot be made."""

from __future__ import annotations

import json
import os
import sqlite3
import zipfile

import pytest

from indelible import Staff
from indelible.errors import InvalidInput, MalformedProof, StorageFailure
from indelible.export.bundle_file import Writer
from indelible.export.bundling import export_bundle, export_complete
from indelible.proof.note import Verifier
from indelible.proof.verify import verify_bundle
from indelible.testing.logs import event

ACTOR = Staff("usr_1", "Owner")


@pytest.fixture
def filled(log):
    for number in range(1, 5):
        log.record_document(event(number, client={"id": f"cli_{number % 2}", "name": f"Client {number % 2}"}))
    return log


def checked(log, path):
    with path.open("rb") as file:
        return verify_bundle(file, Verifier.decode(log.clinic.vkey))


def recorded(log):
    return list(log.read("action:log.exported"))


def test_the_log_keeps_seals_and_rows_and_the_bundle_holds_that_entry(filled, tmp_path):
    done = export_bundle(filled, "client:cli_1", tmp_path / "b.zip", actor=ACTOR)
    (entry,) = recorded(filled)
    assert (entry.seq, entry.context["rows"], entry.context["format"]) == (done.recorded_as, 2, "bundle")
    assert sorted(entry.context["files"]) == [
        "README.txt",
        "bundle.json",
        "entries.csv",
        "entries.jsonl",
        "rendering.json",
    ]
    with zipfile.ZipFile(tmp_path / "b.zip") as file:
        assert (
            json.loads(file.read("export.json"))["body"]
            == next(filled.rows.entries(entry.seq - 1, entry.seq)).body.decode()
        )
        for name, seal in entry.context["files"].items():
            assert seal.encode() not in file.read(name)  # nothing in the sealed files gives the seal away


def test_free_words_are_in_the_bundle_and_not_in_the_log(filled, tmp_path):
    done = export_bundle(filled, '"client 1"', tmp_path / "b.zip", actor=ACTOR)
    assert (done.statement.rows, done.statement.filter) == (2, '"client 1"')
    (entry,) = recorded(filled)
    assert "client 1" not in json.dumps(entry.document()).lower()
    assert entry.context["free_words"] == 1
    assert checked(filled, tmp_path / "b.zip").result == "intact"


def test_an_entry_that_was_changed_makes_no_bundle(filled, tmp_path):
    db = sqlite3.connect(tmp_path / "activity.db", isolation_level=None)
    (guard,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'indelible_entry_no_update'").fetchone()
    db.execute("DROP TRIGGER indelible_entry_no_update")
    (sealed,) = db.execute("SELECT sealed FROM indelible_entry WHERE seq = 2").fetchone()
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    db.execute("UPDATE indelible_entry SET sealed = ? WHERE seq = 2", (changed,))
    with pytest.raises(StorageFailure, match="entry 2 was changed in the database, so no bundle is made"):
        export_bundle(filled, "", tmp_path / "b.zip", actor=ACTOR)
    db.execute("UPDATE indelible_entry SET sealed = ? WHERE seq = 2", (sealed,))
    db.execute(guard)
    db.close()
    assert not list(tmp_path.glob("b.zip*"))
    assert recorded(filled) == []


def test_a_client_who_goes_while_rows_are_written_stops_the_bundle(filled, tmp_path):
    """The rows before would show what the rows behind say was erased."""
    for number in range(600):
        filled.record_document(event(number, client={"id": "cli_0", "name": "Client 0"}))

    def go(done):
        if done == 500:
            filled.anonymize("cli_0", requested_by="client", actor=ACTOR)

    with pytest.raises(StorageFailure, match="a client was anonymized while the bundle was written; make it again"):
        export_bundle(filled, "", tmp_path / "b.zip", actor=ACTOR, progress=go)
    assert not list(tmp_path.glob("b.zip*"))
    export_bundle(filled, "", tmp_path / "b.zip", actor=ACTOR)
    assert checked(filled, tmp_path / "b.zip").result == "intact"


def test_erasures_of_other_people_are_not_shown(filled, tmp_path):
    filled.anonymize("cli_0", requested_by="client", actor=ACTOR)
    export_bundle(filled, "client:cli_1", tmp_path / "b.zip", actor=ACTOR)
    with zipfile.ZipFile(tmp_path / "b.zip") as file:
        assert file.read("erasures.jsonl") == b""


@pytest.mark.parametrize(("first", "last"), [(0, 2), (3, 1), (1, 9), (6, None)])
def test_a_range_that_the_log_does_not_have_is_refused(filled, tmp_path, first, last):
    with pytest.raises(InvalidInput, match="must be within 1 and 4"):
        export_complete(filled, tmp_path / "b.zip", actor=ACTOR, first_seq=first, last_seq=last)


def test_an_empty_log_has_an_empty_bundle(log, tmp_path):
    export_complete(log, tmp_path / "b.zip", actor=ACTOR)
    report = checked(log, tmp_path / "b.zip")
    assert (report.result, report.entries) == ("intact", 0)


def test_an_older_bundle_stays_valid_after_the_client_is_anonymized(filled, tmp_path):
    export_bundle(filled, "", tmp_path / "before.zip", actor=ACTOR)
    filled.anonymize("cli_0", requested_by="client", actor=ACTOR)
    export_bundle(filled, "", tmp_path / "after.zip", actor=ACTOR)
    assert checked(filled, tmp_path / "before.zip").result == "intact"
    after = checked(filled, tmp_path / "after.zip")
    assert (after.result, after.erased) == ("intact", {4: (6,), 2: (6,)})


def test_a_bundle_is_for_its_owner_only_and_holds_no_time_of_day(filled, tmp_path):
    export_bundle(filled, "", tmp_path / "b.zip", actor=ACTOR)
    assert (tmp_path / "b.zip").stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(tmp_path / "b.zip") as file:
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_in_a_folder_a_bundle_is_named_by_clinic_filter_and_days(filled, tmp_path):
    folder = tmp_path / "bundles"
    folder.mkdir()
    done = [export_bundle(filled, "client:cli_1 from:2026-05-01", folder, actor=ACTOR) for _ in range(2)]
    done.append(export_complete(filled, folder, actor=ACTOR, first_seq=2, last_seq=4))
    assert [one.path.name for one in done] == [
        "lisbon_one-client_2026-05-01_2026-05-03.zip",
        "lisbon_one-client_2026-05-01_2026-05-03-2.zip",
        "lisbon_all-activity_entries-2-4.zip",
    ]
    assert {path.name for path in folder.iterdir()} == {one.path.name for one in done}


def test_a_disk_that_fails_leaves_no_bundle(filled, tmp_path):
    for output in (tmp_path / "nowhere" / "b.zip", tmp_path / "activity.db" / "b.zip"):
        with pytest.raises(StorageFailure):
            export_bundle(filled, "", output, actor=ACTOR)
    assert len(recorded(filled)) <= 1


def test_a_client_who_goes_after_the_rows_were_read_stops_the_bundle_too(filled, tmp_path, monkeypatch):
    real = Writer.seal

    def seal(self, *arguments):
        filled.anonymize("cli_0", requested_by="client", actor=ACTOR)
        return real(self, *arguments)

    monkeypatch.setattr(Writer, "seal", seal)
    with pytest.raises(StorageFailure, match="a client was anonymized"):
        export_bundle(filled, "", tmp_path / "b.zip", actor=ACTOR)
    assert not list(tmp_path.glob("b.zip*"))


def test_who_withholds_identities_shows_no_client_in_the_filter(filled, tmp_path):
    export_bundle(filled, "client:cli_1 -about:cli_0", tmp_path / "b.zip", actor=ACTOR, given=("evidence", "network"))
    with zipfile.ZipFile(tmp_path / "b.zip") as file:
        assert not any(b"cli_" in file.read(name) for name in file.namelist())
    assert checked(filled, tmp_path / "b.zip").result == "intact"


@pytest.mark.parametrize("complete", [True, False])
def test_a_single_place_can_be_withheld(filled, tmp_path, second_verifier, complete):
    if complete:
        export_complete(filled, tmp_path / "b.zip", actor=ACTOR, withheld=["client.name", "request.user_agent"])
    else:
        export_bundle(filled, "", tmp_path / "b.zip", actor=ACTOR, withheld=["client.name", "request.user_agent"])
    names = {view.client["name"] for view in filled.read() if view.client and view.client.get("name")}
    agents = {view.request["user_agent"] for view in filled.read() if view.request.get("user_agent")}
    assert names and agents
    with zipfile.ZipFile(tmp_path / "b.zip") as file:
        whole = b"".join(file.read(name) for name in file.namelist())
        assert b"at client.name, request.user_agent were held back" in file.read("README.txt").replace(b"\n", b" ")
    assert not [one for one in names | agents if one.encode() in whole]
    report = checked(filled, tmp_path / "b.zip")
    assert report.result == "intact"
    assert report.withheld >= len(names)
    second = second_verifier["check"](tmp_path / "b.zip", filled.clinic.vkey)
    assert (second["findings"], second["withheld"]) == ([], report.withheld)


@pytest.mark.parametrize("wrong", ["", "name", "client.", "Client.Name", "client.name\n", "a.b;c", "kind"])
def test_what_is_no_place_cannot_be_withheld(filled, tmp_path, wrong):
    with pytest.raises(InvalidInput, match="withheld: must be evidence, identity, network, or a value's place"):
        export_bundle(filled, "", tmp_path / "b.zip", actor=ACTOR, withheld=[wrong])
    assert not (tmp_path / "b.zip").exists()


@pytest.mark.parametrize(
    "name", ["activity.db", "activity.db.key", "activity.db.keep/heads", "activity.db.keep/b.zip", "activity.db-wal"]
)
def test_a_bundle_is_never_written_over_the_log_itself(filled, tmp_path, name):
    before = (tmp_path / "activity.db.key").read_bytes()
    with pytest.raises(InvalidInput, match=r"is a file of the log itself|is in the keep"):
        export_bundle(filled, "", tmp_path / name, actor=ACTOR)
    assert (tmp_path / "activity.db.key").read_bytes() == before


def test_a_pipe_is_no_place_for_a_bundle(filled, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageFailure, match="a device or a pipe"):
        export_bundle(filled, "", tmp_path / "pipe", actor=ACTOR)


@pytest.mark.parametrize("front", [True, False])
def test_a_zip_before_or_behind_the_zip_is_no_bundle(filled, tmp_path, front):
    export_bundle(filled, "", tmp_path / "b.zip", actor=ACTOR)
    export_bundle(filled, "client:cli_1", tmp_path / "other.zip", actor=ACTOR)
    good, other = (tmp_path / "b.zip").read_bytes(), (tmp_path / "other.zip").read_bytes()
    (tmp_path / "both.zip").write_bytes(other + good if front else good + b"comment")
    with pytest.raises(MalformedProof):
        checked(filled, tmp_path / "both.zip")
