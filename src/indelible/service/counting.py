"""What the service counts: requests, how long they took, documents taken in. Sums of every process, for `/metrics`.

A process counts in memory and adds that to the shared state every two seconds, so that a request waits for nobody. A
process that is killed loses what it counted since. Sums go on after a restart; a collector takes a smaller one, where
the shared state was deleted, for a new beginning.

No label names a clinic, a person, a key or an address.

    indelible_http_requests_total{route="api",status="2xx"}
    indelible_http_request_duration_seconds_bucket{route="api",le="0.1"}    until the first byte of the answer
    indelible_api_documents_total{outcome="accepted"}                       accepted, existing, refused
    indelible_api_waits_total{outcome="ended"}                              ended, gave_up
    indelible_workers                                                       processes that answer
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping

from ..drain.metrics import COUNTERS, Counters
from . import shared_state

# Seconds: a page is some tens of milliseconds, a wait for an entry ends after ten seconds.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
FLUSHED_EVERY = 2.0  # seconds
_GONE_AFTER = 10.0  # seconds since a process was last heard

_REQUESTS, _DURATION = "http_requests", "http_request_duration_seconds"
_DRAIN = "drain_"
_DOCUMENTS, _WAITS = "api_documents", "api_waits"

_Key = tuple[str, str]


class Counts:
    """What this process counted and did not add to the shared state yet. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._new: dict[_Key, float] = defaultdict(float)
        self._process = secrets.token_hex(8)
        self._pid = os.getpid()
        self._drained = dict.fromkeys(COUNTERS.counts(), 0)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request: its route group (`api`, `page`, `viewer`, `probe`, `other`), status and duration."""
        label = f'route="{route}"'
        bound = next((f"{one:g}" for one in BOUNDS if seconds <= one), "+Inf")
        with self._lock:
            self._new[_REQUESTS, f'{label},status="{status // 100}xx"'] += 1
            self._new[f"{_DURATION}_bucket", f'{label},le="{bound}"'] += 1
            self._new[f"{_DURATION}_sum", label] += seconds

    def documents(self, outcome: str, many: int = 1) -> None:
        """Count documents of an answer of the API: `accepted`, `existing` or `refused`."""
        self.add(_DOCUMENTS, f'outcome="{outcome}"', many)

    def wait(self, *, ended: bool) -> None:
        """Count a request that waited for its entry, and whether that came in time."""
        self.add(_WAITS, f'outcome="{"ended" if ended else "gave_up"}"', 1)

    def add(self, name: str, labels: str, many: float) -> None:
        with self._lock:
            self._new[name, labels] += many

    def flush(self, *, is_worker: bool = False) -> None:
        """Add what was counted to the shared state. `is_worker`: this process answers requests, and is at work."""
        with self._lock:
            new, self._new = self._new, defaultdict(float)
            drained = COUNTERS.counts()
            for name, value in drained.items():
                new[_DRAIN + name, ""] += value - self._drained[name]
            self._drained = drained
            if self._pid != os.getpid():  # a fork's own
                self._pid, self._process = os.getpid(), secrets.token_hex(8)
        now = shared_state.clock()

        def run(db: sqlite3.Connection) -> None:
            db.executemany(
                "INSERT INTO counted (name, labels, value) VALUES (?, ?, ?)"
                " ON CONFLICT (name, labels) DO UPDATE SET value = value + excluded.value",
                [(name, labels, value) for (name, labels), value in new.items()],
            )
            if is_worker:
                db.execute("INSERT OR REPLACE INTO process (id, beat) VALUES (?, ?)", (self._process, now))
                db.execute("DELETE FROM process WHERE beat < ? OR beat > ?", (now - _GONE_AFTER, now + _GONE_AFTER))

        shared_state.shared_state().change(run)


COUNTS = Counts()


def drained() -> Counters:
    """Return what all processes drained."""
    found, totals = _sums()[0], Counters()
    totals.add(**{name: int(found.get((_DRAIN + name, ""), 0)) for name in totals.counts()})
    return totals


def _sums() -> tuple[dict[_Key, float], int]:
    """Every sum by name and labels, and how many processes answer."""
    now = shared_state.clock()

    def run(db: sqlite3.Connection) -> tuple[dict[_Key, float], int]:
        found = {(name, labels): value for name, labels, value in db.execute("SELECT * FROM counted")}
        alive = db.execute("SELECT count(*) FROM process WHERE beat >= ?", (now - _GONE_AFTER,)).fetchone()[0]
        return found, int(alive)

    return shared_state.shared_state().change(run)


def text() -> str:
    """Return what was counted as OpenMetrics text, without the end mark."""
    found, workers = _sums()
    lines = [
        *_counter(found, _REQUESTS, "Requests that were answered."),
        *_histogram(found, _DURATION, "Time until the first byte of the answer."),
        *_counter(found, _DOCUMENTS, "Documents that the API answered for."),
        *_counter(found, _WAITS, "Requests that waited for their entry."),
        "# TYPE indelible_workers gauge",
        "# HELP indelible_workers Processes that answer requests.",
        f"indelible_workers {workers}",
    ]
    return "\n".join(lines) + "\n"


def _counter(found: Mapping[_Key, float], name: str, said: str) -> Iterable[str]:
    yield f"# TYPE indelible_{name} counter"
    yield f"# HELP indelible_{name} {said}"
    for labels in sorted(labels for one, labels in found if one == name):
        yield f"indelible_{name}_total{{{labels}}} {found[name, labels]:.0f}"


def _histogram(found: Mapping[_Key, float], name: str, said: str) -> Iterable[str]:
    yield f"# TYPE indelible_{name} histogram"
    yield f"# UNIT indelible_{name} seconds"
    yield f"# HELP indelible_{name} {said}"
    for label in sorted(labels for one, labels in found if one == f"{name}_sum"):
        total = 0.0
        for bound in (*(f"{one:g}" for one in BOUNDS), "+Inf"):
            total += found.get((f"{name}_bucket", f'{label},le="{bound}"'), 0.0)
            yield f'indelible_{name}_bucket{{{label},le="{bound}"}} {total:.0f}'
        yield f"indelible_{name}_count{{{label}}} {total:.0f}"
        yield f"indelible_{name}_sum{{{label}}} {found[f'{name}_sum', label]:.3f}"
