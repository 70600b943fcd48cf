"""The threads of `indelible serve` that take documents into the log: from the service's accounts, and from hosts.

Each outbox has a thread with a journal and a connection of its own, so that a host's database which does not answer
holds up nobody else. What must stop draining (a full disk, a clock, a copy of a database) is logged once, and tried
again; nothing is lost meanwhile. A request wakes the threads after its commit, and never waits for them: those of its
own process, or the process that has them (`leader.py`).
"""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from pathlib import Path

from ...drain.passes import Drain, drain_all
from ...drain.sources import open_source
from ...errors import IndelibleError
from ...journal import Journal
from ..environment import Environment
from . import leader

AGAIN = 5.0  # seconds, after what must stop draining

_LOG = logging.getLogger("indelible.draining")
_drains: list[_Draining] = []


class _Draining:
    """Drains one outbox for as long as this process lives. `name` is what the service's logs call it."""

    def __init__(self, database: Path, where: str, name: str, keep_days: int) -> None:
        self._keep_days = keep_days
        self._database, self._where, self._name = database, where, name
        self._drain: Drain | None = None
        self._told = ""

    def start(self) -> None:
        threading.Thread(target=self._forever, name=f"drain {self._name}", daemon=True).start()

    def wake(self) -> None:
        drain = self._drain
        if drain is not None:
            drain.wake()

    def _forever(self) -> None:
        never = threading.Event()
        while True:
            try:
                self._run()
            except Exception as error:  # whatever it is, it is tried again
                self._say(error)
            never.wait(AGAIN)

    def _run(self) -> None:
        journal = Journal(self._database)
        try:
            with closing(open_source(self._where, journal.places)) as source:
                self._drain = Drain(journal, source, tell=self._tell, keep_days=self._keep_days)
                self._drain.run()
        finally:
            self._drain = None
            journal.store.close()  # the signer signs

    def _tell(self, sentence: str) -> None:
        """Draining began, or goes on: what was told before has ended."""
        _LOG.info("%s: %s", self._name, sentence)
        self._told = ""

    def _say(self, error: Exception) -> None:
        """Log what is new. Our own errors say in one sentence what to do; of others the message may quote a value."""
        told = str(error) if isinstance(error, IndelibleError) else type(error).__name__
        if told != self._told:
            self._told = told
            _LOG.error("%s is not drained: %s", self._name, told, exc_info=error)


def start(settings: Environment) -> None:
    """Drain the accounts and the hosts that the environment names, until the process ends."""
    for number, where in enumerate(settings.every_outbox):
        name = f"outbox {number}" if number else "the accounts' outbox"
        made = _Draining(settings.database, where, name, settings.keep_days)
        _drains.append(made)
        made.start()


def settle(settings: Environment) -> bool:
    """Take what waits in the accounts' outbox into the log now, sign it, and return whether that was possible.

    For a program that ends. A refusal is logged; what waits then stays where it is.
    """
    try:
        with (
            Journal(settings.database) as journal,
            closing(open_source(str(settings.accounts), journal.places)) as source,
        ):
            drain_all(journal, source, keep_days=settings.keep_days)
    except IndelibleError as error:
        _LOG.error("the accounts' outbox is not drained: %s", error)
        return False
    return True


def wake() -> None:
    """Look into the outboxes now, because something was put into one of them: whichever process drains them."""
    if _drains:
        wake_here()
    else:
        leader.call()


def wake_here() -> None:
    """Look into the outboxes that this process drains."""
    for one in _drains:
        one.wake()
