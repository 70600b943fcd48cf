"""The pages of a large log, as the service answers them: how long each takes, and where the time goes.

    python -m benchmarks.million --steps --folder FOLDER       makes the log
    python -m benchmarks.pages --folder FOLDER                 the service adds its own tables and an owner to it

The times are those of one reader at the real server on this machine, from the request to the last byte. Where the time
goes is measured inside one process, by what it is spent in: the database, opening values, templates, and the rest.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from statistics import quantiles
from time import perf_counter, process_time
from typing import Any
from urllib.parse import quote, urlencode

from indelible import Journal
from indelible.log import ClinicLog
from indelible.read.session import Cursor
from indelible.read.tallying import count

from .million import _common_actor

CLINIC, EMAIL, PASSWORD = "c", "owner@bench.example", "a password for this machine alone"
_STARTS_WITHIN = 120


def addresses(log: ClinicLog) -> dict[str, str]:
    """The pages that are measured, by name."""
    newest, middle = log.entry(log.size), log.entry(log.size // 2)
    deep = Cursor(middle.occurred_at, middle.seq, log.size).encode()
    day = middle.local_time.date()

    def listed(words: str, **more: str) -> str:
        return f"/c/{CLINIC}/?{urlencode({'q': words, **more})}"

    client, entries = _busiest(log)
    return {
        "activity, first page": f"/c/{CLINIC}/",
        "activity, deep page": listed("", after=deep),
        "activity, one day": listed(f"from:{day} to:{day}"),
        "activity, category": listed("category:payments"),
        "activity, actor": listed(f"actor:{_common_actor(log)}"),
        f"activity, client with {entries:,} entries": listed(f"client:{client}"),
        "activity, client and action": listed(f"client:{client} action:booking.cancelled"),
        "activity, a free word": listed("cancelled"),
        "activity, a name typed": listed(f'"{_name(log)}"'),
        "activity, an id typed": listed(client),
        "activity, a word that is nowhere": listed("nowhere-at-all"),
        "activity, nothing found": listed("client:nobody-there"),
        "entry": f"/c/{CLINIC}/entries/{newest.id}/",
        f"story of a client with {entries:,} entries": f"/c/{CLINIC}/story/client/{quote(client)}/",
        "sign-ins": f"/c/{CLINIC}/sign-ins/",
        "totals, of payments": f"/c/{CLINIC}/totals/?q=category:payments",
        "totals, of everything": f"/c/{CLINIC}/totals/",
        "export, what leaves": f"/c/{CLINIC}/export/",
        "integrity": f"/c/{CLINIC}/integrity/",
        "health (nothing but the server)": "/health/",
    }


def _name(log: ClinicLog) -> str:
    """The whole name of a client: it is looked up among the names of all people."""
    return next(view.client_in_words for view in log.read("category:bookings") if view.client_in_words)


def _busiest(log: ClinicLog) -> tuple[str, int]:
    """The client with the most entries, and how many: the one that was made busy, unless it was anonymized since."""
    recent = Counter(
        str(view.client["id"])
        for view in log.read("category:bookings", limit=5_000)
        if view.client and view.client.get("id")
    )
    client = "cli_busy" if recent["cli_busy"] else recent.most_common(1)[0][0]
    return client, count(log.reading(), log.reading().parse(f"client:{client}")).entries


class Reader:
    """One browser with one connection, signed in."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("localhost", port, timeout=600)
        self._cookies: dict[str, str] = {}

    def get(self, address: str) -> tuple[int, str]:
        return self._ask("GET", address, None)

    def sign_in(self) -> None:
        self.post("/account/login/", "/account/login/", login=EMAIL, password=PASSWORD)
        if self.get(f"/c/{CLINIC}/integrity/")[0] != 200:
            raise SystemExit("the owner cannot sign in")

    def post(self, form: str, action: str, **fields: str) -> tuple[int, str]:
        return self._ask("POST", action, self._filled(form, fields))

    def first_byte(self, form: str, action: str, **fields: str) -> tuple[float, float, int]:
        """Send a form; return the seconds until the first and the last byte of the answer, and how many there are."""
        body = self._filled(form, fields)
        began = perf_counter()
        self._send("POST", action, body)
        answer = self._connection.getresponse()
        size = len(answer.read(1))
        first = perf_counter() - began
        while block := answer.read(1 << 20):
            size += len(block)
        return first, perf_counter() - began, size

    def _filled(self, form: str, fields: dict[str, str]) -> bytes:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(form)[1])
        if token is None:
            raise SystemExit(f"there is no form at {form}")
        return urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()

    def _send(self, method: str, address: str, body: bytes | None) -> None:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, address, body, headers)

    def _ask(self, method: str, address: str, body: bytes | None) -> tuple[int, str]:
        self._send(method, address, body)
        answer = self._connection.getresponse()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                cookie, _, content = value.partition(";")[0].partition("=")
                self._cookies[cookie] = content
        return answer.status, answer.read().decode(errors="replace")


def at_the_server(pages: dict[str, str], port: int, runs: int) -> None:
    reader = Reader(port)
    reader.sign_in()
    print(f"at the server, in ms ({runs} runs){'':22} {'median':>10} {'p99':>9} {'KB':>7}")
    for name, address in pages.items():
        reader.get(address)
        spent, size, status = [], 0, 0
        for _ in range(runs):
            began = perf_counter()
            status, text = reader.get(address)
            spent.append((perf_counter() - began) * 1e3)
            size = len(text)
        cuts = quantiles(spent, n=100, method="inclusive")
        odd = "" if status == 200 else f"  answered {status}"
        print(f"  {name:48} {cuts[49]:10.1f} {cuts[98]:9.1f} {size / 1024:7.0f}{odd}", flush=True)
    form, action = f"/c/{CLINIC}/export/", f"/c/{CLINIC}/export/file/"
    for words in ("category:settings", "category:payments"):
        first_byte, last_byte, sent = reader.first_byte(form, action, q=words, format="csv")
        print(
            f"  export {words}: first byte {first_byte * 1e3:.0f} ms, {sent / 1e6:.1f} MB in {last_byte:.1f} s",
            flush=True,
        )


# Where the time goes


class Ledger:
    """Seconds of this process on a processor, by what they were spent in. What is called inside something else is not
    counted twice."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._open = ["the rest"]
        self._since = process_time()

    def turn(self) -> None:
        now = process_time()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now

    @contextmanager
    def spending(self, kind: str) -> Iterator[None]:
        self.turn()
        self._open.append(kind)
        try:
            yield
        finally:
            self.turn()
            self._open.pop()

    def watch(self, owner: Any, name: str, kind: str) -> None:
        inner: Callable[..., Any] = getattr(owner, name)

        @wraps(inner)
        def watched(*args: Any, **named: Any) -> Any:
            with self.spending(kind):
                return inner(*args, **named)

        setattr(owner, name, watched)


def _watched_ledger() -> Ledger:
    from django.db.backends.utils import CursorWrapper
    from django.template.base import Template

    from indelible.read import session as reading
    from indelible.stores.sqlite.rows import SQLiteRows
    from indelible.stores.sqlite.store import SQLiteStore

    ledger = Ledger()
    for name in ("counts", "amounts", "amounts_between"):
        ledger.watch(SQLiteRows, name, "tally")
    for name in ("state", "page", "seqs", "occurring", "linked", "first_recorded", "moments", "known"):
        ledger.watch(SQLiteRows, name, "log's SQL")
    for name in ("clinics", "keys"):
        ledger.watch(SQLiteStore, name, "log's SQL")
    ledger.watch(CursorWrapper, "execute", "accounts' SQL")
    inner = reading.Session.open

    @wraps(inner)
    def opened(*args: Any, **named: Any) -> Iterator[Any]:
        with ledger.spending("opening"):
            views = iter(inner(*args, **named))
        while True:
            with ledger.spending("opening"):
                view = next(views, None)
            if view is None:
                return
            yield view

    reading.Session.open = opened  # type: ignore[method-assign]
    ledger.watch(Template, "render", "template")
    return ledger


def where_it_goes(pages: dict[str, str], port: int, runs: int) -> None:
    import django

    django.setup()
    from django.test import Client

    from indelible.service.accounts.models import User

    ledger = _watched_ledger()
    browser = Client(headers={"host": f"localhost:{port}", "user-agent": "bench"})
    browser.force_login(User.objects.get(email=EMAIL))
    kinds = ("log's SQL", "tally", "opening", "template", "accounts' SQL", "the rest")
    print(f"\nwhere it goes, mean CPU ms of {runs}{'':22} " + " ".join(f"{kind:>13}" for kind in kinds))
    for name, address in pages.items():
        browser.get(address)
        ledger.turn()
        ledger.seconds.clear()
        for _ in range(runs):
            b"".join(browser.get(address))
        ledger.turn()
        spent = " ".join(f"{ledger.seconds[kind] / runs * 1e3:13.1f}" for kind in kinds)
        print(f"  {name:48} {spent}", flush=True)


def add_owner() -> None:
    from indelible.service.accounts.models import Membership, User

    if not User.objects.filter(email=EMAIL).exists():
        user = User.objects.create_user(EMAIL, PASSWORD, name="Olga Bench")
        Membership.objects.create(user=user, clinic_id=CLINIC, role="owner")


def settings(database: Path, port: int) -> dict[str, str]:
    return {
        "INDELIBLE_DATABASE": str(database.resolve()),
        "INDELIBLE_PORT": str(port),
        "INDELIBLE_URL": f"http://localhost:{port}",
        "INDELIBLE_LOG_LEVEL": "WARNING",
        "DJANGO_SETTINGS_MODULE": "indelible.service.run.settings",
    }


def _free_port() -> int:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def serving(port: int) -> Iterator[None]:
    code = (
        "import sys; from benchmarks.pages import add_owner; from indelible.service.run import server;"
        " sys.exit(server.serve(lambda link: None, before=add_owner))"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        _wait(port, process)
        yield
    finally:
        process.terminate()
        process.wait(60)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _STARTS_WITHIN
    while process.poll() is None and time.monotonic() < end:
        try:
            if Reader(port).get("/ready/")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the service does not answer")


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.pages", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=50)
    options = parser.parse_args()
    database, port = options.folder / "activity.db", _free_port()
    os.environ.update(settings(database, port))
    with Journal(database) as journal:
        log = journal.clinic(CLINIC)
        print(f"{log.size:,} entries, {os.cpu_count()} cores", flush=True)
        pages = addresses(log)
    with serving(port):
        at_the_server(pages, port, options.runs)
    where_it_goes(pages, port, max(options.runs // 5, 3))


if __name__ == "__main__":
    main()
