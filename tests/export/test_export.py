"""The rows of an export, from recording to another program's reader."""

from __future__ import annotations

import hashlib
import io
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from indelible.errors import InvalidQuery, StorageFailure
from indelible.export import csv_file
from indelible.export.bundling import export_bundle
from indelible.export.run import export
from indelible.format import instant
from indelible.format.csv_row import COLUMNS, NUMBERS, TRIGGERS, decode_cell
from indelible.log import ClinicLog
from indelible.proof import checkpoint
from indelible.proof.note import Verifier
from indelible.read.view import View
from indelible.record.document import Staff, System
from indelible.recorder import Recorder

ACTOR = System("command:export")
Record = Callable[..., Any]
Exported = Callable[..., list[dict[str, str]]]
HOSTILE = (
    *("=1+1", "'=1", "''@x", "+44", "-2", "@SUM(A1)", "\t=x", "\r\n=x", "\uff1dcmd", "\uff20x"),
    *('a"b,c\nd', "'", "O'Neill"),
)


class Probe(io.BytesIO):
    """A stream that runs something at every write."""

    def __init__(self, at_write: Callable[[], object]) -> None:
        super().__init__()
        self.at_write = at_write

    def write(self, data: Any) -> int:
        self.at_write()
        return super().write(data)


def test_a_row_says_what_was_recorded(record: Record, exported: Exported):
    appended = record(context={"late": True, "notice_minutes": 90, "reason_text": "comboio, “atraso”"})
    offset = instant.offset_minutes(appended.recorded_at, instant.zone("Europe/Lisbon"))
    assert exported() == [{
        "seq": "1", "id": appended.id, "occurred_at": "2026-05-03T14:22:31.500000+01:00",
        "occurred_at_utc": "2026-05-03T13:22:31.500000Z", "time_zone": "Europe/Lisbon", "local_date": "2026-05-03",
        "local_time": "14:22:31", "category": "bookings", "action": "booking.cancelled",
        "label": "Cancelled reservation", "actor_kind": "staff",
        "actor_id": "usr_12", "actor_name": "Maria Fernandes", "target_kind": "booking",
        "target_id": "bk_1", "target_name": "", "client_id": "cli_77", "client_name": "Ana Sousa", "amount": "",
        "to_sum": "", "amount_minor": "", "currency": "", "channel": "staff_web", "ip": "203.0.113.9",
        "device": "Safari on iPhone",
        "context": '{"late":true,"notice_minutes":90,"reason_text":"comboio, “atraso”"}', "money": "none",
        "recorded_zone": "Europe/Lisbon", "recorded_at": instant.local_text(appended.recorded_at, offset),
        "on_behalf_of_kind": "", "on_behalf_of_id": "", "on_behalf_of_name": "",
    }]  # fmt: skip


def test_the_profiles_differ_only_in_the_bom(log: ClinicLog, record: Record):
    record(target={"kind": "booking", "id": "bk_1", "name": "=1"})
    with_bom, data = (
        b"".join(csv_file.rows(log.read(up_to=1), zone="Europe/Lisbon", bom=bom)) for bom in (True, False)
    )
    assert with_bom == b"\xef\xbb\xbf" + data
    assert data.startswith(b"seq,id,") and b",'=1," in data
    assert data.count(b"\r\n") == data.count(b"\n") == 2 and data.endswith(b"\r\n")


def test_who_acted_without_a_name(record: Record, exported: Exported):
    record(actor={"kind": "system", "reason": "policy:late-cancel"})
    record(actor={"kind": "integration", "id": "stripe"})
    record(actor={"kind": "client", "id": "cli_77"}, client=None)
    rows = [(row["actor_kind"], row["actor_id"], row["actor_name"], row["client_id"]) for row in exported()]
    assert rows == [
        ("client", "cli_77", "", "cli_77"),
        ("integration", "stripe", "", "cli_77"),
        ("system", "policy:late-cancel", "System", "cli_77"),
    ]


def test_an_agent_is_in_clear_and_for_whom_it_acted_stands_in_columns_of_its_own(record: Record, exported: Exported):
    ana = {"kind": "client", "id": "cli_77", "name": "Ana Sousa"}
    agent = {"kind": "agent", "id": "assistant_1", "name": "=Booking assistant"}
    record(actor={"kind": "agent", "id": "assistant_2"}, client=None)
    record(actor={"kind": "support", "id": "sup_1", "on_behalf_of": {"kind": "staff", "id": "usr_9"}}, client=None)
    record(actor=agent | {"on_behalf_of": ana}, client=None)
    names = ("actor_kind", "actor_id", "actor_name", "on_behalf_of_kind", "on_behalf_of_id", "on_behalf_of_name",
             "client_id", "client_name")  # fmt: skip
    assert [[row[name] for name in names] for row in exported()] == [
        ["agent", "assistant_1", "'=Booking assistant", "client", "cli_77", "Ana Sousa", "cli_77", "Ana Sousa"],
        ["support", "sup_1", "", "staff", "usr_9", "", "", ""],
        ["agent", "assistant_2", "", "", "", "", "", ""],
    ]


def test_a_target_that_is_a_client_is_the_client(record: Record, exported: Exported):
    record("client.created", target={"kind": "client", "id": "cli_9", "name": "Rui"}, client=None)
    (row,) = exported()
    assert [row[name] for name in ("target_id", "target_name", "client_id", "client_name")] == ["cli_9", "Rui"] * 2


@pytest.mark.parametrize(
    ("action", "minor", "currency", "amount", "money"),
    [
        ("charge.succeeded", 12000, "EUR", "120.00", "in"),
        ("charge.refunded", 5, "EUR", "-0.05", "out"),
        ("charge.refunded", 1200, "JPY", "-1200", "out"),
        ("charge.succeeded", 1234, "KWD", "1.234", "in"),
        ("charge.failed", 12000, "EUR", "120.00", "none"),
        ("deposit.authorized", 3000, "EUR", "30.00", "none"),
        ("charge.succeeded", 0, "EUR", "0.00", "in"),
        ("charge.refund_failed", 5, "EUR", "0.05", "out_undone"),
        ("deposit.captured", 3000, "EUR", "30.00", "none"),
    ],
)
def test_money_out_has_a_minus_and_what_never_moved_is_none(
    record: Record, exported: Exported, action: str, minor: int, currency: str, amount: str, money: str
):
    source = {"source": "staff"} if action == "charge.refunded" else {}
    record(action, context={"amount_minor": minor, "currency": currency, **source})
    (row,) = exported()
    assert [row["amount"], row["amount_minor"], row["currency"], row["money"]] == [amount, str(minor), currency, money]
    assert row["to_sum"] == ("" if money == "none" else amount)


def test_the_hour_that_comes_twice_is_told_apart_by_the_offset(record: Record, exported: Exported):
    record(occurred_at="2025-10-26T00:30:00Z")
    record(occurred_at="2025-10-26T01:30:00Z")
    rows = [(row["occurred_at"], row["local_date"], row["local_time"]) for row in exported()]
    assert rows == [
        ("2025-10-26T01:30:00.000000+00:00", "2025-10-26", "01:30:00"),
        ("2025-10-26T01:30:00.000000+01:00", "2025-10-26", "01:30:00"),
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_runs_and_every_value_comes_back(record: Record, exported: Exported, text: str):
    ident = "=ids-have-no-such-rule" if not text.isprintable() or text[0] == "+" or "@" in text else text
    record(
        actor={"kind": "staff", "id": ident, "name": text},
        target={"kind": "booking", "id": ident, "name": text},
        client={"id": f"={ident}", "name": text},
        context={"reason_text": text},
        request={"user_agent": text},
    )
    (row,) = exported()
    for column, cell in row.items():
        assert column in NUMBERS or cell[:1] not in list(TRIGGERS), column
    values = {column: decode_cell(cell) for column, cell in row.items()}
    assert values["actor_name"] == values["target_name"] == values["client_name"] == text
    assert [values["actor_id"], values["target_id"], values["client_id"]] == [ident, ident, f"={ident}"]
    assert json.loads(row["context"]) == {"reason_text": text}


def test_rows_are_those_of_the_list_in_its_order(log: ClinicLog, record: Record, exported: Exported):
    for day in (3, 1, 2, 3):
        record(occurred_at=f"2026-05-0{day}T10:00:00Z")
        record("charge.failed", context={"amount_minor": 1, "currency": "EUR"})
    for words in ("", "category:bookings", "category:bookings from:2026-05-02", "-category:bookings to:2026-05-02"):
        listed = [view.id for view in log.read(words, up_to=8)]
        rows = [row["id"] for row in exported(words) if int(row["seq"]) <= 8]
        assert rows == listed


def test_entries_appended_while_the_file_is_written_stay_out(log: ClinicLog, record: Record):
    for _ in range(3):
        record()
    out = Probe(record)
    manifest = export(log, "", out, actor=ACTOR)
    assert manifest.written.rows == 3 and manifest.up_to_seq == 3 and log.size > 4


def test_the_export_is_in_the_log_before_the_first_byte(log: ClinicLog, record: Record):
    record()
    seen: list[View] = []
    out = Probe(lambda: seen.append(log.entry(2)))
    export(log, "category:bookings", out, format="csv", actor=Staff("usr_12", "Maria Fernandes"))
    first = seen[0]
    assert first.action == "log.exported" and first.who == "Maria Fernandes"
    root = first.context.pop("checkpoint_root")
    assert first.context == {
        "up_to_seq": 1, "filter": "category:bookings", "filter_in_words": "category bookings", "format": "csv",
        "profile": "spreadsheet", "checkpoint_size": 1, "checkpoint_root": root,
    }  # fmt: skip


def test_a_filter_that_names_a_client_goes_with_the_client(log: ClinicLog, record: Record):
    record(actor={"kind": "client", "id": "cli_77"}, client=None)
    export(log, "actor:cli_77", io.BytesIO(), actor=ACTOR)
    members = log.entry(2).members
    owners = {path: group["owner"] for group in members["personal"] for path in group["paths"]}
    assert owners["context.filter"] == owners["context.filter_in_words"] == members["client"]["person"]


def test_relative_days_are_recorded_and_written_as_the_days_that_they_were(log: ClinicLog, record: Record, tmp_path):
    record()
    record(occurred_at=None)
    session = log.reading()
    today, first = session.today.isoformat(), session.days(session.parse("from:-7d"))[0]
    manifest = export(log, "category:bookings from:-7d to:today", tmp_path, actor=ACTOR)
    assert manifest.written.rows == 1
    assert manifest.name == f"lisbon_bookings_{first}_{today}.csv"
    absolute = f"category:bookings from:{first} to:{today}"
    assert manifest.document()["filter"] == absolute
    assert "(days in Europe/Lisbon)" in manifest.document()["filter_in_words"]
    assert next(log.read("action:log.exported")).context["filter"] == absolute
    bundle = export_bundle(log, "from:-2h", tmp_path, actor=ACTOR)
    assert re.fullmatch(r"from:\d{4}-\d\d-\d\dT\d\d:\d\d", bundle.statement.filter)
    assert next(log.read("action:log.exported")).context["filter"] == bundle.statement.filter
    Recorder(log, ACTOR).viewed(log.reading(), log.reading().parse("from:today"))
    assert next(log.read("action:log.viewed")).context["filter"] == f"from:{today}"


def test_a_filter_that_cannot_be_read_records_nothing(log: ClinicLog):
    with pytest.raises(InvalidQuery):
        export(log, "nonsense:x", io.BytesIO(), actor=ACTOR)
    assert log.size == 0


def test_an_empty_log_gives_a_header_and_no_checkpoint(log: ClinicLog):
    out = io.BytesIO()
    manifest = export(log, "", out, format="csv-data", actor=ACTOR).document()
    assert out.getvalue() == ",".join(COLUMNS).encode() + b"\r\n"
    assert manifest["rows"] == manifest["up_to_seq"] == 0
    assert manifest["first_seq"] is manifest["last_id"] is manifest["checkpoint"] is None


@pytest.mark.parametrize("change", ["x''", "substr(sealed, 1, length(sealed) - 1)"], ids=["gone", "damaged"])
def test_values_gone_or_damaged_are_empty_cells(log: ClinicLog, record: Record, exported: Exported, change: str):
    record(context={"late": True, "reason_text": "train"})
    with sqlite3.connect(log.shared.places.database) as other:
        other.execute(f"UPDATE indelible_entry SET sealed = {change} WHERE seq = 1")
    (row,) = exported()
    personal = ("actor_id", "actor_name", "client_id", "client_name", "ip", "device")
    assert [row[name] for name in personal] == [""] * len(personal)
    assert row["target_id"] == "bk_1" and json.loads(row["context"]) == {"late": True, "reason_text": None}


def test_the_manifest_is_true_of_its_file(log: ClinicLog, record: Record, tmp_path: Path):
    for number in range(3):
        record(occurred_at=f"2026-05-0{number + 1}T10:00:00Z")
    returned = export(log, "category:bookings from:2026-05-02", tmp_path / "may.csv", actor=ACTOR)
    manifest = json.loads((tmp_path / "may.csv.manifest.json").read_bytes())
    data = (tmp_path / "may.csv").read_bytes()
    ids = [log.entry(seq).id for seq in (3, 2)]
    assert manifest == returned.document()
    assert manifest["sha256"] == hashlib.sha256(data).hexdigest() and manifest["bytes"] == len(data)
    assert manifest["rows"] == data.count(b"\r\n") - 1 == 2
    assert [manifest["first_seq"], manifest["last_seq"], manifest["first_id"], manifest["last_id"]] == [3, 2, *ids]
    assert manifest["columns"] == data.decode("utf-8-sig").splitlines()[0].split(",")
    assert manifest["filter"] == "category:bookings from:2026-05-02" and manifest["filter_days_in"] == "Europe/Lisbon"
    signed = checkpoint.open(manifest["checkpoint"].encode(), Verifier.decode(manifest["log_vkey"]))
    assert (signed.origin, signed.size) == (manifest["log_origin"], manifest["up_to_seq"])
    assert log.entry(manifest["recorded_as"]).action == "log.exported"


def test_a_file_broken_off_is_not_there_and_an_older_one_stays(log: ClinicLog, record: Record, tmp_path: Path):
    record(occurred_at="2026-05-01T10:00:00Z")
    record(occurred_at="2026-05-02T10:00:00Z")
    log.checkpoint()
    with sqlite3.connect(log.shared.places.database) as other:
        other.execute("DROP TRIGGER indelible_entry_no_update")
        other.execute("UPDATE indelible_entry SET body = x'7b7d' WHERE seq = 1")
    target = tmp_path / "exports" / "all.csv"
    target.parent.mkdir()
    target.write_text("older")
    with pytest.raises(StorageFailure, match="entry 1 cannot be read"):
        export(log, "", target, actor=ACTOR)
    assert [path.name for path in target.parent.iterdir()] == ["all.csv"] and target.read_text() == "older"


def test_a_full_disk_is_one_sentence(log: ClinicLog, record: Record):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("/dev/full: this system has no such device")
    record()
    with pytest.raises(StorageFailure, match=r"could not be written: the disk is full"):
        export(log, "", full, actor=ACTOR)
    assert full.is_char_device()


def test_a_folder_that_is_not_there_is_one_sentence_and_records_nothing(log: ClinicLog, record: Record, tmp_path: Path):
    record()
    with pytest.raises(StorageFailure, match="the folder does not exist"):
        export(log, "", tmp_path / "absent" / "all.csv", actor=ACTOR)
    assert log.size == 1


def test_a_file_is_for_its_owner_only(log: ClinicLog, record: Record, tmp_path: Path):
    record()
    export(log, "", tmp_path / "all.csv", actor=ACTOR)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("all.csv*")} == {0o600}
    assert not list(tmp_path.glob("*.part"))


def test_a_symbolic_link_stays_a_link(log: ClinicLog, record: Record, tmp_path: Path):
    record()
    (tmp_path / "latest.csv").symlink_to(tmp_path / "may.csv")
    export(log, "", tmp_path / "latest.csv", actor=ACTOR)
    assert (tmp_path / "latest.csv").is_symlink() and (tmp_path / "may.csv").is_file()
