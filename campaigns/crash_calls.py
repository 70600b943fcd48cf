"""Killed at every system call of an erasure, and of the scrubbing that follows it.

For each operation a child process does it on a copy of a small log and is killed at its system call n, before it and
behind it, for n = 1, 2, ... until it comes to its end (`system_calls.py`). Then the log is opened again, as any process
opens it, and everything is looked at with an attacker's eyes, who has a copy of the database from before:

- the client is erased, with an entry that accounts for it, nothing of theirs opens in the database or in the copy, and
  no file of a former cover is left; or it was not begun, and everything is as it was
- everybody else's values open; the log is intact, without a notice; what had returned is done
- done again it is done, once.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.erasure.conftest import Attacker

from indelible.errors import NotFound
from indelible.journal import Journal
from indelible.log import ClinicLog
from indelible.manage.inspection import inspect
from indelible.record.document import Staff
from indelible.testing.logs import event

from .system_calls import killed_at

_STAFF = Staff("usr_12", "Maria Fernandes")
_ENTRIES = 12
_ERASED, _OTHERS = "Ana Erased", {"Bruno Kept", "Carla Kept"}


def _anonymize(log: ClinicLog) -> None:
    log.anonymize("cli_0", requested_by="client", actor=_STAFF)


def _scrub(log: ClinicLog) -> None:
    log.scrub()


OPERATIONS: dict[str, Callable[[ClinicLog], None]] = {"anonymize": _anonymize, "scrub": _scrub}


@dataclass(slots=True)
class Outcome:
    """What came of killing one operation at every system call; `calls` counts them by name."""

    kills: int = 0
    done: int = 0
    returned: int = 0
    problem: str = ""
    calls: Counter[str] = field(default_factory=Counter)


def run() -> dict[str, Outcome]:
    """Kill every operation at each of its system calls; stops at an operation's first problem."""
    outcomes = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, operation in OPERATIONS.items():
            template, before = Path(folder) / name, Path(folder) / f"{name}-before"
            _prepare(template, before, is_erased=operation is _scrub)
            outcome = outcomes[name] = Outcome()
            while not outcome.problem:
                work = Path(shutil.copytree(template, Path(folder) / "copy"))
                call, returned = killed_at(outcome.kills + 1, _opened(work / "activity.db", operation))
                if not call:
                    break
                outcome.kills += 1
                outcome.calls[call] += 1
                outcome.returned += returned
                problem, done = _check(work / "activity.db", before / "activity.db", operation, returned)
                outcome.done += done
                outcome.problem = problem and f"killed {call}, stop {outcome.kills}: {problem}"
                shutil.rmtree(work)
            shutil.rmtree(Path(folder) / "copy", ignore_errors=True)
    return outcomes


def _prepare(folder: Path, before: Path, *, is_erased: bool) -> None:
    """A log of three clients; in `before`, the database as it was before anybody was erased."""
    folder.mkdir()
    names = [_ERASED, *sorted(_OTHERS)]
    with Journal.create(folder / "activity.db") as journal:
        log = journal.add_clinic("c", name="Crash", zone="Europe/Lisbon")
        for number in range(_ENTRIES):
            log.record_document(event(number, client={"id": f"cli_{number % 3}", "name": names[number % 3]}))
    shutil.copytree(folder, before)
    if is_erased:
        with Journal(folder / "activity.db") as journal:
            _anonymize(journal.clinic())


def _opened(database: Path, operation: Callable[[ClinicLog], None]) -> Callable[[], Callable[[], None]]:
    def prepare() -> Callable[[], None]:
        log = Journal(database).clinic()
        return lambda: operation(log)

    return prepare


def _check(database: Path, before: Path, operation: Callable[[ClinicLog], None], returned: bool) -> tuple[str, bool]:
    """Return what is wrong, or nothing; and whether the operation was found done."""
    done = False
    for again in (False, True):
        with Journal(database) as journal:
            log = journal.clinic()
            if again:
                with suppress(NotFound):  # a client who is anonymized is known no more
                    operation(log)
            log.checkpoint()
            report = inspect(log)
            erased, scrubbed = (len(list(log.read(f"action:{action}"))) for action in _ACTIONS)
        when = "done again, " if again else ""
        if report.result != "intact" or report.notices:
            return f"{when}{report.result}: {report.findings or report.doubts or report.notices}", done
        is_done = bool(scrubbed if operation is _scrub else erased)
        if (returned or again) and not is_done:
            return f"{when}it had returned, and is not there", done
        if erased > 1 or scrubbed > 1:
            return f"{when}it is there twice", done
        if problem := _taken(database, before, bool(erased)):
            return f"{when}{problem}", done
        if scrubbed and _left(database):
            return f"{when}scrubbed, and a sealed part is left", done
        done = done if again else is_done
    return "", done


_ACTIONS = ("client.anonymized", "log.scrubbed")


def _taken(database: Path, before: Path, is_erased: bool) -> str:
    """What is wrong with what an attacker gets, with the keep of now, of the database and of a copy of before."""
    keep = database.with_name("activity.db.keep")
    attacker = Attacker(database, keep, database.with_name("activity.db.key"))
    if left := [path.name for path in keep.iterdir() if path.suffix not in ("", ".cover", ".lock")]:
        return f"{', '.join(left)} is left in the keep"
    for copy in (database, before):
        plain = b"\n".join(attacker.opened(copy))
        if any(name.encode() not in plain for name in _OTHERS):
            return f"{copy}: values of others do not open"
        if (_ERASED.encode() in plain) == is_erased:
            return f"{copy}: the client is {'' if is_erased else 'not '}erased, and their values say otherwise"
    return ""


def _left(database: Path) -> bool:
    """Whether an entry of the erased client still has as many sealed bytes as one of the others."""
    with closing(sqlite3.connect(database)) as db:
        sql = "SELECT min(length(sealed)) FROM indelible_entry WHERE action = 'booking.cancelled' AND seq % 3 = ?"
        (erased,), (other,) = (db.execute(sql, (rest,)).fetchone() for rest in (1, 2))
    return bool(erased >= other)
