"""Entries whose leaf hashes are kept in a full tile: what was edited is named, and no tile says anything else."""

from __future__ import annotations

import hashlib

import pytest
from tests.verify.conftest import NUMBER, TILED_SIZE, Tampering

from indelible.proof.tiles import WIDTH

TILE = "indelible_tile WHERE clinic = 1 AND level = 0 AND number = 0"


@pytest.fixture
def tampering(tiled, tmp_path):
    made = Tampering(tiled, tmp_path / "log")
    yield made
    made.db.close()


def test_a_log_with_a_tile_is_intact(tampering):
    assert tampering.one(f"SELECT count(*) FROM {TILE}") == (1,)
    report = tampering.verify()
    assert (report.result, report.entries, report.signed_size) == ("intact", TILED_SIZE, TILED_SIZE)


@pytest.mark.parametrize("seq", [1, 2, 100, WIDTH])
def test_an_edited_body_names_its_entry_and_no_other(tampering, seq):
    tampering.rewrite(seq, lambda members: members.update(channel="other"), rehash=False)
    assert tampering.found() == {("edited", seq)}


@pytest.mark.parametrize("seq", [1, 100, WIDTH])
def test_one_changed_byte_of_a_body_names_its_entry_and_no_other(tampering, seq):
    (old,) = tampering.one("SELECT body FROM indelible_entry WHERE clinic = ? AND seq = ?", NUMBER, seq)
    body = bytearray(old)
    body[len(body) // 2] ^= 1
    tampering.run("UPDATE indelible_entry SET body = ? WHERE clinic = ? AND seq = ?", bytes(body), NUMBER, seq)
    found = tampering.found()
    assert ("edited", seq) in found
    assert {which for _, which in found if which is not None} == {seq}


def test_two_swapped_bodies_are_named(tampering):
    bodies = {seq: tampering.one("SELECT body FROM indelible_entry WHERE seq = ?", seq)[0] for seq in (10, 25)}
    for seq, other in ((10, 25), (25, 10)):
        tampering.run("UPDATE indelible_entry SET body = ? WHERE seq = ?", bodies[other], seq)
    assert {("reordered", 10), ("reordered", 25), ("edited", 10), ("edited", 25)} <= tampering.found()


@pytest.mark.parametrize("at", [0, 32 * 19 + 5, WIDTH * 32 - 1])
def test_a_changed_hash_is_found_at_its_entry_and_in_the_tree(tampering, at):
    hashes = bytearray(tampering.one(f"SELECT hashes FROM {TILE}")[0])
    hashes[at] ^= 1
    tampering.run(f"UPDATE {TILE.replace(' WHERE', ' SET hashes = ? WHERE')}", bytes(hashes))
    found = tampering.found()
    assert {("edited", at // 32 + 1), ("forked", None)} <= found
    assert {which for _, which in found if which is not None} == {at // 32 + 1}


def test_a_body_edited_with_its_hash_and_the_tile_s_root_is_a_fork(tampering):
    tampering.rewrite(20, lambda members: members.update(channel="other"), rehash=False)
    (body,) = tampering.one("SELECT body FROM indelible_entry WHERE seq = 20")
    hashes = bytearray(tampering.one(f"SELECT hashes FROM {TILE}")[0])
    hashes[19 * 32 : 20 * 32] = hashlib.sha256(b"\0" + body).digest()
    tampering.run(
        f"UPDATE {TILE.replace(' WHERE', ' SET hashes = ?, root = ? WHERE')}", bytes(hashes), _root(bytes(hashes))
    )
    tampering.rehead()
    assert tampering.found() == {("forked", None)}


def _root(hashes: bytes) -> bytes:
    """RFC 6962, 2.1, of a power of two of leaf hashes."""
    level = [hashes[at : at + 32] for at in range(0, len(hashes), 32)]
    while len(level) > 1:
        level = [hashlib.sha256(b"\1" + level[at] + level[at + 1]).digest() for at in range(0, len(level), 2)]
    return bytes(level[0])


@pytest.mark.parametrize(
    "change",
    ["root = zeroblob(32)", "root = x''", "hashes = x''", "hashes = substr(hashes, 1, 8191)", "number = 1",
     "number = -1", "level = 1", "level = -1", "clinic = 99"],
)  # fmt: skip
def test_every_changed_column_of_a_tile_is_found(tampering, change):
    assert tampering.run(f"UPDATE {TILE.replace(' WHERE', f' SET {change} WHERE')}") == 1
    assert "misfiled" in tampering.verdicts()


def test_a_removed_tile_is_misfiled(tampering):
    assert tampering.run(f"DELETE FROM {TILE}") == 1
    assert tampering.found() == {("misfiled", None)}


@pytest.mark.parametrize(("level", "number"), [(0, 1), (0, 7), (0, -1), (0, -7), (1, 0), (5, 0), (-1, 0)])
def test_an_added_tile_is_found(tampering, level, number):
    tampering.run(
        f"INSERT INTO indelible_tile (clinic, level, number, root, hashes) SELECT 1, ?, ?, root, hashes FROM {TILE}",
        level, number,
    )  # fmt: skip
    assert {"misfiled", "edited"} & tampering.verdicts()


def test_a_removed_tile_does_not_hide_an_edit(tampering):
    tampering.rewrite(20, lambda members: members.update(channel="other"), rehash=False)
    tampering.run(f"DELETE FROM {TILE}")
    assert {("forked", None), ("misfiled", None)} <= tampering.found()
