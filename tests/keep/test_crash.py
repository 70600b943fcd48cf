"""A cover's file is replaced wholly or not at all, wherever the process is killed or the machine loses power."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.keep.calls import Recording, after_power_cut, killed_at, lay_out, now, watched
from tests.keep.conftest import MASTER, ORIGIN, cover_file, plain, state

from indelible.keep.folder import Keep, Kept

NAME = cover_file(Path(), ORIGIN).name
STEM = NAME.partition(".")[0]
AT_REST = {f"{STEM}.cover", f"{STEM}.lock"}


def opened(folder: Path) -> Kept | None:
    return Keep(folder, MASTER).read(ORIGIN)


def version(folder: Path) -> int:
    """The version that a fresh opening finds, which must be a whole one of those that were written."""
    kept = opened(folder)
    if kept is None:
        return 0
    assert plain(kept) == plain(state(kept.version))
    return kept.version


def swap(folder: Path, new: int) -> bool:
    return Keep(folder, MASTER).swap(ORIGIN, state(new), new - 1 or None)


def holds(data: bytes, other: bytes) -> bool:
    """Whether any 16 bytes of a sealed cover, in their place, are in other bytes."""
    return any(data[at : at + 16] in other for at in range(32, len(data) - 15, 16))


def in_any_file(data: bytes, folder: Path) -> bool:
    return any(holds(data, one.read_bytes()) for one in folder.iterdir())


@pytest.fixture
def copies(folder: Path, keep: Keep, tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """`copies()`: a copy of the keep at rest, to be spoilt. It takes the place of the copy before it."""

    def copy() -> Path:
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        shutil.rmtree(tmp_path / "seen", ignore_errors=True)
        (tmp_path / "seen").mkdir()
        return Path(shutil.copytree(folder, tmp_path / "copy"))

    yield copy


def second_names(folder: Path) -> dict[str, tuple[Path, bytes]]:
    """Link the files of a keep to names outside it, to see later what became of their bytes."""
    seen = {}
    for one in folder.iterdir():
        link = folder.parent / "seen" / f"{one.name}-{len(os.listdir(folder.parent / 'seen'))}"
        os.link(one, link)
        seen[one.name] = link, one.read_bytes()
    return seen


def test_killed_at_every_system_call_of_a_replacement_either_cover_is_current_and_no_other_is_left(copies):
    found = list[int]()
    while True:
        folder = copies()
        seen, old = second_names(folder)[NAME]
        killed = killed_at(len(found) + 1, partial(swap, folder, 2))
        left = second_names(folder)
        current = version(folder)
        assert {one.name for one in folder.iterdir()} <= AT_REST
        if current == 2:
            assert not in_any_file(old, folder)
            assert not holds(old, seen.read_bytes()), "the former bytes are overwritten where they lay"
        else:
            assert current == 1
            assert killed
            assert seen.read_bytes() == old
            if new := left.get(f"{STEM}.new"):
                assert not holds(new[1], new[0].read_bytes()), "what never was current is overwritten too"
        assert swap(folder, current + 1)
        assert version(folder) == current + 1
        if not killed:
            break
        found.append(current)
    assert len(found) > 60
    assert found == sorted(found), "once it is current it stays"
    assert set(found) == {1, 2}


def test_killed_at_every_system_call_of_the_first_cover_of_a_log_it_is_there_or_not(tmp_path):
    found = list[int]()
    while True:
        folder = tmp_path / f"keep{len(found)}"
        Keep(folder, MASTER).create()
        killed = killed_at(len(found) + 1, partial(swap, folder, 1))
        current = version(folder)
        assert current in (0, 1)
        assert {one.name for one in folder.iterdir()} <= AT_REST
        assert swap(folder, current + 1)
        if not killed:
            break
        found.append(current)
    assert len(found) > 30
    assert set(found) == {0, 1}


def test_killed_at_every_system_call_of_finishing_what_a_crash_left_it_is_finished_by_the_next(copies):
    """The ways in which a killed replacement leaves the folder, each finished by somebody who is killed too."""
    left: dict[tuple[str, ...], int] = {}
    at, killed = 0, True
    while killed:
        at += 1
        folder = copies()
        killed = killed_at(at, partial(swap, folder, 2))
        beside = sorted(set(os.listdir(folder)) - AT_REST)
        former = folder / f"{STEM}.former"
        second_name = former.exists() and former.samefile(folder / NAME)
        if beside:
            left.setdefault((*beside, "a second name" if second_name else ""), at)
    assert set(left) == {
        (f"{STEM}.new", ""),
        (f"{STEM}.former", f"{STEM}.new", "a second name"),
        (f"{STEM}.former", ""),
    }
    for names in left:
        step, killed = 0, True
        while killed:
            step += 1
            folder = copies()
            seen, old = second_names(folder)[NAME]
            killed_at(left[names], partial(swap, folder, 2))
            killed = killed_at(step, partial(opened, folder))
            current = version(folder)
            assert {one.name for one in folder.iterdir()} <= AT_REST
            assert current == (2 if names == (f"{STEM}.former", "") else 1)
            assert holds(old, seen.read_bytes()) == (current == 1)
        assert step > 20


def test_after_a_power_cut_at_any_moment_either_cover_is_current_and_whole(copies, tmp_path):
    """As a model of the disk has it: what was not synced may be lost, and the folder's entries from any of them on."""
    folder = copies()
    start = ({1: (folder / NAME).read_bytes()}, {NAME: 1})
    replaced = Recording(folder, {(folder / NAME).stat().st_ino: 1})
    with watched(replaced.seen):
        assert swap(folder, 2)
    changes = replaced.changes
    assert [one[0] for one in changes].count("sync folder") == 2
    runs = [(changes[:end], changes[:0], end) for end in range(len(changes) + 1)]
    for killed in range(len(changes) + 1):  # and of whoever finishes it after a kill, which a power cut interrupts
        again = tmp_path / f"again{killed}"
        finished = Recording(again, lay_out(now(start, changes[:killed]), again))
        with watched(finished.seen):
            assert version(again) in (1, 2)
        runs += [(changes[:killed], finished.changes[:end], killed) for end in range(1, len(finished.changes) + 1)]
    tried = dict[tuple[object, ...], int]()
    for before, behind, end in runs:
        for files, names in after_power_cut(start, before + behind):
            if 1 not in names.values():
                assert not holds(start[0][1], files[1]), "nobody can find it any more, but who reads the disk"
            key = tuple(sorted((name, files[number]) for name, number in names.items()))
            current = tried.get(key)
            if current is None:
                cut = tmp_path / f"cut{len(tried)}"
                lay_out((files, names), cut)
                current = tried[key] = version(cut)
                assert current in (1, 2)
                assert {one.name for one in cut.iterdir()} <= AT_REST
                assert current == 1 or not in_any_file(start[0][1], cut)
            if end == len(changes):
                assert current == 2, "what was answered stays"
    assert len(tried) > 10
    assert set(tried.values()) == {1, 2}


def test_the_former_file_is_kept_where_the_new_one_does_not_open(folder, keep):
    """It is then the best that there is."""
    path = cover_file(folder)
    former = path.with_suffix(".former")
    os.link(path, former)
    data = former.read_bytes()
    path.unlink()
    for damage in (b"", b"nonsense", data[:-1]):
        path.write_bytes(damage)
        with pytest.raises(Exception, match="does not open"):
            Keep(folder, MASTER).read(ORIGIN)
        with pytest.raises(Exception, match="does not open"):
            Keep(folder, MASTER).swap(ORIGIN, state(2), 1)
        assert former.read_bytes() == data
    path.unlink()
    with pytest.raises(Exception, match="a former one lies beside it"):
        Keep(folder, MASTER).read(ORIGIN)
    with pytest.raises(Exception, match="a former one lies beside it"):
        Keep(folder, MASTER).swap(ORIGIN, state(1), None)
    assert former.read_bytes() == data
    former.rename(path)
    assert version(folder) == 1
