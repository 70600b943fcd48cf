"""Between the server's connections and the application's threads: only a request that is there whole gets a thread.

    connection ── headers (the server, 20 s) ── body (here, 15 s, 64 KiB) ── a thread ── answer, block by block (60 s)
                                                      └── of a key that records: 60 s, 16 MiB

A body is read on the event loop, where one that never comes costs a few kilobytes; the application gets it from memory,
so that nothing it does (a lock, a transaction) waits for somebody's network. What is sent while it is made holds a
thread only while a block is made, never while the reader takes it. What waits for a commit or for the log (`later`)
holds none either.

A body beyond 64 KiB is read on only for whoever shows a key that may send one, and as long as all of these together
are not more than HELD_BYTES, and those of one key not more than half of that.

To the server this is an ASGI application, to ours a WSGI server (PEP 3333).
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

BODY_BYTES = 65_536  # no form here is larger; what waits for a thread is held in memory
BODY_SECONDS = 15.0  # the whole of it: 4 KiB/s, where no form is larger than one of these
LARGE_BYTES = 16 * 1024 * 1024  # of who records many documents at once
LARGE_SECONDS = 60.0
HELD_BYTES = 8 * LARGE_BYTES  # of all large bodies together
BLOCK_SECONDS = 60.0  # for a reader to take one block, 1 KiB/s; whoever is slower gets a download that breaks off
STREAMS = 16  # each has a thread, and a view of the database that keeps its write-ahead log from being cleared
_BLOCK_BYTES = 65_536

_LINGER_SECONDS = 2.0  # for a sender to see the answer, before the connection is closed under what it still sends

_TOO_LARGE = "What was sent is larger than any form here; nothing was changed."
_TOO_LARGE_FOR_ALL = "What was sent has more than 16 MiB; nothing was recorded. Send it in parts."
_TOO_MUCH = "Too much is being sent at this moment; nothing was recorded. Send it again in a few seconds."
_TOO_SLOW = "What was sent did not arrive whole in time; nothing was changed. Try again."
_BROKEN = "What was sent broke off, or is no HTTP; nothing was changed. Send it again."
_TOO_MANY = "Too many files are being sent at this moment; try again when one of them has ended."

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class _Refused(Exception):
    """A request that gets no thread: its status, and why."""

    def __init__(self, status: int, why: str, retry_after: int = 0) -> None:
        super().__init__(why)
        self.status, self.why, self.retry_after = status, why, retry_after


def _nobody(scope: Scope) -> str:
    """Nobody may send a large body."""
    return ""


class Gateway:
    """Serves a WSGI application in `threads` threads. The seconds and bytes are limits, as said above; `may_be_large`
    says of a request who it is that may send a large body; nothing where it may not be."""

    def __init__(
        self,
        application: Callable[..., Any],
        threads: int,
        *,
        body_bytes: int = BODY_BYTES,
        body_seconds: float = BODY_SECONDS,
        block_seconds: float = BLOCK_SECONDS,
        streams: int = STREAMS,
        may_be_large: Callable[[Scope], str] = _nobody,
        held_bytes: int = HELD_BYTES,
    ) -> None:
        self._application, self._may_be_large = application, may_be_large
        self._free_bytes, self._most_of_one = held_bytes, held_bytes // 2
        self._held_of: Counter[str] = Counter()
        self._body_bytes, self._body_seconds, self._block_seconds = body_bytes, body_seconds, block_seconds
        self._pages = ThreadPoolExecutor(threads, "page")
        self._blocks = ThreadPoolExecutor(streams, "stream")
        self._free_streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":  # the server asks whether there is something to start
            raise ValueError(f"a {scope['type']} is not served")
        body = _Body(self, scope, receive)
        try:
            await self._answer(scope, receive, send, await body.read())
        except _Refused as refused:
            await _refuse(scope, send, refused)
            await _linger(receive, refused)
        finally:
            body.release()

    async def _answer(self, scope: Scope, receive: Receive, send: Send, body: bytes) -> None:
        run = asyncio.get_running_loop().run_in_executor
        answer = await run(self._pages, _Answer, self._application, _environ(scope, body))
        while answer.later is not None:  # it waits for the disk, or for the log, and holds no thread
            with contextlib.suppress(Exception):  # which the answer tells of
                await asyncio.wrap_future(answer.later)
            await run(self._pages, answer.settle)
        try:
            if answer.whole is not None:
                await self._send_whole(send, answer)
            elif self._free_streams == 0:
                await _refuse(scope, send, _Refused(503, _TOO_MANY, 2))
            else:
                await self._send_blocks(send, receive, answer)
        finally:
            if answer.whole is None:
                await run(self._blocks, answer.close)

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


class _Body:
    """The body of one request, read whole before anything else. It holds its share of large bodies until `release`."""

    def __init__(self, gateway: Gateway, scope: Scope, receive: Receive) -> None:
        self._gateway, self._scope, self._receive = gateway, scope, receive
        self._parts: list[bytes] = []
        self._size = self._held = 0
        self._who = ""
        self._ended = False

    async def read(self) -> bytes:
        """Return the body. Raises _Refused where it is too large or too slow, or breaks off."""
        gateway = self._gateway
        said = dict(self._scope["headers"]).get(b"content-length", b"")
        announced = int(said[:20]) if said.isdigit() else 0
        if announced > LARGE_BYTES and announced > gateway._body_bytes:
            raise _Refused(413, _TOO_LARGE_FOR_ALL if _is_api(self._scope) else _TOO_LARGE)
        try:
            if announced <= gateway._body_bytes:
                async with asyncio.timeout(gateway._body_seconds):
                    await self._until(gateway._body_bytes)
            if not self._ended or self._size > gateway._body_bytes:
                await self._read_on(max(announced, self._size))
        except TimeoutError:
            raise _Refused(408, _TOO_SLOW) from None
        return b"".join(self._parts)

    async def _read_on(self, least: int) -> None:
        """Read what is larger than a form's, where that is allowed."""
        gateway, run = self._gateway, asyncio.get_running_loop().run_in_executor
        self._who = await run(gateway._pages, gateway._may_be_large, self._scope)
        if not self._who:
            raise _Refused(413, _TOO_LARGE)
        self._hold(least)
        async with asyncio.timeout(LARGE_SECONDS):
            await self._until(LARGE_BYTES)
        if self._size > LARGE_BYTES:
            raise _Refused(413, _TOO_LARGE_FOR_ALL)

    async def _until(self, most: int) -> None:
        """Read until the body ends, or has more than so many bytes."""
        while not self._ended and self._size <= most:
            message = await self._receive()
            if message["type"] == "http.disconnect":  # nobody is there any more, or sends no HTTP
                raise _Refused(400, _BROKEN)
            part = message.get("body", b"")
            self._parts.append(part)
            self._size += len(part)
            if self._held:
                self._hold(self._size)
            self._ended = not message.get("more_body", False)

    def _hold(self, size: int) -> None:
        gateway, more = self._gateway, size - self._held
        if more > gateway._free_bytes or (more > 0 and gateway._held_of[self._who] + more > gateway._most_of_one):
            raise _Refused(503, _TOO_MUCH, 2)
        if more > 0:
            gateway._free_bytes -= more
            gateway._held_of[self._who] += more
            self._held = size

    def release(self) -> None:
        if self._held:
            self._gateway._free_bytes += self._held
            self._gateway._held_of[self._who] -= self._held
            self._gateway._held_of += Counter()  # drops who holds nothing any more
        self._held = 0
        self._parts.clear()


class _Answer:
    """What the application answers: whole, or as blocks to be asked for. Made, asked and closed in threads."""

    def __init__(self, application: Callable[..., Any], environ: dict[str, Any]) -> None:
        self.status, self.headers = 500, list[tuple[bytes, bytes]]()
        given = application(environ, self._start)
        self._given: Any = given
        self.later: Future[Any] | None = getattr(given, "later", None)
        self.whole: bytes | None = None
        self._failed: Exception | None = None
        if not getattr(given, "streaming", False):  # Django's word for it; its list of one block is sent at once
            try:
                self.whole = b"".join(given)
            finally:
                self.close()
        self._iterator: Iterator[bytes] = iter(()) if self.whole is not None else iter(given)

    def settle(self) -> None:
        """Make the answer that `later` was waited for: its status, its body, and its headers in the place of those of
        the same names."""
        self._given = made = self._given.settle()
        self.later = getattr(made, "later", None)
        if self.later is None:
            self.status, self.whole = made.status_code, made.content
            new = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in made.headers.items()]
            replaced = {b"content-length", *(name for name, _ in new)}
            length = (b"content-length", str(len(made.content)).encode())
            self.headers = [one for one in self.headers if one[0] not in replaced] + [*new, length]
            made.close()

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


def _is_api(scope: Scope) -> bool:
    return str(scope["path"]).startswith("/api/")


async def _refuse(scope: Scope, send: Send, refused: _Refused) -> None:
    kind, text = b"text/plain; charset=utf-8", f"{refused.why}\n"
    if _is_api(scope):  # problem details (RFC 9457)
        kind = b"application/problem+json"
        members = {"type": "about:blank", "title": HTTPStatus(refused.status).phrase, "status": refused.status}
        text = json.dumps({**members, "detail": refused.why})
    headers = [(b"content-type", kind), (b"connection", b"close"), (b"cache-control", b"no-store")]
    if refused.retry_after:
        headers.append((b"retry-after", str(refused.retry_after).encode()))
    with contextlib.suppress(OSError):
        await send({"type": "http.response.start", "status": refused.status, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode()})


async def _linger(receive: Receive, refused: _Refused) -> None:
    """Drop for a moment what is still being sent: closed at once, the connection is reset, and the answer lost."""
    if refused.status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while (message := await receive())["type"] == "http.request" and message.get("more_body", False):
                pass


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
