"""The door's campaign: hosts and drainers killed with SIGKILL, over and over on the same two databases.

Two hosts (`door_hosts.py`) change their database and put a document about it into its outbox, each in one transaction,
of which some are rolled back; two drainers take the documents into a log. All are killed at random instants, on
PostgreSQL the server too. Then, as always after a crash, somebody drains, and: what the host's database holds of
changes is in the log, once, in the order of its commits; what was rolled back or lost is not; the outbox is empty; the
log is intact.

Before that, one drainer is killed at each of its steps: before and after every statement, in the host's database, in
the log's and in the head store, with documents of two clinics, one that cannot be recorded, and an erasure.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from unittest.mock import patch

from indelible import Journal
from indelible.drain.passes import Drain, drain_all
from indelible.errors import StorageFailure
from indelible.manage.inspection import inspect
from indelible.outbox.sqlite_source import SQLiteSource
from indelible.testing import postgres
from indelible.testing.logs import event

from . import crash_steps, door_hosts
from .door_hosts import CLINICS, Hosts, PostgresHosts, SQLiteHosts

HOSTS = DRAINERS = 2
# Two databases serve so many rounds; then new ones are made, because each round verifies the whole log.
_ROUNDS_EACH = 10


def run(rounds: int, seed: int) -> int:
    """Run the campaign and return an exit code."""
    return max(_at_each_step(), _at_random("SQLite", rounds, seed), _at_random("PostgreSQL", rounds, seed))


def _make(folder: Path) -> None:
    with Journal.create(folder / "activity.db") as journal:
        for clinic in CLINICS:
            journal.add_clinic(clinic, name=clinic, zone="Europe/Lisbon")


@contextmanager
def _hosts(folder: Path, server: postgres.Server | None) -> Iterator[Hosts]:
    if server is None:
        yield SQLiteHosts(folder / "host.db")
    else:
        with server.database() as url:
            yield PostgresHosts(server, url)


# At random


def _at_random(engine: str, rounds: int, seed: int) -> int:
    if engine == "SQLite":
        return _rounds(engine, rounds, seed, None)
    if postgres.find() is None:
        print("door: NOT RUN on PostgreSQL: no server is installed")
        return 0
    with postgres.cluster() as server:
        return _rounds(engine, rounds, seed, server)


def _rounds(engine: str, rounds: int, seed: int, server: postgres.Server | None) -> int:
    chance = random.Random(seed)
    changes = rolled_back = 0
    started = time.monotonic()
    for first in range(0, rounds, _ROUNDS_EACH):
        with tempfile.TemporaryDirectory() as name, _hosts(Path(name), server) as hosts:
            folder = Path(name)
            _make(folder)
            for number in range(first, min(first + _ROUNDS_EACH, rounds)):
                rolled_back += _round(folder, hosts, number, chance)
                if problem := _drained(folder, hosts) or _differs(folder, hosts):
                    print(f"door: {engine}, round {number}, seed {seed}: {problem}")
                    return 1
            changes += sum(len(hosts.committed(clinic)) for clinic in CLINICS)
    victims = f"{HOSTS} hosts and {DRAINERS} drainers" + (" and the server" if server else "")
    print(
        f"door: {engine}: {rounds} rounds of kill -9 on {victims}, seed {seed}: {changes} changes "
        f"committed, {rolled_back} rolled back; each committed one recorded once and in order, no other one, always "
        f"intact ({time.monotonic() - started:.0f} s)"
    )
    return 0 if changes and rolled_back else 1


def _round(folder: Path, hosts: Hosts, number: int, chance: random.Random) -> int:
    """Let hosts and drainers run for a random time and kill them; return how many transactions were rolled back."""
    reading, writing = os.pipe()
    seeds = [chance.random() for _ in range(HOSTS)]
    works: list[Callable[[], None]] = [
        *(lambda who=who: hosts.work(f"r{number}h{who}", seeds[who], writing) for who in range(HOSTS)),
        *(lambda: _drainer(folder, hosts) for _ in range(DRAINERS)),
    ]
    children = [_forked(work) for work in works]
    os.close(writing)
    # Each dies at another moment; none is started again in this round.
    victims: list[Callable[[], None]] = [*(lambda child=child: _kill(child) for child in children), hosts.crash]
    for kill in chance.sample(victims, len(victims)):
        time.sleep(chance.uniform(0.02, 0.2))
        kill()
    with os.fdopen(reading, "rb") as pipe:
        return len(pipe.read())


def _kill(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _forked(work: Callable[[], None]) -> int:
    """Start a process that never ends by itself; return its id."""
    if (child := os.fork()) == 0:
        try:
            work()
        finally:
            os._exit(1)
    return child


def _drainer(folder: Path, hosts: Hosts) -> None:
    Drain(Journal(folder / "activity.db"), hosts.source(), tell=lambda _: None, limit=50).run()


# Why the one that cannot be recorded is held: as it is, and emptied once the client whom it names was erased.
_EXPECTED = ("invalid: actor: ", "anonymized: ")


def _drained(folder: Path, hosts: Hosts) -> str:
    """Drain once more, as after every crash; return what is wrong, or nothing."""
    with Journal(folder / "activity.db") as journal, closing(hosts.source()) as source:
        try:
            drain_all(journal, source, limit=50)
        except StorageFailure as error:
            return f"draining refuses: {error}"
        if source.oldest() is not None:
            return "documents still wait in the outbox"
        return "; ".join(held.reason for held in source.held() if not held.reason.startswith(_EXPECTED))


def _differs(folder: Path, hosts: Hosts) -> str:
    """Whether the log tells of anything else than what the host committed."""
    with Journal(folder / "activity.db") as journal:
        for clinic in CLINICS:
            log = journal.clinic(clinic)
            report = inspect(log)
            if report.result != "intact":
                return f"verification: {report.findings or report.doubts}"
            entries = sorted(log.read("action:booking.cancelled"), key=lambda view: view.seq)
            recorded = [str((view.target or {}).get("id")) for view in entries]
            committed = hosts.committed(clinic)
            if hosts.ordered(recorded) != hosts.ordered(committed):
                lost, extra = set(committed) - set(recorded), set(recorded) - set(committed)
                what = f"{len(lost)} lost, {len(extra)} extra" if lost or extra else "another order, or twice"
                return f"{clinic}: {len(committed)} committed, {len(recorded)} recorded: {what}"
    return ""


# At each step


def _at_each_step() -> int:
    started, steps, unfinished = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as name:
        template, folder = Path(name) / "template", Path(name) / "copy"
        template.mkdir()
        _make(template)
        _fill(template / "host.db")
        hosts = _Copied(folder / "host.db")
        killed = True
        while killed:
            shutil.copytree(template, folder)
            # The outbox of the copy is the template's, in another place; nothing was drained from that.
            killed = _child(folder, steps + 1)
            steps += killed
            with closing(sqlite3.connect(folder / "host.db")) as db:
                unfinished += bool(db.execute("SELECT count(*) FROM indelible_outbox").fetchone()[0]) and killed
            if problem := _drained(folder, hosts) or _differs(folder, hosts) or _erased(folder):
                print(f"door: killed at step {steps}: {problem}")
                return 1
            shutil.rmtree(folder)
    print(
        f"door: a drainer killed at each of {steps} steps, {unfinished} times with documents still waiting; then "
        f"drained: each recorded once and in order, the one that is invalid held and emptied, the client erased once "
        f"({time.monotonic() - started:.0f} s)"
    )
    return 0 if 0 < unfinished < steps else 1


class _Copied(SQLiteHosts):
    """The file of hosts that was made before and copied."""

    def __init__(self, path: Path) -> None:
        self.path = path


def _fill(path: Path) -> None:
    SQLiteHosts(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for number in range(8):
            door_hosts.change(db, CLINICS[number % 2], f"bk_{number}", bool(number % 3))
            if number == 3:
                insert = "INSERT INTO indelible_outbox (clinic, document, erasure) VALUES (?, ?, ?)"
                db.execute(insert, (CLINICS[0], json.dumps(event(actor=None)), 0))
                order = {"client": "cli_77", "requested_by": "client"}
                db.execute(insert, (CLINICS[0], json.dumps(order), 1))


def _erased(folder: Path) -> str:
    """Whether the erasure and what was held came more or less often than once."""
    with Journal(folder / "activity.db") as journal, closing(SQLiteSource(folder / "host.db")) as source:
        log = journal.clinic(CLINICS[0])
        counts = {code: len(list(log.read(f"action:{code}"))) for code in ("client.anonymized", "log.held")}
        named = sum("cli_77" in held.waiting.document for held in source.held())
        told = {
            "held": len(source.held()),
            "held of the client": named,
            "of the client": len(list(log.read("client:cli_77"))),
            **counts,
        }
    expected = {"held": 1, "held of the client": 0, "of the client": 2, "client.anonymized": 1, "log.held": 1}
    return "" if told == expected else f"{told} in place of {expected}"


def _child(folder: Path, at: int) -> bool:
    """Drain in a child that dies at step `at`; return whether it died."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with patch.object(sqlite3, "connect", crash_steps.connect_dying_at(at)):
                journal, source = Journal(folder / "activity.db"), SQLiteSource(folder / "host.db")
                drain_all(journal, source, limit=4)
                source.close()
                journal.close()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) and os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError("draining failed by itself, without being killed")
    return os.WIFSIGNALED(status)
