"""What goes between an outbox and the log: rows that wait, rows that are held, and the port to a host's database.

A place orders the rows of one outbox: (transaction, id) on PostgreSQL, (0, id) on SQLite, where one writer at a time
commits. Instants are microseconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ..errors import InvalidInput, StorageFailure
from ..record.document import OWN_KEYS

Place = tuple[int, int]
# Before every row's.
FIRST: Place = (0, 0)


def own_key(key: str) -> str:
    """Return a host's own key. Raises InvalidInput where it could be one of ours."""
    if key.startswith(OWN_KEYS):
        raise InvalidInput(f"begins with {OWN_KEYS}, which is kept for documents without a key; use another one", "key")
    return key


class Unreachable(StorageFailure):
    """The host's database does not answer at this moment; its documents wait there, and are drained when it does.

    A source raises it for what passes by itself: a restart, a lost connection, a lock. What needs somebody's hand (no
    outbox, no right, a full disk) is a plain StorageFailure.
    """


@dataclass(frozen=True, slots=True)
class Waiting:
    """One row of an outbox: a document in JSON text, for the clinic of this id.

    `key` is the row's own, a UUID, and `at` its time. `imported` is history, which is drained behind what is live. An
    `erasure` asks for a client to be anonymized: {"client", "requested_by", "actor"?}.
    """

    place: Place
    key: str
    clinic: str
    document: str
    at: int
    imported: bool = False
    erasure: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A row that could not be recorded since `since`, and why, without values.

    It is tried again by itself unless that is `final`: then it needs another document, or somebody's word.
    """

    waiting: Waiting
    reason: str
    final: bool
    since: int


class Backlog(NamedTuple):
    """How much is in an outbox. Rows are counted up to a bound that the asker gave, and one more where there are more.

    `age` is that of the oldest row that waits, in seconds by the clock of its database, None where none waits. `held`
    has the number of rows by reason's word and whether that is final.
    """

    waiting: int
    age: float | None
    held: Mapping[tuple[str, bool], int]


class Identity(NamedTuple):
    """Which database it is. A copy has the same `outbox`, the id made at installation, and another `database`.

    `xid` is the highest place that was given out so far: a transaction's number on PostgreSQL, a row's on SQLite. In a
    database that was restored from a backup it went back.
    """

    outbox: str
    database: str
    xid: int


class Source(Protocol):
    """One open host's database with an outbox. Every failure is a StorageFailure, and changes nothing.

    `name` is for messages: where the database is, without user and password.
    """

    name: str

    def identity(self) -> Identity: ...
    def read(self, limit: int) -> Sequence[Waiting]:
        """The rows that wait, at most `limit`: committed, and on disk, so that the host cannot lose them any more.

        A clinic's rows come in the order of their places, imported ones behind live ones. Where there are more than
        `limit`, every clinic that has rows gets its share. Fewer than `limit` says that no more are there.
        """
        ...

    def delete(self, places: Sequence[Place]) -> None:
        """Delete rows. One that is gone already is no error."""
        ...

    def hold(self, held: Sequence[tuple[Waiting, str, bool]]) -> None:
        """Move rows to those that are held, each with its reason and whether that is final, in one transaction."""
        ...

    def held(self, clinic: str | None = None, limit: int | None = None, behind: Place = FIRST) -> Sequence[Held]:
        """The rows that are held, of one clinic or of all, in the order of their places: all, or `limit` behind one."""
        ...

    def empty(self, places: Sequence[Place], reason: str) -> None:
        """Leave of held rows nothing that they say: an empty document, no target's id, and a final reason."""
        ...

    def release(self, rows: Sequence[Waiting]) -> None:
        """Let held rows wait again, behind the others, as they are. One that is held no more is no error."""
        ...

    def retry(self, key: str, document: str | None) -> None:
        """Let a held row wait again, behind the others, with another document if one is given. Raises NotFound."""
        ...

    def keep(self, places: Sequence[Place]) -> None:
        """Move rows that were recorded to those that are kept. One that is gone already is no error."""
        ...

    def kept(self, clinic: str) -> Sequence[Waiting]:
        """The rows of a clinic that are kept, the oldest first."""
        ...

    def discard(self, places: Sequence[Place]) -> None:
        """Delete rows that are kept."""
        ...

    def expire(self, days: int) -> None:
        """Delete the rows that were kept for so many days."""
        ...

    def replay(self, since: int) -> int:
        """Let the rows wait again that were kept since an instant, in their order; return how many."""
        ...

    def oldest(self) -> int | None:
        """The time of the oldest row that waits."""
        ...

    def backlog(self, bound: int, clinic: str | None = None) -> Backlog:
        """How much waits and is held, of one clinic or of all, counted up to `bound`: quick on a million rows."""
        ...

    def postgres(self) -> AbstractContextManager[Any]:
        """A connection for `guard` and `grants`; None where the database is SQLite, which has neither."""
        ...

    def close(self) -> None: ...
