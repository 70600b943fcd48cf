"""export and verify: files, standard output, exit codes, and what a script reads."""

from __future__ import annotations

import csv
import hashlib
import io
import json

import pytest

from indelible.testing.logs import event

from .conftest import blanked, without


@pytest.fixture
def recorded(cli):
    cli.record(*(event(number, occurred_at=f"2026-05-0{number}T10:00:00Z") for number in range(1, 6)))
    return cli


def rows(data: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(data.removeprefix("\ufeff"), newline="")))


COLUMNS = [
    "seq",
    "id",
    "occurred_at",
    "occurred_at_utc",
    "time_zone",
    "local_date",
    "local_time",
    "category",
    "action",
    "label",
    "actor_kind",
    "actor_id",
    "actor_name",
    "target_kind",
    "target_id",
    "target_name",
    "client_id",
    "client_name",
    "amount",
    "to_sum",
    "amount_minor",
    "currency",
    "channel",
    "ip",
    "device",
    "context",
    "money",
    "recorded_zone",
    "recorded_at",
]


def test_export_to_standard_output(recorded):
    result = recorded.ok("export")
    exported = rows(result.out)
    assert list(exported[0])[: len(COLUMNS)] == COLUMNS
    assert [one["seq"] for one in exported] == ["5", "4", "3", "2", "1"]
    assert result.err.startswith("5 rows, up to entry 5, SHA-256 ")


@pytest.mark.parametrize(("format", "mark"), [("csv", b"\xef\xbb\xbf"), ("csv-data", b"s")])
def test_export_to_a_file_with_its_manifest(recorded, format, mark):
    result = recorded.ok("export", "--format", format, "--output", "may.csv", "from:2026-05-02", "--as", "usr_1")
    data = (recorded.folder / "may.csv").read_bytes()
    manifest = json.loads((recorded.folder / "may.csv.manifest.json").read_bytes())
    assert result.out == ""
    assert data.startswith(mark)
    assert len(rows(data.decode())) == manifest["rows"] == 4
    assert manifest["sha256"] == hashlib.sha256(data).hexdigest()
    assert (manifest["filter"], manifest["up_to_seq"], manifest["format"]) == ("from:2026-05-02", 5, format)


def test_an_export_is_itself_an_entry_by_who_asked_for_it(recorded):
    recorded.ok("export", "actor:usr_12", "--output", "x.csv", "--as", "usr_1", "--as-name", "Rui")
    recorded.ok("export", "--output", "y.csv")
    second, first = recorded.ok("list", "--json", "action:log.exported").lines
    assert first["actor"] == {"kind": "staff", "id": "usr_1", "name": "Rui"}
    assert first["context"]["up_to_seq"] == 5
    assert second["actor"] == {"kind": "system", "reason": "command:export"}
    assert rows((recorded.folder / "y.csv").read_text())[0]["seq"] == "6"  # the first export, and not itself
    assert recorded.ok("verify").code == 0


def test_an_export_of_nothing_has_only_its_header(recorded):
    assert rows(recorded.ok("export", "actor:nobody").out) == []


@pytest.mark.parametrize("output", ["/dev/full", "nowhere/x.csv"])
def test_an_output_that_cannot_be_written(recorded, output):
    line = recorded.refused("export", "--output", output)
    assert "sousa" not in line.lower()
    assert recorded.ok("verify").code == 0


# verify


def test_intact_is_0_in_words_and_in_json(recorded):
    out = recorded.ok("verify").out
    assert "INTACT: nothing was changed, removed, added or reordered" in out
    assert "checked 5 entries" in out
    assert "Not proven" in out
    report = json.loads(recorded.ok("verify", "--json").out)
    assert (report["result"], report["size"], report["entries"], report["signed_size"]) == ("intact", 5, 5, 5)
    assert (report["clinic"], report["findings"], report["doubts"]) == ("c_lisbon", [], [])


def test_an_empty_log_is_intact(cli):
    assert cli.ok("verify").code == 0
    assert "The log is empty" in cli.ok("checkpoint").err


def test_not_intact_is_1_and_names_the_entry(recorded):
    recorded.reseal(blanked("network"), 3)
    result = recorded("verify")
    assert result.code == 1
    assert "NOT INTACT" in result.out
    assert "altered    entry 3: its sealed network values do not open" in result.out
    report = json.loads(recorded("verify", "--json").out)
    assert report["result"] == "not_intact"
    assert report["findings"] == [{"seq": 3, "verdict": "altered", "what": "its sealed network values do not open"}]


def test_a_log_cut_off_at_its_end_is_1(recorded):
    recorded.sql("DROP TRIGGER indelible_entry_no_delete")
    recorded.sql("DELETE FROM indelible_entry WHERE seq > 3")
    result = recorded("verify")
    assert result.code == 1
    assert "truncated" in result.out


def test_many_findings_are_shown_in_part_and_counted(recorded):
    recorded.record(*(event(number) for number in range(30)))
    recorded.reseal(without("network"))
    out = recorded("verify").out
    assert out.count("missing    entry") == 20
    assert "… and 15 more; --json lists them" in out


def test_could_not_tell_is_2(recorded):
    (recorded.folder / "activity.db.keep" / "heads").unlink()
    result = recorded("verify")
    assert result.code == 2
    assert "COULD NOT TELL" in result.out
    assert json.loads(recorded("verify", "--json").out)["result"] == "could_not_tell"


def test_verify_a_named_file(recorded, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert "INTACT" in recorded.ok("verify", str(recorded.folder / "activity.db")).out
    assert recorded.refused("verify", "nowhere.db").startswith("FILE: is not there")
    assert recorded.refused("verify", ".").startswith("FILE: is not there")


def test_the_key_that_was_noted_is_compared(recorded, monkeypatch):
    vkey = json.loads(recorded.ok("verify", "--json").out)["vkey"]
    assert recorded.ok("verify", "--key", vkey).code == 0
    other = vkey[:-4] + "AAA="
    assert recorded.refused("verify", "--key", other).startswith("--key: is not the key of this log")
    monkeypatch.setenv("INDELIBLE_VKEY", other)
    assert recorded.refused("verify").startswith("--key: is not the key of this log")


def test_a_checkpoint_is_a_signed_note_of_the_whole_log(recorded):
    note = recorded.ok("checkpoint").out
    origin, size, _, _, signature = note.splitlines()
    assert origin.startswith("log.example.org/c/")
    assert size == "5"
    assert signature.startswith(f"— {origin} ")
    assert recorded.ok("checkpoint").out == note


def test_findings_cannot_control_the_terminal(recorded):
    recorded.sql("UPDATE indelible_head SET name = ?, time_zone = ?", "a\x1b[31m", "b\x1b[31m")
    result = recorded("verify")
    assert result.code == 1
    assert "\x1b" not in result.out + result.err
    assert "\x1b" not in recorded.ok("clinic", "list").out.replace("b\x1b[31m", "")


@pytest.mark.parametrize(
    ("name", "begins"), [("a.xlsx", b"PK"), ("a.JSONL", b'{"seq"'), ("a.csv", b"\xef\xbb\xbfseq"), ("a", b"\xef")]
)
def test_without_a_format_the_name_of_the_file_says_it(recorded, name, begins):
    recorded.ok("export", "--output", name)
    assert (recorded.folder / name).read_bytes().startswith(begins)
    recorded.ok("export", "--output", name, "--format", "csv-data")
    assert (recorded.folder / name).read_bytes().startswith(b"seq,id")


def test_one_entry_is_checked_with_its_proof(recorded, tmp_path):
    from indelible import Journal
    from indelible.proof.tlog_proof import EntryProof
    from indelible.stores import proofs

    with Journal(recorded.folder / "activity.db") as journal:
        log = journal.clinic()
        signed = log.checkpoint()
        assert signed is not None
        body = next(iter(log.rows.entries(1, 2))).body
        proof = EntryProof(1, proofs.prover(log.rows, signed.size).inclusion(1), signed.note).encode()
        vkey = log.clinic.vkey
    (tmp_path / "proof").write_text(proof)
    (tmp_path / "body").write_bytes(body)
    (tmp_path / "answer.json").write_text(json.dumps({"proof": proof, "body": body.decode()}))
    (tmp_path / "other").write_bytes(body.replace(b"booking", b"voucher", 1))
    text, answer = ("--proof", str(tmp_path / "proof")), ("--proof", str(tmp_path / "answer.json"))
    key = ("--key", vkey)

    assert "entry 2: IN THE LOG" in recorded.ok("verify", *answer, *key).out
    said = json.loads(recorded.ok("verify", *text, "--entry", str(tmp_path / "body"), *key, "--json").out)
    assert (said["result"], said["number"], said["size"]) == ("intact", 2, signed.size)
    wrong = recorded("verify", *text, "--entry", str(tmp_path / "other"), *key)
    assert (wrong.code, "NOT PROVEN" in wrong.out) == (1, True)
    assert "--key" in recorded.refused("verify", *answer)
    assert "--proof" in recorded.refused("verify", *text, *key)
    assert "--proof" in recorded.refused("verify", "--proof", str(tmp_path / "nothing"), *key)
    assert "--entry" in recorded.refused("verify", "--entry", str(tmp_path / "body"), *key)
