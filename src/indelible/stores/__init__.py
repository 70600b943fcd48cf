"""Database engines behind one door. Each implements `stores.contract` in its own SQL, and is loaded when it is opened.

    store = open_store("activity.db")

A log is named by its URL; in this release that is the path of an SQLite file. What else is done with a database as a
whole belongs to its engine too: it is made, brought to this release, copied while it is used, put back; and it says
which files are its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import InvalidInput, StorageFailure
from .contract import Installation, Store

# A log's database. A program gives a path, a setting a text.
URL = str | os.PathLike[str]


def path_of(url: object, what: str = "database") -> Path:
    """Return the file that a URL means. Raises StorageFailure for an engine that is not there, InvalidInput."""
    if isinstance(url, str) and "://" in url:
        raise StorageFailure("a log is one SQLite file in this release; give its path, such as activity.db")
    if not isinstance(url, str | os.PathLike) or str(url) == "" or "\0" in str(url):
        raise InvalidInput("must be the path of a file, such as activity.db", what)
    return Path(url)


def open_store(url: URL) -> Store:
    """Open a log that is there. Raises StorageFailure where there is none, or one of another release's schema."""
    from .sqlite.store import SQLiteStore

    return SQLiteStore(path_of(url))


def create(url: URL, installation: Installation) -> None:
    """Make the log's tables. Raises StorageFailure, also where there is a log already."""
    from .sqlite import file

    file.create(path_of(url), installation)


def upgrade(url: URL) -> tuple[int, int]:
    """Bring a log to this release's schema; return the versions before and after. Raises StorageFailure."""
    from .sqlite import file

    return file.upgrade(path_of(url))


def backup(url: URL, target: Path, progress: Callable[[int, int], None] = lambda done, every: None) -> None:
    """Copy a database that may be in use into the empty file `target`, whole and checked.

    `progress` is called with the parts that are copied and those that there are. Raises StorageFailure.
    """
    from .sqlite import file

    file.copy(path_of(url), target, progress)


def restore(source: Path, target: Path, progress: Callable[[int, int], None] = lambda done, every: None) -> None:
    """Copy a backup into the empty file `target`; `open_for_writing` follows where it lies in its place."""
    from .sqlite import file

    file.copy(source, target, progress)


def open_for_writing(url: URL) -> None:
    """Set a database that was put back to the way in which a log is written."""
    from .sqlite import file

    file.open_for_writing(path_of(url))


def check_writable(url: URL) -> None:
    """Raise StorageFailure where nothing can be written. Changes nothing."""
    from .sqlite import file

    file.check_writable(path_of(url))


def files(url: URL) -> Sequence[Path]:
    """Return the files that belong to a database, there or not: itself first, then what the engine keeps beside it."""
    path = path_of(url)
    return [path, *(path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm", "-journal"))]
