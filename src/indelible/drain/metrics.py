"""How draining goes, in numbers, as OpenMetrics text (version 1.0.0), for Prometheus and whatever else reads it.

No clinic, person, host or document is named: an outbox is its number in the order in which it was configured, a held
document its reason's word. Counters begin at 0 with the process; the service adds up those of its processes. Ages are
seconds.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..errors import StorageFailure
from ..keep import signing
from ..stores.contract import Store
from .health import Health

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

END = "# EOF\n"

_Samples = Iterable[tuple[str, float]]


class Counters:
    """What this process drained, of every outbox together. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = {"appended": 0, "repeated": 0, "held": 0, "errors": 0}

    def add(self, *, appended: int = 0, repeated: int = 0, held: int = 0, errors: int = 0) -> None:
        with self._lock:
            for name, more in (("appended", appended), ("repeated", repeated), ("held", held), ("errors", errors)):
                self._counts[name] += more

    def counts(self) -> dict[str, int]:
        with self._lock:
            return dict(self._counts)


# Of this process: several threads may drain, and one page tells of them.
COUNTERS = Counters()


def text(outboxes: Sequence[Health], store: Store, now: int, totals: Counters = COUNTERS) -> str:
    """Return the metrics at an instant, of these outboxes and of the log of a store. Raises StorageFailure."""
    numbered = [(f'outbox="{number}"', one) for number, one in enumerate(outboxes, 1)]
    seen = [(label, one) for label, one in numbered if one.problem is None]
    counts, (unsigned, age) = totals.counts(), _signing(store, now)
    lines = [
        *_family("outbox_up", "gauge", "1 where the host's database answers and can be drained.",
                 ((label, one.problem is None) for label, one in numbered)),
        *_family("outbox_waiting", "gauge", "Documents that wait; 10001 stands for more than 10000.",
                 ((label, one.waiting) for label, one in seen)),
        *_family("outbox_oldest_seconds", "gauge", "Age of the oldest document that waits; 0 where none does.",
                 ((label, max(0.0, one.age_seconds or 0.0)) for label, one in seen), unit="seconds"),
        *_family("outbox_held", "gauge", "Documents that could not be recorded; 10001 stands for more than 10000.",
                 ((f'{label},reason="{word}"', count) for label, one in seen for word, count in _held(one))),
        *_family("guards_broken", "gauge", "Guarded tables whose guard does not stand.",
                 ((label, len(one.broken)) for label, one in seen)),
        *_family("drain_appended", "counter", "Documents that were recorded.", [("", counts["appended"])]),
        *_family("drain_repeated", "counter", "Documents that were recorded already.", [("", counts["repeated"])]),
        *_family("drain_held", "counter", "Documents that were held back.", [("", counts["held"])]),
        *_family("drain_errors", "counter", "Times that draining could not go on.", [("", counts["errors"])]),
        *_family("entries_unsigned", "gauge", "Entries of every open log that no checkpoint covers yet.",
                 [("", unsigned)]),
        *_family("last_signed_age_seconds", "gauge", "Time since the newest checkpoint.",
                 [] if age is None else [("", age)], unit="seconds"),
    ]  # fmt: skip
    return "\n".join(lines) + "\n" + END


def write(path: Path, content: str) -> None:
    """Put a file in place whole, for a collector of text files. Raises StorageFailure."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(content)
            os.chmod(name, 0o644)  # the collector is another user
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise StorageFailure(f"the metrics cannot be written to {path}: {error.strerror}") from error


def _family(name: str, kind: str, text: str, samples: _Samples, unit: str = "") -> Iterator[str]:
    full = f"indelible_{name}"
    yield f"# TYPE {full} {kind}"
    if unit:
        yield f"# UNIT {full} {unit}"
    yield f"# HELP {full} {text}"
    for labels, value in samples:
        shown = f"{value:.3f}".removesuffix(".000")
        yield f"{full}{'_total' if kind == 'counter' else ''}{f'{{{labels}}}' if labels else ''} {shown}"


def _held(one: Health) -> list[tuple[str, int]]:
    """Held documents by their reason's word, whether finally or for now."""
    words = sorted({word for word, _ in one.held})
    return [(word, sum(count for (name, _), count in one.held.items() if name == word)) for word in words]


def _signing(store: Store, now: int) -> tuple[int, float | None]:
    """How many entries of open logs no checkpoint covers, and the seconds since the newest checkpoint."""
    unsigned = 0
    newest: int | None = None
    for clinic, state in store.clinics():
        last = signing.last_checkpoint(store, clinic)
        if last is not None:
            newest = last.signed_at if newest is None else max(newest, last.signed_at)
        if state.closed_at is None:
            unsigned += max(0, state.size - (0 if last is None else last.size))
    return unsigned, None if newest is None else max(0.0, (now - newest) / 1_000_000)
