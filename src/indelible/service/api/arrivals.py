"""What became of accepted documents in the log, for whoever waits: `rows -> Arrived`, asked of the log every few
milliseconds for all that wait, as it may be another process that drains."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from ...errors import IndelibleError, StorageFailure
from ...log import ClinicLog
from ...record.append import Appended
from .accepting import under_way

# Seconds that somebody waits at the most, and between two looks.
LONGEST = 10.0
_EACH = 0.01
# Seconds between two looks at all that a request sent.
_ALL_EACH = 1.0
# Seconds until the documents that are held are looked through as well: a document is in the log long before.
_HELD_AFTER = 0.5
# Seconds between two lines about a log that cannot be looked at.
_SAID_EACH = 60.0

_LOG = logging.getLogger("indelible.accepting")


@dataclass(frozen=True, slots=True)
class Asked:
    """One document: its clinic's log, the key under which it is recorded there, and its row's key."""

    log: ClinicLog
    log_key: str
    row_key: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """Where a document is: the entry, or why it is held, or neither where it still waits."""

    appended: Appended | None = None
    held: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the service's outbox: its clinic, and why it is held; empty where it waits."""

    clinic: str
    held: str = ""


def where(accounts: Path, row_key: str) -> Row | None:
    """Return the row of a key; None where it is in the log, or never was. Raises StorageFailure."""
    try:
        with closing(sqlite3.connect(f"{accounts.absolute().as_uri()}?mode=rw", uri=True, timeout=10)) as db:
            # Held first: a row may go from one to the other meanwhile, and never back without being recorded soon.
            row = db.execute("SELECT clinic, reason FROM indelible_outbox_held WHERE key = ?", (row_key,)).fetchone()
            if row is None:
                row = db.execute("SELECT clinic, '' FROM indelible_outbox WHERE key = ?", (row_key,)).fetchone()
    except sqlite3.Error as error:
        raise StorageFailure("the service's outbox could not be read") from error
    return None if row is None else Row(*row)


@dataclass(slots=True)
class _Waiting:
    asked: Sequence[Asked]
    signed: bool
    began: float
    future: Future[list[Arrived]]
    found: dict[int, Arrived] = field(default_factory=dict)
    looked_at_all: float = 0.0

    def last_of_each(self) -> dict[ClinicLog, int]:
        """The highest number that was found in each log."""
        last: dict[ClinicLog, int] = {}
        for place, arrived in self.found.items():
            if arrived.appended is not None:
                log = self.asked[place].log
                last[log] = max(last.get(log, 0), arrived.appended.seq)
        return last


class Arrivals:
    """One thread that looks while somebody waits."""

    def __init__(self, accounts: Path) -> None:
        self._accounts = accounts
        self._lock = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._said: dict[str, float] = {}  # when it was last said of a clinic that its log cannot be looked at
        threading.Thread(target=self._forever, name="arrivals", daemon=True).start()

    def wait(self, asked: Sequence[Asked], *, signed: bool = False) -> Future[list[Arrived]]:
        """Return where the documents are, when all are in the log or held, with `signed` when a checkpoint has them, or
        after LONGEST seconds."""
        one = _Waiting(asked, signed, time.monotonic(), under_way())
        with self._lock:
            self._waiting.append(one)
            self._lock.notify()
        return one.future

    def _forever(self) -> None:
        while True:
            with self._lock:
                while not self._waiting:
                    self._lock.wait()
                now = list(self._waiting)
            self._look(now)
            ended = [one for one in now if self._has_ended(one)]
            with self._lock:
                self._waiting = [one for one in self._waiting if one not in ended]
            for one in ended:
                one.future.set_result([one.found.get(place, Arrived()) for place in range(len(one.asked))])
            if len(ended) < len(now):
                time.sleep(_EACH)

    def _has_ended(self, one: _Waiting) -> bool:
        if time.monotonic() - one.began > LONGEST:
            return True
        if len(one.found) < len(one.asked):
            return False
        if not one.signed:
            return True
        try:
            return all(_is_signed(log, seq) for log, seq in one.last_of_each().items())
        except Exception as error:
            self._say(one.asked[0].log, error)
            return False

    def _look(self, waiting: Sequence[_Waiting]) -> None:
        now = time.monotonic()
        by_log: dict[ClinicLog, list[tuple[_Waiting, int]]] = defaultdict(list)
        for one in waiting:
            left = [place for place in range(len(one.asked)) if place not in one.found]
            if now - one.looked_at_all < _ALL_EACH:
                # A clinic's documents arrive in their order: until the last of them is there, it alone is looked for.
                left = [*{one.asked[place].log: place for place in left}.values()]
            else:
                one.looked_at_all = now
            for place in left:
                by_log[one.asked[place].log].append((one, place))
        for log, places in by_log.items():
            try:
                self._look_in(log, places, now)
            except Exception as error:  # they are told that it is accepted, which it is
                self._say(log, error)

    def _say(self, log: ClinicLog, error: Exception) -> None:
        """Log once a minute that a log cannot be looked at: it is asked every few milliseconds."""
        now = time.monotonic()
        if now - self._said.get(log.clinic.id, -_SAID_EACH) >= _SAID_EACH:
            self._said[log.clinic.id] = now
            _LOG.error("arrivals in %s cannot be looked for: %s", log.clinic.id, type(error).__name__, exc_info=error)

    def _look_in(self, log: ClinicLog, places: Sequence[tuple[_Waiting, int]], now: float) -> None:
        seqs = log.recorded([one.asked[place].log_key for one, place in places])
        for one, place in places:
            asked = one.asked[place]
            if (seq := seqs.get(asked.log_key)) is not None:
                one.found[place] = Arrived(log.appended(seq))
                one.looked_at_all = 0.0
            elif now - one.began > _HELD_AFTER:
                there = where(self._accounts, asked.row_key)
                if there is not None and there.held:
                    one.found[place] = Arrived(held=there.held)


def _is_signed(log: ClinicLog, seq: int) -> bool:
    last = log.reading().last_checkpoint()
    if last is not None and last.size >= seq:
        return True
    with contextlib.suppress(IndelibleError):
        log.sign_when_due()
    return False


_begun = threading.Lock()
_arrivals: Arrivals | None = None


def arrivals() -> Arrivals:
    """Return the one of this process, begun when it is first asked for."""
    global _arrivals
    with _begun:
        if _arrivals is None:
            _arrivals = Arrivals(settings.ENVIRONMENT.accounts)
        return _arrivals
