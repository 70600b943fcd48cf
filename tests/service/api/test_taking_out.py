"""Exports over HTTP: the files of the export page, recorded in the key's name."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from indelible.errors import StorageFailure
from indelible.log import ClinicLog
from indelible.proof.note import Verifier
from indelible.proof.verify import verify_bundle
from indelible.read.session import Session

from ..test_exporting import Watched
from .conftest import Api


@pytest.fixture
def filled(service: Any, log: ClinicLog) -> ClinicLog:
    service.fill(log)
    return log


def raw(api: Api, path: str) -> Any:
    """The answer as it is sent, its blocks not made yet."""
    return api._browser.get(f"/api/v1{path}", headers={"authorization": f"Bearer {api.key}"})


def test_each_format_is_streamed_holds_the_list_and_is_recorded(api: Api, filled: ClinicLog) -> None:
    listed = [view.id for view in filled.read("category:payments")]
    files = {}
    for format in ("csv", "csv-data", "jsonl", "xlsx"):
        answer = raw(api, f"/clinics/{filled.clinic.id}/export?q=category:payments&format={format}")
        assert answer.status_code == 200
        assert answer.streaming
        assert not answer.has_header("Content-Length")
        name = answer["Content-Disposition"]
        assert name.startswith('attachment; filename="clinica-da-graca_payments_until-')
        files[format] = b"".join(answer.streaming_content)
        entry = filled.entry(filled.size)
        assert (entry.action, entry.context["format"], entry.actor["kind"]) == ("log.exported", format, "integration")
    assert files["csv"] == b"\xef\xbb\xbf" + files["csv-data"]
    rows = csv.DictReader(io.StringIO(files["csv-data"].decode(), newline=""))
    sheet = openpyxl.load_workbook(io.BytesIO(files["xlsx"]))["entries"]
    assert listed == [row["id"] for row in rows]
    assert listed == [json.loads(line)["id"] for line in files["jsonl"].splitlines()]
    assert listed == [row[1].value for row in sheet.iter_rows(min_row=2)]
    entries = api.get(f"/clinics/{filled.clinic.id}/entries?q=category:payments").json["entries"]
    assert entries == [json.loads(line) for line in files["jsonl"].splitlines()]


def test_a_bundle_is_verified_by_who_has_nothing_else(api: Api, filled: ClinicLog, tmp_path: Path) -> None:
    answer = raw(api, f"/clinics/{filled.clinic.id}/export?format=bundle&q=category:bookings")
    path = tmp_path / "bundle.zip"
    path.write_bytes(b"".join(answer.streaming_content))
    assert path.stat().st_size == int(answer["Content-Length"])
    with path.open("rb") as bundle:
        assert verify_bundle(bundle, Verifier.decode(filled.clinic.vkey)).result == "intact"


def test_what_cannot_be_exported_is_refused_and_not_recorded(api: Api, filled: ClinicLog) -> None:
    before = filled.size
    for words, field in (("format=pdf", "format"), ("q=categori:x", "q"), ("fromat=csv", None)):
        answer = api.get(f"/clinics/{filled.clinic.id}/export?{words}")
        assert (answer.status, answer.json.get("field")) == (422, field), words
    head = api.ask("HEAD", f"/clinics/{filled.clinic.id}/export")
    assert (head.status, head.headers["Allow"]) == (405, "GET, OPTIONS")
    assert filled.size == before


@pytest.mark.parametrize("format", ["csv", "jsonl", "xlsx"])
def test_who_goes_away_ends_the_reading(
    api: Api, filled: ClinicLog, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    watched = Watched()
    monkeypatch.setattr(Session, "read", lambda *a, **k: watched(*a, **k))
    answer = raw(api, f"/clinics/{filled.clinic.id}/export?format={format}")
    assert next(answer.streaming_content)
    answer.close()
    assert watched.closed
    assert watched.read < 5_000


def test_a_list_that_breaks_off_says_so(api: Api, filled: ClinicLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "read", lambda *a, **k: Watched(fails_at=5_000)(*a, **k))
    blocks: list[bytes] = []
    with pytest.raises(StorageFailure):
        blocks.extend(raw(api, f"/clinics/{filled.clinic.id}/export").streaming_content)
    assert blocks[-1].endswith(b'export it again"}\n')
