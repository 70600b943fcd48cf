"""What the keep has of a log is what was put there last, and it is put there once."""

from __future__ import annotations

import os
import stat
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.keep.conftest import MASTER, ORIGIN, OTHER, TREE, cover_file, plain, state

from indelible.errors import InvalidInput
from indelible.files import replacing
from indelible.keep import folder as module
from indelible.keep import keytree
from indelible.keep.folder import Keep, Kept


def test_what_is_kept_comes_back_in_every_process(keep, fresh):
    assert plain(keep.read(ORIGIN)) == plain(state(1))
    assert plain(fresh().read(ORIGIN)) == plain(state(1))
    for version in range(2, 9):
        assert fresh().swap(ORIGIN, state(version), version - 1)
        assert plain(fresh().read(ORIGIN)) == plain(state(version))
        assert plain(keep.read(ORIGIN)) == plain(state(version)), "also where an older one is remembered"


def test_logs_do_not_know_of_each_other(keep, fresh):
    assert keep.read(OTHER) is None
    assert keep.swap(OTHER, Kept(keytree.Cover.new(), 1, 0), None)
    assert keep.swap(ORIGIN, state(2), 1)
    assert fresh().read(OTHER).version == 1
    assert plain(fresh().read(ORIGIN)) == plain(state(2))


def test_a_folder_that_is_not_there_knows_no_log(folder, fresh):
    assert fresh().read(ORIGIN) is None
    assert not folder.exists()


@pytest.mark.parametrize("there", [None, 1, 2, 3])
def test_only_the_version_that_is_there_is_replaced(fresh, folder, there):
    fresh().create()
    for version in range(1, (there or 0) + 1):
        assert fresh().swap(ORIGIN, state(version), version - 1 or None)
    before = [one.read_bytes() for one in folder.glob("*.cover")]
    for if_version in (None, 1, 2, 3, 4):
        if if_version != there:
            assert not fresh().swap(ORIGIN, state((if_version or 0) + 1), if_version)
    assert [one.read_bytes() for one in folder.glob("*.cover")] == before
    assert fresh().swap(ORIGIN, state((there or 0) + 1), there)


@pytest.mark.parametrize(("version", "if_version"), [(1, 1), (3, 1), (2, None), (0, None), (1, 2)])
def test_a_version_that_is_not_the_next_is_a_mistake_of_the_program(keep, version, if_version):
    with pytest.raises(ValueError, match="one more than the version"):
        keep.swap(ORIGIN, Kept(TREE, version, 0), if_version)


@given(
    st.lists(st.integers(0, keytree.POINTS - 1), max_size=5),
    st.integers(0, 2**64 - 1),
    st.none() | st.integers(1, 2**64 - 1),
    st.integers(0, 2**64 - 1),
)
def test_every_cover_and_number_comes_back(tmp_path_factory, points, up_to, copied_at, copied_up_to):
    keep = Keep(tmp_path_factory.mktemp("any") / "keep", MASTER)
    keep.create()
    new = Kept(TREE.without(points), 1, up_to, copied_at, copied_up_to)
    assert keep.swap(ORIGIN, new, None)
    assert plain(Keep(keep.folder, MASTER).read(ORIGIN)) == plain(new)


def test_only_the_owner_may_enter_the_folder_and_read_its_files(keep, folder):
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    keep.swap(ORIGIN, state(2), 1)
    assert {stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()} == {0o600}


def test_making_the_folder_again_changes_nothing_in_it(keep, fresh):
    fresh().create()
    assert fresh().read(ORIGIN).version == 1


def test_a_file_that_did_not_change_costs_one_look_and_is_not_read(keep):
    known = keep.read(ORIGIN)
    seen = []
    lstat = os.stat

    def counted(*arguments, **options):
        seen.append(arguments[0])
        return lstat(*arguments, **options)

    with (
        patch.object(os, "stat", counted),
        patch.object(os, "lstat", side_effect=AssertionError),
        patch.object(os, "open", side_effect=AssertionError),
    ):
        assert keep.read(ORIGIN) is known
    assert seen == [cover_file(keep.folder)]


def test_an_older_copy_that_is_put_back_is_what_is_read(keep, folder, fresh):
    path = cover_file(folder)
    times, data = path.stat(), path.read_bytes()
    assert keep.swap(ORIGIN, state(2), 1)
    assert keep.read(ORIGIN).version == 2
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert keep.read(ORIGIN).version == 1


def test_two_files_of_one_log_never_have_the_same_mark(keep, folder, fresh):
    """Inodes are used again, covers have the same length, and a file system's clock may tick slowly or go back."""
    path = cover_file(folder)
    future_ns = path.stat().st_mtime_ns + 10**12
    os.utime(path, ns=(future_ns, future_ns))
    marks: list[replacing.Mark | None] = []
    for version in range(2, 12):
        assert fresh().swap(ORIGIN, Kept(TREE, version, 0), version - 1)
        marks.append(replacing.mark(path))
    assert [mark and mark.mtime_ns for mark in marks] == [future_ns + step for step in range(1, 11)]


def test_covers_are_forgotten_before_they_fill_the_memory(keep, monkeypatch):
    monkeypatch.setattr(module, "_KNOWN_NODES", 200)
    origins = [f"log.example.org/c/{number:032x}" for number in range(6)]
    for origin in origins:
        assert keep.swap(origin, Kept(TREE.without([7]), 1, 0), None)
    assert len(keep._known) == 2
    assert keep._nodes == 2 * 96
    for origin in origins:
        assert len(keep.read(origin).cover) == 96
    large = Kept(TREE.without(range(0, 2**40, 2**36)), 1, 0)
    assert len(large.cover) > 200
    assert keep.swap(OTHER, large, None)
    assert keep.read(OTHER) is keep.read(OTHER), "the last one is remembered, however large it is"


@pytest.mark.parametrize(
    "origin",
    [
        *("", "log.example.org/c/", "log.example.org/c/../../etc/passwd", "0" * 32 + "/"),
        *("a/c/" + "0" * 31, "a/c/" + "0" * 33, "a/c/" + "A" * 32, "a/c/" + "0" * 32 + "\n"),
        "a/c/" + "\u0660" * 32,  # digits, and not ours
    ],
)
def test_what_is_no_log_origin_never_becomes_the_name_of_a_file(keep, origin):
    for call in (keep.read, lambda name: keep.swap(name, state(1), None)):
        with pytest.raises(InvalidInput, match="origin: a log origin ends in 32 hexadecimal digits"):
            call(origin)


def test_a_sealed_cover_says_nothing_and_is_never_the_same_twice(keep, folder, fresh):
    path = cover_file(folder)
    first = path.read_bytes()
    assert TREE.encode() not in first
    assert ORIGIN.encode() not in first
    path.unlink()
    assert fresh().swap(ORIGIN, state(1), None)
    assert path.read_bytes()[17:] != first[17:]
