"""What stands beside the entries: links, persons, keys, head, clinic, checkpoints and the head store."""

from __future__ import annotations

import hashlib
from contextlib import suppress

import pytest

from indelible.errors import IndelibleError, StorageFailure
from indelible.record.document import Staff

CLINIC = 1  # c_lisbon's number in the tables


def one_link(tampering, kind="person"):
    """(rowid is none here) the first link of a kind."""
    return tampering.one(
        f"SELECT {COLUMNS} FROM indelible_link WHERE clinic = ? AND kind = ? ORDER BY seq, ref LIMIT 1",
        CLINIC,
        kind,
    )


COLUMNS = "clinic, kind, ref, occurred_at, seq, as_target"
LINK = f"indelible_link ({COLUMNS})"
KEY = "clinic = ? AND kind = ? AND ref = ? AND occurred_at = ? AND seq = ? AND as_target = ?"


@pytest.mark.parametrize("kind", ["person", "booking", "operation", "evidence", "charge"])
def test_a_removed_link_is_misfiled_at_its_entry(tampering, kind):
    link = one_link(tampering, kind)
    tampering.run(f"DELETE FROM indelible_link WHERE {KEY}", *link)
    assert tampering.found() == {("misfiled", link[4])}


@pytest.mark.parametrize("kind", ["person", "booking", "operation", "evidence", "charge"])
@pytest.mark.parametrize(
    ("column", "value"),
    [("kind", "room"), ("ref", b"r" * 32), ("occurred_at", 5), ("as_target", 2), ("seq", 41), ("clinic", 99)],
)
def test_every_changed_column_of_a_link_is_misfiled_at_its_entry(tampering, kind, column, value):
    link = one_link(tampering, kind)
    tampering.run(f"UPDATE indelible_link SET {column} = ? WHERE {KEY}", value, *link)
    assert ("misfiled", link[4]) in tampering.found()


@pytest.mark.parametrize("kind", ["person", "booking", "evidence", "room"])
def test_an_added_link_is_misfiled_at_its_entry(tampering, kind):
    time = tampering.one("SELECT occurred_at FROM indelible_entry WHERE clinic = ? AND seq = 6", CLINIC)[0]
    tampering.run(f"INSERT INTO {LINK} VALUES (?, ?, ?, ?, 6, 0)", CLINIC, kind, b"r" * 32, time)
    assert tampering.found() == {("misfiled", 6)}


def test_a_link_at_two_times_is_misfiled(tampering):
    link = list(one_link(tampering))
    link[3] += 1
    tampering.run(f"INSERT INTO {LINK} VALUES (?, ?, ?, ?, ?, ?)", *link)
    assert tampering.found() == {("misfiled", link[4])}


@pytest.mark.parametrize("seq", [-1, 0, 41])
def test_a_link_of_an_entry_that_is_not_there_is_added(tampering, seq):
    tampering.run(f"INSERT INTO {LINK} VALUES (?, 'booking', x'00', 1, ?, 1)", CLINIC, seq)
    assert tampering.found() == {("added", seq)}


# Persons


def persons(tampering):
    sql = "SELECT * FROM indelible_person WHERE clinic = ? ORDER BY token"
    return [dict(zip(("clinic", "token", "erased_by", "scrubbed_by", "sealed"), row, strict=True))
            for row in tampering.db.execute(sql, (CLINIC,))]  # fmt: skip


def put(tampering, person):
    tampering.run("INSERT INTO indelible_person VALUES (?, ?, ?, ?, ?)", *person.values())


def test_each_removed_person_is_misfiled(tampering):
    for person in persons(tampering):
        tampering.run("DELETE FROM indelible_person WHERE clinic = ? AND token = ?", CLINIC, person["token"])
        assert tampering.found() == {("misfiled", None)}
        put(tampering, person)
    assert tampering.verify().result == "intact"


@pytest.mark.parametrize(
    ("column", "value"),
    [("token", b"t" * 16), ("sealed", b"\x01s"), ("clinic", 99), ("erased_by", 5), ("erased_by", 41)],
)
def test_every_changed_column_of_a_person_is_misfiled(tampering, column, value):
    token = persons(tampering)[0]["token"]
    sql = f"UPDATE indelible_person SET {column} = ? WHERE clinic = ? AND token = ?"
    tampering.run(sql, value, CLINIC, token)
    assert tampering.found() == {("misfiled", None)}


@pytest.mark.parametrize("change", ["erased_by = NULL", "erased_by = 5", "erased_by = 41 + 1"])
def test_a_row_that_does_not_say_by_which_entry_its_person_was_erased_is_misfiled(tampering, log, change):
    assert log.anonymize("cli_77", requested_by="client", actor=Staff("usr_12")).entry.seq == 41
    log.checkpoint()
    assert tampering.verify().result == "intact"
    assert tampering.run(f"UPDATE indelible_person SET {change} WHERE erased_by = 41") == 1
    assert tampering.found() == {("misfiled", None)}


@pytest.mark.parametrize("change", ["scrubbed_by = NULL", "scrubbed_by = 41", "scrubbed_by = 5"])
def test_a_row_that_does_not_say_by_which_entry_its_person_was_scrubbed_is_misfiled(tampering, log, change):
    assert log.anonymize("cli_77", requested_by="client", actor=Staff("usr_12")).entry.seq == 41
    log.checkpoint()
    tampering.run("UPDATE indelible_person SET scrubbed_by = 41 WHERE erased_by = 41")
    assert tampering.found() == {("misfiled", None)}
    tampering.run("UPDATE indelible_person SET scrubbed_by = NULL WHERE erased_by = 41")
    log.scrub()
    log.checkpoint()
    assert tampering.verify().result == "intact"
    assert tampering.run(f"UPDATE indelible_person SET {change} WHERE scrubbed_by = 42") == 1
    assert tampering.found() == {("misfiled", None)}


def test_the_row_of_an_erased_person_that_is_gone_is_misfiled(tampering, log):
    log.anonymize("cli_77", requested_by="client", actor=Staff("usr_12"))
    log.checkpoint()
    assert tampering.run("DELETE FROM indelible_person WHERE erased_by = 41") == 1
    assert tampering.found() == {("misfiled", None)}


def test_two_persons_with_each_others_row_are_misfiled(tampering):
    first, other, *_ = persons(tampering)
    for token, sealed in ((first["token"], other["sealed"]), (other["token"], first["sealed"])):
        tampering.run("UPDATE indelible_person SET sealed = ? WHERE token = ?", sealed, token)
    assert tampering.found() == {("misfiled", None)}


@pytest.mark.parametrize("token", [b"t" * 16, None], ids=["any token", "the token of the id"])
def test_a_person_added_with_the_real_keys_is_misfiled(tampering, log, token):
    token = token or log.sealer.token("client", "cli_1", 0)
    details = {"realm": "client", "id": "cli_1", "n": 0, "since": 1, "named_at": 1}
    put(tampering, {"clinic": CLINIC, "token": token, "erased_by": None, "scrubbed_by": None,
                    "sealed": log.sealer.seal_person(token, details)})  # fmt: skip
    assert tampering.found() == {("misfiled", None)}


@pytest.mark.parametrize(
    "change", [{"id": "cli_1"}, {"realm": "support"}, {"n": 1}, {"n": None}, {"id": None}, {"realm": None}]
)
def test_a_person_sealed_anew_as_another_is_misfiled(tampering, log, change):
    for person in persons(tampering):
        token, sealed = person["token"], person["sealed"]
        details = log.sealer.open_person(token, sealed) | change
        tampering.run(
            "UPDATE indelible_person SET sealed = ? WHERE token = ?", log.sealer.seal_person(token, details), token
        )
        assert tampering.found() == {("misfiled", None)}
        tampering.run("UPDATE indelible_person SET sealed = ? WHERE token = ?", sealed, token)


@pytest.mark.parametrize(("host_id", "old", "new"), [("usr_12", "staff", "client"), ("cli_77", "client", "staff")])
def test_a_person_moved_to_another_realm_is_misfiled(tampering, log, host_id, old, new):
    """The row opens, and the token is not that of the id in the other realm."""
    token = log.sealer.token(old, host_id, 0)
    (sealed,) = tampering.one("SELECT sealed FROM indelible_person WHERE token = ?", token)
    details = log.sealer.open_person(token, sealed) | {"realm": new}
    resealed = log.sealer.seal_person(token, details)
    assert tampering.run("UPDATE indelible_person SET sealed = ? WHERE token = ?", resealed, token) == 1
    assert tampering.found() == {("misfiled", None)}


# Keys, head, clinic


KEY_OF_5 = "indelible_idempotency WHERE clinic = ? AND seq = 5"


@pytest.mark.parametrize("seq", [-1, 0, 6, 41])
def test_an_idempotency_key_that_leads_to_another_entry_is_misfiled(tampering, seq):
    tampering.run(f"UPDATE {KEY_OF_5.replace(' WHERE', ' SET seq = ? WHERE')}", seq, CLINIC)
    assert ("misfiled", 5) in tampering.found()


def test_a_removed_idempotency_key_is_misfiled(tampering):
    tampering.run(f"DELETE FROM {KEY_OF_5}", CLINIC)
    assert tampering.found() == {("misfiled", 5)}


def test_an_added_idempotency_key_is_misfiled(tampering):
    tampering.run("INSERT INTO indelible_idempotency VALUES (?, ?, 5)", CLINIC, b"k" * 32)
    assert tampering.found() == {("misfiled", 5)}


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
    tampering.run(f"UPDATE indelible_head SET {column} = ? WHERE clinic = ?", value, CLINIC)
    assert verdict in tampering.verdicts()


def test_a_changed_zone_of_the_clinic_is_misfiled(tampering):
    tampering.run("UPDATE indelible_head SET time_zone = 'Europe/Madrid' WHERE clinic = ?", CLINIC)
    assert tampering.found() == {("misfiled", 40)}


def test_a_changed_public_key_of_the_clinic_is_unsigned(tampering):
    vkey = tampering.one("SELECT vkey FROM indelible_clinic WHERE clinic = 2")[0]
    tampering.run("UPDATE indelible_clinic SET vkey = ? WHERE clinic = ?", vkey, CLINIC)
    assert tampering.found() == {("unsigned", None)}


def test_another_token_of_nobody_is_misfiled(tampering):
    """Evidence is sealed under the key of nobody's token, and does not open under another's."""
    tampering.run("UPDATE indelible_clinic SET nobody = ? WHERE clinic = ?", b"n" * 16, CLINIC)
    found = tampering.found()
    assert ("misfiled", None) in found
    assert {verdict for verdict, _ in found} == {"misfiled", "altered"}


@pytest.mark.parametrize("origin", ["log.example.org/c/other", "", "a b", "a\nb"])
def test_a_changed_origin_is_never_intact(tampering, origin):
    tampering.run("UPDATE indelible_clinic SET origin = ? WHERE clinic = ?", origin, CLINIC)
    with suppress(IndelibleError):  # an origin that no key can bear: the log cannot be opened
        assert tampering.verify().result == "not_intact"


@pytest.mark.parametrize("kind", ["lookup", "signing"])
@pytest.mark.parametrize("change", ["wrapped = zeroblob(61)", "wrapped = x''", "number = 2"])
def test_a_damaged_clinic_key_is_told_and_never_intact(tampering, kind, change):
    tampering.run(f"UPDATE indelible_key SET {change} WHERE clinic = ? AND kind = ?", CLINIC, kind)
    with pytest.raises(IndelibleError, match=f"the {kind} key of clinic c_lisbon"):
        tampering.verify()


@pytest.mark.parametrize("kind", ["lookup", "signing"])
def test_a_removed_clinic_key_is_told(tampering, kind):
    tampering.run("DELETE FROM indelible_key WHERE clinic = ? AND kind = ?", CLINIC, kind)
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
    tampering.run(f"UPDATE indelible_checkpoint SET {column} = ? WHERE clinic = ? AND size = ?", value, CLINIC, size)
    assert verdict in tampering.verdicts()


@pytest.mark.parametrize("size", [7, 33, 40])
def test_the_note_of_another_checkpoint_is_unsigned(tampering, size):
    other = tampering.one("SELECT note FROM indelible_checkpoint WHERE clinic = ? AND size = 16", CLINIC)[0]
    tampering.run("UPDATE indelible_checkpoint SET note = ? WHERE clinic = ? AND size = ?", other, CLINIC, size)
    report = tampering.verify()
    assert [(f.verdict, f"size {size} " in f.what) for f in report.findings] == [("unsigned", True)]


@pytest.mark.parametrize("at", [0, 60, 100, -10])
def test_a_changed_byte_of_a_note_is_unsigned(tampering, at):
    note = bytearray(tampering.one("SELECT note FROM indelible_checkpoint WHERE clinic = ? AND size = 33", CLINIC)[0])
    note[at] ^= 1
    tampering.run("UPDATE indelible_checkpoint SET note = ? WHERE clinic = ? AND size = 33", bytes(note), CLINIC)
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
    tampering.run(f"DELETE FROM indelible_checkpoint WHERE clinic = ? AND {which}", CLINIC)
    assert (tampering.verify().result, tampering.verify().signed_size) == ("intact", 40)
    tampering.rewrite(3, lambda members: members.update(channel="x"))
    assert "forked" in tampering.verdicts()


# The head store


def test_a_missing_head_store_cannot_be_told_from_one_that_knew_more(tampering):
    (tampering.folder / "activity.db.keep" / "heads").unlink()
    report = tampering.verify()
    assert (report.result, report.findings, len(report.doubts)) == ("could_not_tell", [], 1)


def test_an_emptied_head_store_could_not_tell(tampering):
    tampering.heads("DELETE FROM head")
    assert tampering.verify().result == "could_not_tell"


def test_a_head_store_of_no_bytes_is_told(tampering):
    (tampering.folder / "activity.db.keep" / "heads").write_bytes(b"")
    with pytest.raises(StorageFailure, match="head store"):
        tampering.verify()


def test_an_older_head_store_could_not_tell(tampering):
    older = tampering.one("SELECT size, root, note FROM indelible_checkpoint WHERE clinic = ? AND size = 16", CLINIC)
    tampering.heads("UPDATE head SET size = ?, root = ?, note = ?", *older)
    report = tampering.verify()
    assert (report.result, report.findings) == ("could_not_tell", [])
    assert "older" in report.doubts[0]


def test_a_head_store_as_new_could_not_tell(tampering):
    tampering.heads("UPDATE head SET size = 0, root = ?, note = x''", hashlib.sha256(b"").digest())
    assert tampering.verify().result == "could_not_tell"


def test_a_missing_head_store_does_not_hide_what_is_found(tampering):
    (tampering.folder / "activity.db.keep" / "heads").unlink()
    tampering.run("DELETE FROM indelible_entry WHERE clinic = ? AND seq = 5", CLINIC)
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
