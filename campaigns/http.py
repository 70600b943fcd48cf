"""The campaign of the HTTP interface: the service killed with SIGKILL, over and over, under clients that record.

Two programs share a spool, a third has one of its own, and a fourth has none and sends each document again, with its
key, until it has a receipt. Each says after each `record` that it returned. At random instants every process of the
service is killed and it is started again, sometimes once more while it starts, and the programs are killed too. Then
the spools are sent, and: what a program was told is recorded is in its clinic's log, once, in the order in which it
said so; nothing else is there but the one document that it was recording when it died; the log is intact.
"""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from indelible import Journal
from indelible.client import Client, Unavailable
from indelible.client.retrying import Retry
from indelible.manage.inspection import inspect
from indelible.testing.logs import event
from indelible.testing.serving import Served

CLINICS = ("c_lisbon", "c_porto")
# Of each program: its clinic, and its spool if it has one.
PROGRAMS = (("c_lisbon", "shared"), ("c_porto", "shared"), ("c_lisbon", "own"), ("c_porto", ""))
# One installation serves so many rounds; then a new one is made, because each round reads the whole log.
_ROUNDS_EACH = 10
_FLUSHED_WITHIN = 120.0
_DRAINED_WITHIN = 300.0
# Between two documents of a program, in seconds: a round is for kills, and not for a backlog.
_BETWEEN = 0.01
_EAGER = Retry(tries=3, first=0.05, longest=0.5)


def run(rounds: int, seed: int) -> int:
    """Run the campaign and return an exit code."""
    chance, started = random.Random(seed), time.monotonic()
    told = found = kills = 0
    for first in range(0, rounds, _ROUNDS_EACH):
        with tempfile.TemporaryDirectory() as name:
            served = Served(Path(name), *CLINICS).start()
            key = served.key()
            try:
                for number in range(first, min(first + _ROUNDS_EACH, rounds)):
                    acknowledged, killed = _round(served, key, number, chance)
                    kills += killed
                    problem, there = _differs(served, key, number, acknowledged)
                    if problem:
                        print(f"http: round {number}, seed {seed}: {problem}")
                        return 1
                    told += sum(acknowledged.values())
                    found += there
                if problem := _damaged(served):
                    print(f"http: until round {first + _ROUNDS_EACH - 1}, seed {seed}: {problem}")
                    return 1
            finally:
                served.kill()
    print(
        f"http: {rounds} rounds, seed {seed}: the service killed {kills} times under {len(PROGRAMS)} programs, they "
        f"too: {told} documents were acknowledged, {found} are in the log: each acknowledged one once and in order, "
        f"the others were being recorded when their program died; always intact ({time.monotonic() - started:.0f} s)"
    )
    return 0 if told and kills else 1


def _round(served: Served, key: str, number: int, chance: random.Random) -> tuple[dict[str, int], int]:
    """Let programs record while the service dies; return how many documents each was told of, and how often it died."""
    pipes, children = {}, []
    for who, (clinic, spool) in enumerate(PROGRAMS):
        reading, writing = os.pipe()
        name = f"r{number}p{who}"
        if (child := os.fork()) == 0:
            try:
                os.close(reading)
                _program(served, key, clinic, spool, name, writing)
            finally:
                os._exit(1)
        os.close(writing)
        pipes[name] = reading
        children.append(child)
    kills = 1
    time.sleep(chance.uniform(0.05, 0.6))
    served.kill()
    victims = chance.sample(children, chance.randrange(len(children)))  # these die while there is no service
    for victim in victims:
        time.sleep(chance.uniform(0.0, 0.1))
        os.kill(victim, signal.SIGKILL)
    served.begin()
    if chance.random() < 0.3:
        time.sleep(chance.uniform(0.0, 1.5))
        served.kill()
        kills += 1
        served.begin()
    served.ready()
    time.sleep(chance.uniform(0.0, 0.5))
    for child in children:
        os.kill(child, signal.SIGKILL)
        if not os.WIFSIGNALED(os.waitpid(child, 0)[1]):
            raise RuntimeError("a program ended by itself, without being killed")
    return {name: _told(pipe) for name, pipe in pipes.items()}, kills


def _told(pipe: int) -> int:
    with os.fdopen(pipe, "rb") as file:
        return len(file.read())


def _program(served: Served, key: str, clinic: str, spool: str, name: str, writing: int) -> None:
    """Record without an end, and write a byte for each document that is recorded as far as `record` says."""
    client = Client(
        served.url, key, spool=served.folder / f"spool-{spool}" if spool else None, retry=_EAGER, timeout=5.0
    ).of(clinic)
    count = 0
    while True:
        document = event(target={"kind": "booking", "id": f"{name}.{count}"}, key=f"{name}.{count}")
        try:
            client.record(document)
        except Unavailable:
            continue
        os.write(writing, b".")
        count += 1
        time.sleep(_BETWEEN)


def _differs(served: Served, key: str, number: int, acknowledged: dict[str, int]) -> tuple[str, int]:
    """Send what waits; return what is wrong, or nothing, and how many documents of the round are in the log."""
    for spool in sorted({spool for _, spool in PROGRAMS if spool}):
        left = Client(served.url, key, spool=served.folder / f"spool-{spool}").close(_FLUSHED_WITHIN)
        if left is None or left.waiting or left.held:
            return f"the spool {spool} is not empty: {left}", 0
    with closing(Client(served.url, key, retry=Retry(tries=50))) as client:
        end = time.monotonic() + _DRAINED_WITHIN
        for clinic in CLINICS:  # behind everything that the service has accepted, which may take longer than one wait
            while client.of(clinic).record(event(key=f"r{number}.last"), wait="entry").number is None:
                if time.monotonic() > end:
                    return f"{clinic}: what the service accepted is not in the log after {_DRAINED_WITHIN:.0f} s", 0
    there = dict.fromkeys(acknowledged, 0)
    for clinic, ids in _recorded(served, f"r{number}p"):
        for id in ids:
            name, _, count = id.partition(".")
            if int(count) != there[name]:
                return (
                    f"{clinic}: {name} has its document {count} where {there[name]} is due: lost, doubled or moved",
                    0,
                )
            there[name] += 1
    for name, told in acknowledged.items():
        if there[name] - told not in (0, 1):
            return f"{name} was told of {told} documents, and {there[name]} are in the log", 0
    return "", sum(there.values())


def _recorded(served: Served, begins: str) -> Iterator[tuple[str, list[str]]]:
    with Journal(served.database) as journal:
        for clinic in CLINICS:
            entries = sorted(journal.clinic(clinic).read("action:booking.cancelled"), key=lambda view: view.seq)
            ids = [str((view.target or {}).get("id")) for view in entries]
            yield clinic, [id for id in ids if id.startswith(begins)]


def _damaged(served: Served) -> str:
    with Journal(served.database) as journal:
        for clinic in CLINICS:
            report = inspect(journal.clinic(clinic))
            if report.result != "intact":
                return f"verification of {clinic}: {report.findings or report.doubts}"
    return ""
