"""The connection to the service: one request with `once`, and with `ask` as often as `retrying.py` says."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import httpx2

from . import answers, calls, retrying
from .answers import Answer
from .calls import Call
from .forking import begins_anew
from .problems import Unavailable
from .retrying import Retry

T = TypeVar("T")

# Nothing of the request can have arrived.
_UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)


class _Lost(Exception):
    """The request failed on the way. `unsent` says that nothing of it arrived."""

    def __init__(self, error: httpx2.TransportError) -> None:
        super().__init__()
        self.unsent = isinstance(error, _UNSENT)
        # The library's own words may hold an address with a filter in it.
        self.said = "does not answer in time" if isinstance(error, httpx2.TimeoutException) else "cannot be reached"

    def unavailable(self) -> Unavailable:
        return Unavailable(f"the service {self.said}; try again later")


class _Settings:
    def __init__(self, url: object, key: object, timeout: float, retry: Retry) -> None:
        self.address, self.timeout, self.retry = calls.address(url), timeout, retry
        self._headers = {"Authorization": calls.authorization(key), "User-Agent": "indelible-python"}

    def _request(self, call: Call[Any]) -> dict[str, Any]:
        headers, body = call.packed()
        timeout = httpx2.Timeout(self.timeout, read=self.timeout + call.longer)
        return {
            "method": call.method,
            "url": self.address + call.path,
            "params": dict(call.params) or None,
            "headers": headers,
            "content": body,
            "timeout": timeout,
        }

    def _pause(self, call: Call[Any], tried: int, outcome: Answer | _Lost) -> float | None:
        """Return the seconds before the next try, or None where there is none."""
        if isinstance(outcome, _Lost):
            return self.retry.pause(tried) if call.again or outcome.unsent else None
        # 502 and 504 are a proxy's, which does not say what became of the request behind it.
        if not answers.is_passing(outcome) or not (call.again or outcome.status in (429, 503)):
            return None
        return self.retry.pause(tried, _asked(outcome))


def _asked(answer: Answer) -> float | None:
    return retrying.asked(answer.headers.get("retry-after"), answer.headers.get("date"))


def _answer(response: httpx2.Response) -> Answer:
    return Answer(response.status_code, response.headers, response.content)


@contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except (httpx2.TransportError, httpx2.DecodingError) as error:
        raise _Lost(error if isinstance(error, httpx2.TransportError) else httpx2.ReadError("")) from None


class Wire(_Settings):
    """The connection of a program with threads. Any thread may use it."""

    def __init__(self, url: object, key: object, timeout: float, retry: Retry) -> None:
        super().__init__(url, key, timeout, retry)
        self._client = httpx2.Client(headers=self._headers)
        begins_anew(self)

    def forked(self) -> None:
        self._client = httpx2.Client(headers=self._headers)

    def close(self) -> None:
        self._client.close()

    def once(self, call: Call[T]) -> T:
        """Send one request, once. Raises what its answer says, and Unavailable."""
        try:
            return call.take(self._sent(call))
        except _Lost as lost:
            raise lost.unavailable() from None

    def ask(self, call: Call[T]) -> T:
        """Send a request, again where that may help. Raises what the last answer says, and Unavailable."""
        tried = 0
        while True:
            tried += 1
            outcome: Answer | _Lost
            try:
                outcome = self._sent(call)
            except _Lost as lost:
                outcome = lost
            pause = self._pause(call, tried, outcome)
            if pause is None:
                break
            time.sleep(pause)
        if isinstance(outcome, _Lost):
            raise outcome.unavailable()
        return call.take(outcome)

    def _sent(self, call: Call[Any]) -> Answer:
        with _failing():
            return _answer(self._client.request(**self._request(call)))

    @contextmanager
    def stream(self, call: Call[Any]) -> Iterator[Iterator[bytes]]:
        """Send a request once, and yield its content as it comes. Raises what its answer says, and Unavailable."""
        try:
            with _failing(), self._client.stream(**self._request(call)) as response:
                if not 200 <= response.status_code < 300:
                    response.read()
                    call.take(_answer(response))
                yield response.iter_bytes()
        except _Lost as lost:
            raise lost.unavailable() from None


class AsyncWire(_Settings):
    """The connection of a program with asyncio, of one event loop."""

    def __init__(self, url: object, key: object, timeout: float, retry: Retry) -> None:
        super().__init__(url, key, timeout, retry)
        self._client = httpx2.AsyncClient(headers=self._headers)

    async def close(self) -> None:
        await self._client.aclose()

    async def ask(self, call: Call[T]) -> T:
        """As `Wire.ask`."""
        tried = 0
        while True:
            tried += 1
            outcome: Answer | _Lost
            try:
                outcome = await self._sent(call)
            except _Lost as lost:
                outcome = lost
            pause = self._pause(call, tried, outcome)
            if pause is None:
                break
            await asyncio.sleep(pause)
        if isinstance(outcome, _Lost):
            raise outcome.unavailable()
        return call.take(outcome)

    async def _sent(self, call: Call[Any]) -> Answer:
        with _failing():
            return _answer(await self._client.request(**self._request(call)))

    @asynccontextmanager
    async def stream(self, call: Call[Any]) -> AsyncIterator[AsyncIterator[bytes]]:
        """As `Wire.stream`."""
        try:
            with _failing():
                async with self._client.stream(**self._request(call)) as response:
                    if not 200 <= response.status_code < 300:
                        await response.aread()
                        call.take(_answer(response))
                    yield response.aiter_bytes()
        except _Lost as lost:
            raise lost.unavailable() from None


@contextmanager
def destination(to: Any) -> Iterator[Any]:
    """A binary stream to write a file to: what is given, or a file that has its name only when it is whole."""
    if hasattr(to, "write"):
        yield to
        return
    path = os.fspath(to)
    part = f"{path}.part"
    try:
        with open(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise
