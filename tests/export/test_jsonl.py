"""JSON Lines: the list as a program reads it."""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from indelible.errors import StorageFailure
from indelible.export import jsonl_file
from indelible.export.run import export
from indelible.log import ClinicLog
from indelible.record.document import System

ACTOR = System("command:export")
Record = Callable[..., Any]


class Recording(io.BytesIO):
    """A stream that records an entry at every write."""

    def __init__(self, record: Record) -> None:
        super().__init__()
        self.record = record

    def write(self, data: Any) -> int:
        self.record(occurred_at="2026-05-01T00:00:00Z")
        return super().write(data)


def test_lines_are_the_documents_of_the_list_in_its_order(log: ClinicLog, record: Record):
    for day in (3, 1, 2):
        record(occurred_at=f"2026-05-0{day}T10:00:00Z", context={"reason_text": "=1+1\r\n\u2028\x1b atraso"})
    out = io.BytesIO()
    manifest = export(log, "category:bookings", out, format="jsonl", actor=ACTOR)
    listed = [view.document("Europe/Lisbon") for view in log.read("category:bookings")]
    lines = out.getvalue().split(b"\n")
    assert lines.pop() == b"" and [orjson.loads(line) for line in lines] == listed
    assert [one["seq"] for one in listed] == [1, 3, 2]
    assert (manifest.written.rows, manifest.written.first_seq, manifest.written.last_seq) == (3, 1, 2)


def test_entries_recorded_while_it_is_written_stay_out(log: ClinicLog, record: Record, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jsonl_file, "_BLOCK", 1)
    for _ in range(3):
        record()
    out = Recording(record)
    manifest = export(log, "", out, format="jsonl", actor=ACTOR)
    assert [json.loads(line)["seq"] for line in out.getvalue().splitlines()] == [3, 2, 1]
    assert manifest.up_to_seq == 3 and log.size == 7  # the export's own entry, and one for each line


def test_what_is_gone_is_null_and_says_so(log: ClinicLog, record: Record):
    record()
    with sqlite3.connect(log.shared.places.database) as other:
        other.execute("UPDATE indelible_entry SET sealed = x'' WHERE seq = 1")
    out = io.BytesIO()
    export(log, "", out, format="jsonl", actor=ACTOR)
    line = json.loads(out.getvalue())
    assert line["client"]["id"] is None and line["state"]["client.id"] == "missing"


def test_the_manifest_is_true_of_its_file_and_has_nothing_of_a_table(log: ClinicLog, record: Record, tmp_path: Path):
    record()
    export(log, "", tmp_path / "all.jsonl", format="jsonl", actor=ACTOR)
    manifest = json.loads((tmp_path / "all.jsonl.manifest.json").read_bytes())
    data = (tmp_path / "all.jsonl").read_bytes()
    assert (manifest["format"], manifest["profile"], manifest["rows"]) == ("jsonl", "data", 1)
    assert (manifest["sha256"], manifest["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert not manifest.keys() & {"columns", "numbers", "guard", "guard_pattern", "sheets", "long_texts"}
    recorded = log.entry(manifest["recorded_as"]).context
    assert (recorded["format"], recorded["profile"]) == ("jsonl", "data")


def test_an_empty_log_is_an_empty_file(log: ClinicLog):
    out = io.BytesIO()
    assert export(log, "", out, format="jsonl", actor=ACTOR).written.rows == 0
    assert out.getvalue() == b""


def test_an_entry_that_cannot_be_read_leaves_no_file(log: ClinicLog, record: Record, tmp_path: Path):
    record(occurred_at="2026-05-01T10:00:00Z")
    record(occurred_at="2026-05-02T10:00:00Z")
    log.checkpoint()
    with sqlite3.connect(log.shared.places.database) as other:
        other.execute("DROP TRIGGER indelible_entry_no_update")
        other.execute("UPDATE indelible_entry SET body = x'7b7d' WHERE seq = 1")
    (tmp_path / "out").mkdir()
    with pytest.raises(StorageFailure, match="entry 1 cannot be read"):
        export(log, "", tmp_path / "out" / "all.jsonl", format="jsonl", actor=ACTOR)
    assert not list((tmp_path / "out").iterdir())
