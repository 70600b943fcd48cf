"""What it costs to verify a log: microseconds of processor time an entry, beside the floor.

    python -m benchmarks.verification [--runs 5] [--entries 20000] [SRC ...]

Each SRC is the `src` folder of another tree, such as an older one. Each tree makes the log and verifies it, in turns
with this one, in a process of its own: its structure, and with all values opened. The floor is what cannot be left out
in this language: the rows fetched, each body hashed and parsed as JSON; then also the groups opened and committed.
SQLite's own check of the file (`integrity_check`) is measured alone and taken off, as it is the same for all.
"""

from __future__ import annotations

import argparse
import gc
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import date
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import orjson

from indelible import Journal

_HERE = Path(__file__).parents[1] / "src"
_FLOOR = "floor"
_NAMES = ("structure", "opened", "integrity_check")
_BATCH = 2_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.verification", description=__doc__)
    parser.add_argument("sources", nargs="*", type=Path, metavar="SRC")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--once", nargs=2, metavar=("WHAT", "DATABASE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        what, database = options.once
        if what == "make":
            _make(Path(database), options.entries)
        else:
            print(*(floor if what == _FLOOR else verified)(Path(database)))
        return
    found: dict[str, list[list[float]]] = {str(source): [] for source in (*options.sources, _HERE)}
    found[_FLOOR] = []
    with TemporaryDirectory() as folder:
        databases = {source: Path(folder) / f"{number}.db" for number, source in enumerate(found)}
        for source, database in databases.items():
            _elsewhere("make", source, database, options.entries)
        for _ in range(options.runs):
            for source, runs in found.items():
                what = _FLOOR if source == _FLOOR else "verified"
                runs.append(_elsewhere(what, source, databases[source], options.entries))
    print(
        f"{options.entries:,} entries of the demo clinic, {options.runs} runs in turns; µs of processor time an entry"
    )
    for source, runs in found.items():
        columns = zip(_NAMES, zip(*runs, strict=True), strict=True)
        told = (f"{name} {min(each):.1f} to {max(each):.1f}" for name, each in columns)
        print(f"{source}: {' · '.join(told)}")
    for at, name in enumerate(_NAMES[:2]):
        lowest = {source: min(run[at] for run in runs) for source, runs in found.items()}
        ratios = (f"{source} {each / lowest[_FLOOR]:.2f}" for source, each in lowest.items() if source != _FLOOR)
        print(f"{name}, times the floor: {' · '.join(ratios)}")


def _make(database: Path, entries: int) -> None:
    """Make the log in this process's tree, as other trees may have other tables."""
    from indelible.demo import make_documents

    try:
        from indelible.record import document
    except ImportError:  # a tree from before there were folders
        document = import_module("indelible.document")

    events = list(islice(make_documents(1, start=date(2020, 1, 6), days=max(30, entries // 80)), entries))
    with Journal.create(database) as journal:
        log = journal.add_clinic("c_bench", name="Bench", zone="Europe/Lisbon")
        for start in range(0, entries, _BATCH):
            drafts = [log.draft(document.parse(event), imported=True) for event in events[start : start + _BATCH]]
            log.append(drafts)
            log.checkpoint()


def _elsewhere(what: str, source: str, database: Path, entries: int) -> list[float]:
    folder = str(_HERE) if source == _FLOOR else source
    command = [sys.executable, "-m", "benchmarks.verification", "--once", what, str(database)]
    command += ["--entries", str(entries)]
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{Path(__file__).parents[1]}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return [float(number) for number in done.stdout.split()]


def verified(database: Path) -> tuple[float, ...]:
    """Return µs an entry of this process's tree: structure, and all values opened, both without integrity_check, which
    comes last."""
    module = "indelible.manage.inspection"
    if find_spec("indelible.manage") is None:  # a tree from before there were folders
        module = "indelible.inspection"
    inspect = import_module(module).inspect
    taken = []
    checked, entries = _integrity(database)
    for open_values in (False, True):
        with Journal(database) as journal:
            log = journal.clinic()
            log.sealer.find("key", "")  # opened before the clock runs
            began = process_time()
            report = inspect(log, open_values=open_values)
            taken.append((process_time() - began) / entries * 1e6)
        if (report.result, report.entries) != ("intact", entries):
            raise RuntimeError("the log that was made is not intact")
    return (*(each - checked for each in taken), checked)


def _integrity(database: Path) -> tuple[float, int]:
    with closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA cache_size = -65536")
        (entries,) = db.execute("SELECT count(*) FROM indelible_entry").fetchone()
        began = process_time()
        if db.execute("PRAGMA main.integrity_check(10)").fetchall() != [("ok",)]:
            raise RuntimeError("the file is damaged")
        return (process_time() - began) / entries * 1e6, entries


def floor(database: Path) -> tuple[float, ...]:
    """Return µs an entry of what cannot be left out: without and with opening values; and 0 for the third column."""
    with Journal(database) as journal, closing(sqlite3.connect(database)) as db:
        log = journal.clinic()
        structure, entries = _timed(lambda: _structure(db, lambda row, members: None))
        opened, _ = _timed(lambda: _structure(db, _opening(log)))
    return structure / entries * 1e6, opened / entries * 1e6, 0.0


def _timed(work: Callable[[], int]) -> tuple[float, int]:
    gc.collect()
    began = process_time()
    entries = work()
    return process_time() - began, entries


def _structure(db: sqlite3.Connection, then: Callable[[Any, Any], object]) -> int:
    for table, order in (("link", "seq"), ("idempotency", "seq"), ("tile", "level, number"), ("person", "token")):
        cursor = db.execute(f"SELECT * FROM indelible_{table} ORDER BY {order}")
        while cursor.fetchmany(2_000):
            pass
    entries = 0
    cursor = db.execute("SELECT id, body, sealed, * FROM indelible_entry ORDER BY seq")
    while rows := cursor.fetchmany(256):
        for row in rows:
            sha256(b"\x00" + row[1]).digest()
            then(row, orjson.loads(row[1]))
        entries += len(rows)
    return entries


def _opening(log: Any) -> Callable[[Any, Any], object]:
    from indelible.format.commitment import Committer, leaves
    from indelible.keep.personal import split

    sealer, origin = log.sealer, log.clinic.origin

    def opening(row: Any, members: Any) -> None:
        committer = Committer(origin, members["id"])
        for group, (owner, personal_class, data) in zip(members["personal"], split(row[2]), strict=True):
            token = bytes.fromhex(members["tokens"][owner])
            seed, values = sealer.open_group(row[0], token, personal_class, data)
            plain = [(path, orjson.dumps(value)) for path, value in zip(group["paths"], values, strict=True)]
            committer.commit(personal_class, leaves(seed, plain))

    return opening


if __name__ == "__main__":
    main()
