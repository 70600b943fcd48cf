"""A large log in one clinic: each filter, deep pages, totals of money, export, verification, anonymizing.

    python -m benchmarks.million --entries 1000000 --folder FOLDER      FOLDER is filled once and then reused

The documents are the demo clinic's, again and again, each time with other ids of people and things and at another time.
One client has a hundredth of the entries, 10,000 in a million.
"""

from __future__ import annotations

import argparse
import copy
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, thread_time
from typing import Any

from indelible import Journal, Staff, System
from indelible.export.bundling import export_bundle
from indelible.log import ClinicLog
from indelible.manage.inspection import inspect
from indelible.proof.note import Verifier
from indelible.proof.verify import verify_bundle
from indelible.read import tallying, unusual
from indelible.record import document

from .data import BATCH, ZONE, documents

_SAMPLE = 40_000
_BUSY = {"id": "cli_busy", "name": "Busy Client"}
_STEPS = ("pages", "totals", "unusual", "export", "bundle", "verify", "anonymize")


def events(entries: int) -> Iterator[dict[str, Any]]:
    """Yield so many documents in order of time."""
    sample = documents(min(entries, _SAMPLE))
    first, last = (datetime.fromisoformat(sample[at]["occurred_at"]) for at in (0, -1))
    times = -(-entries // len(sample))
    for number in range(entries):
        again, at = divmod(number, len(sample))
        event = _moved(sample[at], again, (last - first) * (again + 1 - times))
        if number % 30 == 7 and event["actor"]["kind"] == "staff" and event["action"].startswith("booking."):
            event = {**event, "client": _BUSY}
        yield event


def _moved(event: dict[str, Any], again: int, by: timedelta) -> dict[str, Any]:
    """The same document, of other people and things, at another time. Staff stay the same."""
    event = copy.deepcopy(event)
    event["occurred_at"] = (datetime.fromisoformat(event["occurred_at"]) + by).isoformat()
    for name in ("target", "client"):
        if name in event and event[name].get("kind") not in ("staff", "clinic", "service", "account"):
            event[name]["id"] += f"-{again}"
    if event["actor"]["kind"] == "client":
        event["actor"]["id"] += f"-{again}"
    for name in ("key", "operation"):
        if name in event:
            event[name] += f"-{again}"
    return event


def fill(database: Path, entries: int) -> float:
    """Make the log, and return entries a second."""
    began = perf_counter()
    with Journal.create(database) as journal:
        log = journal.add_clinic("c", name="Bench", zone=ZONE)
        batch = []
        for event in events(entries):
            batch.append(log.draft(document.parse(event)))
            if len(batch) == BATCH:
                log.append(batch)
                batch = []
        log.append(batch)
    return entries / (perf_counter() - began)


def pages(log: ClinicLog, runs: int) -> Iterator[tuple[str, float, float, float]]:
    """Yield for each filter the median and 99th percentile, in ms, of a page of 50, opened; and of a deep one."""
    first, last = log.entry(1), log.entry(log.size)
    middle = log.entry(log.size // 2)
    day = middle.local_time.date()
    evidence = next(v for view in log.read("category:payments") for p, v in view.values.items() if "stripe" in p)
    filters = {
        "no filter": "",
        "one day": f"from:{day} to:{day}",
        "half the time": f"from:{first.local_time.date()} to:{day}",
        "actor (common)": f"actor:{_common_actor(log)}",
        "actor:system": "actor:system",
        "action": "action:booking.cancelled",
        "category": "category:payments",
        "rare category": "category:settings",
        "actor and action": f"actor:{_common_actor(log)} action:booking.created",
        "client, 10,000 entries": "client:cli_busy",
        "client and action": "client:cli_busy action:booking.cancelled",
        "target": f"target:{last.target['id'] if last.target else 'x'}",
        "about": f"about:{last.target['id'] if last.target else 'x'}",
        "operation": f"operation:{_operation(log)}",
        "stripe": f"stripe:{evidence}",
        "-actor -category": "-actor:system -category:bookings",
        "nothing found": "client:nobody-there",
        "an id typed": f"{last.target['id'] if last.target else 'x'}",
        "a name typed": f'"{_name(log)}"',
        "nothing: actor, action": "actor:system action:client.edited",
    }
    for name, words in filters.items():
        spent, deep = [], []
        for _ in range(runs):
            began = perf_counter()
            page = log.page(words)
            spent.append((perf_counter() - began) * 1e3)
            if page.older is not None:
                place = page.older._replace(occurred_at=random.randint(first.occurred_at, last.occurred_at))
                began = perf_counter()
                log.page(words, after=place)
                deep.append((perf_counter() - began) * 1e3)
        cuts = quantiles(spent, n=100, method="inclusive")
        yield name, cuts[49], cuts[98], quantiles(deep, n=100, method="inclusive")[98] if deep else float("nan")


def totals(log: ClinicLog, runs: int) -> Iterator[tuple[str, int, float, float, float]]:
    """Yield for each filter how many amounts were summed, and in ms the medians of processor time and time, and the
    99th percentile of time."""
    day = log.entry(log.size // 2).local_time.date()
    actor = next(str(view.actor["id"]) for view in log.read("actor:staff action:charge.succeeded", limit=1))
    filters = {
        "no filter": "",
        "a month": f"from:{day - timedelta(days=29)} to:{day}",
        "a year": f"from:{day - timedelta(days=364)} to:{day}",
        "category": "category:payments",
        "actor who takes money": f"actor:{actor}",
        "actor:system": "actor:system",
        "actor:staff": "actor:staff",
        "client, 10,000 entries": "client:cli_busy",
        "without this actor": f"-actor:{actor}",
        "without the client": "-client:cli_busy",
    }
    for name, words in filters.items():
        wanted, spent, worked, entries = log.reading().parse(words), [], [], 0
        for _ in range(runs):
            began, work = perf_counter(), thread_time()
            summed = tallying.totals(log.reading(), wanted)
            worked.append((thread_time() - work) * 1e3)
            spent.append((perf_counter() - began) * 1e3)
            entries = sum(one.money_in.entries + one.money_out.entries for one in summed.currencies)
        cuts = quantiles(spent, n=100, method="inclusive")
        yield name, entries, median(worked), cuts[49], cuts[98]
    last = next(log.read(limit=1)).local_time.date()
    for name, words in (("twelve months, no filter", ""), ("twelve months, category", "category:payments")):
        worked, spent, entries = [], [], 0
        for _ in range(runs):
            session = log.reading()
            wanted = session.parse(words)
            began, work = perf_counter(), thread_time()
            told = tallying.by_period(session, wanted, _months(last, 12))
            worked.append((thread_time() - work) * 1e3)
            spent.append((perf_counter() - began) * 1e3)
            sums = [one for period in told.periods for one in period.currencies]
            entries = sum(one.money_in.entries + one.money_out.entries for one in sums)
        cuts = quantiles(spent, n=100, method="inclusive")
        yield name, entries, median(worked), cuts[49], cuts[98]


def _months(last: date, number: int) -> list[tuple[date, date]]:
    """So many months, of which the last one ends with a day."""
    spans = [(last.replace(day=1), last)]
    while len(spans) < number:
        end = spans[0][0] - timedelta(days=1)
        spans.insert(0, (end.replace(day=1), end))
    return spans


def _common_actor(log: ClinicLog) -> str:
    return next(str(view.actor["id"]) for view in log.read("actor:staff category:bookings", limit=1))


def _name(log: ClinicLog) -> str:
    return next(view.client_in_words for view in log.read("category:bookings") if view.client_in_words)


def _operation(log: ClinicLog) -> str:
    return next(str(view.members["operation"]) for view in log.read() if "operation" in view.members)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.million", description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--steps", nargs="*", default=list(_STEPS), choices=_STEPS)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    database = options.folder / "activity.db"
    if not database.exists():
        print(f"filled: {fill(database, options.entries):,.0f} entries/s", flush=True)
    with Journal(database) as journal:
        log = journal.clinic()
        print(f"{log.size:,} entries, {database.stat().st_size / log.size / 1024:.1f} KB each", flush=True)
        for step in options.steps:
            globals()[f"_{step}"](log, options)


def _pages(log: ClinicLog, options: argparse.Namespace) -> None:
    print(f"page of 50, opened, in ms ({options.runs} runs)          median    p99   deep p99")
    for name, middle, last, deep in pages(log, options.runs):
        print(f"  {name:36} {middle:10.1f} {last:8.1f} {deep:8.1f}", flush=True)


def _totals(log: ClinicLog, options: argparse.Namespace) -> None:
    print(f"totals, in ms ({options.runs} runs)                  amounts      cpu   median      p99")
    for name, entries, worked, middle, last in totals(log, options.runs):
        print(f"  {name:36} {entries:10,} {worked:8.1f} {middle:8.1f} {last:8.1f}", flush=True)


def _unusual(log: ClinicLog, options: argparse.Namespace) -> None:
    """As if it were the day of the newest entry."""
    session = log.reading()
    now = next(session.read(limit=1)).occurred_at
    spent, worked, found = [], [], unusual.Unusual()
    for _ in range(options.runs):
        session = log.reading()
        session.now = now
        began, work = perf_counter(), thread_time()
        found = unusual.unusual(session)
        worked.append((thread_time() - work) * 1e3)
        spent.append((perf_counter() - began) * 1e3)
    print(
        f"what is unusual among the sign-ins of {unusual.SPAN_DAYS} days: {median(worked):.1f} ms of processor time, "
        f"{median(spent):.1f} ms; {len(found.items)} items, {len(found.people)} people",
        flush=True,
    )


def _export(log: ClinicLog, options: argparse.Namespace) -> None:
    code = "import sys; from benchmarks.reading import export_once; export_once(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(log.shared.places.database)], capture_output=True, text=True, check=True
    )
    rows, seconds, peak = done.stdout.split()
    print(f"CSV export of everything: {int(rows) / float(seconds):,.0f} rows/s, peak {float(peak):.0f} MB", flush=True)


def _bundle(log: ClinicLog, options: argparse.Namespace) -> None:
    path = options.folder / "bundle.zip"
    began = perf_counter()
    done = export_bundle(log, "client:cli_busy", path, actor=Staff("u"))
    made = perf_counter() - began
    began = perf_counter()
    with path.open("rb") as file:
        report = verify_bundle(file, Verifier.decode(log.clinic.vkey))
    seconds = perf_counter() - began
    print(
        f"bundle of the client's {done.statement.rows:,} entries: {made:.1f} s, {path.stat().st_size / 1e6:.1f} MB; "
        f"verified in {seconds:.1f} s: {report.result}",
        flush=True,
    )


def _verify(log: ClinicLog, options: argparse.Namespace) -> None:
    for name, opened in (("structure", False), ("every value opened", True)):
        began = perf_counter()
        report = inspect(log, open_values=opened)
        print(
            f"verify, {name}: {report.entries / (perf_counter() - began):,.0f} entries/s, {report.result}", flush=True
        )


def _anonymize(log: ClinicLog, options: argparse.Namespace) -> None:
    began = perf_counter()
    log.anonymize("cli_busy", requested_by="client", actor=System("command:bench"))
    answered = perf_counter()
    log.scrub()
    print(
        f"anonymize a client: {(answered - began) * 1000:.0f} ms until the answer, {perf_counter() - answered:.2f} s "
        "to remove what was sealed"
    )


if __name__ == "__main__":
    main()
