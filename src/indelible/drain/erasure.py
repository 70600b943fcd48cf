"""Before and after a client is anonymized: what waits is drained, and what is held and names the person is emptied.

    drain     every outbox, all at the same time, for at most WITHIN seconds: what was committed is in the log, and goes
    erase     in the log
    empty     held documents that name the person, by id and role, in target, client, people or as who acted

What remains of an emptied row says why it is empty. A document that is not committed yet arrives later: what occurred
before the erasure is recorded without the name. Clear copies stay in the host's dead rows, its WAL, its replicas and
backups until those go.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from ..errors import IndelibleError
from ..journal import Journal
from ..places import Shared
from . import copies, sources
from .erased_names import empty
from .passes import READ_LIMIT, drain_once

# What somebody who asks waits for a host's database.
WITHIN = 5.0


@dataclass(slots=True)
class Emptied:
    """What was done beside the log. `emptied` held documents; `unreached` says of each outbox why it may name the
    person still, without user and password; `unnamed` databases are known to the log, and nobody gave their address.
    """

    emptied: int = 0
    unreached: list[str] = field(default_factory=list)
    unnamed: int = 0

    @property
    def complete(self) -> bool:
        return not self.unreached and not self.unnamed


class Outboxes:
    """The outboxes of one log, by their URLs: drained when it is made, emptied when `empty` is called."""

    def __init__(self, shared: Shared, urls: Iterable[str], within: float = WITHIN) -> None:
        """Drain each of them for at most `within` seconds. Raises InvalidInput for what is no URL."""
        self._shared = shared
        given = dict.fromkeys(urls)
        if shared.places.accounts.exists():  # the service is a host, too
            given = {str(shared.places.accounts): None, **given}
        self._works = [_Work(shared, where, sources.name_of(where)) for where in given]
        _together(self._works, "drain", within)

    def empty(self, clinic: str, clients: Sequence[str], within: float = WITHIN) -> Emptied:
        """Empty what is held and names one of these clients of a clinic, and say what could not be reached."""
        for work in self._works:
            work.wanted = (clinic, frozenset(clients))
        _together([one for one in self._works if one.problem is None], "empty", within)
        unreached = [f"{one.name}: {one.problem}" for one in self._works if one.problem is not None]
        seen = {one.outbox for one in self._works if one.outbox is not None}
        silent = sum(one.outbox is None for one in self._works)
        unseen = sum(row.outbox not in seen for row in self._shared.store.sources())
        return Emptied(sum(one.emptied for one in self._works), unreached, max(0, unseen - silent))


class _Work:
    """One outbox. `problem` is why it may hold something still, and what its thread did not finish."""

    def __init__(self, shared: Shared, where: str, name: str) -> None:
        self._shared, self._where, self.name = shared, where, name
        self.problem: str | None = None
        self.outbox: str | None = None
        self.emptied = 0
        self.wanted: tuple[str, frozenset[str]] = ("", frozenset())

    def drain(self, end: float) -> None:
        # A journal of its own: the other one belongs to who asks, who does not wait for this thread for ever.
        places = self._shared.places
        own = Journal(places.database, keep=places.keep, clock=self._shared.clock)
        try:
            with closing(sources.open_source(self._where, own.places)) as source:
                self.outbox = copies.check(own.store, source).outbox
                while drain_once(own, source).read == READ_LIMIT:
                    if time.monotonic() > end:
                        self.problem = "more documents wait than could be recorded in this time"
                        return
        finally:
            own.store.close()

    def empty(self, end: float) -> None:
        with closing(sources.open_source(self._where, self._shared.places)) as source:
            self.emptied = empty(source, *self.wanted)


def _together(works: Sequence[_Work], what: str, within: float) -> None:
    """Do one thing with every outbox, all at the same time; what does not end in time is said of it."""
    end = time.monotonic() + within

    def run(work: _Work, ended: threading.Event) -> None:
        try:
            getattr(work, what)(end)
        except IndelibleError as error:
            work.problem = str(error)
        except Exception as error:  # whatever it is, the erasure goes on, and the outbox is named
            work.problem = f"it could not be looked into ({type(error).__name__})"
        finally:
            ended.set()

    started = []
    for work in works:
        ended = threading.Event()
        threading.Thread(target=run, args=(work, ended), name=what, daemon=True).start()
        started.append((work, ended))
    for work, ended in started:
        if not ended.wait(max(0.0, end - time.monotonic())) and work.problem is None:
            work.problem = f"it did not answer within {within:.0f} seconds"
