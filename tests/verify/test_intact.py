"""A log that nobody touched is intact: at every size, signed or not, and while others write to it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indelible.format import canonical
from indelible.journal import Journal
from indelible.manage.inspection import inspect
from indelible.proof.verify.report import FINDINGS_LIMIT, Report
from indelible.testing.logs import Clock, event

CLINIC = "c_lisbon"


@pytest.fixture
def journal(tmp_path):
    clock = Clock()
    with Journal.create(tmp_path / "new.db", clock=clock) as made:
        made.add_clinic(CLINIC, name="Lisbon", zone="Europe/Lisbon")
        made.clinic()._signed_at = clock()  # so that only `checkpoint` signs
        yield made


@pytest.mark.parametrize("signed", [True, False])
def test_every_size_from_0_to_40_is_intact(journal, signed):
    log = journal.clinic()
    for size in range(41):
        if size:
            log.record_document(event(size))
        if signed:
            log.checkpoint()
        report = inspect(log)
        assert (report.result, report.findings, report.doubts) == ("intact", [], [])
        assert (report.size, report.entries, report.signed_size) == (size, size, size if signed else 0)
        assert report.root == log.state().root


def test_what_is_recorded_after_a_checkpoint_is_intact_and_not_signed(journal):
    log = journal.clinic()
    for size in range(1, 41):
        log.record_document(event(size))
        if size in (8, 31):
            log.checkpoint()
    report = inspect(log)
    assert (report.result, report.signed_size, report.entries, report.checkpoints) == ("intact", 31, 40, 2)


def test_verifying_writes_and_signs_nothing(tampering):
    def all_rows():
        tables = ("clinic", "key", "head", "entry", "person", "link", "idempotency", "checkpoint")
        return [tampering.db.execute(f"SELECT * FROM indelible_{table}").fetchall() for table in tables]

    before = all_rows()
    tampering.verify()
    assert all_rows() == before


def test_progress_ends_with_the_number_of_entries(tampering):
    told: list[int] = []
    with Journal(tampering.path) as journal:
        inspect(journal.clinic(CLINIC), progress=told.append)
    assert told[-1] == 40


WRITER = """
import sys
from indelible.journal import Journal
from indelible.testing.logs import event
with Journal(sys.argv[1]) as journal:
    log = journal.clinic("c_lisbon")
    print("ready", flush=True)
    for number in range(10_000):
        log.record_document(event(number, key=f"w{number}"))
        if number % 5 == 0:
            log.checkpoint()
"""


def test_no_false_alarm_while_another_process_records_and_signs(tampering):
    tampering.db.close()
    writer = subprocess.Popen([sys.executable, "-c", WRITER, tampering.path], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    try:
        assert writer.stdout.readline() == "ready\n"
        sizes: set[int] = set()
        while len(sizes) < 12:  # twelve different states of the log, each verified while the next was made
            report = tampering.verify()
            assert (report.result, report.findings, report.doubts) == ("intact", [], [])
            sizes.add(report.size)
            assert writer.poll() is None
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()
    assert tampering.verify().result == "intact"  # also after the writer was killed


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = (
    "v",
    "id",
    "seq",
    "recorded_at",
    "occurred_at",
    "zone",
    "offset_minutes",
    "action",
    "action_version",
    "actor",
    "target",
    "client",
    "people",
    "context",
    "channel",
    "operation",
    "tokens",
    "personal",
    "cut",
    "left_out",
    "imported",
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(name=st.sampled_from(MEMBERS), value=JSON, seq=st.integers(1, 40))
def test_any_member_of_a_body_made_anything_is_found_and_never_a_crash(tampering, name, value, seq):
    """Canonical, and with the committed head recomputed: only the signed tree is left to convict it."""
    where = "WHERE clinic = 1 AND seq = ?"
    old = tampering.one(f"SELECT body FROM indelible_entry {where}", seq)
    members = json.loads(old[0])
    members[name] = value
    body = canonical.encode_checked(members)
    tampering.run(f"UPDATE indelible_entry SET body = ? {where}", body, seq)
    tampering.rehead()
    try:
        assert tampering.verify().result == ("intact" if body == old[0] else "not_intact")
    finally:
        tampering.run(f"UPDATE indelible_entry SET body = ? {where}", *old, seq)
        tampering.rehead()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(body=st.binary(max_size=40), seq=st.integers(1, 40))
def test_any_bytes_in_place_of_a_body_are_edited(tampering, body, seq):
    where = "WHERE clinic = 1 AND seq = ?"
    old = tampering.one(f"SELECT body FROM indelible_entry {where}", seq)
    tampering.run(f"UPDATE indelible_entry SET body = ? {where}", body, seq)
    try:
        assert ("edited", seq) in tampering.found()
    finally:
        tampering.run(f"UPDATE indelible_entry SET body = ? {where}", *old, seq)


@pytest.mark.parametrize("path", [None, 1.5, [], {"a": 1}])
def test_a_body_whose_paths_are_no_texts_is_edited_and_the_rest_is_verified(tampering, path):
    tampering.rewrite(4, lambda members: members["personal"][0]["paths"].insert(1, path))
    assert ("edited", 4) in tampering.found()


def test_findings_beyond_the_limit_are_counted():
    report = Report(size=1)
    for number in range(FINDINGS_LIMIT + 3):
        report.add("edited", number, "x")
    assert (len(report.findings), report.findings_left_out, report.result) == (FINDINGS_LIMIT, 3, "not_intact")
