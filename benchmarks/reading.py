"""Export, verification, pages, and the size on disk."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter

from indelible import Staff
from indelible.export import run
from indelible.log import ClinicLog
from indelible.manage.inspection import inspect

_EXPORT = "import sys; from benchmarks.reading import export_once; export_once(sys.argv[1])"


def export(log: ClinicLog, runs: int = 3) -> tuple[float, float]:
    """Return rows a second (median) and the peak memory in MB (largest) of exports of everything, each in a process
    of its own."""
    rates, peaks = [], []
    for _ in range(runs):
        command = [sys.executable, "-c", _EXPORT, str(log.shared.places.database)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows, seconds, peak = done.stdout.split()
        rates.append(int(rows) / float(seconds))
        peaks.append(float(peak))
    return median(rates), max(peaks)


def export_once(database: str) -> None:
    """Export everything, and print rows, seconds and the peak memory in MB."""
    from indelible import Journal

    with TemporaryDirectory() as folder, Journal(database) as journal:
        log = journal.clinic()
        began = perf_counter()
        manifest = run.export(log, "", Path(folder) / "all.csv", format="csv-data", actor=Staff("usr_1"))
        seconds = perf_counter() - began
    print(manifest.written.rows, seconds, _peak())


def _peak() -> float:
    """This process's peak resident memory in MB. Not ru_maxrss, which starts a child at its parent's peak (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this kernel does not say what the peak memory was")


def verify(log: ClinicLog, runs: int = 3) -> float:
    """Return entries a second (median), every personal value opened and checked."""
    rates = []
    for _ in range(runs):
        began = perf_counter()
        report = inspect(log)
        rates.append(report.entries / (perf_counter() - began))
        if report.result != "intact":
            raise SystemExit(f"the log that was measured is {report.result}: {report.findings[:3]}")
    return median(rates)


def pages(log: ClinicLog, runs: int = 200) -> dict[str, tuple[float, float]]:
    """Return, for each filter, the median and the 99th percentile in milliseconds of its newest 50 entries, opened."""
    filters = {
        "no filter": "",
        "month": "from:2020-02-01 to:2020-02-29",
        "actor": "actor:usr_2",
        "system": "actor:system",
        "rare kind": "actor:support",
        "action": "action:booking.cancelled",
        "category": "category:payments",
        "rare category": "category:settings",
        "actor and action": "actor:usr_2 action:booking.created",
        "nothing found": "actor:nobody-there",
    }
    times = {}
    for name, words in filters.items():
        spent = []
        for _ in range(runs):
            began = perf_counter()
            list(log.read(words, limit=50))
            spent.append((perf_counter() - began) * 1e3)
        cuts = quantiles(spent, n=100, method="inclusive")  # never beyond the slowest that was seen
        times[name] = (cuts[49], cuts[98])
    return times


def disk(log: ClinicLog) -> float:
    """Return bytes on disk for each entry, indexes and everything beside it included."""
    with closing(sqlite3.connect(log.shared.places.database)) as db:  # its pages, also those still in the log beside it
        pages, page_bytes = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return float(pages * page_bytes / log.size)
