"""Where an installation keeps its files, and what the logs of all its clinics share."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from .errors import InvalidInput
from .keep.folder import Keep
from .keep.heads import HeadStore
from .keep.timekeeping import Timekeeper
from .stores import URL, files, path_of
from .stores.contract import Store


@dataclass(frozen=True, slots=True)
class Places:
    """Where an installation keeps its files: three things that belong in three places when it is in earnest, the
    database, the keep (a folder) and the master key.

    `accounts` is the service's own database: who signs in. No log needs it.
    """

    database: Path
    master_key: Path
    keep: Path
    accounts: Path

    @classmethod
    def beside(cls, database: URL, keep: str | os.PathLike[str] | None = None) -> Self:
        """The default: all of them beside the database, named after it; the keep where INDELIBLE_KEEP says, and
        accounts where INDELIBLE_ACCOUNTS does."""
        path = path_of(database)
        kept, given = keep or os.environ.get("INDELIBLE_KEEP"), os.environ.get("INDELIBLE_ACCOUNTS")
        folder = path_of(kept, "keep") if kept else path.with_name(f"{path.name}.keep")
        accounts = path_of(given, "INDELIBLE_ACCOUNTS") if given else path.with_name(f"{path.name}.accounts")
        return cls(path, path.with_name(f"{path.name}.key"), folder, accounts)

    @property
    def shared(self) -> Path:
        """The file of what the service's processes know together. It needs no backup."""
        return self.database.with_name(f"{self.database.name}.shared")

    @property
    def leader(self) -> Path:
        """The file that the service's process which drains and signs holds locked. Nothing is in it."""
        return self.database.with_name(f"{self.database.name}.leader")

    @property
    def head_store(self) -> Path:
        """The file of the signed heads, in the keep."""
        return self.keep / "heads"

    def is_keep_beside(self) -> bool:
        """Whether the keep lies in the database's folder, or below it, so that who copies the folder has both."""
        return self.keep.resolve().is_relative_to(self.database.resolve().parent)

    def check_output(self, output: Path) -> None:
        """Refuse to write over one of these files, or one that an engine keeps beside them. Raises InvalidInput."""
        of_engine = (path for one in (self.database, self.accounts, self.shared) for path in files(one))
        for own in (*of_engine, self.leader, self.master_key, self.head_store):
            if output.resolve() == own.resolve() or (output.exists() and own.exists() and output.samefile(own)):
                raise InvalidInput("is a file of the log itself; name another one", "output")
        if self.keep.resolve() in output.resolve().parents:
            raise InvalidInput("is in the keep, where nothing else may lie; name a file elsewhere", "output")


@dataclass(frozen=True, slots=True)
class Shared:
    """What the logs of one database share. `clock` gives microseconds since 1970 UTC."""

    places: Places
    store: Store
    keep: Keep
    heads: HeadStore
    time: Timekeeper
    clock: Callable[[], int]
