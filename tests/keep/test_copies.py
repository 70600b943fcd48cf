"""A copy of the keep: it is current, it is noted, an older one is gone, and none is made of what is older than it."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.keep.conftest import MASTER, ORIGIN, OTHER, TREE, cover_file, plain, state

from indelible.errors import InvalidInput, KeyUnavailable, StorageFailure
from indelible.keep.folder import Keep, Kept
from indelible.keep.keys import MasterKey

AT = 1_780_000_000_000_000
UNKNOWN = "log.example.org/c/" + "0" * 32


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return tmp_path / "disk" / "keep"


@pytest.fixture(autouse=True)
def _mounted(disk: Path) -> None:
    disk.parent.mkdir()


def test_a_copy_holds_what_the_keep_holds_and_both_know_of_it(keep, folder, fresh, disk):
    keep.swap(ORIGIN, state(2), 1)
    keep.swap(OTHER, Kept(TREE.without([9]), 1, 5), None)
    copied = keep.copy_to(disk, [ORIGIN, UNKNOWN, OTHER], at=AT)
    assert list(copied) == [ORIGIN, OTHER]
    for origin, before in ((ORIGIN, state(2)), (OTHER, Kept(TREE.without([9]), 1, 5))):
        noted = replace(before, version=before.version + 1, copied_at=AT, copied_up_to=before.up_to)
        for found in (copied[origin], fresh().read(origin), Keep(disk, MASTER).read(origin)):
            assert plain(found) == plain(noted)


def test_a_copy_that_is_older_than_the_last_erasure_can_be_told(keep, disk):
    keep.swap(ORIGIN, state(2), 1)
    copied = keep.copy_to(disk, [ORIGIN], at=AT)[ORIGIN]
    assert copied.copied_up_to == copied.up_to == 10
    later = replace(copied, cover=copied.cover.without([77]), version=copied.version + 1, up_to=40)
    assert keep.swap(ORIGIN, later, copied.version)
    found = keep.read(ORIGIN)
    assert (found.copied_at, found.copied_up_to, found.up_to) == (AT, 10, 40)
    again = keep.copy_to(disk, [ORIGIN], at=AT + 1)[ORIGIN]
    assert (again.copied_at, again.copied_up_to, again.up_to) == (AT + 1, 40, 40)


def test_an_older_copy_is_replaced_and_its_bytes_are_overwritten(keep, disk, tmp_path):
    keep.copy_to(disk, [ORIGIN], at=AT)
    os.link(cover_file(disk), tmp_path / "seen")
    older = cover_file(disk).read_bytes()
    there = keep.read(ORIGIN)
    keep.swap(ORIGIN, replace(there, cover=there.cover.without([3]), version=there.version + 1, up_to=9), there.version)
    keep.copy_to(disk, [ORIGIN], at=AT)
    assert plain(Keep(disk, MASTER).read(ORIGIN)) == plain(keep.read(ORIGIN))
    assert {one.suffix for one in disk.iterdir()} == {".cover", ".lock"}
    seen = (tmp_path / "seen").read_bytes()
    assert len(seen) == len(older)
    assert not any(older[at : at + 16] in seen for at in range(0, len(older) - 15, 16))


def test_a_copy_that_knows_of_more_erasures_is_never_replaced(keep, folder, disk, tmp_path):
    """The keep is then an old one that was put back, and the copy the best that there is."""
    shutil.copytree(folder, tmp_path / "old")
    keep.swap(ORIGIN, state(2), 1)
    keep.copy_to(disk, [ORIGIN], at=AT)
    before = cover_file(disk).read_bytes()
    old = Keep(tmp_path / "old", MASTER)
    with pytest.raises(StorageFailure, match="knows of erasures that the keep does not") as raised:
        old.copy_to(disk, [ORIGIN], at=AT)
    assert str(cover_file(disk)) in str(raised.value)
    assert cover_file(disk).read_bytes() == before
    assert plain(old.read(ORIGIN)) == plain(state(1)), "nor is it noted"


@pytest.mark.parametrize("spelling", ["itself", "with dots", "a link", "not there"])
def test_the_keep_is_not_copied_onto_itself(keep, folder, tmp_path, spelling):
    named = {
        "itself": folder,
        "with dots": folder.parent / "x" / ".." / folder.name,
        "a link": tmp_path / "link",
        "not there": folder,
    }[spelling]
    (tmp_path / "x").mkdir()
    (tmp_path / "link").symlink_to(folder)
    if spelling == "not there":
        shutil.rmtree(folder)
    with pytest.raises(InvalidInput, match="is the keep itself; name a folder on another disk"):
        keep.copy_to(named, [ORIGIN], at=AT)
    if spelling == "not there":
        assert not folder.exists()
    else:
        assert plain(keep.read(ORIGIN)) == plain(state(1))


def test_a_copy_that_does_not_open_is_not_replaced(keep, disk):
    theirs = Keep(disk, MasterKey(bytes(32)))
    theirs.create()
    theirs.swap(ORIGIN, state(1), None)
    with pytest.raises(KeyUnavailable, match="does not open with this master key; move it away and copy again"):
        keep.copy_to(disk, [ORIGIN], at=AT)
    assert plain(theirs.read(ORIGIN)) == plain(state(1))
    assert keep.read(ORIGIN).copied_at is None


def test_a_disk_that_is_not_there_is_named(keep, disk):
    with pytest.raises(StorageFailure, match=f"the folder {disk / 'x' / 'y'} of the keep cannot be made"):
        keep.copy_to(disk / "x" / "y", [ORIGIN], at=AT)
    assert keep.read(ORIGIN).copied_at is None


def test_somebody_who_is_erased_while_it_is_copied_is_erased_in_the_copy_too(keep, fresh, disk, monkeypatch):
    take, left = Keep._take, [2]

    def late(copies: Keep, origin: str, copied: Kept) -> None:
        take(copies, origin, copied)
        if left[0]:
            left[0] -= 1
            there = fresh().read(origin)
            assert there
            cover = there.cover.without([left[0]])
            assert fresh().swap(origin, Kept(cover, there.version + 1, there.up_to + 7), there.version)

    monkeypatch.setattr(Keep, "_take", late)
    copied = keep.copy_to(disk, [ORIGIN], at=AT)[ORIGIN]
    assert copied.copied_up_to == copied.up_to == 14
    assert plain(Keep(disk, MASTER).read(ORIGIN)) == plain(fresh().read(ORIGIN)) == plain(copied)


def test_a_copy_is_a_keep_when_it_takes_the_place_of_one_that_was_lost(keep, folder, disk, fresh):
    keep.swap(ORIGIN, state(2), 1)
    keep.copy_to(disk, [ORIGIN], at=AT)
    shutil.rmtree(folder)
    shutil.copytree(disk, folder)
    found = fresh().read(ORIGIN)
    assert found.cover.encode() == state(2).cover.encode()
    assert found.copied_up_to == found.up_to
    assert fresh().swap(ORIGIN, state(found.version + 1), found.version)
