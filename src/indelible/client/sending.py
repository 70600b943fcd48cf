"""Empties a spool into the service: in order within a clinic, several documents a request, from a thread of its own.

    accepted, recorded, existing   the document is deleted
    refused for good               it is held, told to `on_problem`, and those behind it go on
    the key may not, or the clinic is not there   the clinic's documents wait, and it is tried again each minute
    429                            the clinic's documents wait as long as the service asks
    no answer, 408, 5xx            everything waits, a little longer each time

A document that the host gave no time is sent with the time at which it was put into the spool. Where the service
refuses that time (this machine's clock is wrong), or has the same document under its key with another one, it is sent
without.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import Conflict, IndelibleError, NotFound, StorageFailure
from ..format import instant
from . import calls
from .answers import Receipt, Result
from .forking import begins_anew
from .problems import NotAllowed, Refused, Unavailable
from .retrying import Retry
from .spool import Spool, Standing, Waiting
from .wire import Wire

# Of one request: small enough to be answered soon, large enough that a backlog is not sent one by one.
BATCH = 200
BATCH_BYTES = 1024 * 1024
# While nothing waits, what another process left behind when it ended is looked for so often, in seconds.
_IDLE = 1.0
_OTHERS_TURN = 0.05
_SHUT_FOR = 60.0
_AWAY = Retry(longest=15.0)
# A request that is refused for what one document in it is; otherwise it is not about the document.
_OF_A_DOCUMENT = frozenset({409, 413, 422})

_log = logging.getLogger("indelible.client")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What `on_problem` is told: the document `key` of a clinic is held, or without a key, all of the clinic's wait."""

    clinic: str
    problem: IndelibleError
    key: str | None = None


class Sender:
    """Sends what waits in a spool, of one clinic or of all. Begins with `ensure`, and again after a fork."""

    def __init__(
        self, spool: Spool, wire: Wire, clinic: str | None, on_problem: Callable[[Trouble], object] | None = None
    ) -> None:
        self._spool, self._wire, self._clinic, self._on_problem = spool, wire, clinic, on_problem
        self._stopped = False
        self._begin()
        begins_anew(self)

    def forked(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._ended = True  # the thread; one that is left alone closes the connection that it still uses
        self._left_alone = False
        self._moved = threading.Condition()
        self._wake = threading.Event()
        self._tried, self._away_until = 0, 0.0
        self._shut: dict[str, float] = {}  # until when nothing of a clinic is sent
        self._told: set[str] = set()  # of which clinics it was told that their documents wait
        self._slowed: dict[str, int] = {}
        self._singly: dict[str, int] = {}

    def ensure(self) -> None:
        """See to it that what waits is sent, from now on."""
        with self._starting:
            if not self._stopped and (self._thread is None or not self._thread.is_alive()):
                self._ended = False
                self._thread = threading.Thread(target=self._run, name="indelible-spool", daemon=True)
                self._thread.start()
        self._wake.set()

    def flush(self, seconds: float) -> Standing:
        """Wait until nothing waits any more, so many seconds at most; return what is left."""
        self.ensure()
        self._until(lambda: not self._spool.standing(self._clinic).waiting, seconds)
        return self._spool.standing(self._clinic)

    def settled(self, clinic: str, key: str, seconds: float) -> bool:
        """Wait until a document waits no more, so many seconds at most; return whether it is so."""
        return self._until(lambda: not isinstance(self._spool.find(clinic, key), Waiting), seconds)

    def stop(self, seconds: float) -> bool:
        """End the thread; return whether it ended in this time. If not, it closes the connection when it does."""
        self._stopped = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(seconds)
        with self._starting:
            self._left_alone = not self._ended
        return not self._left_alone

    def _until(self, true: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        with self._moved:
            while not true():
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._moved.wait(min(left, _IDLE / 4))  # another process may be the one that sends
        return True

    # The thread

    def _run(self) -> None:
        self._keep_sending()
        with self._starting:
            self._ended = True
            if self._left_alone:
                self._wire.close()

    def _keep_sending(self) -> None:
        while not self._stopped:
            try:
                pause = self._round()
            except Unavailable as problem:
                self._tried += 1
                pause = _AWAY.backoff(self._tried, problem.retry_after)
                self._away_until = time.monotonic() + pause
                if self._tried == 1:
                    _log.warning("the service is away; what is recorded waits in the spool")
            except StorageFailure:
                _log.warning("the spool cannot be read or written at this moment")
                pause = _IDLE
            except Exception as error:  # a defect must not stop what is still right
                _log.error("sending from the spool failed: %s", type(error).__name__)
                pause = _SHUT_FOR / 10
            with self._moved:
                self._moved.notify_all()
            if pause:
                self._rest(pause)

    def _rest(self, pause: float) -> None:
        """Rest so long, or until something is put into the spool; while the service is away, so long in any case."""
        end = time.monotonic() + pause
        while not self._stopped:
            woken = self._wake.wait(max(0.0, end - time.monotonic()))
            self._wake.clear()
            if not woken or time.monotonic() >= max(self._away_until, 0.0):
                return

    def _round(self) -> float:
        """Send one request for each clinic of which something waits; return how long to rest after it, in seconds."""
        clinics = self._spool.clinics()
        if self._clinic is not None:
            clinics = [self._clinic] if self._clinic in clinics else []
        now = time.monotonic()
        open_ones = [clinic for clinic in clinics if self._shut.get(clinic, 0.0) <= now]
        if not open_ones:
            return min([_IDLE, *(max(0.01, self._shut[clinic] - now) for clinic in clinics)])
        with self._spool.sending() as mine:
            if not mine:
                return _OTHERS_TURN
            for clinic in open_ones:
                if not self._stopped:
                    self._send(clinic)
        if not self._spool.clinics():
            self._spool.tidy()
        return 0.0

    def _send(self, clinic: str) -> None:
        singly = self._singly.get(clinic, 0)
        rows = self._spool.next(clinic, 1 if singly else BATCH, BATCH_BYTES)
        if not rows:
            return
        try:
            results = self._results(clinic, rows)
        except Unavailable as problem:
            if problem.status != 429:
                raise
            self._slowed[clinic] = self._slowed.get(clinic, 0) + 1
            self._shut[clinic] = time.monotonic() + _AWAY.backoff(self._slowed[clinic], problem.retry_after)
            return None
        except (NotAllowed, NotFound) as problem:
            return self._shut_out(clinic, problem)
        except (Refused, Conflict) as problem:
            if getattr(problem, "status", 409) not in _OF_A_DOCUMENT:
                return self._shut_out(clinic, problem)
            if len(rows) > 1:
                self._singly[clinic] = len(rows)  # which of them it is, is found one by one
                return None
            results = [problem]
        self._tried = 0
        self._shut.pop(clinic, None)
        self._slowed.pop(clinic, None)
        self._told.discard(clinic)
        self._singly[clinic] = max(0, singly - 1)
        return self._settle(clinic, rows, results)

    def _results(self, clinic: str, rows: Sequence[Waiting], dated: bool = True) -> list[Result]:
        documents = [_written(row, dated) for row in rows]
        return self._wire.once(calls.record_many(clinic, documents, [row.key for row in rows]))

    def _shut_out(self, clinic: str, problem: IndelibleError) -> None:
        self._shut[clinic] = time.monotonic() + _SHUT_FOR
        if clinic not in self._told:
            self._told.add(clinic)
            _log.warning("the service does not take the documents of a clinic: %s", type(problem).__name__)
            self._tell(Trouble(clinic, problem))

    def _settle(self, clinic: str, rows: Sequence[Waiting], results: Sequence[Result]) -> None:
        sent: list[Waiting] = []
        refused: list[tuple[Waiting, Refused | Conflict]] = []
        stopped: IndelibleError | None = None
        for row, result in zip(rows, results, strict=True):
            if isinstance(result, Refused | Conflict) and not row.dated and _is_of_time(result):
                try:
                    result = self._results(clinic, [row], dated=False)[0]
                except (Refused, Conflict, NotAllowed, NotFound, Unavailable) as error:
                    result = error
            if isinstance(result, Receipt):
                sent.append(row)
            elif isinstance(result, Refused | Conflict):
                refused.append((row, result))
            else:
                stopped = result  # those behind it are sent again, and are then there already
                break
        self._spool.settle(sent, refused)
        for row, problem in refused:
            _log.warning("a document was refused for good and is held in the spool: %s", getattr(problem, "field", ""))
            self._tell(Trouble(clinic, problem, row.key))
        if isinstance(stopped, Unavailable):
            raise stopped
        if stopped is not None:
            self._shut_out(clinic, stopped)

    def _tell(self, trouble: Trouble) -> None:
        if self._on_problem is None:
            return
        try:
            self._on_problem(trouble)
        except Exception as error:  # the host's own; its documents are sent all the same
            _log.error("on_problem failed: %s", type(error).__name__)


def _written(row: Waiting, dated: bool) -> bytes:
    """A document as it is sent, with the time at which it was put here where the host gave none."""
    if row.dated or not dated:
        return row.document.encode()
    return json.dumps(
        json.loads(row.document) | {"occurred_at": instant.format(row.at)}, ensure_ascii=False, separators=(",", ":")
    ).encode()


def _is_of_time(problem: Refused | Conflict) -> bool:
    return isinstance(problem, Conflict) or problem.field == "occurred_at"
