"""Recording over real sockets into the real process: large bodies, slow ones, bombs, and whoever goes away halfway."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from indelible import Journal

from ..test_server import Service, until
from .conftest import CANCELLED

_KEY = """
import django
django.setup()
from indelible.service.accounts import keys
print(keys.make("desk", ["record"], clinic_id="c_one")[1])
"""


class Recorder:
    """The process, and who records into it."""

    def __init__(self, service: Service, key: str) -> None:
        self.service, self.key = service, key

    def post(self, body: Any, kind: str = "application/json", path: str = "", **headers: str) -> tuple[int, Any]:
        with self.connection() as connection:
            data = json.dumps(body) if isinstance(body, dict) else body
            connection.request("POST", f"/api/v1/clinics/c_one/entries{path}", data, self.headers(kind, **headers))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def headers(self, kind: str, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", "Content-Type": kind, **more}

    def connection(self) -> Any:
        return closing(http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=60))

    def size(self) -> int:
        with Journal(self.service.database) as journal:
            return journal.clinic("c_one").size

    def memory(self) -> int:
        """The most bytes that a worker has had in memory."""
        found = 0
        for worker in self.service.workers():
            for line in Path(f"/proc/{worker}/status").read_text().splitlines():
                if line.startswith("VmHWM"):
                    found = max(found, int(line.split()[1]) * 1024)
        return found


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    service = Service(tmp_path_factory.mktemp("api"))
    with Journal.create(service.database) as journal:
        journal.add_clinic("c_one", name="One", zone="Europe/Lisbon")
    service.start()
    env = service.environment() | {"DJANGO_SETTINGS_MODULE": "indelible.service.run.settings"}
    made = subprocess.run([sys.executable, "-c", _KEY], env=env, capture_output=True, text=True, check=True)
    yield Recorder(service, made.stdout.strip())
    assert service.stop() == 0
    assert not [line for line in service.logged() if line["level"] == "error"], service.said()


def lines(count: int, mark: str) -> bytes:
    return b"".join(json.dumps(CANCELLED | {"key": f"{mark}-{n}"}).encode() + b"\n" for n in range(count))


def test_ten_thousand_at_once_are_recorded_in_their_order(recorder: Recorder) -> None:
    status, answer = recorder.post(lines(10_000, "many"), "application/x-ndjson")

    assert status == 200
    assert {one["status"] for one in answer["results"]} == {"accepted"}
    assert until(lambda: recorder.size() >= 10_000, 120)
    status, again = recorder.post(lines(10_000, "many"), "application/x-ndjson")
    assert [one["number"] for one in again["results"]] == sorted(one["number"] for one in again["results"])
    assert {one["status"] for one in again["results"]} == {"existing"}


def test_who_waits_holds_no_thread(recorder: Recorder) -> None:
    """Sixty wait for the log at once, and the service has four threads."""
    waiting = []
    for number in range(60):
        connection = http.client.HTTPConnection("127.0.0.1", recorder.service.port, timeout=60)
        body = json.dumps(CANCELLED | {"key": f"waits-{number}"})
        connection.request("POST", "/api/v1/clinics/c_one/entries?wait=checkpoint", body,
                           recorder.headers("application/json"))  # fmt: skip
        waiting.append(connection)

    answers = [connection.getresponse() for connection in waiting]

    assert {answer.status for answer in answers} == {201}
    assert all("proof" in json.loads(answer.read()) for answer in answers)
    for connection in waiting:
        connection.close()


def test_a_million_lines_are_refused_early_and_nothing_of_them_is_kept(recorder: Recorder) -> None:
    before = recorder.size()
    line = json.dumps(CANCELLED).encode() + b"\n"

    def million() -> Iterator[bytes]:
        for _ in range(1_000):
            yield line * 1_000

    with recorder.connection() as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # it answered meanwhile, and reads no more
            connection.request("POST", "/api/v1/clinics/c_one/entries", million(),
                               recorder.headers("application/x-ndjson"), encode_chunked=True)  # fmt: skip
        answer = connection.getresponse()
        said = json.loads(answer.read())
    assert (answer.status, answer.headers["Content-Type"]) == (413, "application/problem+json")
    assert "16 MiB" in said["detail"]
    assert recorder.size() == before


def test_a_bomb_is_not_unpacked(recorder: Recorder) -> None:
    before = recorder.memory()

    status, _ = recorder.post(gzip.compress(b" " * 2_000_000_000, 1), **{"Content-Encoding": "gzip"})

    assert status == 413
    assert recorder.memory() - before < 120 * 1024 * 1024


@pytest.mark.parametrize("key", ["", "Bearer ind_live_000000000000_" + "x" * 43])
def test_a_stranger_sends_no_large_body(recorder: Recorder, key: str) -> None:
    with recorder.connection() as connection:
        connection.putrequest("POST", "/api/v1/clinics/c_one/entries")
        connection.putheader("Content-Length", str(10_000_000))
        connection.putheader("Authorization", key)
        connection.endheaders(b"x" * 1_000)
        answer = connection.getresponse()  # with most of it not sent

    assert answer.status == 413


def test_a_body_that_never_comes_is_given_up(recorder: Recorder) -> None:
    with socket.create_connection(("127.0.0.1", recorder.service.port), timeout=60) as connection:
        head = (
            "POST /api/v1/clinics/c_one/entries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {recorder.key}\r\nContent-Length: 100\r\n\r\n"
        )
        connection.sendall(head.encode() + b"{")
        began = time.monotonic()
        answer = connection.recv(4_096)

    assert answer.startswith(b"HTTP/1.1 408")
    assert b"application/problem+json" in answer
    assert 10 < time.monotonic() - began < 50


def test_who_goes_away_halfway_leaves_nothing_of_a_batch(recorder: Recorder) -> None:
    before = recorder.size()
    body = lines(5_000, "halfway")
    for part in (1_000, len(body) // 2, len(body) - 1):
        with socket.create_connection(("127.0.0.1", recorder.service.port), timeout=60) as connection:
            head = (
                "POST /api/v1/clinics/c_one/entries HTTP/1.1\r\nHost: localhost\r\n"
                f"Content-Type: application/x-ndjson\r\nAuthorization: Bearer {recorder.key}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            connection.sendall(head.encode() + body[:part])
    assert recorder.post(CANCELLED | {"key": "behind it"}, path="?wait=entry")[0] == 201
    assert recorder.size() == before + 1


def test_who_goes_away_before_the_answer_finds_it_recorded(recorder: Recorder) -> None:
    body = lines(500, "gone")
    with socket.create_connection(("127.0.0.1", recorder.service.port), timeout=60) as connection:
        head = (
            "POST /api/v1/clinics/c_one/entries?wait=checkpoint HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/x-ndjson\r\nAuthorization: Bearer {recorder.key}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        connection.sendall(head.encode() + body)

    def recorded() -> bool:
        return {one["status"] for one in recorder.post(body, "application/x-ndjson")[1]["results"]} == {"existing"}

    assert until(recorded, 60)


def test_large_bodies_of_many_at_once_are_bounded(recorder: Recorder) -> None:
    """Ten of one key begin with 16 MiB each, and 4 are let in together. Somebody before may hold a little yet."""
    assert until(lambda: _refused_of_ten(recorder) == 6, 90)
    assert until(lambda: recorder.post(lines(300, "after"), "application/x-ndjson")[0] == 200, 30)


def _refused_of_ten(recorder: Recorder) -> int:
    """How many of ten large bodies that begin at once are refused; none of them goes on."""
    held = []
    for _ in range(10):
        connection = socket.create_connection(("127.0.0.1", recorder.service.port), timeout=60)
        head = (
            "POST /api/v1/clinics/c_one/entries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
            f"Authorization: Bearer {recorder.key}\r\nContent-Length: {16 * 1024 * 1024}\r\n\r\n"
        )
        connection.sendall(head.encode() + b"{")
        held.append(connection)
    refused = 0
    for connection in held:
        connection.settimeout(2)
        with suppress(TimeoutError):
            answer = connection.recv(4_096)
            assert answer.startswith(b"HTTP/1.1 503")
            assert b"retry-after: " in answer.lower()
            refused += 1
        connection.close()
    return refused


@pytest.mark.parametrize("body", [b"ZZ\r\n", b"5\r\nabcdeXX\r\n", b"5\r\nabcde\r\n-1\r\n"])
def test_chunks_that_are_none_are_a_bad_request(recorder: Recorder, body: bytes) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in recorder.headers("application/json").items())
    with closing(socket.create_connection(("127.0.0.1", recorder.service.port), timeout=60)) as connection:
        connection.sendall(
            f"POST /api/v1/clinics/c_one/entries HTTP/1.1\r\nHost: localhost\r\n{head}".encode()
            + b"Transfer-Encoding: chunked\r\n\r\n"
            + body
        )
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert (answer.status, json.loads(answer.read())["status"]) == (400, 400)
