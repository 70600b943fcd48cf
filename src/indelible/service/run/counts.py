"""The thread of a process that adds what it counted to the shared state, says that the process is at work, and sweeps
out what counts no more."""

from __future__ import annotations

import logging
import threading

from .. import counting, shared_state
from . import leader

_SWEPT_EVERY = 30  # flushes: about a minute
_LOG = logging.getLogger("indelible.shared")


def start(interval: float = counting.FLUSHED_EVERY) -> threading.Thread:
    """Do so for as long as this process lives."""
    never = threading.Event()

    def run() -> None:
        rounds = 0
        while True:
            try:
                counting.COUNTS.flush(is_worker=True)
                if leader.is_leading() and rounds % _SWEPT_EVERY == 0:
                    shared_state.shared_state().sweep(shared_state.clock())
            except Exception:  # counts are not worth a process
                _LOG.exception("counts were not added")
            rounds += 1
            never.wait(interval)

    thread = threading.Thread(target=run, name="counts", daemon=True)
    thread.start()
    return thread
