"""Draining: documents from a host's outbox into the log. Read, append, delete; one pass after the other.

    read      what is committed in the host's database, and on its disk
    append    in the log's own transaction, for each clinic
    delete    in the host's database, when all of it is in the log

A crash between any two repeats: what is in the log already is answered with its entry, and then deleted. A second
drainer at the same outbox does no more than repeat. What cannot be recorded is held (`refusals.py`), never dropped.

Draining stops, and holds nothing, for what is no document's fault: a clock, a full disk, a missing key, a copy of the
host's database (`copies.py`). Where it is one clinic's log, the rows of the others in that pass are taken before.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

from ..errors import IndelibleError, KeyUnavailable, StorageFailure
from ..journal import Journal
from ..outbox.source import Source, Unreachable, Waiting
from ..stores.contract import Clinic
from . import copies, erased_names, guards, refusals
from .intake import Taken, take
from .metrics import COUNTERS
from .refusals import Refusal

# Rows of one pass at most: bounds its memory.
READ_LIMIT = 1_000
# Seconds that a pass is to last, by how long the one before took, and its rows at least: who records beside another
# clinic's thousands waits for one pass to end, and is in the next.
PASS = 0.2
READ_LEAST = 50
# Seconds between two looks at an outbox that was empty: a person who looks at the page finds what they just did.
POLL = 0.1
# Seconds until a database that did not answer is asked again, and between two looks at what is held for now and at the
# guards.
RETRY = 2.0
RELEASE = 60.0
# Seconds between two reports: collectors look every 15.
REPORT = 10.0


class Drained(NamedTuple):
    """What became of the rows: `repeated` were in the log already."""

    read: int = 0
    appended: int = 0
    repeated: int = 0
    held: int = 0

    def and_(self, other: Drained) -> Drained:
        return Drained(*(one + two for one, two in zip(self, other, strict=True)))


def drain_once(journal: Journal, source: Source, limit: int = READ_LIMIT, *, keep: bool = False) -> Drained:
    """Take at most `limit` rows from an outbox into the log; those that were recorded are deleted, or kept there.

    Raises StorageFailure, KeyUnavailable.
    """
    rows = source.read(limit)
    if not rows:
        return Drained()
    # After the read, so that it is the database that was read; before anything is recorded.
    identity = copies.check(journal.store, source)
    by_clinic: dict[str, list[Waiting]] = defaultdict(list)
    for row in rows:
        by_clinic[row.clinic].append(row)
    clinics = {clinic.id: clinic for clinic, _ in journal.clinics(by_clinic)}
    done = Drained(read=len(rows))
    # Who has few does not wait for another one's thousands, which take most of a pass.
    shares = sorted(by_clinic.items(), key=lambda share: len(share[1]))
    taken, stopped = list[Taken](), None
    for clinic, mine in shares:
        try:
            taken.append(_take(journal, clinics.get(clinic), mine))
        except IndelibleError as error:  # a log that is damaged stays behind alone, and is told when the others are in
            stopped = stopped or error
    # A crash before this line leaves the rows in the log and in the outbox, one after it in the log alone.
    copies.saw(journal.store, identity)
    for one in taken:
        if one.held:
            source.hold([(row, refusal.reason, refusal.final) for row, refusal in one.held])
        for clinic, client in one.erased:
            erased_names.empty(source, clinic, frozenset({client}))
        done = done.and_(Drained(0, one.appended, one.repeated, len(one.held)))
    rows = [row for one in taken for row in one.done]
    if keep:
        source.keep([row.place for row in rows if not row.erasure])
        rows = [row for row in rows if row.erasure]  # the head store knows every erasure
    source.delete([row.place for row in rows])
    if stopped is not None:
        raise stopped
    return done


def drain_all(journal: Journal, source: Source, limit: int = READ_LIMIT, *, keep_days: int = 0) -> Drained:
    """Drain until nothing waits. Documents that are held for now are tried once more before.

    Recorded rows are kept in the outbox for `keep_days`.
    """
    copies.check(journal.store, source)
    refusals.release(journal, source)
    guards.watch(journal, source)
    source.expire(keep_days)
    done = last = drain_once(journal, source, limit, keep=keep_days > 0)
    while last.read == limit:
        last = drain_once(journal, source, limit, keep=keep_days > 0)
        done = done.and_(last)
    return done


def _take(journal: Journal, clinic: Clinic | None, rows: list[Waiting]) -> Taken:
    refusal = refusals.misplaced(journal, clinic)
    if refusal is not None or clinic is None:
        return _held(rows, refusal)
    try:
        log = journal.clinic(clinic.id)
        taken = take(log, rows)
    except (StorageFailure, KeyUnavailable):
        # Somebody may have closed the clinic at this moment, which is no reason to stop for the others.
        again = next((one for one, _ in journal.clinics([clinic.id])), None)
        if (refusal := refusals.misplaced(journal, again)) is None:
            raise
        return _held(rows, refusal)
    # Before the rows are moved: whoever finds the log silent finds them still waiting.
    refusals.tell(log, [refusal for _, refusal in taken.held])
    return taken


def _held(rows: list[Waiting], refusal: Refusal | None) -> Taken:
    assert refusal is not None  # noqa: S101 - for the type checker
    return Taken(held=[(row, refusal) for row in rows])


class Drain:
    """Drains an outbox until it is told to stop, and signs what it recorded.

    It belongs to the thread that calls `run`; `stop` and `wake` may be called from any other.
    """

    def __init__(
        self,
        journal: Journal,
        source: Source,
        *,
        tell: Callable[[str], None],
        limit: int = READ_LIMIT,
        report: Callable[[], None] | None = None,
        keep_days: int = 0,
    ) -> None:
        """`tell` gets a sentence when draining begins, when the host's database does not answer, and when it does.

        `report` is called every REPORT seconds, between two passes. Recorded rows are kept in the outbox for
        `keep_days`.
        """
        self._journal, self._source, self._tell, self._limit = journal, source, tell, limit
        self._report, self._report_at = report, 0.0
        self._keep_days = keep_days
        self._rows = limit  # of the next pass
        self._woken = threading.Event()
        self._stopping = False
        self._silent = False
        self._release_at = 0.0
        self._watched: guards.Told = set()
        self._blind: str | None = None

    def stop(self) -> None:
        """End `run` after the pass that is under way. It sets a flag and no more: a signal handler may call it."""
        self._stopping = True

    def wake(self) -> None:
        """Look at the outbox now, because something was put into it."""
        self._woken.set()

    def run(self) -> Drained:
        """Drain until `stop`; return what became of the rows. Raises what must stop draining (StorageFailure, ...)."""
        try:
            return self._run()
        except IndelibleError:
            COUNTERS.add(errors=1)
            raise

    def _run(self) -> Drained:
        copies.check(self._journal.store, self._source)
        self._tell(f"draining {self._source.name}")
        done = Drained()
        while not self._stopping:
            self._report_when_due()
            rows = self._rows
            try:
                last = self._pass()
            except Unreachable as error:
                COUNTERS.add(errors=1)
                self._say(str(error))
                self._pause(RETRY)
                continue
            done = done.and_(last)
            COUNTERS.add(appended=last.appended, repeated=last.repeated, held=last.held)
            self._say(None)
            if last.read < rows:
                self._sign()
                self._pause(POLL)
        return done

    def _pass(self) -> Drained:
        if time.monotonic() >= self._release_at:
            refusals.release(self._journal, self._source)
            self._watch()
            self._source.expire(self._keep_days)
            self._release_at = time.monotonic() + RELEASE
        started = time.monotonic()
        last = drain_once(self._journal, self._source, self._rows, keep=self._keep_days > 0)
        lasted = max(time.monotonic() - started, 0.001)
        if last.read:
            self._rows = min(self._limit, max(READ_LEAST, int(last.read * PASS / lasted)))
        return last

    def _report_when_due(self) -> None:
        if self._report is not None and time.monotonic() >= self._report_at:
            self._report()
            self._report_at = time.monotonic() + REPORT

    def _watch(self) -> None:
        """Look at the guards. That they cannot be looked at is told once, and stops nothing."""
        problem = guards.watch(self._journal, self._source, self._watched)
        if problem is not None and problem != self._blind:
            self._tell(f"the guards of {self._source.name} cannot be looked at: {problem}")
        self._blind = problem

    def _sign(self) -> None:
        for log in self._journal.open_logs():
            if log.unsigned:
                log.sign_when_due()

    def _say(self, problem: str | None) -> None:
        """Tell of a problem once, however often the database is asked again, and of its end."""
        if problem is not None and not self._silent:
            self._tell(f"{problem}; trying again")
        elif problem is None and self._silent:
            self._tell(f"{self._source.name} answers again")
        self._silent = problem is not None

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._stopping and (left := end - time.monotonic()) > 0:
            if self._woken.wait(min(left, POLL)):
                self._woken.clear()
                return
