"""A file that is replaced whole, and whose former bytes are then overwritten where they lie.

Of a file `x.cover` there are beside it, for a moment or after a crash,

    x.lock      locked (flock) by whoever replaces the file, between processes and between threads; it stays
    x.new       the new bytes, not yet current
    x.former    another name of the former bytes, not yet overwritten

Replacing it is: lock; write and sync `x.new`; link the file to `x.former`; rename `x.new` to the file; sync the folder;
overwrite `x.former`; sync it; unlink it; sync the folder. A crash leaves

    before the rename     the old bytes current; `x.new`, and `x.former` as a second name of the current file
    behind it             the new bytes current; `x.former`, as it was or partly overwritten

and `settle` finishes both. It syncs the folder before it overwrites anything: a rename that is not on the disk yet can
be undone by a power cut, and the bytes that it put away are then the current ones. What never became current is
overwritten too, because it opens whatever is put away later.

The rename and the link before it come to the disk in their order on a file system with a journal of its folders.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_CHUNK = 1 << 20
_PAUSE_SECONDS = 0.01


class Mark(NamedTuple):
    """What tells the bytes of a file from those before them. `replace` makes `mtime_ns` larger each time."""

    inode: int
    mtime_ns: int
    size: int


class Read(NamedTuple):
    """What was read of a file, at most a byte more than was asked for; `replaced`: it is another file by now."""

    data: bytes
    mark: Mark
    replaced: bool


def lock_of(path: Path) -> Path:
    """Return the lock file of a file."""
    return path.with_suffix(".lock")


def new_of(path: Path) -> Path:
    """Return where the new bytes of a file are before they are current."""
    return path.with_suffix(".new")


def former_of(path: Path) -> Path:
    """Return where the former bytes of a file are until they are overwritten."""
    return path.with_suffix(".former")


def mark(path: Path) -> Mark | None:
    """Return the mark of a file; None where it is not there. Raises OSError."""
    try:
        return _mark(path.lstat())
    except FileNotFoundError:
        return None


def read(path: Path, limit: int) -> Read:
    """Return the bytes of a file that others replace. Raises OSError; IsADirectoryError for whatever is no file.

    Bytes that were overwritten while this read them are always `replaced`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, "it is no file")
        chunks, left = [], limit + 1
        while left and (chunk := os.read(descriptor, min(left, _CHUNK))):
            chunks.append(chunk)
            left -= len(chunk)
        now = mark(path)  # before the descriptor is closed: until then no other file can have this inode
        return Read(b"".join(chunks), _mark(found), now is None or now.inode != found.st_ino)
    finally:
        os.close(descriptor)


def is_unsettled(path: Path) -> bool:
    """Return whether something is beside a file that a crash left, or that somebody is at work with."""
    return os.path.lexists(former_of(path)) or os.path.lexists(new_of(path))


@contextlib.contextmanager
def locked(path: Path, seconds: float) -> Iterator[None]:
    """Hold the lock of a file for the block. Raises OSError; TimeoutError where it is not free within `seconds`."""
    descriptor = os.open(lock_of(path), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        _lock(descriptor, seconds)
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # else a child that was forked meanwhile would go on holding it
    finally:
        os.close(descriptor)


def _lock(descriptor: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise TimeoutError(errno.ETIMEDOUT, "it is locked") from None
            time.sleep(_PAUSE_SECONDS)


def replace(path: Path, data: bytes) -> None:
    """Make `data` the bytes of a file, under its lock and with nothing unsettled; `settle` has to follow.

    Raises OSError, and then the file is as it was.
    """
    new, former = new_of(path), former_of(path)
    try:
        before = mark(path)
        _write(new, data, 0 if before is None else before.mtime_ns + 1)
        if before is not None:
            os.link(path, former)
        os.rename(new, path)
    except OSError:
        with contextlib.suppress(OSError):  # what this leaves, the next `settle` finishes
            _remove(former, path)
            _remove(new, path)
        raise


def settle(path: Path) -> None:
    """Finish what `replace`, or a crash, left beside a file, under its lock. Raises OSError.

    The file must be there and known to be whole: what is overwritten here cannot be had again.
    """
    sync_folder(path.parent)
    removed = [_remove(former_of(path), path), _remove(new_of(path), path)]
    if any(removed):
        sync_folder(path.parent)


def create_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter, where it is not there. Raises OSError."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(0o700)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "it is no folder")
    sync_folder(folder.resolve().parent)


def _mark(found: os.stat_result) -> Mark:
    return Mark(found.st_ino, found.st_mtime_ns, found.st_size)


def _write(path: Path, data: bytes, earliest_ns: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        _write_all(descriptor, data)
        # Clocks of file systems tick in milliseconds, and an inode is used again: without this two files could have
        # the same mark.
        written_ns = max(os.fstat(descriptor).st_mtime_ns, earliest_ns)
        os.utime(descriptor, ns=(written_ns, written_ns))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(left: Path, path: Path) -> bool:
    """Overwrite and unlink what is left beside a file; return whether there was something."""
    try:
        found = left.lstat()
    except FileNotFoundError:
        return False
    # Between link and rename `x.former` is the current file: it loses this name and no byte.
    current = os.path.lexists(path) and os.path.samestat(found, path.lstat())
    if stat.S_ISREG(found.st_mode) and not current:
        _overwrite(left)
    left.unlink()
    return True


def _overwrite(path: Path) -> None:
    """Put random bytes in the place of a file's own: random, as zeros may be stored as holes."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
    try:
        size = os.fstat(descriptor).st_size
        for at in range(0, size, _CHUNK):
            _write_all(descriptor, os.urandom(min(_CHUNK, size - at)))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def sync_folder(folder: Path) -> None:
    """Make the renames in a folder last through a power cut. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
