"""Reading over real sockets: proofs checked by another program, readers that go away, bytes that no client sends."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from indelible import Journal
from indelible.record import document
from indelible.testing.logs import event

from ..test_server import Service
from .process import filled, key_of

ENTRIES = 25_000  # more than the buffers between the service and a slow reader hold


class Reader:
    """The process, and who reads from it."""

    def __init__(self, service: Service) -> None:
        self.service, self.key = service, key_of(service)

    def open(self, path: str, accept: str = "*/*") -> Any:
        headers = {"Authorization": f"Bearer {self.key}", "Accept": accept}
        request = urllib.request.Request(f"{self.service.url}/api/v1/clinics/c_one{path}", headers=headers)
        return urllib.request.urlopen(request, timeout=60)

    def raw(self, head: bytes) -> bytes:
        """What is answered to bytes that no client would send; nothing where the connection is closed."""
        with socket.create_connection(("127.0.0.1", self.service.port), timeout=30) as connection:
            connection.sendall(head)
            found = b""
            while part := connection.recv(65_536):
                found += part
            return found

    def asked(self, target: bytes, more: bytes = b"") -> bytes:
        key = f"Authorization: Bearer {self.key}\r\n".encode()
        return self.raw(
            b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + key + more + b"\r\n"
        )


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    service = filled(tmp_path_factory.mktemp("reading"))
    yield Reader(service)
    assert service.stop() == 0
    errors = [line for line in service.logged() if line["level"] == "error"]
    assert not errors, errors


def test_what_the_service_gives_is_checked_by_a_program_that_has_nothing_else(reader: Reader, tmp_path: Path) -> None:
    vkey = reader.open("/key").read().decode().strip()
    answer, text, body = tmp_path / "answer.json", tmp_path / "proof.txt", tmp_path / "body"
    answer.write_bytes(reader.open("/entries/7/proof").read())
    text.write_bytes(reader.open("/entries/7/proof", accept="text/plain").read())
    body.write_bytes(reader.open("/entries/7/body").read())

    def verified(*arguments: Any) -> tuple[int, str]:
        program = [sys.executable, "-m", "indelible.verify", *map(str, arguments)]
        done = subprocess.run(program, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    for given in (["--proof", answer], ["--proof", text, "--entry", body]):
        code, said = verified(*given, "--key", vkey)
        assert code == 0
        assert "entry 7: IN THE LOG, as it was recorded" in said
    changed = tmp_path / "changed"
    changed.write_bytes(body.read_bytes().replace(b"bk_1", b"bk_2"))
    code, said = verified("--proof", text, "--entry", changed, "--key", vkey)
    assert (code, "NOT PROVEN" in said) == (1, True)
    assert verified("--proof", text, "--key", vkey)[0] == 2
    assert verified("--proof", answer)[0] == 2
    other = vkey.replace("+", "x+", 1)
    assert verified("--proof", answer, "--key", other)[0] == 2  # which is no key


def test_who_goes_away_from_an_export_leaves_room_for_others(reader: Reader) -> None:
    with Journal(reader.service.database) as journal:
        log = journal.clinic("c_one")
        for part in range(0, ENTRIES, 5_000):
            log.append([log.draft(document.parse(event(key=f"e{part + number}"))) for number in range(5_000)])
    for _ in range(20):  # more than are sent at once
        with reader.open("/export?format=jsonl") as answer:
            assert answer.readline()
    with reader.open("/export?format=jsonl&q=recorded:%231..%2310") as answer:
        assert {json.loads(line)["seq"] for line in answer} == set(range(1, 11))


@pytest.mark.parametrize(
    "target",
    [
        b"/api/v1/clinics/c_one/entries/\xff\xfe",
        b"/api/v1/clinics/%ff%fe/entries",
        b"/api/v1/clinics/c_one%00/entries",
        b"/api/v1/clinics/c_one/entries/%00",
        b"/api/v1/clinics/c_one/stories/booking/%c3%28",
        b"/api/v1/%2e%2e/%2e%2e",
        b"/api/v1/../../etc/passwd",
        b"/api/v1/clinics/c_one/entries/1%0d%0aSet-Cookie:%20a=b",
    ],
)
def test_an_address_that_is_no_text_is_not_found(reader: Reader, target: bytes) -> None:
    answer = reader.asked(target)
    assert answer.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 ")), answer[:200]
    assert b"Set-Cookie" not in answer.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(
    "query",
    [b"q=%ff%fe", b"q=%00", b"q=\xff", b"after=%00", b"%00=1", b"limit=1%00", b"q=" + b"a" * 8_000, b"&&&;;=", b"="],
)
def test_a_query_that_is_no_text_is_refused_or_means_nothing(reader: Reader, query: bytes) -> None:
    answer = reader.asked(b"/api/v1/clinics/c_one/entries?" + query)
    assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 422 ", b"HTTP/1.1 400 ")), answer[:200]


@pytest.mark.parametrize(
    "more",
    [
        b"X-Large: " + b"a" * 100_000 + b"\r\n",
        b"X-Many: a\r\n" * 2_000,
        b"Accept: " + b"text/plain;q=0.1," * 3_000 + b"\r\n",
        b"If-None-Match: " + b'"a",' * 5_000 + b"\r\n",
        b"If-None-Match: *\r\n",
        b'If-Match: "a"\r\n',
        b"Accept: \xff\xfe\r\n",
        b"Accept: ;;;===\r\n",
        b"X-Forwarded-For: \x01\r\n",
        b"User-Agent: \xf0\x9f\x98\x80\r\n",
        b"Content-Length: 5\r\n\r\nhello",
        b"If-Modified-Since: yesterday\r\n",
        b"Range: bytes=0-1\r\n",
    ],
)
def test_headers_of_any_kind_break_nothing(reader: Reader, more: bytes) -> None:
    for target in (b"/api/v1/clinics/c_one/entries/3", b"/api/v1/clinics/c_one/entries/3/proof"):
        answer = reader.asked(target, more)
        assert not answer.startswith((b"HTTP/1.1 5",)) or answer.startswith(b"HTTP/1.1 505"), answer[:200]
    assert reader.open("/entries/3").status == 200


@pytest.mark.parametrize(
    "line",
    [
        b"Authorization: Bearer\r\n",
        b"Authorization: Bearer \r\n",
        b"Authorization: bearer x y\r\n",
        b"Authorization: Basic aW5kOmluZA==\r\n",
        b"Authorization: Bearer \xff\r\n",
        b"Authorization: " + b"B" * 5_000 + b"\r\n",
        b"",
        b"Authorization: Bearer ind_test_000000000000_" + b"A" * 43 + b"\r\n",
        b"Cookie: indelible=x\r\n",
    ],
)
def test_no_key_is_no_way_in(reader: Reader, line: bytes) -> None:
    head = b"GET /api/v1/clinics/c_one/entries?nonsense=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    answer = reader.raw(head + line + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 401 "), answer[:200]
    assert b"www-authenticate: Bearer" in answer.replace(b"WWW-A", b"www-a")
