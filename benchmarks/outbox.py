"""What the outbox costs a host, and how soon and how fast its documents come into the log.

    make bench ARGS=outbox

On a PostgreSQL of its own that syncs to the disk. The hosts that are compared are installed into an environment of
their own (django-auditlog, django-simple-history). Processor time is the client's and the server backend's together.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import venv
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from indelible import Journal
from indelible.drain.passes import drain_all
from indelible.outbox import sql
from indelible.outbox.postgres_source import PostgresSource
from indelible.testing.postgres import Server, cluster

from . import guard
from .data import documents

ROOT = Path(__file__).parents[1]
PACKAGES = ("django==5.2.*", "django-auditlog", "django-simple-history")
# As a server in earnest is set up; the tests' is quick and forgets.
EARNEST = {"fsync": "on", "full_page_writes": "on", "autovacuum": "on", "wal_level": "replica"}
ROUNDS = 25
COMMITS = 300
WAITING = 100_000
BACKLOG = 200_000
CLINICS = ("c_busy", "c_quiet")
_COPY = "COPY indelible.outbox (clinic, action, target_kind, target_id, document) FROM STDIN"


def main() -> None:
    with TemporaryDirectory() as folder, cluster(**EARNEST) as server:
        beside(Path(folder), server)
        print("\nthe guard, ms of server time as the client waits for it")
        guard.on(server)
        print()
        visible(Path(folder), server)
        drained(Path(folder), server)
        fairness(Path(folder), server)


# Beside a change


def beside(folder: Path, server: Server) -> None:
    """A change alone, with our record, and as others track it. Medians; ratios are medians of a round's."""
    python = _environment(folder / "venv")
    with server.database() as url:
        parts = conninfo_to_dict(url)
        names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}
        environment = {name: str(parts[member]) for name, member in names.items()}
        done = subprocess.run(
            [python, "-W", "ignore", "-m", "outbox_host.measure", str(ROUNDS)],
            env={**os.environ, **environment, "PYTHONPATH": str(ROOT / "benchmarks")},
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
    found: dict[str, list[list[float]]] = json.loads(done.stdout.splitlines()[-1])
    row = "{:46} {:>9} {:>9} {:>9} {:>9} {:>9}"
    print(row.format("one transaction, us", "client", "server", "CPU", "ratio", "wall"))
    for name, rounds in found.items():
        bare = found[f"{name.partition(':')[0]}: {'INSERT' if name.startswith('SQL') else 'create()'}"]
        ratio = median((one[0] + one[1]) / (other[0] + other[1]) for one, other in zip(rounds, bare, strict=True))
        client, busy, wall = (median(values) for values in zip(*rounds, strict=True))
        print(row.format(name, f"{client:.0f}", f"{busy:.0f}", f"{client + busy:.0f}", f"{ratio:.2f}", f"{wall:.0f}"))


def _environment(folder: Path) -> str:
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    subprocess.run([*pip, f"{ROOT}[postgres]", *PACKAGES], check=True, stderr=subprocess.DEVNULL)
    listed = subprocess.run([python, "-m", "pip", "list", "--format=json"], check=True, stdout=subprocess.PIPE)
    versions = {one["name"].lower(): one["version"] for one in json.loads(listed.stdout)}
    print(", ".join(f"{name} {versions[name]}" for name in ("django", "django-auditlog", "django-simple-history")))
    return python


# From the host into the log


@contextmanager
def _log(folder: Path, name: str) -> Iterator[tuple[Journal, Path]]:
    place = folder / f"{name}.db"
    with Journal.create(place) as journal:
        for clinic in CLINICS:
            journal.add_clinic(clinic, name=clinic, zone="Europe/Lisbon")
        yield journal, place


@contextmanager
def _draining(url: str, place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`indelible drain` in a process of its own."""
    start = "from indelible.cli.start import main; main()"
    command = [sys.executable, "-c", start, "drain", "--database", str(place), url]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def _outbox(server: Server, waiting: int = 0) -> Iterator[str]:
    """A database with an outbox in which so many documents wait, of the busy clinic."""
    with server.database() as url:
        with psycopg.connect(url) as connection:
            sql.install(connection)
            with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                for event in documents(waiting) if waiting else ():
                    target = event.get("target") or {"kind": None, "id": None}
                    copy.write_row(
                        (CLINICS[0], event["action"], target["kind"], target["id"], json.dumps(event | {"key": None}))
                    )
        yield url


def _commit(connection: psycopg.Connection[Any], number: int) -> float:
    """Commit one document of the quiet clinic; return when COMMIT was sent."""
    connection.execute(
        "SELECT indelible.record(%s, %s::json)",
        [CLINICS[1], json.dumps({"action": "booking.created", "actor": {"kind": "staff", "id": "usr_12"},
                                 "target": {"kind": "booking", "id": f"bk_{number}"}})],
    )  # fmt: skip
    began = perf_counter()
    connection.commit()
    return began


def _seen(
    url: str, place: Path, drainer: subprocess.Popen[bytes], commits: int, while_: Any = None, pause: float = 0.1
) -> list[float]:
    """Milliseconds from COMMIT to the entry in a read of the log, for each of so many commits, or `while_` it is so."""
    sent: list[float] = []
    chance, stopped = Random(1), threading.Event()

    def host() -> None:
        with psycopg.connect(url) as connection:
            while not stopped.is_set() and len(sent) < commits:
                sent.append(_commit(connection, len(sent)))
                sleep(chance.uniform(0.5, 1.5) * pause)

    with Journal(place) as reader:
        log = reader.clinic(CLINICS[1])
        took: list[float] = []
        thread = threading.Thread(target=host)
        thread.start()
        while thread.is_alive() or len(took) < len(sent):
            if drainer.poll() is not None:
                stopped.set()
                raise SystemExit("the drainer ended")
            if log.size > len(took):
                log.entry(len(took) + 1)
                took.append((perf_counter() - sent[len(took)]) * 1e3)
            else:
                sleep(0.001)
            if while_ is not None and not while_():
                stopped.set()
        thread.join()
    return took


def visible(folder: Path, server: Server) -> None:
    """From COMMIT to the entry, with a drainer that has nothing else to do."""
    with _outbox(server) as url, _log(folder, "visible") as (_, place), _draining(url, place) as drainer:
        sleep(3)  # until the drainer has started
        took = _seen(url, place, drainer, COMMITS)
    print(_line(f"COMMIT to visible, {len(took)} commits at some 10 a second", took))


def drained(folder: Path, server: Server) -> None:
    """A backlog of one clinic, as fast as it goes."""
    with (
        _outbox(server, WAITING) as url,
        _log(folder, "drained") as (journal, _),
        closing(PostgresSource(url)) as source,
    ):
        began, busy = perf_counter(), _own_seconds()
        done = drain_all(journal, source)
        wall, busy = perf_counter() - began, _own_seconds() - busy
    rate = f"{done.appended / wall:,.0f} entries/s, {busy / done.appended * 1e6:.0f} us of CPU each"
    print(f"drained, {done.appended:,} waiting: {rate}{f', {done.held} held' if done.held else ''}", flush=True)


def fairness(folder: Path, server: Server) -> None:
    """Another clinic's documents while a backlog is drained."""
    with _outbox(server, BACKLOG) as url, _log(folder, "fair") as (journal, place), _draining(url, place) as drainer:
        busy = journal.clinic(CLINICS[0])
        while not busy.size:
            sleep(0.01)
        took = _seen(url, place, drainer, 100_000, lambda: busy.size < BACKLOG)
    print(_line(f"COMMIT to visible, {len(took)} commits beside {BACKLOG:,} of another clinic", took))


def _own_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _line(what: str, took: list[float]) -> str:
    p99 = quantiles(took, n=100)[98]
    return f"{what}: median {median(took):.0f} ms, 99th percentile {p99:.0f} ms, most {max(took):.0f} ms"


if __name__ == "__main__":
    main()
