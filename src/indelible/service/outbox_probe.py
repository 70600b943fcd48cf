"""Looks at the hosts' outboxes for pages and metrics: quick, seldom, and never in a thread that serves pages for long.

A look has a thread of its own, and at most one is under way at an outbox. What it found is used again for a few
seconds. Whoever asks waits two seconds at most: then the outbox did not answer, whatever its database does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from ..drain import health
from ..drain.health import Health

# What a page may be late by, and how old its figures may be.
WITHIN = 2.0
FRESH = 5.0
# Looks that are remembered; one is one outbox and clinic.
_REMEMBERED = 1_000

_Key = tuple[str, str | None]
Look = Callable[[str, str | None], Health]


def _look(where: str, clinic: str | None) -> Health:
    return health.look_at(where, clinic=clinic)


class Probe:
    """Looks at outboxes by their URLs, for one clinic or for all. May be used from any thread."""

    def __init__(self, look: Look = _look, *, within: float = WITHIN, fresh: float = FRESH) -> None:
        self._look, self._within, self._fresh = look, within, fresh
        self._changed = threading.Condition()
        self._found: dict[_Key, tuple[float, Health]] = {}
        self._busy: set[str] = set()

    def at(self, urls: Sequence[str], clinic: str | None = None) -> list[Health]:
        """Look at every one of the outboxes, all at the same time, and answer in their order within WITHIN seconds."""
        end = time.monotonic() + self._within
        with self._changed:
            while True:
                known = [self._known((where, clinic)) for where in urls]
                for where, found in zip(urls, known, strict=True):
                    if found is None and where not in self._busy:
                        self._start((where, clinic))
                left = end - time.monotonic()
                if left <= 0 or all(found is not None for found in known):
                    break
                self._changed.wait(left)
        return [_silent() if found is None else found for found in known]

    def _known(self, key: _Key) -> Health | None:
        at, found = self._found.get(key, (0.0, None))
        return found if found is not None and time.monotonic() - at < self._fresh else None

    def _start(self, key: _Key) -> None:
        self._busy.add(key[0])
        threading.Thread(target=self._run, args=(key,), name="look", daemon=True).start()

    def _run(self, key: _Key) -> None:
        try:
            found = self._look(*key)
        except Exception as error:  # whatever it is, it breaks no page
            found = Health("", problem=f"could not be looked at ({type(error).__name__})")
        with self._changed:
            while len(self._found) >= _REMEMBERED:
                del self._found[next(iter(self._found))]
            self._found.pop(key, None)
            self._found[key] = time.monotonic(), found
            self._busy.discard(key[0])
            self._changed.notify_all()


def _silent() -> Health:
    return Health("", problem="did not answer in time", answers=False)


probe = Probe()
