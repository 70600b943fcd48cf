"""Whatever is wrong with a file, a key or a disk: one sentence that names the file and the mend, and nothing half."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import resource
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.keep.conftest import MASTER, ORIGIN, OTHER, TREE, cover_file, plain, state

from indelible.errors import IndelibleError, KeyUnavailable, StorageFailure
from indelible.files import replacing
from indelible.keep import folder as module
from indelible.keep.folder import Keep, Kept
from indelible.keep.keys import MasterKey


def said(error: Exception) -> str:
    """What was said, which is one sentence."""
    text = str(error)
    assert "\n" not in text
    assert not re.search(r"Error|Errno|Traceback|\bNone\b|\. ", text), text
    return text


def refused(call: Callable[[], Any], family: type[IndelibleError] = StorageFailure) -> str:
    with pytest.raises(family) as raised:
        call()
    return said(raised.value)


def read_and_swap(keep: Keep) -> list[Callable[[], Any]]:
    return [
        lambda: keep.read(ORIGIN),
        lambda: keep.swap(ORIGIN, state(2), 1),
        lambda: keep.swap(ORIGIN, state(1), None),
    ]


def in_child(action: Callable[[], str]) -> str:
    """What an action said in a child process, of whose rights and limits this one sees nothing."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, action().encode())
        except BaseException as error:
            os.write(writing, f"failed: {error!r}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read().decode()
    os.waitpid(child, 0)
    return text


# What does not open


def test_another_master_key_opens_nothing_and_replaces_nothing(keep, folder):
    before = cover_file(folder).read_bytes()
    for call in read_and_swap(Keep(folder, MasterKey(bytes(32)))):
        text = refused(call, KeyUnavailable)
        assert str(cover_file(folder)) in text
        assert "put back the newest copy of the keep, or the master key" in text
    assert cover_file(folder).read_bytes() == before


def test_the_cover_of_another_log_opens_nothing(keep, folder, fresh):
    keep.swap(OTHER, Kept(TREE, 1, 0), None)
    shutil.copy(cover_file(folder), cover_file(folder, OTHER))
    assert "does not open" in refused(lambda: fresh().read(OTHER), KeyUnavailable)


@given(st.data())
def test_a_file_with_a_changed_bit_or_that_was_cut_or_made_longer_opens_nothing(tmp_path_factory, data):
    keep = Keep(tmp_path_factory.mktemp("any") / "keep", MASTER)
    keep.create()
    keep.swap(ORIGIN, state(1), None)
    path = cover_file(keep.folder)
    whole = path.read_bytes()
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    flipped = bytearray(whole)
    flipped[bit // 8] ^= 1 << bit % 8
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    for damaged in (bytes(flipped), cut, whole + b"\0"):
        path.write_bytes(damaged)
        for call in read_and_swap(keep):
            assert str(path) in refused(call, KeyUnavailable)
        assert path.read_bytes() == damaged
    path.write_bytes(whole)
    assert plain(keep.read(ORIGIN)) == plain(state(1))


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda data: b"indelible-keep-1\n" + data))
def test_any_bytes_are_one_sentence(tmp_path_factory, data):
    keep = Keep(tmp_path_factory.mktemp("any") / "keep", MASTER)
    keep.create()
    cover_file(keep.folder).write_bytes(data)
    assert "cover" in refused(lambda: keep.read(ORIGIN), KeyUnavailable)


@pytest.mark.parametrize("plain_bytes", [b"", bytes(31), bytes(32) + b"x", bytes(32) + b"\x21" + bytes(40)])
def test_bytes_that_open_and_are_no_cover_are_one_sentence(keep, folder, fresh, plain_bytes):
    sealed = MASTER.seal(plain_bytes, b"indelible/keep/v1\0" + ORIGIN.encode())
    cover_file(folder).write_bytes(b"indelible-keep-1\n" + sealed)
    assert "it is damaged" in refused(lambda: fresh().read(ORIGIN), KeyUnavailable)


@pytest.mark.parametrize("version", [0, 2, 10, 999999999])
def test_a_version_that_is_not_known_is_named(keep, folder, fresh, version):
    data = b"indelible-keep-%d\n" % version + bytes(80)
    cover_file(folder).write_bytes(data)
    for call in read_and_swap(fresh()):
        assert f"is of version {version}, which only a newer release reads" in refused(call, KeyUnavailable)
    assert cover_file(folder).read_bytes() == data


def test_what_is_too_large_for_a_cover_is_neither_read_nor_written(keep, folder, fresh, monkeypatch):
    monkeypatch.setattr(module, "_LIMIT_BYTES", 500)
    assert fresh().read(ORIGIN).version == 1
    assert "larger than 500 bytes" in refused(lambda: fresh().swap(ORIGIN, Kept(TREE.without([1]), 2, 10), 1))
    assert fresh().read(ORIGIN).version == 1
    with cover_file(folder).open("ab") as file:
        file.truncate(10**12)  # a hole: reading it whole would take the machine's memory
    assert "does not open" in refused(lambda: fresh().read(ORIGIN), KeyUnavailable)


# What is no file


@pytest.mark.parametrize("kind", ["folder", "link", "link to nothing", "pipe"])
def test_what_is_no_file_in_the_place_of_a_cover_is_refused_and_untouched(keep, folder, fresh, tmp_path, kind):
    path = cover_file(folder)
    elsewhere = path.rename(tmp_path / "elsewhere")
    match kind:
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(elsewhere)
        case "link to nothing":
            path.symlink_to(tmp_path / "nothing")
        case "pipe":
            os.mkfifo(path)
    for call in read_and_swap(fresh()):
        text = refused(call)
        assert str(path) in text
        assert ("is a symbolic link" if "link" in kind else "is no file") in text
    assert os.path.lexists(path)
    elsewhere.replace(tmp_path / "again")
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("name", ["new", "former", "lock"])
@pytest.mark.parametrize("kind", ["folder", "link"])
def test_what_is_no_file_beside_a_cover_harms_nothing_outside(keep, folder, fresh, tmp_path, name, kind):
    beside = cover_file(folder).with_suffix(f".{name}")
    beside.unlink(missing_ok=True)
    (tmp_path / "mine").write_text("mine")
    if kind == "folder":
        beside.mkdir()
    else:
        beside.symlink_to(tmp_path / "mine")
    if kind == "link" and name != "lock":
        assert fresh().swap(ORIGIN, state(2), 1), "a link is taken away, and what it leads to stays"
        assert not beside.is_symlink()
    else:
        text = refused(lambda: fresh().swap(ORIGIN, state(2), 1))
        assert str(cover_file(folder)) in text
        assert plain(fresh()._current(ORIGIN, cover_file(folder))) == plain(state(1))
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_folder_that_is_none_or_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "keep", tmp_path / "not" / "there"):
        keep = Keep(folder, MASTER)
        assert str(folder) in refused(keep.create)
        assert str(folder) in refused(partial(keep.swap, ORIGIN, state(1), None))
    assert (tmp_path / "file").read_text() == "mine"


# Disks


def test_a_user_who_may_not_read_is_told_so(keep, folder, tmp_path, monkeypatch):
    """Of a real user without rights; root is asked nothing, so it becomes another one in a child."""
    for one in (tmp_path, folder, *folder.iterdir()):
        one.chmod(0o755 if one.is_dir() else 0o600)
    monkeypatch.chdir(tmp_path)

    def action() -> str:
        if os.getuid() == 0:
            os.setuid(65534)
        else:
            cover_file(Path(folder.name)).chmod(0)
        return refused(lambda: Keep(Path(folder.name), MASTER).read(ORIGIN))

    text = in_child(action)
    assert cover_file(Path(folder.name)).name in text
    assert "cannot be read: this user may not" in text


def test_a_user_who_may_only_read_reads_and_is_told_that_nothing_was_replaced(keep, folder, tmp_path, monkeypatch):
    os.link(cover_file(folder), replacing.former_of(cover_file(folder)))  # what a crash left is no hindrance
    for one in (tmp_path, folder, *folder.iterdir()):
        one.chmod(0o555 if one.is_dir() else 0o444)
    monkeypatch.chdir(tmp_path)

    def action() -> str:
        if os.getuid() == 0:
            os.setuid(65534)
        reader = Keep(Path(folder.name), MASTER)
        found = reader.read(ORIGIN)
        assert found
        return f"{found.version} {refused(lambda: reader.swap(ORIGIN, state(2), 1))}"

    text = in_child(action)
    tmp_path.chmod(0o755)
    folder.chmod(0o755)
    assert text.startswith("1 ")
    assert "was not replaced: this user may not" in text


def test_a_limit_of_the_system_on_the_size_of_a_file_leaves_the_old_cover_whole(keep, folder, fresh):
    """The nearest to a full disk that a test can make: the system itself refuses the rest of a write."""

    def action() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        writer = fresh()
        return refused(lambda: writer.swap(ORIGIN, Kept(TREE.without([5]), 2, 10), 1))

    text = in_child(action)
    assert "was not replaced: files may not be so large here" in text
    assert plain(fresh().read(ORIGIN)) == plain(state(1))
    assert {one.suffix for one in folder.iterdir()} == {".cover", ".lock"}


# Here the system is played: what it answers to the n-th call is an error, as it would be on such a disk.

ANSWERS = [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM]


def failing(name: str, number: int, at: int) -> Any:
    function, calls = getattr(os, name), [0]

    def stand_in(*arguments: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] == at:
            if name == "write":  # a full disk takes some of it
                function(arguments[0], arguments[1][: len(arguments[1]) // 2])
            raise OSError(number, os.strerror(number))
        return function(*arguments, **options)

    return patch.object(os, name, stand_in)


@pytest.mark.parametrize("number", ANSWERS, ids=lambda number: errno.errorcode[number])
def test_a_played_disk_that_refuses_any_call_leaves_one_whole_cover_and_says_what_is_so(tmp_path, number):
    spoilt = 0
    for name in ("open", "write", "fsync", "utime", "link", "rename", "unlink"):
        at = 0
        while True:
            at += 1
            folder = tmp_path / f"{name}{at}"
            keep = Keep(folder, MASTER)
            keep.create()
            assert keep.swap(ORIGIN, state(1), None)
            with failing(name, number, at):
                try:
                    done, text = keep.swap(ORIGIN, state(2), 1), ""
                except StorageFailure as error:
                    done, text = False, said(error)
            found = Keep(folder, MASTER).read(ORIGIN)
            assert found
            if not text:
                assert done
                break
            spoilt += 1
            assert str(cover_file(folder)) in text
            assert plain(found) == plain(state(found.version))
            assert (found.version == 1) == ("was not replaced" in text or "cannot be" in text), text
            assert (found.version == 2) == ("was replaced, but" in text), text
            assert {one.suffix for one in folder.iterdir()} == {".cover", ".lock"}, "the opening finished it"
            assert plain(keep.read(ORIGIN)) == plain(found), "and the keep that was refused knows it"
    assert spoilt > 12


@pytest.mark.parametrize("number", ANSWERS, ids=lambda number: errno.errorcode[number])
def test_a_played_disk_on_which_what_a_crash_left_cannot_be_finished(keep, folder, fresh, number):
    former = replacing.former_of(cover_file(folder))
    former.write_bytes(b"former")
    with failing("unlink", number, 1):
        text = refused(lambda: fresh().read(ORIGIN))
    assert f"what a crash left beside the cover {cover_file(folder)} cannot be overwritten" in text
    assert plain(fresh().read(ORIGIN)) == plain(state(1))
    assert not former.exists()


def test_whoever_waits_for_a_lock_too_long_is_told_so_and_readers_do_not_wait(keep, folder, fresh, monkeypatch):
    monkeypatch.setattr(module, "_WAIT_SECONDS", 0.05)
    with replacing.lock_of(cover_file(folder)).open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        text = refused(lambda: fresh().swap(ORIGIN, state(2), 1))
        assert "another process has been replacing it for too long" in text
        os.link(cover_file(folder), replacing.former_of(cover_file(folder)))
        assert plain(fresh().read(ORIGIN)) == plain(state(1))
        assert replacing.former_of(cover_file(folder)).exists()
    assert fresh().swap(ORIGIN, state(2), 1)


def test_a_child_that_was_forked_meanwhile_does_not_keep_the_lock(keep, folder, fresh):
    reading, writing = os.pipe()
    with replacing.locked(cover_file(folder), 0):
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)
            os._exit(0)
    with replacing.locked(cover_file(folder), 0):
        pass
    os.close(writing)
    os.waitpid(child, 0)
    os.close(reading)
