"""Verifications and comparisons under way: one at a time for whoever it is, whichever process of the service runs it.

How far one is, and what came of it, stands in the shared state, so that every process shows it. It is a process's for
as long as that says so once a second: one that was killed leaves a verification that nobody runs, and the next one may
begin. The log itself records each verification that ended.
"""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...access import Access
from ...errors import IndelibleError
from .. import shared_state

_BEAT = 1.0  # seconds between two words of whoever runs one
_DEAD_AFTER = 15.0  # seconds without one
_POLL = 0.1  # seconds between two looks at one that another process runs

_LOG = logging.getLogger("indelible.verification")


@dataclass(frozen=True, slots=True)
class Check:
    """One that is under way, or the last one. `done` of `size` entries are checked; `about` says what it looks at
    besides the log; `at` is when it began, in microseconds. `outcome` is what `run` returned, where it ended well,
    and `problem` why it did not."""

    size: int
    at: int
    about: str
    done: int
    running: bool
    outcome: Mapping[str, Any] | None
    problem: str

    @property
    def percent(self) -> int:
        return 100 if not self.running or not self.size else min(99, self.done * 100 // self.size)


Progress = Callable[[int], None]
# What a check does: it tells how many entries are done, and returns what JSON can hold. It may tell that before the
# end, for what it could not finish.
Run = Callable[[Access, Progress, Callable[[Mapping[str, Any]], None]], None]


class Checks:
    """The checks of one kind."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def of(self, whose: str) -> Check | None:
        """Return the check that is running for somebody, or the last one."""
        found = shared_state.shared_state().change(lambda db: _row(db, self._key(whose)))
        return None if found is None else _check(found)

    def start(self, access: Access, run: Run, whose: str, about: str = "") -> Check:
        """Begin a check, or return the one that is running, which may be about something else."""
        key, number, session = self._key(whose), secrets.token_hex(8), access.session

        def begin(db: sqlite3.Connection) -> tuple[Any, ...]:
            found = _row(db, key)
            if found is None or not _check(found).running:
                db.execute(
                    "INSERT OR REPLACE INTO task (whose, number, size, at, about, done, beat) VALUES (?,?,?,?,?,0,?)",
                    (key, number, session.size, session.now, about, shared_state.clock()),
                )
                found = _row(db, key)
            assert found is not None  # noqa: S101 - for the type checker
            return found

        found = shared_state.shared_state().change(begin)
        if found[0] == number:
            _Running(key, number).start(access, run)
        return _check(found)

    def wait(self, whose: str, seconds: float) -> bool:
        """Wait for the end of the check that is running; return whether it ended in time."""
        end = time.monotonic() + seconds
        never = threading.Event()
        while (check := self.of(whose)) is not None and check.running:
            if time.monotonic() >= end:
                return False
            never.wait(_POLL)
        return True

    def _key(self, whose: str) -> str:
        return f"{self._kind} {whose}"


class _Running:
    """A check that this process runs: a thread for it, and one that tells of it."""

    def __init__(self, key: str, number: str) -> None:
        self._key, self._number = key, number
        self._done, self._outcome = 0, dict[str, Any]()
        self._ended = threading.Event()

    def start(self, access: Access, run: Run) -> None:
        threading.Thread(target=self._run, args=(access, run), name="verify", daemon=True).start()
        threading.Thread(target=self._tell_on, name="verify beat", daemon=True).start()

    def _run(self, access: Access, run: Run) -> None:
        try:
            run(access, self._progress, self._outcome.update)
        except IndelibleError as error:
            self._outcome["problem"] = str(error)
        except Exception as error:
            _LOG.exception("a verification broke")
            self._outcome["problem"] = type(error).__name__
        finally:
            self._tell(json.dumps(self._outcome))
            self._ended.set()

    def _progress(self, done: int) -> None:
        self._done = done

    def _tell_on(self) -> None:
        while not self._ended.wait(_BEAT):
            self._tell(None)

    def _tell(self, outcome: str | None) -> None:
        shared_state.shared_state().change(
            lambda db: db.execute(
                "UPDATE task SET done = ?, beat = ?, outcome = coalesce(?, outcome) WHERE whose = ? AND number = ?",
                (self._done, shared_state.clock(), outcome, self._key, self._number),
            )
        )


def _row(db: sqlite3.Connection, key: str) -> tuple[Any, ...] | None:
    return db.execute(
        "SELECT number, size, at, about, done, beat, outcome FROM task WHERE whose = ?", (key,)
    ).fetchone()


def _check(row: tuple[Any, ...]) -> Check:
    _, size, at, about, done, beat, text = row
    outcome = None if text is None else json.loads(text)
    running = outcome is None and abs(shared_state.clock() - beat) < _DEAD_AFTER
    return Check(size, at, about, done, running, outcome, (outcome or {}).get("problem", ""))
