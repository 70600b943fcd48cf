"""Personal values that were changed, removed, exchanged or put in, also by somebody who holds the data key."""

from __future__ import annotations

import orjson
import pytest

CLINIC = "c_lisbon"
ROW = "SELECT token, class, sealed FROM indelible_personal WHERE clinic_id = 'c_lisbon' AND seq = ? AND class = ?"
SEAL = "UPDATE indelible_personal SET sealed = ? WHERE clinic_id = 'c_lisbon' AND seq = ? AND token = ? AND class = ?"
CLASSES = [(1, "identity"), (1, "network"), (4, "evidence")]


def row(tampering, seq, personal_class, owner=0):
    sql = ROW + " ORDER BY token"
    return tampering.db.execute(sql, (seq, personal_class)).fetchall()[owner]


def entry_id(tampering, seq):
    return tampering.one("SELECT id FROM indelible_entry WHERE clinic_id = ? AND seq = ?", CLINIC, seq)[0]


@pytest.mark.parametrize(("seq", "personal_class"), CLASSES)
def test_a_removed_row_is_missing(tampering, seq, personal_class):
    token, *_ = row(tampering, seq, personal_class)
    tampering.run(
        "DELETE FROM indelible_personal WHERE clinic_id = ? AND seq = ? AND token = ? AND class = ?",
        CLINIC,
        seq,
        token,
        personal_class,
    )
    assert ("missing", seq) in tampering.found()


def test_every_removed_row_is_missing(tampering):
    tampering.run("DELETE FROM indelible_personal WHERE clinic_id = ?", CLINIC)
    assert {which for verdict, which in tampering.found() if verdict == "missing"} == set(range(1, 41))


@pytest.mark.parametrize(("seq", "personal_class"), CLASSES)
@pytest.mark.parametrize("at", [0, 4, 5, 20, -1])
def test_a_changed_byte_of_a_sealed_row_is_altered(tampering, seq, personal_class, at):
    token, _, sealed = row(tampering, seq, personal_class)
    changed = bytearray(sealed)
    changed[at] ^= 1
    tampering.run(SEAL, bytes(changed), seq, token, personal_class)
    assert {("altered", seq)} == tampering.found()


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01\x00\x00\x00\x01", b"\x01\x00\x00\x00\x01" + b"n" * 12])
def test_a_sealed_row_cut_short_is_altered(tampering, sealed):
    token, *_ = row(tampering, 1, "identity")
    tampering.run(SEAL, sealed, 1, token, "identity")
    assert {("altered", 1)} == tampering.found()


def exchange(tampering, first, second):
    """Put the sealed bytes of each row into the other's place. A place is (clinic, seq, token, class)."""
    where = " FROM indelible_personal WHERE clinic_id = ? AND seq = ? AND token = ? AND class = ?"
    sealed = {place: tampering.one("SELECT sealed" + where, *place)[0] for place in (first, second)}
    update = where.replace(" FROM ", "UPDATE ").replace(" WHERE", " SET sealed = ? WHERE")
    assert tampering.run(update, sealed[first], *second) == tampering.run(update, sealed[second], *first) == 1


def test_rows_exchanged_between_two_entries_are_altered(tampering):
    token, *_ = row(tampering, 1, "network")  # the same person, device and class in both
    exchange(tampering, (CLINIC, 1, token, "network"), (CLINIC, 2, token, "network"))
    assert {("altered", 1), ("altered", 2)} == tampering.found()


def test_rows_exchanged_between_two_persons_of_an_entry_are_altered(tampering):
    (first, *_), (second, *_) = (row(tampering, 1, "identity", owner) for owner in (0, 1))
    exchange(tampering, (CLINIC, 1, first, "identity"), (CLINIC, 1, second, "identity"))
    assert {("altered", 1)} == tampering.found()


def test_rows_exchanged_between_two_classes_are_altered(tampering):
    token, *_ = row(tampering, 1, "network")
    exchange(tampering, (CLINIC, 1, token, "network"), (CLINIC, 1, token, "identity"))
    assert {("altered", 1)} == tampering.found()


def test_a_row_exchanged_with_another_clinics_is_altered(tampering):
    mine = row(tampering, 1, "network")[0]
    other = tampering.one(
        "SELECT token FROM indelible_personal WHERE clinic_id = 'c_porto' AND seq = 1 AND class = 'network'"
    )
    exchange(tampering, (CLINIC, 1, mine, "network"), ("c_porto", 1, other[0], "network"))
    assert {("altered", 1)} == tampering.found()


@pytest.mark.parametrize("column", ["token", "class", "seq", "clinic_id"])
def test_a_row_put_in_another_place_is_missing_there_and_added_here(tampering, column):
    token, *_ = row(tampering, 7, "network")
    value = {"token": b"t" * 16, "class": "evidence", "seq": 4, "clinic_id": "c_x"}[column]
    sql = f"UPDATE indelible_personal SET {column} = ? WHERE clinic_id = ? AND seq = 7 AND token = ? AND class = ?"
    assert tampering.run(sql, value, CLINIC, token, "network") == 1
    found = tampering.found()
    assert ("missing", 7) in found
    assert column == "clinic_id" or ("added", 4 if column == "seq" else 7) in found


@pytest.mark.parametrize("seq", [-1, 0, 41, 10**9])
def test_a_row_of_an_entry_that_is_not_there_is_added(tampering, seq):
    token, _, sealed = row(tampering, 1, "network")
    tampering.run("INSERT INTO indelible_personal VALUES (?, ?, ?, 'network', ?)", CLINIC, seq, token, sealed)
    assert {("added", seq)} == tampering.found()


def test_a_row_of_a_person_whom_the_body_does_not_know_is_added(tampering):
    sealed = row(tampering, 1, "network")[2]
    tampering.run("INSERT INTO indelible_personal VALUES (?, 1, ?, 'network', ?)", CLINIC, b"t" * 16, sealed)
    assert {("added", 1)} == tampering.found()


# With the data key


def reseal(tampering, log, seq, personal_class, change):
    """Open a row, let `change(seed, values)` return another seed and other values, and seal it properly."""
    token, _, sealed = row(tampering, seq, personal_class)
    place = (entry_id(tampering, seq), token, personal_class)
    opened = log.sealer.open_values(*place, sealed)
    seed, values = change(opened.seed, dict(opened.values))
    tampering.run(SEAL, log.sealer.seal_values(*place, seed, orjson.dumps(values)), seq, token, personal_class)
    return next(iter(opened.values))


def test_a_row_sealed_again_as_it_was_is_intact(tampering, log):
    for seq, personal_class in CLASSES:
        reseal(tampering, log, seq, personal_class, lambda seed, values: (seed, values))
    assert tampering.verify().result == "intact"


@pytest.mark.parametrize(("seq", "personal_class"), CLASSES)
def test_another_value_sealed_with_the_data_key_is_altered_at_its_path(tampering, log, seq, personal_class):
    def other(seed, values):
        return seed, dict.fromkeys(values, "somebody else")

    path = reseal(tampering, log, seq, personal_class, other)
    report = tampering.verify()
    altered = [finding for finding in report.findings if finding.verdict == "altered"]
    assert {finding.seq for finding in altered} == {seq}
    assert any(path in finding.what for finding in altered)
    assert not any("somebody else" in finding.what for finding in report.findings)


@pytest.mark.parametrize("seed", [b"s" * 32, b""])
def test_another_seed_is_altered(tampering, log, seed):
    reseal(tampering, log, 1, "network", lambda _, values: (seed, values))
    assert ("altered", 1) in tampering.found()


@pytest.mark.parametrize("other", [1, True, None, ["x"], {"a": 1}, 1.5, ""])
def test_a_value_of_another_type_is_altered(tampering, log, other):
    reseal(tampering, log, 1, "network", lambda seed, values: (seed, dict.fromkeys(values, other)))
    assert {("altered", 1)} == tampering.found()


def test_a_value_taken_out_of_its_row_is_altered(tampering, log):
    reseal(tampering, log, 1, "network", lambda seed, values: (seed, dict(list(values.items())[1:])))
    assert {("altered", 1)} == tampering.found()


def test_a_value_put_into_a_row_is_altered(tampering, log):
    reseal(tampering, log, 1, "network", lambda seed, values: (seed, values | {"request.referrer": "x"}))
    assert {("altered", 1)} == tampering.found()


@pytest.mark.parametrize(
    "plain", [b"", b"x" * 31, b"x" * 32, b"x" * 32 + b"[]", b"x" * 32 + b"nul", b"x" * 32 + b"\xff"]
)
def test_a_row_that_holds_no_values_is_altered(tampering, log, plain):
    token, *_ = row(tampering, 1, "network")
    place = (entry_id(tampering, 1), token, "network")
    tampering.run(SEAL, log.sealer.seal_values(*place, b"", plain), 1, token, "network")
    assert {("altered", 1)} == tampering.found()
