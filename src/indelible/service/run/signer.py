"""Signs what is recorded, every second, so that the last entries before a quiet hour do not wait for the next one.

`record` signs when the last checkpoint is a second old; an entry that is recorded right after a checkpoint, or by
another program in the same file, is signed here. The signer has a journal of its own, so it
shares no state with the threads that answer requests, and holds no transaction but those of a checkpoint.

It also keeps house, one clinic after the other: whom another program erased, and did not get to the keep, is cut out of
it; and what is sealed and dead is removed from the entries, which adds one entry for each person.

An installation may have thousands of clinics, most of them quiet. A clinic whose log was found in order and has not
grown since is passed over; each is looked at once a minute all the same, for what changes without an entry: a keep or a
database that was put back.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from ...errors import IndelibleError
from ...journal import Journal
from ...keep import erasures, signing
from ...stores.contract import Clinic

INTERVAL = 1.0  # seconds
# Rounds in which every clinic is looked at once, whether its log has grown or not.
ALL_ROUNDS = 60

# What is done to a log, as a sentence has it.
_SIGNED, _KEPT = "signed", "kept clear of who was erased"

_LOG = logging.getLogger("indelible.keep.signing")


class LogSigner:
    """Signs every log of one database that has unsigned entries, and finishes what was erased. For one thread."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._journal: Journal | None = None
        self._refused: dict[tuple[str, str], str] = {}
        # What of a clinic's erasures is not believed: the cover's version, and the last entry that says so.
        self._not_believed: dict[str, tuple[int, int]] = {}
        self._in_order: dict[str, int] = {}  # how long each clinic's log was when nothing was left to do
        self._round = 0

    def sign(self) -> bool:
        """Sign what is not signed; return whether all is signed. A refusal is logged once, and when it has ended."""
        try:
            if self._journal is None:
                self._journal = Journal(self._database)
            clinics = [(clinic, state.size) for clinic, state in self._journal.clinics() if state.closed_at is None]
        except Exception as error:  # whatever it is, the next second tries again
            self._say("the database", _SIGNED, error)
            return False
        self._say("the database", _SIGNED, None)
        self._round = (self._round + 1) % ALL_ROUNDS
        due = [
            (clinic, size)
            for number, (clinic, size) in enumerate(clinics)
            if self._in_order.get(clinic.id) != size or number % ALL_ROUNDS == self._round
        ]
        return all([self._sign_one(self._journal, clinic, size) for clinic, size in due])  # noqa: C419 - each is signed

    def _sign_one(self, journal: Journal, clinic: Clinic, size: int) -> bool:
        """Sign a log that had `size` entries, and keep house in it; return whether it is signed."""
        signed = self._try(journal, clinic, _SIGNED, self._sign)
        if kept := self._try(journal, clinic, _KEPT, self._keep_house):
            signed = self._try(journal, clinic, _SIGNED, self._sign) and signed
        if signed and kept:
            self._in_order[clinic.id] = size  # if it has grown meanwhile, it is looked at in the next round
        else:
            self._in_order.pop(clinic.id, None)
        return signed

    def _try(self, journal: Journal, clinic: Clinic, what: str, do: Callable[[Journal, Clinic], None]) -> bool:
        try:
            do(journal, clinic)
        except Exception as error:  # one clinic's trouble must not keep the others unsigned
            journal.forget(clinic.id)  # its keys may have been put right meanwhile
            self._say(f"the log of {clinic.id}", what, error)
            return False
        self._say(f"the log of {clinic.id}", what, None)
        return True

    def _sign(self, journal: Journal, clinic: Clinic) -> None:
        last = signing.last_checkpoint(journal.store, clinic)
        if journal.store.rows(clinic.id).state().size > (last.size if last else 0):
            journal.clinic(clinic.id).checkpoint()

    def _keep_house(self, journal: Journal, clinic: Clinic) -> None:
        rows, kept = journal.store.rows(clinic.id), journal.kept(clinic)
        if left := erasures.behind(rows, kept.up_to):
            # Whether one is believed may take every body of the log, so it is asked once.
            if self._not_believed.get(clinic.id) != (kept.version, left[-1].seq):
                journal.clinic(clinic.id).replay()
            self._not_believed[clinic.id] = (journal.kept(clinic).version, left[-1].seq)
        if next(rows.persons("unscrubbed"), None) is not None:
            journal.clinic(clinic.id).scrub()

    def _say(self, which: str, what: str, error: Exception | None) -> None:
        """Log what is new. Our own errors say in one sentence what to do; of others the message may quote a value."""
        told = "" if error is None else str(error) if isinstance(error, IndelibleError) else type(error).__name__
        if told == self._refused.get((which, what), ""):
            return
        self._refused[which, what] = told
        if error is None:
            _LOG.warning("%s can be %s again", which, what)
        else:
            _LOG.error("%s is not %s: %s", which, what, told, exc_info=error)

    def close(self) -> None:
        if self._journal is not None:
            self._journal.store.close()  # what could be signed is signed
            self._journal = None


def start(database: Path, interval: float = INTERVAL) -> threading.Thread:
    """Sign every `interval` seconds for as long as this process lives."""
    never = threading.Event()

    def run() -> None:
        signer = LogSigner(database)
        while True:
            signer.sign()
            never.wait(interval)

    thread = threading.Thread(target=run, name="signer", daemon=True)
    thread.start()
    return thread


def sign_once(database: Path) -> bool:
    """Sign everything now; return whether that was possible."""
    signer = LogSigner(database)
    try:
        return signer.sign()
    finally:
        signer.close()
