"""Entries that were edited, removed, added or moved, with and without the traces covered."""

from __future__ import annotations

import sqlite3

import pytest

from indelible.errors import StorageFailure
from indelible.format import entry
from indelible.proof.note import Signer

CLINIC = 1  # c_lisbon's number in the tables
ENTRY = "SELECT * FROM indelible_entry WHERE clinic = 1 AND seq = ?"
BODY = "SELECT body FROM indelible_entry WHERE clinic = 1 AND seq = ?"
COLUMNS = ["id", "occurred_at", "recorded_at", "action", "actor_kind", "actor"]


def earlier(members):
    members["occurred_at"] = "2026-04-01T09:00:00.000000Z"


def test_nothing_changed_is_intact(tampering):
    report = tampering.verify()
    assert (report.result, report.findings, report.doubts) == ("intact", [], [])
    assert (report.entries, report.signed_size, report.checkpoints) == (40, 40, 4)
    assert report.root == tampering.frontier(None).root()


def test_an_edited_body_is_a_fork_and_contradicts_the_columns_of_its_entry(tampering):
    """Its hash is in no tile yet (`test_tiles.py` has those that are), so it is the signed tree that convicts it."""
    tampering.rewrite(12, earlier)
    assert tampering.found() == {("forked", None), ("misfiled", 12)}


@pytest.mark.parametrize("seq", [1, 7, 8, 39, 40])
def test_one_changed_byte_of_a_body_names_no_other_entry(tampering, seq):
    body = bytearray(tampering.one(BODY, seq)[0])
    body[len(body) // 2] ^= 1
    tampering.run("UPDATE indelible_entry SET body = ? WHERE clinic = ? AND seq = ?", bytes(body), CLINIC, seq)
    found = tampering.found()
    assert ("forked", None) in found or ("removed", seq) in found
    assert {which for _, which in found if which is not None} <= {seq}


def test_a_body_edited_with_its_columns_is_a_fork_within_the_checkpoint_that_covers_it(tampering):
    tampering.rewrite(20, earlier)
    tampering.project(20)
    report = tampering.verify()
    assert [(finding.verdict, finding.seq) for finding in report.findings] == [("forked", None)]
    assert "entries 17 to 33" in report.findings[0].what
    assert report.signed_size == 16


def test_a_head_recomputed_as_well_does_not_hide_the_edit(tampering):
    tampering.rewrite(40, earlier)
    tampering.project(40)
    tampering.rehead()
    assert tampering.found() == {("forked", None)}


def test_checkpoints_signed_anew_with_another_key_do_not_hide_the_edit(tampering):
    origin = tampering.one("SELECT origin FROM indelible_clinic WHERE clinic = ?", CLINIC)[0]
    forger = Signer(origin, b"f" * 32)
    tampering.rewrite(20, earlier)
    tampering.project(20)
    tampering.rehead()
    tampering.resign(forger)
    vkey = forger.verifier.encode()
    tampering.run("UPDATE indelible_clinic SET vkey = ? WHERE clinic = ?", vkey, CLINIC)
    assert tampering.verdicts() == {"unsigned", "forked"}


def test_checkpoints_signed_anew_with_the_real_key_are_convicted_by_the_head_store(tampering, log):
    tampering.rewrite(20, earlier)
    tampering.project(20)
    tampering.rehead()
    tampering.resign(log.signer)
    assert tampering.found() == {("forked", None)}


def test_the_whole_log_rebuilt_with_the_real_key_and_shorter_is_convicted_by_the_head_store(tampering, log):
    for table, column in (("entry", "seq"), ("link", "seq"), ("checkpoint", "size")):
        tampering.run(f"DELETE FROM indelible_{table} WHERE clinic = ? AND {column} > 33", CLINIC)
    tampering.rehead()
    assert ("truncated", None) in tampering.found()


def test_a_zone_changed_in_a_body_alone_is_found(tampering):
    tampering.rewrite(40, lambda members: members.update(zone="Europe/Madrid"))
    assert tampering.found() == {("forked", None), ("misfiled", 40)}


# Removed


@pytest.mark.parametrize("seq", [1, 2, 20, 39])
def test_a_removed_entry_is_named(tampering, seq):
    tampering.run("DELETE FROM indelible_entry WHERE clinic = ? AND seq = ?", CLINIC, seq)
    found = tampering.found()
    assert ("removed", seq) in found
    assert {seq} == {which for _, which in found}


def test_a_removed_run_of_entries_is_named_with_both_ends(tampering):
    tampering.run("DELETE FROM indelible_entry WHERE clinic = ? AND seq BETWEEN 5 AND 8", CLINIC)
    report = tampering.verify()
    assert "entries 5 to 8 are not in the database" in [finding.what for finding in report.findings]


@pytest.mark.parametrize("keep", [0, 7, 35, 39])
def test_a_cut_off_end_is_truncated(tampering, keep):
    tampering.run("DELETE FROM indelible_entry WHERE clinic = ? AND seq > ?", CLINIC, keep)
    report = tampering.verify()
    assert report.result == "not_intact"
    truncated = [finding.what for finding in report.findings if finding.verdict == "truncated"]
    assert any(f"the database holds {keep}" in what for what in truncated)


@pytest.mark.parametrize("keep", [0, 7, 35, 39])
def test_a_cut_off_end_with_every_trace_removed_is_convicted_by_the_head_store(tampering, keep):
    for table, column in (("entry", "seq"), ("link", "seq"), ("checkpoint", "size")):
        tampering.run(f"DELETE FROM indelible_{table} WHERE clinic = ? AND {column} > ?", CLINIC, keep)
    tampering.run("DELETE FROM indelible_idempotency WHERE clinic = ? AND seq > ?", CLINIC, keep)
    tampering.rehead()
    assert ("truncated", None) in tampering.found()


def test_an_older_backup_put_back_is_truncated(tampering, template, log):
    """The files of the database go back in time, the head store does not."""
    from indelible.testing.logs import event

    tampering.db.close()
    log.record_document(event(99))
    log.checkpoint()
    log.shared.store.close()
    for end in ("", "-wal", "-shm"):
        (tampering.folder / f"activity.db{end}").unlink(missing_ok=True)
    (tampering.folder / "activity.db").write_bytes((template / "activity.db").read_bytes())
    report = tampering.verify()
    assert [finding.verdict for finding in report.findings] == ["truncated"]
    assert "41 entries were signed, and the database holds 40" in report.findings[0].what


# Moved and added


def _swap(tampering, names, first, second):
    rows = [
        tampering.one(f"SELECT {names} FROM indelible_entry WHERE clinic = ? AND seq = ?", CLINIC, seq)
        for seq in (first, second)
    ]
    marks = ", ".join(f"{name.strip()} = ?" for name in names.split(","))
    for seq, row in ((-first, rows[1]), (-second, rows[0])):
        tampering.run(
            f"UPDATE indelible_entry SET {marks}, seq = ? WHERE clinic = ? AND seq = ?", *row, seq, CLINIC, -seq
        )
    tampering.run("UPDATE indelible_entry SET seq = -seq WHERE clinic = ? AND seq < 0", CLINIC)


def test_two_swapped_bodies_are_named(tampering):
    _swap(tampering, "body", 10, 25)
    assert {("reordered", 10), ("reordered", 25), ("forked", None)} <= tampering.found()


def test_two_bodies_swapped_with_what_is_sealed_are_named(tampering):
    _swap(tampering, "body, sealed", 10, 25)
    assert {("reordered", 10), ("reordered", 25), ("forked", None)} <= tampering.found()


def test_two_swapped_numbers_are_named(tampering):
    tampering.run("UPDATE indelible_entry SET seq = -25 WHERE clinic = ? AND seq = 10", CLINIC)
    tampering.run("UPDATE indelible_entry SET seq = 10 WHERE clinic = ? AND seq = 25", CLINIC)
    tampering.run("UPDATE indelible_entry SET seq = 25 WHERE clinic = ? AND seq = -25", CLINIC)
    assert {("reordered", 10), ("reordered", 25)} <= tampering.found()


def test_an_entry_inserted_by_moving_the_later_ones_on_is_found(tampering):
    row = list(tampering.one(ENTRY, 40))
    tampering.run("UPDATE indelible_entry SET seq = 41 WHERE clinic = ? AND seq = 40", CLINIC)
    row[2] = b"another id 16 by"
    tampering.run(f"INSERT INTO indelible_entry VALUES ({', '.join('?' * len(row))})", *row)
    assert {("reordered", 41), ("misfiled", 40)} <= tampering.found()


def test_an_entry_copied_to_the_end_is_added(tampering):
    row = list(tampering.one(ENTRY, 5))
    row[1], row[2] = 41, b"another id 16 by"
    tampering.run(f"INSERT INTO indelible_entry VALUES ({', '.join('?' * len(row))})", *row)
    assert {("added", 41), ("reordered", 41)} <= tampering.found()


@pytest.mark.parametrize("seq", [0, -1])
def test_an_entry_before_the_first_is_found(tampering, seq):
    row = list(tampering.one(ENTRY, 5))
    row[1], row[2] = seq, b"another id 16 by"
    tampering.run(f"INSERT INTO indelible_entry VALUES ({', '.join('?' * len(row))})", *row)
    assert ("added", seq) in tampering.found()


def test_a_number_that_is_there_twice_is_added(tampering):
    for index in ("seq", "id"):
        tampering.run(f"DROP INDEX indelible_entry_{index}")
    row = tampering.one(ENTRY, 5)
    tampering.run(f"INSERT INTO indelible_entry VALUES ({', '.join('?' * len(row))})", *row)
    assert ("added", 5) in tampering.found()


def test_an_entry_of_another_clinic_in_place_of_one_is_named(tampering):
    other = tampering.one("SELECT body FROM indelible_entry WHERE clinic = 2 AND seq = 5")
    tampering.run("UPDATE indelible_entry SET body = ? WHERE clinic = ? AND seq = 5", *other, CLINIC)
    assert {("altered", 5), ("forked", None)} <= tampering.found() or {
        ("added", 5),
        ("missing", 5),
    } <= tampering.found()


def test_an_entry_given_to_another_clinic_is_removed(tampering):
    tampering.run("UPDATE indelible_entry SET clinic = 99 WHERE clinic = ? AND seq = 5", CLINIC)
    assert ("removed", 5) in tampering.found()


def test_a_recorded_at_that_goes_back_is_reordered(tampering):
    tampering.rewrite(20, lambda members: members.update(recorded_at="2025-05-03T12:22:31.200000Z"))
    tampering.project(20)
    assert ("reordered", 20) in tampering.found()


# Columns


@pytest.mark.parametrize("name", [*COLUMNS, "amount_minor", "currency"])
def test_every_changed_column_of_an_entry_is_misfiled_by_its_name(tampering, name):
    seq = 4 if name in ("amount_minor", "currency") else 1
    old = tampering.one(f"SELECT {name} FROM indelible_entry WHERE clinic = ? AND seq = ?", CLINIC, seq)[0]
    new: object = old[:-1] + "?" if isinstance(old, str) else None
    if isinstance(old, int):
        new = old + 1
    elif isinstance(old, bytes):
        new = old[:-1] + bytes([old[-1] ^ 1])
    assert tampering.run(f"UPDATE indelible_entry SET {name} = ? WHERE clinic = ? AND seq = ?", new, CLINIC, seq) == 1
    misfiled = [f for f in tampering.verify().findings if f.verdict == "misfiled" and f.seq == seq]
    assert any(f"column {name} " in finding.what for finding in misfiled)


@pytest.mark.parametrize("name", ["actor", "amount_minor", "currency"])
def test_every_emptied_or_filled_column_is_misfiled(tampering, name):
    for seq in (4, 7):
        value = tampering.one(f"SELECT {name} FROM indelible_entry WHERE clinic = ? AND seq = ?", CLINIC, seq)[0]
        filled = {"actor": b"x", "amount_minor": 5}.get(name, "x")
        new = filled if value is None else None
        tampering.run(f"UPDATE indelible_entry SET {name} = ? WHERE clinic = ? AND seq = ?", new, CLINIC, seq)
        assert ("misfiled", seq) in tampering.found()


@pytest.mark.parametrize("name", ["action", "actor_kind", "currency"])
def test_a_text_column_that_is_not_utf_8_is_told_and_never_intact(tampering, name):
    sql = f"UPDATE indelible_entry SET {name} = CAST(x'ff' AS TEXT) WHERE clinic = ? AND seq = 4"
    tampering.run(sql, CLINIC)
    with pytest.raises(StorageFailure, match=f"UTF-8 column '{name}'"):
        tampering.verify()


def test_every_entry_changed_is_reported_up_to_the_limit_and_the_rest_counted(tampering, monkeypatch):
    monkeypatch.setattr("indelible.proof.verify.report.FINDINGS_LIMIT", 10)
    tampering.run("UPDATE indelible_entry SET action = 'x.y' WHERE clinic = ?", CLINIC)
    report = tampering.verify()
    assert (len(report.findings), report.findings_left_out) == (10, 30)


def test_the_template_has_what_these_tests_change(tampering):
    """Every kind of actor, personal class, link and target that a column or a row can be wrong about."""

    def values(column, table):
        return {value for (value,) in tampering.db.execute(f"SELECT DISTINCT {column} FROM indelible_{table}")}

    assert values("actor_kind", "entry") == {"staff", "client", "integration", "system", "agent"}
    assert {part.personal_class for seq in range(1, 41) for part in tampering.parts(seq)} == set(entry.CLASSES)
    assert {"person", "operation", "evidence", "booking"} <= values("kind", "link")
    with pytest.raises(sqlite3.OperationalError, match="no such trigger"):
        tampering.run("DROP TRIGGER indelible_entry_no_update")
