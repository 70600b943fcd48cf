"""The crash campaign: concurrent writers, killed with SIGKILL at random instants, over and over on the same database.

After each round: every entry whose number a writer had printed is there, under that number, once; the numbers have no
gap; verification finds the log intact. A campaign in which nothing was acknowledged has failed. Then every operation is
killed at each of its steps: `crash_steps.py`; and erasing at each of its system calls: `crash_calls.py`.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import tempfile
import time
from pathlib import Path

from indelible import Journal, Staff
from indelible.catalogue.bookings import BookingCancelled
from indelible.manage.inspection import inspect

from . import crash_calls, crash_steps, system_calls

WRITERS = 3
# A database serves so many rounds; then a new one is made, because each round verifies the whole log.
_ROUNDS_EACH = 10


def run(rounds: int, seed: int) -> int:
    """Run the campaign and return an exit code."""
    return max(_at_random(rounds, seed), _at_each_step(), _at_each_call())


def _at_each_step() -> int:
    started, code = time.monotonic(), 0
    outcomes = crash_steps.run()
    for name, outcome in outcomes.items():
        said = (
            f"killed at each of {outcome.steps} steps; then found done {outcome.there} times, not done "
            f"{outcome.steps - outcome.there} times, half done never; acknowledged before {outcome.acknowledged}"
        )
        print(f"crash: {name}: {outcome.problem or said}")
        code |= bool(outcome.problem) or not 0 < outcome.there < outcome.steps
    steps = sum(outcome.steps for outcome in outcomes.values())
    print(f"crash: {steps} kills at numbered steps, each verified and done again ({time.monotonic() - started:.0f} s)")
    return int(code)


def _at_each_call() -> int:
    started, code = time.monotonic(), 0
    if not system_calls.is_possible():
        print("crash: not killed at system calls, for which it takes Linux on x86-64")
        return 1
    outcomes = crash_calls.run()
    for name, outcome in outcomes.items():
        calls = ", ".join(f"{call} {count}" for call, count in outcome.calls.most_common())
        said = (
            f"killed {outcome.kills} times, at every system call that changes something; then found done "
            f"{outcome.done} times, not begun {outcome.kills - outcome.done} times, half done never; returned before "
            f"{outcome.returned}"
        )
        print(f"crash: {name}: {outcome.problem or said}\n  {calls}")
        code |= bool(outcome.problem) or not 0 < outcome.done < outcome.kills
    kills = sum(outcome.kills for outcome in outcomes.values())
    print(f"crash: {kills} kills at system calls of erasing, each healed ({time.monotonic() - started:.0f} s)")
    return int(code)


def _at_random(rounds: int, seed: int) -> int:
    chance = random.Random(seed)
    entries = acknowledged = 0
    started = time.monotonic()
    for first in range(0, rounds, _ROUNDS_EACH):
        with tempfile.TemporaryDirectory() as folder:
            database = Path(folder) / "activity.db"
            with Journal.create(database) as journal:
                journal.add_clinic("c", name="Crash", zone="Europe/Lisbon")
            told: dict[str, int] = {}
            for number in range(first, min(first + _ROUNDS_EACH, rounds)):
                told |= _round(database, number, chance.uniform(0.01, 0.4))
                if problem := _check(database, told):
                    print(f"crash: round {number}, seed {seed}: {problem}")
                    return 1
            with Journal(database) as journal:
                entries += journal.clinic().size
            acknowledged += len(told)
    print(
        f"crash: {rounds} rounds of kill -9 on {WRITERS} writers, seed {seed}: {entries} entries, "
        f"{acknowledged} acknowledged; none lost, none doubled, no gap, always intact "
        f"({time.monotonic() - started:.0f} s)"
    )
    return 0 if acknowledged else 1


def _round(database: Path, number: int, seconds: float) -> dict[str, int]:
    """Let writers run for a random time, kill them, and return what they had been told: key -> seq."""
    writers = [_forked(database, f"r{number}w{index}") for index in range(WRITERS)]
    pipes = [os.fdopen(pipe, "rb") for _, pipe in writers]
    for pipe in pipes:
        assert pipe.readline() == b"ready\n"
    time.sleep(seconds)
    for writer, _ in writers:
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
    told = {}
    for pipe in pipes:
        with pipe:
            for line in pipe.read().decode().splitlines():
                key, seq = line.split()
                told[key] = int(seq)
    return told


def _forked(database: Path, name: str) -> tuple[int, int]:
    """Start a writer, a process of its own that never ends by itself; return its id and what it writes to."""
    reading, writing = os.pipe()
    if (writer := os.fork()) == 0:
        try:
            _write(database, name, writing)
        finally:
            os._exit(1)
    os.close(writing)
    return writer, reading


def _write(database: Path, name: str, pipe: int) -> None:
    """Record for ever; print the key and number of each entry once `record` has returned, which is the promise."""
    log = Journal(database).clinic()
    os.write(pipe, b"ready\n")
    for number in itertools.count():
        key = f"{name}-{number}"
        entry = log.record(
            BookingCancelled(late=True, reason_text=key),
            actor=Staff(f"usr_{number % 7}", "Name"),
            target=("booking", f"bk_{number}"),
            client=(f"cli_{number % 11}", "Client"),
            key=key,
        )
        os.write(pipe, f"{key} {entry.seq}\n".encode())


def _check(database: Path, told: dict[str, int]) -> str:
    """Return what is wrong, or nothing."""
    with Journal(database) as journal:
        log = journal.clinic()
        report = inspect(log)
        if report.result != "intact":
            return f"verification: {report.findings or report.doubts}"
        for key, seq in told.items():
            if log.entry(seq).context.get("reason_text") != key:
                return f"entry {seq} is not the one that was acknowledged under that number"
        log.checkpoint()
        if len(set(told.values())) != len(told):
            return "one number was given out twice"
    return ""
