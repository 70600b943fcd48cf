"""Workbooks, read back with another program: openpyxl."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import secrets
import sqlite3
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from xml.etree import ElementTree

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils.datetime import from_excel
from openpyxl.utils.escape import unescape

from indelible.cli import main
from indelible.errors import StorageFailure
from indelible.export import csv_file, workbook, xlsx_file
from indelible.export.run import export
from indelible.export.written import Sheets, Written, counted, exhaust
from indelible.format import instant as instants
from indelible.format.csv_row import COLUMNS, NUMBERS, decode_cell
from indelible.log import ClinicLog
from indelible.read.view import View
from indelible.record.document import System

ACTOR = System("command:export")
CREATED = 1_777_810_951_000_000  # 2026-05-03T12:22:31Z
Record = Callable[..., Any]
LONG = ["=" * 3_999 + "🜂"] * 10
TIMES = frozenset({"occurred_at", "local_date", "local_time", "recorded_at"})
HOSTILE = (
    *("=1+1", "'=1", "@x", "+44", "-2", "\t=x", " x ", "a\nb", "a\r\nb\r", "\uff1dcmd", "12", "1e5", "TRUE", "#N/A"),
    *("_x0041_", "_x005F_x0041_", "a_x005F\x01_x0041_x0042_", "_x0041\r", "\x01x0041_", "\x01\x1f", "\ufffe\uffff"),
    *("👩‍⚕️", "שלום", "a\u2028b", "&lt;<b>&", "https://x.example"),
    *("<r>x</r>", '<r></t></is></c><c r="B2"><f>1+1</f></c><c t="inlineStr"><is><t></r>'),
)


def wall(*parts: int) -> datetime:
    """A wall time, which has no zone in a workbook."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


class Book:
    """A workbook that another program read: sheets by name, each as lists of cells."""

    def __init__(self, data: bytes) -> None:
        self.book = openpyxl.load_workbook(io.BytesIO(data))
        self.sheets = {sheet.title: [list(row) for row in sheet.iter_rows()] for sheet in self.book.worksheets}

    def rows(self, sheet: str = "entries") -> list[dict[str, Any]]:
        """The rows as they were before they were written; openpyxl does not undo `_xHHHH_` by itself."""
        header, *rows = self.sheets[sheet]
        names = [cell.value for cell in header]
        return [dict(zip(names, [_value(cell) for cell in row], strict=True)) for row in rows]


def _value(cell: Any) -> Any:
    return unescape(cell.value) if isinstance(cell.value, str) else cell.value


class Made(NamedTuple):
    data: bytes
    written: Written
    sheets: Sheets


def made(views: Iterable[View], **options: Any) -> Made:
    """The bytes of a workbook, and what they hold."""
    blocks: list[bytes] = []
    settings: dict[str, Any] = {"zone": "Europe/Lisbon", "created": CREATED} | options
    done = exhaust(counted(views, partial(xlsx_file.rows, **settings)), blocks.append)
    assert done.sheets is not None
    return Made(b"".join(blocks), done, done.sheets)


def written(log: ClinicLog, **options: Any) -> tuple[Book, Made]:
    done = made(log.read(), **options)
    return Book(done.data), done


def view(name: str = "", minor: int = 1, currency: str = "EUR") -> View:
    """A refund by somebody of any name at all."""
    members = {
        "id": "01a205a6-21a2-7aed-98df-d4c34057fd14", "offset_minutes": 0, "zone": "UTC", "action": "charge.refunded",
        "recorded_at": "2026-05-03T12:22:31.000000Z",
        "actor": {"kind": "staff", "person": 0}, "context": {"amount_minor": minor, "currency": currency},
    }  # fmt: skip
    return View(1, 0, members, {"actor.name": name}, {})


def cell_of(view: View, column: str) -> Any:
    sheet = Book(made([view]).data).sheets["entries"]
    assert [len(row) for row in sheet] == [len(COLUMNS)] * 2
    return sheet[1][COLUMNS.index(column)]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that temporary files go to."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_the_rows_are_those_of_the_csv(log: ClinicLog, record: Record):
    record(context={"late": True, "reason_text": "comboio, “atraso”"})
    ana = {"kind": "client", "id": "0077", "name": "=Ana"}
    record("charge.refunded", context={"amount_minor": 1250, "currency": "EUR", "source": "staff"},
           actor={"kind": "agent", "id": "1E5", "name": "=Booking assistant", "on_behalf_of": ana})  # fmt: skip
    book, done = written(log)
    for one, found in zip(log.read(), book.rows(), strict=True):
        (line,) = csv.reader([csv_file.row(one, "Europe/Lisbon")])
        cells = dict(zip(COLUMNS, line, strict=True))
        assert list(found) == list(COLUMNS)
        for name, cell in cells.items():
            if name in NUMBERS and cell:
                assert Decimal(repr(found[name])) == Decimal(cell)
            elif name in TIMES:
                day = found[name].date() if name == "local_date" else found[name]
                assert cell.startswith(day.isoformat())
            else:
                assert (found[name] or "") == decode_cell(cell)
    assert done.sheets.sheets == (("entries", 2), ("sums", 1), ("about", 5))
    assert (done.written.rows, done.written.first_seq, done.written.last_seq) == (2, 2, 1)


@pytest.mark.parametrize("text", HOSTILE)
def test_every_text_comes_back_as_a_text(text: str):
    cell = cell_of(view(text), "actor_name")
    assert (cell.data_type, _value(cell), cell.number_format, cell.hyperlink) == ("s", text, "@", None)


def test_no_cell_of_a_hostile_entry_is_a_formula(log: ClinicLog, record: Record):
    for text in (text for text in HOSTILE if "\ufffe" not in text):
        record(actor={"kind": "staff", "id": "=1", "name": text}, context={"reason_text": text})
    book, _ = written(log)
    kinds = {(cell.column, cell.data_type) for row in book.sheets["entries"][1:] for cell in row if cell.value}
    known = {name: "n" if name in NUMBERS else "d" if name in TIMES else "s" for name in COLUMNS}
    assert kinds <= {(place, known[name]) for place, name in enumerate(COLUMNS, 1)}
    assert {cell.data_type for rows in book.sheets.values() for row in rows for cell in row} <= {"n", "d", "s"}
    names = [row["actor_name"] for row in book.rows()]
    assert names == [one.values["actor.name"] for one in log.read()]
    assert [json.loads(row["context"])["reason_text"] for row in book.rows()] == [
        one.values["context.reason_text"] for one in log.read()
    ]


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("_x0041<>/r'=\r\n\t "), min_size=1))
def test_any_text_comes_back(text: str):
    cell = cell_of(view(text), "actor_name")
    assert (cell.data_type, _value(cell)) == ("s", text)


@given(st.integers(0, 10**18), st.sampled_from([("JPY", 0), ("EUR", 2), ("KWD", 3), ("CLF", 4)]))
def test_an_amount_is_exact_or_a_text(minor: int, currency: tuple[str, int]):
    code, places = currency
    cell = cell_of(view(minor=minor, currency=code), "amount")
    assert Decimal(str(cell.value)) == -Decimal(minor).scaleb(-places)
    assert cell.data_type == ("n" if minor < 10**15 else "s")
    if cell.data_type == "n":
        assert cell.number_format == ("0." + "0" * places if places else "General")


def test_money_out_is_a_number_below_zero(log: ClinicLog, record: Record):
    record("charge.refunded", context={"amount_minor": 5, "currency": "EUR", "source": "staff"})
    record("charge.succeeded", context={"amount_minor": 9_007_199_254_740_991, "currency": "EUR"})
    large, small = written(log)[0].rows()
    assert (small["amount"], small["amount_minor"], small["money"]) == (-0.05, 5, "out")
    assert (large["amount"], large["amount_minor"]) == ("90071992547409.91", "9007199254740991")


def test_times_are_real_ones_that_show_the_clinic_s_clock(log: ClinicLog, record: Record):
    record(occurred_at="2026-05-03T23:59:59.999999+01:00")
    (sheet,) = (sheet for sheet in written(log)[0].book.worksheets if sheet.title == "entries")
    cells = {COLUMNS[cell.column - 1]: cell for cell in sheet[2]}
    names = ("occurred_at", "local_date", "local_time")
    assert {name: (cells[name].value, cells[name].number_format) for name in names} == {
        "occurred_at": (wall(2026, 5, 3, 23, 59, 59), 'yyyy-mm-dd hh:mm:ss "+01:00"'),
        "local_date": (wall(2026, 5, 3), "yyyy-mm-dd"),
        "local_time": (time(23, 59, 59), "hh:mm:ss"),
    }
    assert cells["occurred_at_utc"].value == "2026-05-03T22:59:59.999999Z"
    assert cells["recorded_at"].is_date and '"+0' in cells["recorded_at"].number_format


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("0001-01-01T12:00:00Z", "0001-01-01"),
        ("1899-12-31T12:00:00Z", "1899-12-31"),
        ("1900-02-28T12:00:00Z", "1900-02-28"),
        ("1900-03-01T12:00:00Z", wall(1900, 3, 1)),
        ("1970-01-01T12:00:00Z", wall(1970, 1, 1)),
        ("9999-12-31T12:00:00Z", wall(9999, 12, 31)),
    ],
)
def test_a_date_that_spreadsheets_do_not_agree_on_is_a_text(instant: str, day: object):
    us = instants.parse(instant, "")
    (row,) = Book(made([replace(view(), occurred_at=us)], zone="UTC").data).rows()
    assert (row["local_date"], row["local_time"], row["seq"]) == (day, time(12), 1)
    assert isinstance(row["occurred_at"], str) == isinstance(day, str)


@given(st.integers(0, 86_399), st.dates(date(1900, 3, 1)))
def test_every_second_of_every_day_comes_back(second: int, day: date):
    us = instants.parse(f"{day}T00:00:00Z", "") + second * 1_000_000 + 999_999
    text = instants.local_text(us, 0)
    cell = xlsx_file._moment(text)
    assert isinstance(cell, workbook.Number)
    number, form = float(cell.digits), cell.format
    assert from_excel(number).isoformat() == text[:19] and form.endswith(' "+00:00"')
    assert round(number * 86_400) == (day - date(1899, 12, 30)).days * 86_400 + second


def test_the_plain_sum_of_a_column_is_right_and_a_sheet_has_it_by_currency(log: ClinicLog, record: Record):
    for action, minor, currency in (
        ("charge.succeeded", 12_000, "EUR"), ("charge.failed", 99_900, "EUR"), ("deposit.authorized", 3_000, "EUR"),
        ("charge.refunded", 4_000, "EUR"), ("charge.refund_failed", 1_000, "EUR"), ("charge.succeeded", 500, "JPY"),
    ):  # fmt: skip
        source = {"source": "staff"} if action == "charge.refunded" else {}
        record(action, context={"amount_minor": minor, "currency": currency, **source})
    record()
    book, _ = written(log)
    rows = book.rows()
    sums = {
        currency: sum(Decimal(str(row["to_sum"])) for row in rows if row["currency"] == currency and row["to_sum"])
        for currency in ("EUR", "JPY")
    }
    assert sums == {"EUR": Decimal("90.00"), "JPY": Decimal("500")}
    assert book.rows("sums") == [
        {"currency": "EUR", "in": 120, "out": 30, "sum": 90},
        {"currency": "JPY", "in": 500, "out": 0, "sum": 500},
    ]


def test_ids_that_a_spreadsheet_would_spoil_are_texts(log: ClinicLog, record: Record):
    ids = ("0012345", "1E5", "3-4", "MAR1", "12345678901234567890", "007", "1/2")
    for one in ids:
        record(actor={"kind": "staff", "id": one}, target={"kind": "booking", "id": one}, client={"id": one})
    (sheet,) = (sheet for sheet in written(log)[0].book.worksheets if sheet.title == "entries")
    for name in ("actor_id", "target_id", "client_id"):
        cells = [row[COLUMNS.index(name)] for row in sheet.iter_rows(min_row=2)]
        assert [cell.value for cell in reversed(cells)] == list(ids)
        assert {(cell.data_type, cell.number_format) for cell in cells} == {("s", "@")}


def test_the_workbook_says_what_it_is(log: ClinicLog, record: Record):
    record()
    out = io.BytesIO()
    export(log, "category:bookings from:2026-05-01", out, format="xlsx", actor=ACTOR)
    about = {row["what"]: row["text"] for row in Book(out.getvalue()).rows("about")}
    assert about["clinic"] == "Lisbon"
    assert about["filter"] == "category bookings; from 1 May 2026 on (days in Europe/Lisbon)"
    assert "time_zone: Europe/Lisbon." in about["times"] and "with their offset" in about["planned times"]


def test_rows_beyond_a_sheet_go_on_in_the_next(log: ClinicLog, record: Record):
    for _ in range(20):
        record()
    book, done = written(log, most_rows=10)
    assert done.sheets.sheets[:3] == (("entries", 9), ("entries 2", 9), ("entries 3", 2)) and done.written.rows == 20
    seqs = [row["seq"] for name in book.sheets if name.startswith("entries") for row in book.rows(name)]
    assert seqs == list(range(20, 0, -1))
    for sheet in book.book.worksheets:
        assert (sheet.freeze_panes, sheet["A1"].font.b) == ("A2", True)
        if sheet.title.startswith("entries"):
            assert sheet.auto_filter.ref == f"A1:AF{sheet.max_row}"


def test_a_text_too_long_for_a_cell_stands_in_parts(log: ClinicLog, record: Record):
    snapshot = {"name": "Facial", "notes": LONG}
    record("service.deleted", target={"kind": "service", "id": "srv_1"}, context={"snapshot": snapshot})
    record()
    (deleted,) = log.read("category:services")
    context = json.dumps(deleted.context, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    book, done = written(log)
    assert done.sheets.sheets[:2] == (("entries", 2), ("long texts", 3)) and done.sheets.long_texts == 1
    parts = book.rows("long texts")
    assert "".join(part["text"] for part in parts) == context
    assert [(part["seq"], part["column"], part["part"]) for part in parts] == [
        (1, "context", part) for part in (1, 2, 3)
    ]
    assert book.rows()[1]["context"] == f"{len(context)} characters, which stand in the sheet “long texts”"


def test_the_properties_name_nobody_and_the_bytes_come_again(log: ClinicLog, record: Record):
    record()
    data, again = (made(log.read(), about="Entries of the log x.").data for _ in range(2))
    assert data == again
    found = Book(data).book.properties
    assert found.created == found.modified == wall(2026, 5, 3, 12, 22, 31)
    assert (found.title, found.description) == ("Activity log", "Entries of the log x.")
    assert not any([found.creator, found.lastModifiedBy, found.subject, found.keywords, found.category])


def test_ids_are_those_of_the_list_though_entries_come_meanwhile(log: ClinicLog, record: Record):
    for day in (3, 1, 2):
        record(occurred_at=f"2026-05-0{day}T10:00:00Z")
    listed = [one.id for one in log.read("category:bookings")]

    class Recording(io.BytesIO):
        def write(self, data: Any) -> int:
            record(occurred_at="2026-05-01T12:00:00Z")
            return super().write(data)

    out = Recording()
    manifest = export(log, "category:bookings", out, format="xlsx", actor=ACTOR)
    assert [row["id"] for row in Book(out.getvalue()).rows()] == listed and log.size > 4
    assert (manifest.up_to_seq, manifest.written.first_id, manifest.written.last_id) == (3, listed[0], listed[-1])


def test_an_entry_recorded_between_two_rows_is_not_in_the_file(log: ClinicLog, record: Record):
    def and_record(views: Any) -> Any:
        for one in views:
            record(occurred_at="2026-05-01T12:00:00Z")
            yield one

    for _ in range(3):
        record()
    data = made(and_record(log.read(up_to=log.size))).data
    assert [row["seq"] for row in Book(data).rows()] == [3, 2, 1] and log.size == 6


def test_the_manifest_is_true_of_its_file(log: ClinicLog, record: Record, tmp_path: Path):
    record()
    export(log, "client:cli_77", tmp_path / "all.xlsx", format="xlsx", actor=ACTOR)
    data = (tmp_path / "all.xlsx").read_bytes()
    manifest = json.loads((tmp_path / "all.xlsx.manifest.json").read_bytes())
    assert (manifest["sha256"], manifest["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert (manifest["format"], manifest["profile"], manifest["long_texts"]) == ("xlsx", "spreadsheet", 0)
    assert manifest["sheets"] == [
        {"name": name, "rows": rows} for name, rows in (("entries", 1), ("sums", 0), ("about", 9))
    ]
    assert "guard" not in manifest and manifest["file"] == "all.xlsx"
    recorded = log.entry(manifest["recorded_as"])
    assert (recorded.context["format"], recorded.context["profile"]) == ("xlsx", "spreadsheet")
    about = Book(data).book.properties.description
    assert about == f"Entries of the log {log.clinic.origin} up to number 1; this export is its number 2."


def test_an_empty_log_is_a_header(log: ClinicLog):
    book, done = written(log)
    assert [cell.value for cell in book.sheets["entries"][0]] == list(COLUMNS)
    assert len(book.sheets["entries"]) == 1 and done.written.rows == 0 and done.sheets.sheets[0] == ("entries", 0)


def test_an_entry_that_cannot_be_read_leaves_no_file(log: ClinicLog, record: Record, tmp_path: Path, temporary: Path):
    record(occurred_at="2026-05-01T10:00:00Z")
    record(occurred_at="2026-05-02T10:00:00Z")
    log.checkpoint()
    with sqlite3.connect(log.shared.places.database) as other:
        other.execute("DROP TRIGGER indelible_entry_no_update")
        other.execute("UPDATE indelible_entry SET body = x'7b7d' WHERE seq = 1")
    (tmp_path / "out").mkdir()
    with pytest.raises(StorageFailure, match="entry 1 cannot be read"):
        export(log, "", tmp_path / "out" / "all.xlsx", format="xlsx", actor=ACTOR)
    assert not list((tmp_path / "out").iterdir()) and not list(temporary.iterdir())


def test_long_texts_wait_in_a_file_that_nobody_else_can_open(
    log: ClinicLog, record: Record, temporary: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(xlsx_file, "_SPOOL", 1)
    for _ in range(3):
        record("service.deleted", target={"kind": "service", "id": "srv_1"}, context={"snapshot": {"notes": LONG}})
    seen: list[Path] = []

    def watched(views: Any) -> Any:
        for one in views:
            seen.extend(temporary.iterdir())
            yield one

    done = made(watched(log.read()))
    assert done.sheets.long_texts == 3 and len(Book(done.data).rows("long texts")) == 9
    assert seen == [] and not list(temporary.iterdir())


def test_a_workbook_comes_as_its_rows_do(log: ClinicLog):
    taken = 0

    def many() -> Any:
        nonlocal taken
        for _ in range(3_000):
            taken += 1
            yield view(secrets.token_hex(100))

    blocks = xlsx_file.rows(many(), zone="Europe/Lisbon", created=CREATED)
    first = next(blocks)
    assert 0 < taken < 3_000 and len(first) < 200_000
    assert max(map(len, blocks)) < 200_000 and taken == 3_000


def test_a_sheet_ends_before_its_part_is_too_large_for_the_zip(log: ClinicLog, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workbook, "MOST_BYTES", 10_000)
    done = made([view("x" * 3_000)] * 8)
    names = [name for name, _ in done.sheets.sheets if name.startswith("entries")]
    assert names == ["entries", "entries 2", "entries 3", "entries 4"] and done.written.rows == 8
    assert sum(len(Book(done.data).rows(name)) for name in names) == 8


def test_every_part_is_well_formed_and_named(log: ClinicLog, record: Record):
    record(actor={"kind": "staff", "id": "1", "name": "<&\x01>"})
    with zipfile.ZipFile(io.BytesIO(made(log.read(), about="<&>").data)) as file:
        assert file.testzip() is None
        parts = {name: ElementTree.fromstring(file.read(name)) for name in file.namelist()}
    named = {one.get("PartName", "") for one in parts["[Content_Types].xml"]} - {""}
    assert named == {f"/{name}" for name in parts if not name.endswith(".rels") and name != "[Content_Types].xml"}
    for name, part in parts.items():
        if name.endswith(".rels"):
            folder = PurePosixPath(name).parent.parent
            assert {str(folder / one.get("Target", "")) for one in part} <= set(parts)


def test_a_full_disk_is_one_sentence(log: ClinicLog, record: Record, temporary: Path):
    if not Path("/dev/full").exists():
        pytest.skip("/dev/full: this system has no such device")
    record()
    with pytest.raises(StorageFailure, match="could not be written: the disk is full"):
        export(log, "", Path("/dev/full"), format="xlsx", actor=ACTOR)
    assert not list(temporary.iterdir())


def test_the_command_writes_a_workbook_to_standard_output(
    log: ClinicLog, record: Record, capsysbinary: pytest.CaptureFixture[bytes]
):
    record()
    assert main.run(["export", "--database", str(log.shared.places.database), "--format", "xlsx"]) == 0
    out, err = capsysbinary.readouterr()
    assert [row["seq"] for row in Book(out).rows()] == [1]
    assert err.startswith(b"1 row, up to entry 1, SHA-256 " + hashlib.sha256(out).hexdigest().encode())


def test_the_command_shows_no_workbook_on_a_terminal(
    log: ClinicLog, record: Record, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    record()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main.run(["export", "--database", str(log.shared.places.database), "--format", "xlsx"]) == 2
    assert "--output: a workbook is not for a terminal" in capsys.readouterr().err and log.size == 1
