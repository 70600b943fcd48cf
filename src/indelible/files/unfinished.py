"""Files under way: what an export, a bundle or a backup has written so far, under a name that is not its own yet.

Such a file holds names like the whole one. Its writer removes it, unless it is killed; so everybody who opens the log
removes what a killed writer left, and `anonymize` names what is still being written.

    activity.db.unfinished     a line of JSON for each: the path of a file, or of a folder with all in it

A writer enters the path, makes the file and takes a lock (flock) on it, all under a lock on the list; the lock on the
file goes with the process, however it ends. So whoever finds a path in the list and gets its lock knows that nobody is
writing it. A crash leaves

    before the file is made    a path in the list that is not there, which the next `sweep` takes out
    behind that                a file without a lock, which the next `sweep` removes
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

# A list is a handful of paths; one that is longer is not ours.
_LIST_LIMIT = 1 << 20


def _list_of(database: Path) -> Path:
    return database.with_name(f"{database.name}.unfinished")


@contextlib.contextmanager
def _listed(database: Path | None) -> Iterator[list[str]]:
    """The list under its lock; what the block makes of it is written, an empty one is removed. Without a database it
    is kept nowhere."""
    if database is None:
        yield []
        return
    descriptor = _locked(_list_of(database))
    try:
        paths = _decoded(os.pread(descriptor, _LIST_LIMIT, 0))
        before = list(paths)
        yield paths
        if paths != before:
            data = b"".join(json.dumps(one).encode() + b"\n" for one in paths)
            os.pwrite(descriptor, data, 0)
            os.ftruncate(descriptor, len(data))
        if not paths:
            _list_of(database).unlink()  # still under the lock: who waits for it sees that the file is another one
    finally:
        os.close(descriptor)


def _locked(path: Path) -> int:
    """Open the list, alone; one that was removed while this waited for its lock is nobody's list any more."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)


def _decoded(data: bytes) -> list[str]:
    found = []
    for line in data.splitlines():
        with contextlib.suppress(ValueError):  # a line that a crash cut short
            path = json.loads(line)
            found += [path] if isinstance(path, str) else []
    return found


@contextlib.contextmanager
def under_way(database: Path | None, *paths: Path) -> Iterator[None]:
    """Make files that nobody else may be writing, and remove what is left of them when the block ends.

    Without a database they are only removed. Raises OSError, also where a path is there already.
    """
    descriptors: list[int] = []
    try:
        with _listed(database) as listed:
            for path in paths:
                listed.append(str(path))
                descriptors.append(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
                fcntl.flock(descriptors[-1], fcntl.LOCK_EX)
        yield
    finally:
        for path in paths[: len(descriptors)]:
            with contextlib.suppress(OSError):
                path.unlink()
        for descriptor in descriptors:
            os.close(descriptor)
        _forget(database, paths)


@contextlib.contextmanager
def folder(database: Path | None) -> Iterator[Path]:
    """A folder for files under way, in the system's place for such, which is removed when the block ends."""
    with _listed(database) as listed:
        made = Path(tempfile.mkdtemp(prefix="indelible-"))
        listed.append(str(made))
        descriptor = os.open(made, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(descriptor)
        _forget(database, [made])


def _forget(database: Path | None, paths: Sequence[Path]) -> None:
    if database is None:
        return
    with contextlib.suppress(OSError), _listed(database) as listed:
        for path in paths:
            if str(path) in listed and not path.exists():
                listed.remove(str(path))


def sweep(database: Path) -> list[Path]:
    """Remove what killed writers left, and return what is still there: being written, or not to be removed by us."""
    if not _list_of(database).exists():
        return []
    left: list[Path] = []
    try:
        with _listed(database) as listed:
            for text in list(listed):
                path = Path(text)
                if not _removed(path):
                    left.append(path)
                else:
                    listed.remove(text)
    except OSError:  # a folder in which nothing can be written: nothing was exported from here either
        pass
    return left


def _removed(path: Path) -> bool:
    """Remove a file or folder that nobody is writing; false where somebody is, or it cannot be removed."""
    if path.name.rpartition(".")[2] != "part" and not path.name.startswith("indelible-"):
        return True  # no name that a writer of ours gives: whoever wrote it into the list, it stays untouched
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
            for beside in ("-journal", "-wal", "-shm"):  # of a database that was being copied
                path.with_name(path.name + beside).unlink(missing_ok=True)
        return not path.exists()
    except OSError:
        return False
    finally:
        os.close(descriptor)
