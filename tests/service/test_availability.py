"""Strangers who open connections and send nothing: everybody else signs in, reads and records all the same."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import sqlite3
import threading
import urllib.error
from collections.abc import Iterator
from contextlib import closing, contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from indelible import Journal
from indelible.testing.logs import event

from .test_server import Service, service  # noqa: F401 - a fixture

IDLE = 300
HEAD = b"Host: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
# With a form's cookie: without it Django looks at no body.
FORM = HEAD + b"Cookie: indelible-csrf=" + b"x" * 32 + b"\r\n"
# What never ends: bodies that do not come, come in part, or in chunks without a last one; headers without an end.
UNFINISHED = (
    b"POST /account/login/ HTTP/1.1\r\n" + FORM + b"Content-Length: 100\r\n\r\n",
    b"POST /account/login/ HTTP/1.1\r\n" + FORM + b"Content-Length: 100\r\n\r\nlogin=maria",
    b"POST /account/login/ HTTP/1.1\r\n" + FORM + b"Transfer-Encoding: chunked\r\n\r\n5\r\nlogin\r\n",
    b"POST /welcome/x/ HTTP/1.1\r\n" + FORM + b"Content-Length: 9\r\n\r\n",
    b"POST /language/ HTTP/1.1\r\n" + FORM + b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ",
)


@contextmanager
def strangers(port: int, number: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as open_ones:
        found = []
        for one in range(number):
            stranger = open_ones.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            stranger.sendall(UNFINISHED[one % len(UNFINISHED)])
            found.append(stranger)
        yield found


def answers(stranger: socket.socket) -> bytes:
    """Everything until the connection ends."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while block := stranger.recv(65_536):
            got += block
    return got


def talk(port: int, *parts: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as stranger:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for part in parts:
                stranger.sendall(part)
        return answers(stranger)


def test_three_hundred_idle_connections_stop_neither_signing_in_nor_recording(service):  # noqa: F811
    service.start()
    clinic = service.begin()
    service.post("/account/", "/account/logout/").close()
    with strangers(service.port, IDLE) as idle:
        with Journal(service.database) as journal:
            journal.clinic(clinic).record_document(event(1))
        with closing(sqlite3.connect(service.accounts, timeout=5)) as db:
            db.execute("BEGIN IMMEDIATE")  # nobody holds the accounts' lock
        with service.post(
            "/account/login/", login="maria@clinic.example", password="a sentence that only I would write"
        ) as page:
            assert "Clínica da Estrela" in page.read().decode()
        with Journal(service.database) as journal:
            journal.clinic(clinic).record_document(event(2))
        assert service.answers()
        assert all(is_waited_for(one) for one in idle), "none of them was let go for that"
        said = [answers(one) for one in idle[: len(UNFINISHED)]]
    assert all(b" 408 " in one and b"did not arrive whole in time" in one for one in said[:-1])
    assert said[-1] == b"", "without whole headers there is nothing to answer"
    assert service.stop() == 0


def is_waited_for(stranger: socket.socket) -> bool:
    """Whether the service told it nothing but to go on."""
    return not select.select([stranger], [], [], 0)[0] or stranger.recv(200, socket.MSG_PEEK).endswith(
        b" 100 Continue\r\n\r\n"
    )


def test_what_is_too_large_is_refused_and_a_length_that_lies_harms_nobody(service):  # noqa: F811
    service.start()
    post = b"POST /account/login/ HTTP/1.1\r\n" + HEAD
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    assert b" 413 " in talk(service.port, post, b"Content-Length: 65537\r\n\r\n")
    assert b" 413 " in talk(service.port, post, b"Content-Length: 99999999999\r\n\r\nabc")
    assert b" 413 " in talk(service.port, post, b"Transfer-Encoding: chunked\r\n\r\n", chunk, chunk)
    # Shorter than what is sent: the rest is another request, which is none.
    short = talk(service.port, post, b"Content-Length: 1\r\n\r\nxyz\r\n\r\n")
    assert re.match(rb"HTTP/1\.1 403 ", short)  # without the form's token
    assert b" 400 " in short
    assert b" 400 " in talk(service.port, post, b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab")
    assert b" 400 " in talk(service.port, post, b"Content-Length: -1\r\n\r\n")
    ended = b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n"
    assert b" 403 " in talk(service.port, post, ended), "a body in chunks is read as any other"
    with closing(sqlite3.connect(service.database, timeout=5)) as db:
        db.execute("BEGIN IMMEDIATE")  # nobody holds the lock
    assert service.answers()


def test_a_welcome_that_is_sent_twice_at_once_makes_one_owner_and_one_clinic(service):  # noqa: F811
    service.start()
    link, statuses, together = service.welcome(), [], threading.Barrier(3)
    browsers = [Service(service.folder) for _ in range(3)]
    for one in browsers:
        one.port = service.port

    def take(one: Service, number: int) -> None:
        def at_once(url: str, sent: bytes | None = None, *, timeout: float) -> Any:
            if sent:
                together.wait()
            return real(url, sent, timeout=timeout)

        real, one.browser = one.browser.open, SimpleNamespace(open=at_once)  # type: ignore[assignment]
        try:
            with one.post(link, person="Maria", email=f"maria{number}@clinic.example", name="Clínica", zone="UTC",
                          password="a sentence that only I would write") as answer:  # fmt: skip
                statuses.append(answer.status)
        except urllib.error.HTTPError as error:
            statuses.append(error.code)

    threads = [threading.Thread(target=take, args=pair) for pair in zip(browsers, range(3), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 404, 404]
    with closing(sqlite3.connect(service.accounts)) as db:
        assert db.execute("SELECT count(*) FROM service_user").fetchone() == (1,)
        assert db.execute("SELECT count(*) FROM service_membership").fetchone() == (1,)
    with Journal(service.database) as journal:
        assert len(journal.clinics()) == 1


@pytest.mark.parametrize(
    "soft, hard, connections", [(256, 256, 56), (512, 4096, 800), (1024, 1024, 800), (220, 220, 50), (-1, -1, 800)]
)
def test_connections_leave_the_database_its_files(monkeypatch, soft, hard, connections):
    import resource

    from indelible.service.run import server

    limits = [(soft, hard)]
    monkeypatch.setattr(resource, "getrlimit", lambda what: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda what, pair: limits.append(pair))
    assert server._connections() == connections
    assert all(pair[1] == hard for pair in limits)
