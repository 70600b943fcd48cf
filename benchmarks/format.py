"""What one entry costs, and what is done with keys outside the database.

    python -m benchmarks.format [--runs 5] [--entries 12000] [--scattered-among 100000] [SRC ...]

Each SRC is the `src` folder of another tree, such as an older one, and is measured in turns with this one: bytes an
entry, and microseconds of processor time an entry to parse and draft, to append, and to verify. Then, of this tree:
until `anonymize` answers, and the CPU of a bundle of 2,000 scattered entries and of opening every name.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from indelible import Journal, Staff
from indelible.manage.inspection import inspect
from indelible.record import document

from .data import documents

_HERE = Path(__file__).parents[1] / "src"
_NAMES = ("bytes", "parse and draft", "append", "verify")
_BATCH = 2_000
# Whose entries are scattered among those of others, and how many these are of.
_BUSY, _OTHERS, _SCATTERED = "cli_busy", 4_999, 2_000
_BY = Staff("usr_1")


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.format", description=__doc__)
    parser.add_argument("sources", nargs="*", type=Path, metavar="SRC")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--entries", type=int, default=12_000)
    parser.add_argument("--scattered-among", type=int, default=100_000)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(*entry(options.entries))
        return
    found: dict[Path, list[list[float]]] = {source: [] for source in (*options.sources, _HERE)}
    for _ in range(options.runs):
        for source, runs in found.items():
            runs.append(_elsewhere(source, options.entries))
    for source, runs in found.items():
        told = (
            f"{name} {min(each):,.0f} to {max(each):,.0f}"
            for name, each in zip(_NAMES, zip(*runs, strict=True), strict=True)
        )
        print(f"{source}: {' · '.join(told)}")
    _erasing(options.scattered_among)


def _elsewhere(source: Path, entries: int) -> list[float]:
    """Measure a tree by its own file of this name: modules may lie elsewhere there."""
    command = [sys.executable, "-m", "benchmarks.format", "--once", "--entries", str(entries)]
    environment = {**os.environ, "PYTHONPATH": f"{source}{os.pathsep}{source.parent}"}
    done = subprocess.run(command, env=environment, cwd=source.parent, capture_output=True, text=True, check=True)
    return [float(number) for number in done.stdout.split()]


def entry(entries: int) -> tuple[float, ...]:
    """Return bytes, and µs of processor time for drafting, appending and verifying, each an entry of a new log."""
    events = documents(entries)
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "activity.db"
        with Journal.create(database) as journal:
            log = journal.add_clinic("c_bench", name="Bench", zone="Europe/Lisbon")
            began = process_time()
            drafts = [log.draft(document.parse(event), imported=True) for event in events]
            drafted = process_time()
            for start in range(0, entries, _BATCH):
                log.append(drafts[start : start + _BATCH])
            appended = process_time()
            if inspect(log).result != "intact":
                raise RuntimeError("the log that was made is not intact")
            verified = process_time()
        size = database.stat().st_size  # the last connection has moved the -wal into it
    times = (drafted - began, appended - drafted, verified - appended)
    return (size / entries, *(seconds / entries * 1e6 for seconds in times))


def _visits(entries: int) -> Iterator[dict[str, Any]]:
    step = entries // _SCATTERED
    for number in range(entries):
        yield {
            "action": "booking.created",
            "actor": {"kind": "staff", "id": "usr_12", "name": "Maria Fernandes"},
            "target": {"kind": "booking", "id": f"bk_{number}"},
            "client": {"id": f"cli_{number % _OTHERS}" if number % step else _BUSY, "name": "Ana Sousa"},
        }


def _erasing(entries: int) -> None:
    from indelible.export.bundling import export_bundle

    with tempfile.TemporaryDirectory() as folder:
        with Journal.create(Path(folder) / "activity.db") as journal:
            log = journal.add_clinic("c_bench", name="Bench", zone="Europe/Lisbon")
            drafts = [log.draft(document.parse(event)) for event in _visits(entries)]
            for start in range(0, entries, _BATCH):
                log.append(drafts[start : start + _BATCH])
            log.checkpoint()
            began = process_time()
            rows = export_bundle(log, f"client:{_BUSY}", Path(folder) / "bundle.zip", actor=_BY).statement.rows
            print(f"a bundle of {rows:,} among {entries:,}: {process_time() - began:.2f} s of processor time")
            for number in range(1, 101):
                log.anonymize(f"cli_{number}", requested_by="client", actor=_BY)
            for client in (_BUSY, "cli_4000"):
                asked = perf_counter()
                log.anonymize(client, requested_by="client", actor=_BY)
                answered = (perf_counter() - asked) * 1000
                print(f"anonymize {client}, 100 erased before: {answered:.0f} ms until the answer")
        with Journal(Path(folder) / "activity.db") as journal:
            began = process_time()
            journal.clinic().know_names()
            print(f"names of {_OTHERS - 101:,} people: {process_time() - began:.2f} s of processor time")


if __name__ == "__main__":
    main()
