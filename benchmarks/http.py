"""Recording over HTTP, beside a bare endpoint that inserts the same bytes.

    make bench ARGS=http

Both are served by the same server, and both answer when SQLite has synced. The bare one knows no key, no clinic and no
catalogue: it inserts the body and commits, one transaction a request, as one would write it. 50 connections send one
document after the other, then batches of 1,000; in turns, from a process of its own.

At last a platform begins 2,000 clinics, each with an owner, one request after the other.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from indelible import Journal
from indelible.service.run.demo import free_port

from .data import documents

ROUNDS = 3
CONNECTIONS = 50
SECONDS = 8.0
BATCH = 1_000
BATCHES = 20
CLINICS = 2_000

_BARE = """
import sqlite3, sys, threading
from granian import Granian
from granian.constants import Interfaces

_local = threading.local()

def application(environ, start_response):
    db = getattr(_local, "db", None)
    if db is None:
        db = _local.db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE IF NOT EXISTS document (id INTEGER PRIMARY KEY, body BLOB)")
    body = environ["wsgi.input"].read()
    db.execute("BEGIN IMMEDIATE")
    db.executemany("INSERT INTO document (body) VALUES (?)", [(line,) for line in body.split(b"\\n") if line])
    db.execute("COMMIT")
    start_response("202 Accepted", [("content-type", "application/json")])
    return [b'{"status":"accepted"}']

if __name__ == "__main__":
    Granian("bare:application", port=int(sys.argv[2]), interface=Interfaces.WSGI, blocking_threads=4).serve()
"""
_KEYS = """
import django
django.setup()
from indelible.service.accounts import keys
print(keys.make("benchmark", ["record"], clinic_id="c_one")[1], keys.make("platform", ["manage"])[1])
"""


class Sent(NamedTuple):
    """Documents a second, and the seconds of each request, sorted."""

    each_second: float
    seconds: list[float]


class Server(NamedTuple):
    """Where something is served, and in which session."""

    name: str
    port: int
    path: str
    key: str
    group: int
    outbox: Path | None = None
    platform: str = ""

    def settle(self) -> None:
        """Wait until what was accepted is in the log: the next one must not pay for it."""
        while self.outbox is not None:
            with closing(sqlite3.connect(self.outbox)) as db:
                if db.execute("SELECT 1 FROM indelible_outbox LIMIT 1").fetchone() is None:
                    return
            time.sleep(0.2)


def main() -> None:
    with TemporaryDirectory() as folder, _bare(Path(folder)) as bare, _ours(Path(folder)) as ours:
        waiting = ours._replace(name="indelible, ?wait=entry", path=f"{ours.path}?wait=entry")
        servers = (bare, ours, waiting)
        print(f"one document a request, {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS:.0f} s in turns")
        _table(servers, 1)
        print(f"\nbatches of {BATCH} from 4 connections")
        _table(servers, BATCH)
        for connections in (1, 4):
            _clinics(ours, connections)


def _table(servers: tuple[Server, ...], batch: int) -> None:
    found: dict[str, list[tuple[Sent, float]]] = {}
    for _ in range(ROUNDS):
        for server in servers:
            before = _cpu(server.group)
            sent = _send(server, batch)
            found.setdefault(server.name, []).append((sent, _cpu(server.group) - before))
            server.settle()
    base = median(sent.each_second for sent, _ in found[servers[0].name])
    print(f"{'':28}{'documents/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}{'':>8}")
    for name, runs in found.items():
        each = median(sent.each_second for sent, _ in runs)
        percent = [quantiles(sent.seconds, n=100) for sent, _ in runs]
        cpu = median(seconds / max(1, len(sent.seconds) * batch) for sent, seconds in runs)
        print(f"{name:28}{each:12.0f}{median(p[49] for p in percent) * 1000:9.1f}"
              f"{median(p[98] for p in percent) * 1000:9.1f}{cpu * 1000:9.2f}{each / base:7.2f}x")  # fmt: skip


def _clinics(server: Server, connections: int) -> None:
    """Begin clinics, each by one PUT with its name, zone and owner."""
    numbers = iter(range(CLINICS))
    taking = threading.Lock()

    def begin() -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
            while True:
                with taking:
                    number = next(numbers, None)
                if number is None:
                    return
                name = f"c_{connections}_{number}"
                said = {"name": name, "zone": "Europe/Lisbon", "owner": {"email": f"{name}@clinic.example"}}
                headers = {"Authorization": f"Bearer {server.platform}", "Content-Type": "application/json"}
                connection.request("PUT", f"/api/v1/clinics/{name}", json.dumps(said), headers)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status == 429:
                    raise RuntimeError("held by the limit of changes")
                if answer.status != 201:
                    raise RuntimeError(f"{answer.status}: {body[:200]!r}")

    before, began = _cpu(server.group), time.perf_counter()
    with ThreadPoolExecutor(connections) as threads:
        for one in [threads.submit(begin) for _ in range(connections)]:
            one.result()
    lasted = time.perf_counter() - began
    print(f"\n{CLINICS} clinics with owners, {connections} connection(s): {lasted:.1f} s, "
          f"{(_cpu(server.group) - before) / CLINICS * 1000:.1f} ms CPU each")  # fmt: skip


def _cpu(group: int) -> float:
    """Seconds of processor time of a session so far."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == group:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _send(server: Server, batch: int) -> Sent:
    """Send from a process of its own."""
    told = {"port": server.port, "path": server.path, "key": server.key, "batch": batch}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.http", json.dumps(told)], capture_output=True, text=True, check=True
    )
    answer = json.loads(done.stdout)
    return Sent(answer["each_second"], answer["seconds"])


@contextmanager
def _bare(folder: Path) -> Iterator[Server]:
    (folder / "bare.py").write_text(_BARE)
    port = free_port()
    with _process([sys.executable, "bare.py", str(folder / "bare.db"), str(port)], port, cwd=folder) as group:
        yield Server("bare endpoint", port, "/", "", group)


@contextmanager
def _ours(folder: Path) -> Iterator[Server]:
    database, port = folder / "activity.db", free_port()
    with Journal.create(database) as journal:
        journal.add_clinic("c_one", name="One", zone="Europe/Lisbon")
    env = os.environ | {
        "INDELIBLE_DATABASE": str(database), "INDELIBLE_KEEP_BESIDE": "yes", "INDELIBLE_PORT": str(port),
        "INDELIBLE_LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "indelible.service.run.settings",
    }  # fmt: skip
    with _process([sys.executable, "-m", "indelible.service"], port, env=env) as group:
        made = subprocess.run([sys.executable, "-c", _KEYS], env=env, capture_output=True, text=True, check=True)
        key, platform = made.stdout.split()
        yield Server("indelible", port, "/api/v1/clinics/c_one/entries", key, group,
                     database.with_name("activity.db.accounts"), platform)  # fmt: skip


@contextmanager
def _process(command: list[str], port: int, **more: Any) -> Iterator[int]:
    process = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more
    )
    try:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


# The sender


async def _sender(port: int, path: str, key: str, batch: int) -> None:
    seconds: list[float] = []
    connections = CONNECTIONS if batch == 1 else 4
    bodies = iter(_bodies(batch))
    began = time.perf_counter()
    end = began + SECONDS

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent = 0
        while time.perf_counter() < end and (batch == 1 or sent < BATCHES // 4):
            body = next(bodies)
            kind = "application/json" if batch == 1 else "application/x-ndjson"
            started = time.perf_counter()
            writer.write(
                f"POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\ncontent-type: {kind}\r\n"
                f"content-length: {len(body)}\r\n\r\n".encode()
                + body
            )
            await _answer(reader)
            seconds.append(time.perf_counter() - started)
            sent += 1
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    lasted = time.perf_counter() - began
    print(json.dumps({"each_second": len(seconds) * batch / lasted, "seconds": sorted(seconds)}))


async def _answer(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    status = int(head.split(" ", 2)[1])
    length = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("content-length"))
    body = await reader.readexactly(length)
    if status >= 300:
        raise RuntimeError(f"{status}: {body[:200]!r}")


def _bodies(batch: int) -> Iterator[bytes]:
    """Bodies of documents, each with a key of its own."""
    made = [json.loads(json.dumps(one)) for one in documents(2_000)]
    run, number = os.urandom(4).hex(), 0
    while True:
        lines = []
        for _ in range(batch):
            number += 1
            lines.append(json.dumps(made[number % len(made)] | {"key": f"{run}-{number}"}).encode())
        yield b"\n".join(lines)


if __name__ == "__main__":
    asyncio.run(_sender(**json.loads(sys.argv[1])))
