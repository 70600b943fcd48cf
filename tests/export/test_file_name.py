"""Names of files: clinic, filter and days, nobody's id or name, safe on every system."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indelible.export.file_name import file_name
from indelible.export.run import export
from indelible.format import instant
from indelible.keep.timekeeping import Timekeeper
from indelible.log import ClinicLog
from indelible.read import query
from indelible.read.query import LONGEST_VALUE, Query
from indelible.record.document import System
from indelible.stores.contract import Clinic, State

ACTOR = System("command:export")
NOW = instant.parse("2026-05-31T23:30:00Z", "")  # the 1st of June in Lisbon
CLINIC = Clinic("c_lisbon", "log.example.org/c/x", "", b"")
STATE = State("Clínica Estrela", "Europe/Lisbon", None, 0, b"", b"", 0)


def named(words: str = "", state: State = STATE, ending: str = "csv", **options: Any) -> str:
    return file_name(CLINIC, state, query.parse(words), ending, NOW, **options)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("", "clinica-estrela_all-activity_until-2026-06-01.csv"),
        ("category:payments from:2026-05-01 to:2026-05-31", "clinica-estrela_payments_2026-05-01_2026-05-31.csv"),
        ("action:charge.refunded from:2026-05-01", "clinica-estrela_charge-refunded_2026-05-01_2026-06-01.csv"),
        ("actor:staff to:2026-05-01", "clinica-estrela_by-staff_until-2026-05-01.csv"),
        ("from:2026-05-04 to:2026-05-04", "clinica-estrela_all-activity_2026-05-04.csv"),
        ("from:2027-01-01", "clinica-estrela_all-activity_2027-01-01.csv"),
        ("client:ana.sousa", "clinica-estrela_one-client_until-2026-06-01.csv"),
        ("client:1 client:2 -actor:system", "clinica-estrela_some-clients-not-by-system_until-2026-06-01.csv"),
        ('"Ana Sousa" -category:account', "clinica-estrela_text-not-account_until-2026-06-01.csv"),
        ("target:booking/1 about:client/2", "clinica-estrela_one-target-one-subject_until-2026-06-01.csv"),
        ("stripe:ch_1 operation:x", "clinica-estrela_one-operation-one-stripe-id_until-2026-06-01.csv"),
        ("category:bookings category:payments category:clients category:loyalty",
         "clinica-estrela_filtered_until-2026-06-01.csv"),
        ("category:ana-sousa action:ana.sousa", "clinica-estrela_category-action_until-2026-06-01.csv"),
    ],
)  # fmt: skip
def test_a_name_says_clinic_filter_and_days(words: str, name: str):
    assert named(words) == name


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("O'Brien & Söhne GmbH", "obrien-sohne-gmbh"), ("Gabinet Łódź", "gabinet-lodz"), ("Ærø Klinik", "aero-klinik"),
        ("CON", "con"), ("../../etc/passwd", "etc-passwd"), ("诊所", "c-lisbon"), ("a" * 300, "a" * 40),
        ("-=+", "c-lisbon"),
    ],
)  # fmt: skip
def test_a_clinic_s_name_is_made_safe(name: str, slug: str):
    assert named(state=STATE._replace(name=name)).split("_")[0] == slug


ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=LONGEST_VALUE)


@given(ANY, ANY, st.sets(st.sampled_from([
    "category:payments", "client:Zsofia", "actor:zSofia", "target:zsofia", "about:staff/zsofia", "Zsofia",
    "-client:zsofia", "operation:zsofia", "stripe:zsofia", "from:2026-01-01", "to:2026-12-31", "action:charge.refunded",
    "-zsofia",
])))  # fmt: skip
def test_every_name_is_safe_and_names_nobody(name: str, ident: str, words: set[str]):
    clinic = replace(CLINIC, id=ident)
    made = file_name(clinic, STATE._replace(name=name), query.parse(" ".join(sorted(words))), "xlsx", NOW)
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?_[a-z0-9-]+_[a-z0-9_-]+\.xlsx", made)
    assert "zsofia" not in made.split("_", 1)[1] and len(made) < 120


def test_in_a_folder_a_file_gets_its_name_and_nothing_is_overwritten(
    log: ClinicLog, record: Callable[..., Any], tmp_path: Path
):
    record()
    log.clock = lambda: NOW  # a clock of the test's own
    log.shared = replace(log.shared, time=Timekeeper(log.shared.heads, None))
    folder = tmp_path / "exports"
    folder.mkdir()
    for format in ("csv", "csv-data", "xlsx", "jsonl"):
        export(log, "client:cli_77", folder, format=format, actor=ACTOR)
    stem = "lisbon_one-client_until-2026-06-01"
    files = [f"{stem}.csv", f"{stem}-2.csv", f"{stem}.xlsx", f"{stem}.jsonl"]
    assert {path.name for path in folder.iterdir()} == {*files, *(f"{name}.manifest.json" for name in files)}
    for name in files:
        assert json.loads((folder / f"{name}.manifest.json").read_bytes())["file"] == name


def test_a_filter_is_not_changed_by_being_named():
    assert named("from:2026-05-01") == file_name(
        CLINIC, STATE, Query(first=query.parse("from:2026-05-01").first), "csv", NOW
    )
