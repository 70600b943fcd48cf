"""Sealed values that were changed, removed, exchanged or put in, also by somebody who holds every key."""

from __future__ import annotations

import os

import orjson
import pytest

from indelible.format.commitment import Committer, leaves

CLINIC = 1  # c_lisbon's number in the tables
CLASSES = [(1, "identity"), (1, "network"), (4, "evidence")]


def place_of(tampering, seq, personal_class, owner=0):
    """Where a group of a class is among the parts of an entry."""
    return [at for at, one in enumerate(tampering.parts(seq)) if one.personal_class == personal_class][owner]


def change(tampering, seq, at, **members):
    """Change members of one part of an entry."""
    parts = tampering.parts(seq)
    parts[at] = parts[at]._replace(**members)
    tampering.seal(seq, parts)


def entry_of(tampering, seq):
    """An entry's id, as it is stored, and its body."""
    entry_id, body = tampering.one("SELECT id, body FROM indelible_entry WHERE clinic = ? AND seq = ?", CLINIC, seq)
    return entry_id, orjson.loads(body)


@pytest.mark.parametrize(("seq", "personal_class"), CLASSES)
def test_a_removed_group_is_missing(tampering, seq, personal_class):
    parts = tampering.parts(seq)
    del parts[place_of(tampering, seq, personal_class)]
    tampering.seal(seq, parts)
    assert ("missing", seq) in tampering.found()


def test_every_removed_group_is_missing(tampering):
    tampering.run("UPDATE indelible_entry SET sealed = x'' WHERE clinic = ?", CLINIC)
    assert {which for verdict, which in tampering.found() if verdict == "missing"} == set(range(1, 41))


@pytest.mark.parametrize(("seq", "personal_class"), CLASSES)
@pytest.mark.parametrize("at", [0, 11, 12, 20, -1])
def test_a_changed_byte_of_a_sealed_group_is_altered(tampering, seq, personal_class, at):
    place = place_of(tampering, seq, personal_class)
    changed = bytearray(tampering.parts(seq)[place].data)
    changed[at] ^= 1
    change(tampering, seq, place, data=bytes(changed))
    assert {("altered", seq)} == tampering.found()


def test_every_changed_byte_of_what_is_sealed_in_an_entry_is_found(tampering):
    sealed = tampering.sealed(4)
    for at in range(0, len(sealed), 7):
        changed = bytearray(sealed)
        changed[at] ^= 1 << at % 8
        tampering.seal(4, bytes(changed))
        assert {seq for _, seq in tampering.found()} <= {4, None}
    tampering.seal(4, sealed)
    assert tampering.verify().result == "intact"


@pytest.mark.parametrize("left", [0, 1, 11, 12, 27])
def test_a_group_cut_short_is_altered(tampering, left):
    place = place_of(tampering, 1, "identity")
    change(tampering, 1, place, data=tampering.parts(1)[place].data[:left])
    assert {("altered", 1)} == tampering.found()


@pytest.mark.parametrize("left", [1, 5, 6, 40, -1])
def test_what_is_sealed_of_an_entry_cut_short_is_altered(tampering, left):
    tampering.seal(1, tampering.sealed(1)[:left])
    assert {("altered", 1)} == tampering.found()


@pytest.mark.parametrize(
    "more", [b"\x00", b"\x00i\x00\x00\x00\x01", b"\x00x\x00\x00\x00\x00", b"\x00i\xff\xff\xff\xff"]
)
def test_bytes_behind_what_is_sealed_are_altered(tampering, more):
    tampering.seal(1, tampering.sealed(1) + more)
    assert {("altered", 1)} == tampering.found()


def exchange(tampering, first, second):
    """Put the sealed bytes of each group into the other's place. A place is (clinic, seq, index)."""
    (one, seq, at), (other, other_seq, other_at) = first, second
    data = tampering.parts(seq, one)[at].data, tampering.parts(other_seq, other)[other_at].data
    for (clinic, where, index), new in ((first, data[1]), (second, data[0])):
        parts = tampering.parts(where, clinic)
        parts[index] = parts[index]._replace(data=new)
        tampering.seal(where, parts, clinic)


def test_groups_exchanged_between_two_entries_are_altered(tampering):
    places = [place_of(tampering, seq, "network") for seq in (1, 2)]  # the same person, device and class in both
    exchange(tampering, (CLINIC, 1, places[0]), (CLINIC, 2, places[1]))
    assert {("altered", 1), ("altered", 2)} == tampering.found()


def test_groups_exchanged_between_two_persons_of_an_entry_are_altered(tampering):
    first, second = (place_of(tampering, 1, "identity", owner) for owner in (0, 1))
    exchange(tampering, (CLINIC, 1, first), (CLINIC, 1, second))
    assert {("altered", 1)} == tampering.found()


def test_groups_exchanged_between_two_classes_are_altered(tampering):
    first, second = (place_of(tampering, 1, name) for name in ("network", "identity"))
    exchange(tampering, (CLINIC, 1, first), (CLINIC, 1, second))
    assert {("altered", 1)} == tampering.found()


def test_a_group_exchanged_with_another_clinics_is_altered(tampering):
    at = place_of(tampering, 1, "network")
    assert tampering.parts(1, 2)[at].personal_class == "network"
    exchange(tampering, (CLINIC, 1, at), (2, 1, at))
    assert {("altered", 1)} == tampering.found()


@pytest.mark.parametrize("members", [{"owner": 3}, {"owner": 200}, {"personal_class": "evidence"}])
def test_a_group_put_in_another_place_is_missing_there_and_added_here(tampering, members):
    change(tampering, 7, place_of(tampering, 7, "network"), **members)
    found = tampering.found()
    assert ("missing", 7) in found
    assert ("added", 7) in found


def test_a_group_of_another_entry_beside_its_own_is_added(tampering):
    foreign = tampering.parts(4)[place_of(tampering, 4, "evidence")]
    tampering.seal(1, [*tampering.parts(1), foreign])
    assert {("added", 1)} <= tampering.found() <= {("added", 1), ("altered", 1)}


def test_a_group_that_is_there_twice_is_added(tampering):
    parts = tampering.parts(1)
    tampering.seal(1, [*parts, parts[0]])
    assert {("added", 1)} == tampering.found()


# With every key


def reseal(tampering, log, seq, personal_class, other):
    """Open a group, let `other(values)` return other values, and seal them properly; return the path of one."""
    at = place_of(tampering, seq, personal_class)
    part, (entry_id, members) = tampering.parts(seq)[at], entry_of(tampering, seq)
    place = (entry_id, bytes.fromhex(members["tokens"][part.owner]), personal_class)
    paths = next(one["paths"] for one in members["personal"]
                 if (one["owner"], one["class"]) == (part.owner, personal_class))  # fmt: skip
    opened = log.sealer.open_values(*place, part.data, paths)
    values = other(list(opened.values.values()))
    change(tampering, seq, at, data=log.sealer.seal_values(*place, orjson.dumps(values)))
    return paths[0]


def test_a_group_sealed_again_as_it_was_is_intact(tampering, log):
    for seq, personal_class in CLASSES:
        reseal(tampering, log, seq, personal_class, lambda values: values)
    assert tampering.verify().result == "intact"


@pytest.mark.parametrize(("seq", "personal_class"), CLASSES)
def test_another_value_sealed_with_the_real_keys_is_altered_at_its_path(tampering, log, seq, personal_class):
    path = reseal(tampering, log, seq, personal_class, lambda values: ["somebody else"] * len(values))
    report = tampering.verify()
    altered = [finding for finding in report.findings if finding.verdict == "altered"]
    assert {finding.seq for finding in altered} == {seq}
    assert any(path in finding.what for finding in altered)
    assert not any("somebody else" in finding.what for finding in report.findings)


def test_a_commitment_to_another_seed_is_altered(tampering, log):
    """The seed follows from the keys, so it is the commitment that would have to be another."""
    _, members = entry_of(tampering, 1)
    group = next(one for one in members["personal"] if one["class"] == "network")
    values = [(path, b'"x"') for path in group["paths"]]
    made = Committer(log.clinic.origin, members["id"]).commit("network", leaves(os.urandom(32), values))

    def edit(body):
        next(one for one in body["personal"] if one["class"] == "network")["commitment"] = made

    tampering.rewrite(1, edit)
    assert ("altered", 1) in tampering.found()


@pytest.mark.parametrize("other", [1, True, None, ["x"], {"a": 1}, 1.5, ""])
def test_a_value_of_another_type_is_altered(tampering, log, other):
    reseal(tampering, log, 1, "network", lambda values: [other] * len(values))
    assert {("altered", 1)} == tampering.found()


def test_a_value_taken_out_of_its_group_is_altered(tampering, log):
    reseal(tampering, log, 1, "network", lambda values: values[1:])
    assert {("altered", 1)} == tampering.found()


def test_a_value_put_into_a_group_is_altered(tampering, log):
    reseal(tampering, log, 1, "network", lambda values: [*values, "x"])
    assert {("altered", 1)} == tampering.found()


@pytest.mark.parametrize("plain", [b"", b"x", b"[]", b"nul", b"\xff", b"1", b'{"request.ip":"x"}', b'["x"'])
def test_a_group_that_holds_no_values_is_altered(tampering, log, plain):
    at = place_of(tampering, 1, "network")
    entry_id, members = entry_of(tampering, 1)
    token = bytes.fromhex(members["tokens"][tampering.parts(1)[at].owner])
    change(tampering, 1, at, data=log.sealer.seal_values(entry_id, token, "network", plain))
    assert {("altered", 1)} == tampering.found()
