"""Between the server's connections and the application's threads: only a request that is there whole gets a thread.

    connection ── headers (the server, 20 s) ── body (here, 15 s, 64 KiB) ── a thread ── answer, block by block (60 s)

A body is read on the event loop, where one that never comes costs a few kilobytes; the application gets it from memory,
so that nothing it does (a lock, a transaction) waits for somebody's network. What is sent while it is made holds a
thread only while a block is made, never while the reader takes it.

To the server this is an ASGI application, to ours a WSGI server (PEP 3333).
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote_to_bytes

BODY_BYTES = 65_536  # no form here is larger; what waits for a thread is held in memory
BODY_SECONDS = 15.0  # the whole of it: 4 KiB/s, where no form is larger than one of these
BLOCK_SECONDS = 60.0  # for a reader to take one block, 1 KiB/s; whoever is slower gets a download that breaks off
STREAMS = 16  # each has a thread, and a view of the database that keeps its write-ahead log from being cleared
_BLOCK_BYTES = 65_536

_TOO_LARGE = "What was sent is larger than any form here; nothing was changed."
_TOO_SLOW = "What was sent did not arrive whole in time; nothing was changed. Try again."
_TOO_MANY = "Too many files are being sent at this moment; try again when one of them has ended."

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class _Refused(Exception):
    """A request that gets no thread: its status, and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


class _Gone(Exception):
    """Whoever asked is there no more."""


class Gateway:
    """Serves a WSGI application in `threads` threads. The seconds and bytes are limits, as said above."""

    def __init__(
        self,
        application: Callable[..., Any],
        threads: int,
        *,
        body_bytes: int = BODY_BYTES,
        body_seconds: float = BODY_SECONDS,
        block_seconds: float = BLOCK_SECONDS,
        streams: int = STREAMS,
    ) -> None:
        self._application = application
        self._body_bytes, self._body_seconds, self._block_seconds = body_bytes, body_seconds, block_seconds
        self._pages = ThreadPoolExecutor(threads, "page")
        self._blocks = ThreadPoolExecutor(streams, "stream")
        self._free_streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":  # the server asks whether there is something to start
            raise ValueError(f"a {scope['type']} is not served")
        try:
            body = await self._body(scope, receive)
        except _Gone:
            return
        except _Refused as refused:
            await _refuse(send, refused)
            return
        run = asyncio.get_running_loop().run_in_executor
        answer = await run(self._pages, _Answer, self._application, _environ(scope, body))
        try:
            if answer.whole is not None:
                await self._send_whole(send, answer)
            elif self._free_streams == 0:
                await _refuse(send, _Refused(503, _TOO_MANY))
            else:
                await self._send_blocks(send, receive, answer)
        finally:
            if answer.whole is None:
                await run(self._blocks, answer.close)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """Read the whole body. Raises _Refused where it is too large or too slow, _Gone where it ends halfway."""
        said = dict(scope["headers"]).get(b"content-length", b"")
        if said.isdigit() and int(said[:20]) > self._body_bytes:
            raise _Refused(413, _TOO_LARGE)
        parts, size = [], 0
        try:
            async with asyncio.timeout(self._body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > self._body_bytes:  # a body in chunks does not say its size before
                        raise _Refused(413, _TOO_LARGE)
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            raise _Refused(408, _TOO_SLOW) from None

    async def _send_whole(self, send: Send, answer: _Answer) -> None:
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.whole})

    async def _send_blocks(self, send: Send, receive: Receive, answer: _Answer) -> None:
        """Send what is made meanwhile. It breaks off, visibly, where its making fails or nobody takes it."""
        run = asyncio.get_running_loop().run_in_executor
        self._free_streams -= 1
        gone = asyncio.ensure_future(receive())  # behind a whole body comes nothing but that who asked went away
        try:
            await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
            while block := await run(self._blocks, answer.block):
                if gone.done():  # the server takes what is sent to nobody, and says nothing
                    return
                async with asyncio.timeout(self._block_seconds):
                    await send({"type": "http.response.body", "body": block, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            self._free_streams += 1


class _Answer:
    """What the application answers: whole, or as blocks to be asked for. Made, asked and closed in threads."""

    def __init__(self, application: Callable[..., Any], environ: dict[str, Any]) -> None:
        self.status, self.headers = 500, list[tuple[bytes, bytes]]()
        given = application(environ, self._start)
        self._given: Any = given
        self.whole: bytes | None = None
        self._failed: Exception | None = None
        if not getattr(given, "streaming", False):  # Django's word for it; its list of one block is sent at once
            try:
                self.whole = b"".join(given)
            finally:
                self.close()
        self._iterator: Iterator[bytes] = iter(()) if self.whole is not None else iter(given)

    def _start(self, status: str, headers: Iterable[tuple[str, str]], *_: Any) -> None:
        self.status = int(status.split(" ", 1)[0])
        self.headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]

    def block(self) -> bytes:
        """Return the next bytes; none at the end. Where their making fails, first those that were made before."""
        if self._failed is not None:
            raise self._failed
        parts, size = [], 0
        try:
            for part in self._iterator:
                parts.append(bytes(part))
                size += len(parts[-1])
                if size >= _BLOCK_BYTES:
                    break
        except Exception as error:
            if not size:
                raise
            self._failed = error
        return b"".join(parts)

    def close(self) -> None:
        close = getattr(self._given, "close", None)
        if close is not None:
            close()


async def _refuse(send: Send, refused: _Refused) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close"),
               (b"cache-control", b"no-store")]  # fmt: skip
    with contextlib.suppress(OSError):
        await send({"type": "http.response.start", "status": refused.status, "headers": headers})
        await send({"type": "http.response.body", "body": f"{refused.why}\n".encode()})


def _environ(scope: Scope, body: bytes) -> dict[str, Any]:
    """The request as PEP 3333 says it: text is bytes as latin-1."""
    server, client = scope.get("server") or ("localhost", 80), scope.get("client") or ("", 0)
    path = scope.get("raw_path") or scope["path"].encode()
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path.partition(b"?")[0]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": str(server[0]),
        "SERVER_PORT": str(server[1] or 80),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": str(client[0]),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        # One with an underscore would pass for another, such as the proxy's X-Forwarded-For.
        if b"_" in name or name in (b"content-length", b"transfer-encoding"):
            continue
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
        text = value.decode("latin-1")
        joint = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{joint}{text}" if key in environ else text
    return environ
