"""The crash campaign: concurrent writers, killed with SIGKILL at random instants, over and over on the same database.

After each round: every entry whose number a writer had printed is there, under that number, once; the numbers have no
gap; verification finds the log intact. A campaign in which nothing was acknowledged has failed.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from indelible import Journal
from indelible.inspection import inspect

WRITERS = 3
# Prints the key and the number of each entry once `record` has returned, which is the promise that is tested.
_WRITER = r"""
import itertools, os, sys
from indelible import Journal, Staff
from indelible.catalogue.bookings import BookingCancelled
log = Journal(sys.argv[1]).clinic()
os.write(1, b"ready\n")
for number in itertools.count():
    key = f"{sys.argv[2]}-{number}"
    entry = log.record(BookingCancelled(late=True, reason_text=key), actor=Staff(f"usr_{number % 7}", "Name"),
                       target=("booking", f"bk_{number}"), client=(f"cli_{number % 11}", "Client"), key=key)
    os.write(1, f"{key} {entry.seq}\n".encode())
"""


# A database serves so many rounds; then a new one is made, because each round verifies the whole log.
_ROUNDS_EACH = 10


def run(rounds: int, seed: int) -> int:
    """Run the campaign and return an exit code."""
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
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(database), f"r{number}w{index}"], stdout=subprocess.PIPE)
        for index in range(WRITERS)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
    time.sleep(seconds)
    for writer in writers:
        os.kill(writer.pid, signal.SIGKILL)
    told = {}
    for writer in writers:
        output, _ = writer.communicate()
        for line in output.decode().splitlines():
            key, seq = line.split()
            told[key] = int(seq)
    return told


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
