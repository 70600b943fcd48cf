"""A small server of HTTP, with real sockets: it does with documents what the contract says, and fails when told to."""

from __future__ import annotations

import gzip
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from indelible.client import Client
from indelible.client.retrying import Retry

KEY = "ind_test_3f9c2a7d10be_c2VjcmV0"
AT_ONCE = Retry(tries=5, first=0.001, longest=0.01)


class Server:
    """The logs of some clinics: `taken` are the documents by clinic, in their order. `failures` are what happens to the
    next requests in the place of an answer: (status, headers, body), or "lost": taken, and the
    connection is cut, or "broken off": in the midst of an answer."""

    def __init__(self) -> None:
        self.taken: dict[str, dict[str, dict[str, Any]]] = {}
        self.failures: deque[Any] = deque()
        self.refuses: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda document: None
        self.most = 10_000  # documents of one request
        self.asked: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.answers: dict[str, Any] = {}
        self.bodies: list[Any] = []
        self._http: ThreadingHTTPServer | None = None
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                server.serve(self)

            def log_message(self, *_: object) -> None:
                pass

        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.handle_any)

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_: object) -> None:
                pass

        self._http = Quiet(("127.0.0.1", self.port), Handler)
        self.port = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    def keys_of(self, clinic: str = "c_lisbon") -> list[str]:
        return list(self.taken.get(clinic, {}))

    def serve(self, request: Any) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        url = urlsplit(request.path)
        self.asked.append((request.command, request.path))
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        failure = self.failures.popleft() if self.failures else None
        if failure == "lost":
            self.bodies.append(json.loads(body))
            self._recorded(url.path, self.bodies[-1])
            request.close_connection = True
            request.connection.close()
            return
        if failure == "broken off":
            self._answer(request, 200, {"Content-Length": "5000"}, b"number,action\n")
            request.close_connection = True
            return
        if failure is not None:
            self._answer(request, *failure)
            return
        if self._http is None:  # a connection that was kept over a stop
            request.close_connection = True
            request.connection.close()
            return
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            self._problem(request, 401, {"title": "Unauthorized"})
            return
        if url.path.endswith("/entries") and request.command == "POST":
            self.bodies.append(json.loads(body))
            if isinstance(self.bodies[-1], list) and len(self.bodies[-1]) > self.most:
                self._problem(request, 413, {})
                return
            found = self._recorded(url.path, self.bodies[-1])
            if isinstance(found, dict) and found["status"] == "refused":
                self._problem(request, found["problem"]["status"], found["problem"])
                return
            if isinstance(found, list):
                self._json(request, 200, {"results": found})
                return
            self._json(request, 202 if found["status"] == "accepted" else 200, found)
            return
        if body:
            self.bodies.append(json.loads(body))
        made = self.answers.get(f"{request.command} {url.path.removeprefix('/api/v1')}")
        if callable(made):
            made = made({name: values[0] for name, values in parse_qs(url.query).items()})
        if made is None:
            self._problem(request, 404, {"detail": "There is no such thing here for this key."})
            return
        if isinstance(made, dict):
            self._json(request, 200, made)
            return
        self._answer(request, 200, {"Content-Type": "text/plain"}, made)

    def _recorded(self, path: str, sent: Any) -> Any:
        clinic = path.split("/")[4]
        if isinstance(sent, list):
            return [self._one(clinic, one) for one in sent]
        return self._one(clinic, sent)

    def _one(self, clinic: str, document: dict[str, Any]) -> dict[str, Any]:
        problem = self.refuses(document)
        there = self.taken.setdefault(clinic, {})
        key = document["key"]
        if problem is None and key in there and not _same(there[key], document):
            problem = {"status": 409, "detail": "This key was used before."}
        if problem is not None:
            return {"status": "refused", "problem": problem}
        status = "existing" if key in there else "accepted"
        there.setdefault(key, document)
        return {"status": status, "key": key}

    def _problem(self, request: Any, status: int, members: dict[str, Any]) -> None:
        body = json.dumps({"status": status, **members}).encode()
        self._answer(request, status, {"Content-Type": "application/problem+json"}, body)

    def _json(self, request: Any, status: int, members: Any) -> None:
        self._answer(request, status, {"Content-Type": "application/json"}, json.dumps(members).encode())

    def _answer(self, request: Any, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        if "Content-Length" not in headers:
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """As the log compares: the time only where both say one."""
    if "occurred_at" not in other:
        one = {name: value for name, value in one.items() if name != "occurred_at"}
    return one == other


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.stop()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.url, KEY, clinic="c_lisbon", retry=AT_ONCE) as made:
        yield made


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"
