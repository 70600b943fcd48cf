"""System calls of a block of code: to die at one of them, and to know what a power cut would leave after each.

`os` and `fcntl` are Python's doors to the system, and the keep has no other. What stands in for their functions is
called where the function would be, before it and after it, and for a write in the middle of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

_NAMES = {
    os: (
        "open",
        "close",
        "read",
        "write",
        "fsync",
        "utime",
        "link",
        "rename",
        "unlink",
        "mkdir",
        "lstat",
        "stat",
        "fstat",
    ),
    fcntl: ("flock",),
}


@contextlib.contextmanager
def watched(seen: Callable[..., Any]) -> Iterator[None]:
    """Call `seen(name, function, *arguments, **options)` in the place of each system call of the block."""
    with contextlib.ExitStack() as patches:
        for module, names in _NAMES.items():
            for name in names:
                patches.enter_context(patch.object(module, name, _stand_in(name, getattr(module, name), seen)))
        yield


def _stand_in(name: str, function: Callable[..., Any], seen: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments, **options: seen(name, function, *arguments, **options)


def killed_at(at: int, operation: Callable[[], Any]) -> bool:
    """Do an operation in a child process that is killed at its step `at`; return whether it came so far."""
    child = os.fork()
    if child == 0:
        code, steps = 1, 0

        def step() -> None:
            nonlocal steps
            steps += 1
            if steps == at:
                os.kill(os.getpid(), signal.SIGKILL)

        def seen(name: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
            step()
            if name == "write":
                descriptor, data = arguments
                half = len(data) // 2
                done = function(descriptor, data[:half])
                step()
                return done + function(descriptor, data[half:])
            result = function(*arguments, **options)
            step()
            return result

        try:
            with watched(seen):
                operation()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0, "it failed by itself"
    return os.WIFSIGNALED(status)


# What a power cut leaves

# One change of a folder's disk: ("write", file, position, bytes), ("sync", file), ("enter", name, file), ("remove",
# name) or ("sync folder",). A file is a number of its own, whatever its names are.
Change = tuple[Any, ...]
# What lies in a folder: the bytes of each file by its number, also of one that has no name any more, and the file that
# each name is of.
State = tuple[dict[int, bytes], dict[str, int]]


class Recording:
    """The changes that a block of code makes to the files of a folder, in their order."""

    def __init__(self, folder: Path, numbers: dict[int, int]) -> None:
        """`numbers` gives for the inode of each file that is there its number; those that are made are added."""
        self.folder, self.numbers, self.changes = folder, numbers, list[Change]()
        self._open: dict[int, list[int]] = {}  # descriptor: number, position

    def seen(self, name: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        path = Path(os.fsdecode(arguments[0])) if name in ("unlink", "rename") else None
        result = function(*arguments, **options)
        match name:
            case "open" if Path(arguments[0]).parent == self.folder:
                self._opened(result, Path(arguments[0]).name, arguments[1])
            case "open" if Path(arguments[0]) == self.folder:
                self._open[result] = []
            case "close":
                self._open.pop(arguments[0], None)
            case "write" if arguments[0] in self._open:
                number, position = self._open[arguments[0]]
                self.changes.append(("write", number, position, bytes(arguments[1][:result])))
                self._open[arguments[0]][1] += result
            case "fsync" if arguments[0] in self._open:
                file = self._open[arguments[0]]
                self.changes.append(("sync", file[0]) if file else ("sync folder",))
            case "link":
                self.changes.append(("enter", Path(arguments[1]).name, self._number(Path(arguments[1]))))
            case "rename":
                assert path is not None
                target = Path(arguments[1])
                self.changes.append(("rename", path.name, target.name, self._number(target)))
            case "unlink":
                assert path is not None
                self.changes.append(("remove", path.name))
        return result

    def _opened(self, descriptor: int, name: str, flags: int) -> None:
        inode = os.fstat(descriptor).st_ino
        if flags & os.O_EXCL:
            self.numbers[inode] = 1 + max(self.numbers.values(), default=0)
            self.changes.append(("enter", name, self.numbers[inode]))
        if inode in self.numbers:
            self._open[descriptor] = [self.numbers[inode], 0]

    def _number(self, path: Path) -> int:
        return self.numbers[path.stat().st_ino]


def now(start: State, changes: list[Change]) -> State:
    """What the processes of the machine see after these changes."""
    files, names = dict(start[0]), dict(start[1])
    for change in changes:
        match change:
            case ("write", number, position, data):
                files[number] = _written(files.get(number, b""), position, data)
            case ("enter" | "rename" | "remove", *_):
                _enter(names, change)
    return {**dict.fromkeys(names.values(), b""), **files}, names


def after_power_cut(start: State, changes: list[Change]) -> list[State]:
    """All that may be in the folder when the machine comes up again, had it lost power after these changes.

    Of the folder's entries those up to any of them behind its last sync are there, since a file system writes these in
    their order. Of the bytes written to a file behind its last sync there are none, all, or the first half.
    """
    synced, written, entries, lasting = dict(start[0]), dict(start[0]), list[Change](), 0
    for change in changes:
        match change:
            case ("write", number, position, data):
                written[number] = _written(written.get(number, b""), position, data)
            case ("sync", number):
                synced[number] = written.get(number, b"")
            case ("sync folder",):
                lasting = len(entries)
            case _:
                entries.append(change)
    found = []
    for last in range(lasting, len(entries) + 1):
        names = dict(start[1])
        for change in entries[:last]:
            _enter(names, change)
        for share in (0, 0.5, 1):
            files = {}
            for number in {*synced, *written, *names.values()}:
                before, behind = synced.get(number, b""), written.get(number, b"")
                cut = int(len(behind) * share)
                files[number] = behind[:cut] + before[cut:]
            found.append((files, names))
    return found


def lay_out(state: State, folder: Path) -> dict[int, int]:
    """Make a folder with what is in a state; return the number of each file by its inode."""
    folder.mkdir()
    files, names = state
    numbers, made = {}, dict[int, Path]()
    for name, number in names.items():
        if number in made:
            os.link(made[number], folder / name)
            continue
        made[number] = folder / name
        made[number].write_bytes(files[number])
        numbers[made[number].stat().st_ino] = number
    return numbers


def _written(before: bytes, position: int, data: bytes) -> bytes:
    return before[:position].ljust(position, b"\0") + data + before[position + len(data) :]


def _enter(names: dict[str, int], change: Change) -> None:
    match change:
        case ("enter", name, number):
            names[name] = number
        case ("rename", old, new, number):
            names.pop(old)
            names[new] = number
        case ("remove", name):
            names.pop(name)
