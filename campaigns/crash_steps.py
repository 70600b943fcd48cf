"""Killed at every step: before and after each statement of an operation, in the database or the head store.

For each operation a child process does it on a copy of a small log and kills itself with SIGKILL at step n, for n = 1,
2, ... until it comes to its end. The statements are all but SELECTs: BEGIN, each write, COMMIT, the swap in the head
store, the checkpoint's row, and those of opening and closing.

After each the log is opened again and the normal path runs: verification finds it intact, with no gap; what had been
acknowledged is there; the operation is wholly there or wholly not; done again it is there once. A killed process is
what is tested here, not a machine that loses power: then `synchronous=FULL` and the disk count.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from indelible.errors import Conflict, NotFound
from indelible.journal import Journal
from indelible.log import ClinicLog
from indelible.manage.inspection import inspect
from indelible.record.document import Staff, parse
from indelible.testing.logs import event

_STAFF = Staff("usr_12", "Maria Fernandes")
_BATCH = 230  # more than `append` writes at once
_BEFORE = 12


class _Steps:
    """Counts statements once it is armed, and kills the process at one of them."""

    def __init__(self, at: int) -> None:
        self.at, self.done = at, 0

    def step(self, sql: str) -> None:
        if sql.startswith("SELECT"):
            return  # it leaves nothing that the statement before it did not leave
        self.done += 1
        if self.done == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


_steps = _Steps(0)


class _Cursor(sqlite3.Cursor):
    def execute(self, *arguments: Any) -> _Cursor:
        _steps.step(arguments[0])
        super().execute(*arguments)
        _steps.step(arguments[0])
        return self

    def executemany(self, *arguments: Any) -> _Cursor:
        _steps.step(arguments[0])
        super().executemany(*arguments)
        _steps.step(arguments[0])
        return self


class _Connection(sqlite3.Connection):
    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        found: sqlite3.Cursor = self.cursor().execute(*arguments)
        return found

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        found: sqlite3.Cursor = self.cursor().executemany(*arguments)
        return found


def connect_dying_at(at: int) -> Callable[..., sqlite3.Connection]:
    """Return what stands in for `sqlite3.connect` in a process that is to die at its step `at`."""
    _steps.at, _steps.done = at, 0
    connect = sqlite3.connect
    return lambda *arguments, **options: connect(*arguments, **{**options, "factory": _Connection})


# The operations


def _documents(count: int) -> list[dict[str, Any]]:
    """Documents with keys and evidence: of persons nobody has met, and of one who is there, under other names."""
    return [
        event(
            action="charge.refunded",
            target={"kind": "refund", "id": f"re_{number}"},
            client={"id": f"cli_new_{number % 50}" if number % 2 else "cli_1", "name": f"Name {number}"},
            context={"amount_minor": number, "currency": "EUR", "source": "staff", "stripe_refund": f"re_S{number}"},
            key=f"step-{number}",
        )
        for number in range(count)
    ]


def _record(log: ClinicLog) -> None:
    log.record_document(_documents(1)[0])


def _append_batch(log: ClinicLog) -> None:
    results = log.append([log.draft(parse(one)) for one in _documents(_BATCH)])
    assert not any(isinstance(result, Conflict) for result in results)


def _checkpoint(log: ClinicLog) -> None:
    log.checkpoint()


def _anonymize(log: ClinicLog) -> None:
    log.anonymize("cli_1", requested_by="client", actor=_STAFF)


OPERATIONS: dict[str, Callable[[ClinicLog], None]] = {
    "record": _record,
    "append of a batch": _append_batch,
    "checkpoint": _checkpoint,
    "anonymize": _anonymize,
}


@dataclass(slots=True)
class Outcome:
    """What came of killing one operation at every step."""

    steps: int = 0
    there: int = 0
    acknowledged: int = 0
    problem: str = ""


def run() -> dict[str, Outcome]:
    """Kill every operation at each of its steps; stops at an operation's first problem."""
    outcomes = {}
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template"
        template.mkdir()
        _prepare(template)
        for name in OPERATIONS:
            outcome = outcomes[name] = Outcome()
            killed = True
            while killed and not outcome.problem:
                copy = Path(folder) / "copy"
                shutil.copytree(template, copy)
                killed, acknowledged = _child(copy / "activity.db", name, outcome.steps + 1)
                outcome.steps += killed
                outcome.acknowledged += acknowledged and killed
                problem, there = _check(copy / "activity.db", name, acknowledged)
                outcome.there += there and killed
                outcome.problem = problem and f"killed at step {outcome.steps}: {problem}"
                shutil.rmtree(copy)
    return outcomes


def _prepare(folder: Path) -> None:
    """A log of some entries, one checkpoint, and two entries behind it, closed without signing them."""
    with Journal.create(folder / "activity.db") as journal:
        log = journal.add_clinic("c", name="Crash", zone="Europe/Lisbon")
        for number in range(_BEFORE):
            if number == _BEFORE - 2:
                log.checkpoint()
            who = {"id": f"cli_{number % 3}", "name": f"Client {number}"}
            log._signed_at = log.clock()
            log.append([log.draft(parse(event(number, client=who)))])
        log.unsigned = False


def _child(database: Path, name: str, at: int) -> tuple[bool, bool]:
    """Do an operation in a child that dies at step `at`; return whether it died, and whether it had acknowledged."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with (
                patch.object(sqlite3, "connect", connect_dying_at(at)),
                Journal(database) as journal,
            ):
                OPERATIONS[name](journal.clinic())
                os.write(writing, b"done")
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        acknowledged = pipe.read() == b"done"
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) and os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"{name} failed by itself, without being killed")
    return os.WIFSIGNALED(status), acknowledged


def _check(database: Path, name: str, acknowledged: bool) -> tuple[str, bool]:
    """Return what is wrong, or nothing; and whether the operation was found done."""
    if problem := _intact(database):
        return problem, False
    done, problem = _state(database, name)
    if problem or (acknowledged and not done):
        return problem or "it had been acknowledged and is not there", done
    with Journal(database) as journal:  # the normal path again: it is there once, and the rest is signed
        try:
            OPERATIONS[name](journal.clinic())
        except NotFound:
            if not done:  # a client who is anonymized is known no more, which says that it was done
                raise
        journal.clinic().checkpoint()
    if problem := _intact(database):
        return f"after doing it again: {problem}", done
    again, problem = _state(database, name)
    return (problem or ("" if again else "done again, it is not there")), done


def _intact(database: Path) -> str:
    with Journal(database) as journal:
        report = inspect(journal.clinic())
    return "" if report.result == "intact" else f"{report.result}: {report.findings or report.doubts}"


def _state(database: Path, name: str) -> tuple[bool, str]:
    """Whether an operation is done, and what is wrong where it is half done or done twice."""
    with Journal(database) as journal:
        log = journal.clinic()
        extra = log.size - _BEFORE
        signed = journal.heads.get(log.clinic.origin)
        views = list(log.read("client:cli_1"))
        refunds = len(list(log.read("action:charge.refunded")))
        erasures = len(list(log.read("action:client.anonymized")))
    if name == "checkpoint":
        done = signed is not None and signed.size == _BEFORE
        return done, f"{extra} entries appeared" if extra else ""
    expected = {"append of a batch": _BATCH}.get(name, 1)
    if extra not in (0, expected) or refunds + erasures != extra:
        return False, f"{extra} entries are there in place of 0 or {expected}"
    if name == "anonymize" and (len(views) == 0) != (extra == 1):
        return False, "the client's values and the entry that accounts for them do not agree"
    return extra == expected, ""
