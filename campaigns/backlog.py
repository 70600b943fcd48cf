"""A backlog: one clinic has a great many documents waiting, and another one's are in the log soon all the same.

A host's file holds `rounds` documents of one clinic when a drainer starts. While it works, documents of a second clinic
are committed one after the other, and each is waited for: how long that takes, from the commit to the log, is the
figure. At the end every document is in the log, once, and the outbox is empty.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

from indelible import Journal
from indelible.drain.passes import Drain, drain_all
from indelible.log import ClinicLog
from indelible.manage.inspection import inspect
from indelible.outbox import sqlite_source
from indelible.outbox.sqlite_source import SQLiteSource
from indelible.testing.logs import event

_LARGE, _SMALL = "c_lisbon", "c_porto"
_INSERT = "INSERT INTO indelible_outbox (clinic, document) VALUES (?, ?)"
_LIMIT_SECONDS = 60.0  # for one document; beyond that the campaign has failed


def run(rounds: int, seed: int) -> int:
    """Run the campaign with as many documents as `rounds`; return an exit code. Nothing in it is random."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Journal.create(folder / "activity.db") as journal:
            for clinic in (_LARGE, _SMALL):
                journal.add_clinic(clinic, name=clinic, zone="Europe/Lisbon")
        _fill(folder / "host.db", rounds)
        started = time.monotonic()
        waits = _with_drainer(folder, rounds)
        seconds = time.monotonic() - started
        if problem := _differs(folder, rounds, len(waits)):
            print(f"backlog: {problem}")
            return 1
    cuts = statistics.quantiles(waits, n=100, method="inclusive")
    print(
        f"backlog: {rounds} documents of one clinic drained in {seconds:.0f} s ({rounds / seconds:.0f}/s); "
        f"{len(waits)} of another one meanwhile, from commit to log: p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s, "
        f"longest {max(waits):.2f} s; each recorded once, always intact"
    )
    return 0


def _fill(path: Path, rows: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        sqlite_source.install(db)
        db.execute("BEGIN")
        db.executemany(_INSERT, ((_LARGE, json.dumps(event(number))) for number in range(rows)))
        db.execute("COMMIT")


def _with_drainer(folder: Path, rows: int) -> list[float]:
    """Drain in a child; return for each document of the small clinic how many seconds it was on its way."""
    if (child := os.fork()) == 0:
        try:
            Drain(Journal(folder / "activity.db"), SQLiteSource(folder / "host.db"), tell=lambda _: None).run()
        finally:
            os._exit(1)
    waits: list[float] = []
    try:
        with Journal(folder / "activity.db") as journal, closing(sqlite3.connect(folder / "host.db", timeout=60)) as db:
            large, small = journal.clinic(_LARGE), journal.clinic(_SMALL)
            while large.size < rows or len(waits) < 2:
                with db:
                    db.execute(_INSERT, (_SMALL, json.dumps(event(len(waits)))))
                waits.append(_seconds_until(small, len(waits) + 1))
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return waits


def _seconds_until(log: ClinicLog, size: int) -> float:
    committed = time.monotonic()
    while log.size < size:
        if time.monotonic() - committed > _LIMIT_SECONDS:
            raise RuntimeError(f"a document of another clinic waited for more than {_LIMIT_SECONDS:.0f} seconds")
        time.sleep(0.005)
    return time.monotonic() - committed


def _differs(folder: Path, rows: int, others: int) -> str:
    with Journal(folder / "activity.db") as journal, closing(SQLiteSource(folder / "host.db")) as source:
        drain_all(journal, source)  # the child was killed, perhaps before it deleted
        if source.oldest() is not None or source.held():
            return "documents still wait or are held"
        for clinic, expected in ((_LARGE, rows), (_SMALL, others)):
            log = journal.clinic(clinic)
            if log.size != expected:
                return f"{clinic}: {expected} committed, {log.size} recorded"
            if (report := inspect(log)).result != "intact":
                return f"verification: {report.findings or report.doubts}"
    return ""
