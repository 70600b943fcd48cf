"""What stands beside the entries: links, persons, keys, head, clinic, checkpoints and the head store."""

from __future__ import annotations

import hashlib
from contextlib import suppress

import pytest

from indelible.errors import IndelibleError, StorageFailure

CLINIC = "c_lisbon"


def one_link(tampering, kind="person"):
    """(rowid is none here) the first link of a kind."""
    return tampering.one(
        f"SELECT {COLUMNS} FROM indelible_link WHERE clinic_id = ? AND kind = ? ORDER BY seq, role LIMIT 1",
        CLINIC,
        kind,
    )


COLUMNS = "clinic_id, kind, ref, occurred_at, seq, role"
LINK = f"indelible_link ({COLUMNS})"
KEY = "clinic_id = ? AND kind = ? AND ref = ? AND occurred_at = ? AND seq = ? AND role = ?"


@pytest.mark.parametrize("kind", ["person", "booking", "operation", "evidence", "charge"])
def test_a_removed_link_is_misfiled_at_its_entry(tampering, kind):
    link = one_link(tampering, kind)
    tampering.run(f"DELETE FROM indelible_link WHERE {KEY}", *link)
    assert tampering.found() == {("misfiled", link[4])}


@pytest.mark.parametrize("kind", ["person", "booking", "operation", "evidence", "charge"])
@pytest.mark.parametrize(
    ("column", "value"),
    [("kind", "room"), ("ref", b"r" * 32), ("occurred_at", 5), ("role", "x"), ("seq", 41), ("clinic_id", "c_x")],
)
def test_every_changed_column_of_a_link_is_misfiled_at_its_entry(tampering, kind, column, value):
    link = one_link(tampering, kind)
    tampering.run(f"UPDATE indelible_link SET {column} = ? WHERE {KEY}", value, *link)
    assert ("misfiled", link[4]) in tampering.found()


@pytest.mark.parametrize("kind", ["person", "booking", "evidence", "room"])
def test_an_added_link_is_misfiled_at_its_entry(tampering, kind):
    time = tampering.one("SELECT occurred_at FROM indelible_entry WHERE clinic_id = ? AND seq = 6", CLINIC)[0]
    tampering.run(f"INSERT INTO {LINK} VALUES (?, ?, ?, ?, 6, 'client')", CLINIC, kind, b"r" * 32, time)
    assert tampering.found() == {("misfiled", 6)}


def test_a_link_at_two_times_is_misfiled(tampering):
    link = list(one_link(tampering))
    link[3] += 1
    tampering.run(f"INSERT INTO {LINK} VALUES (?, ?, ?, ?, ?, ?)", *link)
    assert tampering.found() == {("misfiled", link[4])}


@pytest.mark.parametrize("seq", [-1, 0, 41])
def test_a_link_of_an_entry_that_is_not_there_is_added(tampering, seq):
    tampering.run(f"INSERT INTO {LINK} VALUES (?, 'booking', x'00', 1, ?, 'target')", CLINIC, seq)
    assert tampering.found() == {("added", seq)}


# Persons


def persons(tampering):
    return tampering.db.execute(
        "SELECT token, lookup, sealed FROM indelible_person WHERE clinic_id = ? ORDER BY token", (CLINIC,)
    ).fetchall()


def test_each_removed_person_is_misfiled(tampering):
    for token, lookup, sealed in persons(tampering):
        tampering.run("DELETE FROM indelible_person WHERE clinic_id = ? AND token = ?", CLINIC, token)
        assert tampering.found() == {("misfiled", None)}
        tampering.run("INSERT INTO indelible_person VALUES (?, ?, ?, ?)", CLINIC, token, lookup, sealed)
    assert tampering.verify().result == "intact"


@pytest.mark.parametrize(
    ("column", "value"), [("token", b"t" * 16), ("lookup", b"l" * 32), ("sealed", b"\x01s"), ("clinic_id", "c_x")]
)
def test_every_changed_column_of_a_person_is_misfiled(tampering, column, value):
    token = persons(tampering)[0][0]
    sql = f"UPDATE indelible_person SET {column} = ? WHERE clinic_id = ? AND token = ?"
    tampering.run(sql, value, CLINIC, token)
    assert tampering.found() == {("misfiled", None)}


def test_two_persons_with_each_others_lookup_are_misfiled(tampering):
    (first, one, _), (second, other, _), *_ = persons(tampering)
    sql = "UPDATE indelible_person SET lookup = ? WHERE token = ?"
    for lookup, token in ((b"x", first), (one, second), (other, first)):
        tampering.run(sql, lookup, token)
    assert tampering.found() == {("misfiled", None)}


def test_a_person_added_with_the_real_keys_is_misfiled(tampering, log):
    sealed = log.sealer.seal_person(b"t" * 16, {"realm": "client", "id": "cli_1", "named_at": 1})
    lookup = log.sealer.find_person("client", "cli_1")
    tampering.run("INSERT INTO indelible_person VALUES (?, ?, ?, ?)", CLINIC, b"t" * 16, lookup, sealed)
    assert tampering.found() == {("misfiled", None)}


@pytest.mark.parametrize("change", [{"id": "cli_1"}, {"realm": "support"}, {"id": None}, {"realm": None}])
def test_a_person_sealed_anew_as_another_is_misfiled(tampering, log, change):
    for token, _, sealed in persons(tampering):
        person = log.sealer.open_person(token, sealed) | change
        tampering.run(
            "UPDATE indelible_person SET sealed = ? WHERE token = ?", log.sealer.seal_person(token, person), token
        )
        assert tampering.found() == {("misfiled", None)}
        tampering.run("UPDATE indelible_person SET sealed = ? WHERE token = ?", sealed, token)


@pytest.mark.parametrize(("host_id", "old", "new"), [("usr_12", "staff", "client"), ("cli_77", "client", "staff")])
def test_a_person_moved_to_another_realm_is_misfiled(tampering, log, host_id, old, new):
    """The row agrees with itself, and not with the entries, in which the person is of the other realm."""
    lookup = log.sealer.find_person(old, host_id)
    token, sealed = tampering.one("SELECT token, sealed FROM indelible_person WHERE lookup = ?", lookup)
    person = log.sealer.open_person(token, sealed) | {"realm": new}
    tampering.run(
        "UPDATE indelible_person SET sealed = ?, lookup = ? WHERE token = ?",
        log.sealer.seal_person(token, person),
        log.sealer.find_person(new, host_id),
        token,
    )
    assert tampering.found() == {("misfiled", None)}


# Keys, head, clinic


KEY_OF_5 = "indelible_idempotency WHERE clinic_id = ? AND seq = 5"


@pytest.mark.parametrize("seq", [-1, 0, 6, 41])
def test_an_idempotency_key_that_leads_to_another_entry_is_misfiled(tampering, seq):
    tampering.run(f"UPDATE {KEY_OF_5.replace(' WHERE', ' SET seq = ? WHERE')}", seq, CLINIC)
    assert ("misfiled", 5) in tampering.found()


def test_a_removed_idempotency_key_is_misfiled(tampering):
    tampering.run(f"DELETE FROM {KEY_OF_5}", CLINIC)
    assert tampering.found() == {("misfiled", 5)}


def test_an_added_idempotency_key_is_misfiled(tampering):
    tampering.run("INSERT INTO indelible_idempotency VALUES (?, ?, 5)", CLINIC, b"k" * 32)
    assert tampering.found() == {("misfiled", None)}


@pytest.mark.parametrize(
    ("column", "value", "verdict"),
    [
        ("size", 41, "truncated"),
        ("size", 39, "added"),
        ("size", 0, "added"),
        ("size", -5, "added"),
        ("root", b"r" * 32, "forked"),
        ("root", b"", "forked"),
        ("frontier", b"f" * 64, "forked"),
        ("frontier", b"", "forked"),
        ("recorded_at", 1, "misfiled"),
        ("recorded_at", 2**62, "misfiled"),
    ],
)
def test_every_changed_column_of_the_head_is_found(tampering, column, value, verdict):
    tampering.run(f"UPDATE indelible_head SET {column} = ? WHERE clinic_id = ?", value, CLINIC)
    assert verdict in tampering.verdicts()


def test_a_changed_zone_of_the_clinic_is_misfiled(tampering):
    tampering.run("UPDATE indelible_clinic SET time_zone = 'Europe/Madrid' WHERE clinic_id = ?", CLINIC)
    assert tampering.found() == {("misfiled", 40)}


def test_a_changed_public_key_of_the_clinic_is_unsigned(tampering):
    vkey = tampering.one("SELECT vkey FROM indelible_clinic WHERE clinic_id = 'c_porto'")[0]
    tampering.run("UPDATE indelible_clinic SET vkey = ? WHERE clinic_id = ?", vkey, CLINIC)
    assert tampering.found() == {("unsigned", None)}


def test_another_token_of_nobody_is_misfiled(tampering):
    tampering.run("UPDATE indelible_clinic SET nobody = ? WHERE clinic_id = ?", b"n" * 16, CLINIC)
    assert tampering.found() == {("misfiled", None)}


@pytest.mark.parametrize("origin", ["log.example.org/c/other", "", "a b", "a\nb"])
def test_a_changed_origin_is_never_intact(tampering, origin):
    tampering.run("UPDATE indelible_clinic SET origin = ? WHERE clinic_id = ?", origin, CLINIC)
    with suppress(IndelibleError):  # an origin that no key can bear: the log cannot be opened
        assert tampering.verify().result == "not_intact"


@pytest.mark.parametrize("kind", ["data", "lookup", "signing"])
@pytest.mark.parametrize("change", ["wrapped = zeroblob(61)", "wrapped = x''", "number = 2"])
def test_a_damaged_clinic_key_is_told_and_never_intact(tampering, kind, change):
    tampering.run(f"UPDATE indelible_key SET {change} WHERE clinic_id = ? AND kind = ?", CLINIC, kind)
    with pytest.raises(IndelibleError, match=f"the {kind} key of clinic c_lisbon"):
        tampering.verify()


@pytest.mark.parametrize("kind", ["data", "lookup", "signing"])
def test_a_removed_clinic_key_is_told(tampering, kind):
    tampering.run("DELETE FROM indelible_key WHERE clinic_id = ? AND kind = ?", CLINIC, kind)
    with pytest.raises(IndelibleError, match=f"the {kind} key of clinic c_lisbon"):
        tampering.verify()


# Checkpoints


@pytest.mark.parametrize("size", [7, 16, 33, 40])
@pytest.mark.parametrize(
    ("column", "value", "verdict"),
    [
        ("size", 20, "unsigned"),
        ("size", 100, "unsigned"),
        ("root", b"r" * 32, "unsigned"),
        ("root", b"", "unsigned"),
        ("frontier", b"f" * 32, "misfiled"),
        ("frontier", b"", "misfiled"),
        ("note", b"", "unsigned"),
        ("note", b"n\n", "unsigned"),
    ],
)
def test_every_changed_column_of_a_checkpoint_is_found(tampering, size, column, value, verdict):
    tampering.run(f"UPDATE indelible_checkpoint SET {column} = ? WHERE clinic_id = ? AND size = ?", value, CLINIC, size)
    assert verdict in tampering.verdicts()


@pytest.mark.parametrize("size", [7, 33, 40])
def test_the_note_of_another_checkpoint_is_unsigned(tampering, size):
    other = tampering.one("SELECT note FROM indelible_checkpoint WHERE clinic_id = ? AND size = 16", CLINIC)[0]
    tampering.run("UPDATE indelible_checkpoint SET note = ? WHERE clinic_id = ? AND size = ?", other, CLINIC, size)
    report = tampering.verify()
    assert [(f.verdict, f"size {size} " in f.what) for f in report.findings] == [("unsigned", True)]


@pytest.mark.parametrize("at", [0, 60, 100, -10])
def test_a_changed_byte_of_a_note_is_unsigned(tampering, at):
    note = bytearray(
        tampering.one("SELECT note FROM indelible_checkpoint WHERE clinic_id = ? AND size = 33", CLINIC)[0]
    )
    note[at] ^= 1
    tampering.run("UPDATE indelible_checkpoint SET note = ? WHERE clinic_id = ? AND size = 33", bytes(note), CLINIC)
    assert tampering.verdicts() == {"unsigned"}


@pytest.mark.parametrize("size", [0, -3, 41, 2**62])
def test_an_added_checkpoint_is_unsigned(tampering, size):
    root = hashlib.sha256(b"").digest()
    tampering.run("INSERT INTO indelible_checkpoint VALUES (?, ?, ?, x'', x'00', 1)", CLINIC, size, root)
    assert "unsigned" in tampering.verdicts()


@pytest.mark.parametrize("which", ["size = 7", "size = 16", "size = 40", "size > 0"])
def test_a_removed_checkpoint_takes_nothing_from_what_the_head_store_covers(tampering, which):
    """A checkpoint covers all that an older one does, so the older one says nothing more about the entries; the newest
    may be in the head store alone after a crash."""
    tampering.run(f"DELETE FROM indelible_checkpoint WHERE clinic_id = ? AND {which}", CLINIC)
    assert (tampering.verify().result, tampering.verify().signed_size) == ("intact", 40)
    tampering.rewrite(3, lambda members: members.update(channel="x"))
    assert "forked" in tampering.verdicts()


# The head store


def test_a_missing_head_store_cannot_be_told_from_one_that_knew_more(tampering):
    (tampering.folder / "activity.db.heads").unlink()
    report = tampering.verify()
    assert (report.result, report.findings, len(report.doubts)) == ("could_not_tell", [], 1)


def test_an_emptied_head_store_could_not_tell(tampering):
    tampering.heads("DELETE FROM head")
    assert tampering.verify().result == "could_not_tell"


def test_a_head_store_of_no_bytes_is_told(tampering):
    (tampering.folder / "activity.db.heads").write_bytes(b"")
    with pytest.raises(StorageFailure, match="head store"):
        tampering.verify()


def test_an_older_head_store_could_not_tell(tampering):
    older = tampering.one("SELECT size, root, note FROM indelible_checkpoint WHERE clinic_id = ? AND size = 16", CLINIC)
    tampering.heads("UPDATE head SET size = ?, root = ?, note = ?", *older)
    report = tampering.verify()
    assert (report.result, report.findings) == ("could_not_tell", [])
    assert "older" in report.doubts[0]


def test_a_head_store_as_new_could_not_tell(tampering):
    tampering.heads("UPDATE head SET size = 0, root = ?, note = x''", hashlib.sha256(b"").digest())
    assert tampering.verify().result == "could_not_tell"


def test_a_missing_head_store_does_not_hide_what_is_found(tampering):
    (tampering.folder / "activity.db.heads").unlink()
    tampering.run("DELETE FROM indelible_entry WHERE clinic_id = ? AND seq = 5", CLINIC)
    assert ("removed", 5) in tampering.found()


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ("size = 39", "unsigned"),
        ("size = 41", "truncated"),
        ("root = zeroblob(32)", "forked"),
        ("note = x'00'", "unsigned"),
        ("note = x''", "unsigned"),
        ("note = x'', size = 41", "truncated"),
        ("note = x'', root = zeroblob(32)", "forked"),
    ],
)
def test_every_changed_column_of_the_head_store_is_found(tampering, change, verdict):
    tampering.heads(f"UPDATE head SET {change} WHERE origin = (SELECT origin FROM head ORDER BY size DESC LIMIT 1)")
    assert verdict in tampering.verdicts()
