"""Processes and threads that use one keep at once: each version is won by one, and whoever reads is never failed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.keep.conftest import MASTER, ORIGIN, cover_file, plain, state

from indelible.errors import StorageFailure
from indelible.files import replacing
from indelible.keep.folder import Keep, Kept

ROUNDS = 40


def contend(swap: Callable[[Kept, int], bool], read: Callable[[], Kept | None]) -> list[int]:
    """Raise the version until it is ROUNDS, against others who do the same; return the versions that were won."""
    won = list[int]()
    while True:
        there = read()
        assert there
        if there.version >= ROUNDS:
            return won
        if swap(state(there.version + 1), there.version):
            won.append(there.version + 1)


def in_children(number: int, action: Callable[[int], list[int]]) -> list[list[int]]:
    """What an action returned in each of some processes at once; one that failed ends the test."""
    pipes = []
    for index in range(number):
        reading, writing = os.pipe()
        if os.fork() == 0:
            code = 1
            try:
                os.write(writing, b" ".join(b"%d" % one for one in action(index)))
                code = 0
            finally:
                os._exit(code)
        os.close(writing)
        pipes.append(reading)
    found = []
    for reading in pipes:
        with os.fdopen(reading, "rb") as pipe:
            found.append([int(one) for one in pipe.read().split()])
    assert [os.waitstatus_to_exitcode(os.wait()[1]) for _ in pipes] == [0] * number
    return found


def test_of_processes_that_swap_against_each_other_exactly_one_wins_a_version(keep, folder):
    def action(index: int) -> list[int]:
        mine = Keep(folder, MASTER)
        return contend(lambda new, old: mine.swap(ORIGIN, new, old), lambda: mine.read(ORIGIN))

    won = in_children(3, action)
    assert sorted(one for each in won for one in each) == list(range(2, ROUNDS + 1))
    assert plain(keep.read(ORIGIN)) == plain(state(ROUNDS))
    assert {one.suffix for one in folder.iterdir()} == {".cover", ".lock"}


def test_of_threads_with_one_keep_exactly_one_wins_a_version(keep, folder):
    won, failures = list[int](), list[BaseException]()

    def action() -> None:
        try:
            won.extend(contend(lambda new, old: keep.swap(ORIGIN, new, old), lambda: keep.read(ORIGIN)))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=action) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(won) == list(range(2, ROUNDS + 1))
    assert plain(keep.read(ORIGIN)) == plain(state(ROUNDS))


def test_of_processes_that_make_the_first_cover_of_a_log_exactly_one_does(tmp_path):
    def action(index: int) -> list[int]:
        mine = []
        for number in range(20):
            keep = Keep(tmp_path / f"keep{number}", MASTER)
            keep.create()
            if keep.swap(ORIGIN, Kept(state(1).cover, 1, index), None):
                mine.append(number)
        return mine

    won = in_children(3, action)
    assert sorted(number for each in won for number in each) == list(range(20))
    for index, each in enumerate(won):
        for number in each:
            kept = Keep(tmp_path / f"keep{number}", MASTER).read(ORIGIN)
            assert kept
            assert kept.up_to == index


def test_whoever_reads_while_it_is_replaced_always_has_a_whole_cover_and_never_an_older_one(keep, folder):
    """Readers with and without a cover in memory, and others who open the keep anew, during as many replacements."""

    def action(index: int) -> list[int]:
        if index == 0:
            writer = Keep(folder, MASTER)
            for version in range(2, ROUNDS + 1):
                assert writer.swap(ORIGIN, state(version), version - 1)
            return []
        reader, found = Keep(folder, MASTER), [1]
        while found[-1] < ROUNDS:
            if index > 1:
                reader = Keep(folder, MASTER)
            kept = reader.read(ORIGIN)
            assert plain(kept) == plain(state(kept.version if kept else 0))
            if kept and kept.version != found[-1]:
                found.append(kept.version)
        return found

    for found in in_children(3, action)[1:]:
        assert found == sorted(found)


def test_bytes_that_were_overwritten_under_a_reader_are_read_again(keep, folder, monkeypatch):
    """The moment that the races above seldom hit: the file is replaced between the opening and the reading of it."""
    read, left = os.read, [3]

    def late(descriptor: int, size: int) -> bytes:
        if left[0]:
            left[0] -= 1
            there = Keep(folder, MASTER)
            monkeypatch.setattr(os, "read", read)
            current = there.read(ORIGIN)
            assert current
            assert there.swap(ORIGIN, state(current.version + 1), current.version)
            monkeypatch.setattr(os, "read", late)
        return read(descriptor, size)

    monkeypatch.setattr(os, "read", late)
    assert plain(Keep(folder, MASTER).read(ORIGIN)) == plain(state(4))


def test_a_file_that_is_replaced_without_end_is_complained_of(keep, folder, monkeypatch):

    path, calls = cover_file(folder), list[Path]()

    def replaced(one: Path, limit: int) -> replacing.Read:
        calls.append(one)
        return replacing.Read(b"overwritten", replacing.Mark(1, 1, 1), replaced=True)

    monkeypatch.setattr(replacing, "read", replaced)
    with pytest.raises(StorageFailure, match=f"the cover {path} is replaced faster than it can be read"):
        Keep(folder, MASTER).read(ORIGIN)
    assert len(calls) == 20
