"""What the search box's suggestions cost at a large log, as somebody types: hits and misses, warm.

    python -m benchmarks.suggest --folder FOLDER [--entries 1000000] [--people 60000] [--runs 30]

FOLDER is that of `benchmarks.million`, and is filled where it is empty; people are added up to the number. Each text is
asked for in a new session, as each request has one: in ms the medians of processor time and time, and the worst time.
Before it, how long it takes to open all names, which a service does in the background when it starts; after it, what
one more entry, and somebody's erasure, adds to the next answer.
"""

from __future__ import annotations

import argparse
from datetime import timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter, thread_time
from typing import Any

from indelible import Journal, Staff, catalogue
from indelible.log import ClinicLog
from indelible.read.suggesting import Spoken, suggest
from indelible.record import document

from .data import BATCH
from .million import fill

# Of every tenth the name is the same: the worst list to choose from.
_SAME = "Ana Sousa"
# The first number of who is added while it is measured.
_BEHIND = 1_000_000

# Processor time and time, in ms.
Spent = tuple[float, float]


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.suggest", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=60_000)
    parser.add_argument("--runs", type=int, default=30)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    database = options.folder / "activity.db"
    if not database.exists():
        print(f"filled: {fill(database, options.entries):,.0f} entries/s", flush=True)
    with Journal(database) as journal:
        log = journal.clinic()
        _add_people(log, options.people)
        began = perf_counter()
        log.know_names()
        print(f"{log.size:,} entries, {_people(log):,} people; names opened in {perf_counter() - began:.1f} s")
        print(f"in ms ({options.runs} runs){'':26} {'cpu':>8} {'median':>8} {'worst':>8}  suggested")
        for name, text in _texts(log).items():
            _print(name, *_asked(log, text, options.runs))
        _print("behind by one entry", *_behind(log, options.runs))
        began = perf_counter()
        log.anonymize(f"cli_added_{_BEHIND}", requested_by="client", actor=Staff("usr_bench"))
        print(f"  {'somebody is erased':40} {'':8} {(perf_counter() - began) * 1e3:8.1f}")
        _print("the next answer after it", *_asked(log, "ana sou", 1))


def _people(log: ClinicLog) -> int:
    return sum(1 for row in log.rows.persons("all") if row.erased_by is None)


def _add_people(log: ClinicLog, wanted: int) -> None:
    missing = iter(range(max(0, wanted - _people(log))))
    while some := list(islice(missing, BATCH)):
        log.append([log.draft(document.parse(_client(number))) for number in some])


def _client(number: int) -> dict[str, Any]:
    name = _SAME if number % 10 == 0 else f"Xavier{number} Quintela{number % 97}"
    return {
        "action": "client.created", "actor": {"kind": "staff", "id": "usr_bench"}, "context": {"method": "staff"},
        "target": {"kind": "client", "id": f"cli_added_{number}", "name": name},
    }  # fmt: skip


def _texts(log: ClinicLog) -> dict[str, str]:
    newest = log.entry(log.size // 2)
    booking = next(log.read("action:booking.created", limit=1))
    evidence = next(v for view in log.read("category:payments") for path, v in view.values.items() if "stripe" in path)
    return {
        "a common first name": "ana",
        "one name of very many people": "ana sousa",
        "two beginnings": "so an",
        "one letter": "a",
        "one person": "quintela5 xavier1",
        "a name that is nowhere": "zzzyx qqx",
        "a service": "massage",
        "a booking's id": str(booking.target["id"] if booking.target else ""),
        "a Stripe id": str(evidence),
        "an entry's id": newest.id,
        "an id that is nowhere": "bk_000000000",
        "an amount": "30",
        "an amount that is nowhere": "77771.13",
        "an action": "cancelled res",
        "a category": "payments",
        "an address": "203.0.113.9",
        "a telephone number": "+351 912 999 111",
        "a day": "*day",
        "a key and a name": "category:payments ana",
    }


def _asked(log: ClinicLog, text: str, runs: int) -> tuple[list[Spent], int]:
    spent, found = [], 0
    day = next(log.read("action:booking.created", limit=1)).local_time.date() + timedelta(days=3)
    for _ in range(runs):
        began, work = perf_counter(), thread_time()
        session = log.reading()
        labels = {code: cls.label for code in session.actions if (cls := catalogue.find(code))}
        spoken = Spoken(labels, catalogue.CATEGORIES, (day, day.replace(year=day.year - 1)) if text == "*day" else ())
        found = len(suggest(session, text, spoken).found)
        spent.append(((thread_time() - work) * 1e3, (perf_counter() - began) * 1e3))
    return spent, found


def _behind(log: ClinicLog, runs: int) -> tuple[list[Spent], int]:
    """The same after each new entry: what is known of names is caught up first."""
    spent, found = [], 0
    for number in range(runs):
        log.record_document(_client(_BEHIND + number))
        (one,), found = _asked(log, "ana sou", 1)
        spent.append(one)
    return spent, found


def _print(name: str, spent: list[Spent], found: int) -> None:
    work, time = zip(*spent, strict=True)
    print(f"  {name:40} {median(work):8.1f} {median(time):8.1f} {max(time):8.1f}  {found}", flush=True)


if __name__ == "__main__":
    main()
