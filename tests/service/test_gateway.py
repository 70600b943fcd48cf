"""Between connections and threads: what gets a thread, what is refused, what is sent block by block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from indelible.service.run.gateway import Gateway

NEVER = 60.0


class Application:
    """A WSGI application that answers with what it was sent, or with blocks; says what it saw."""

    def __init__(self, blocks: Callable[[], Iterator[bytes]] | None = None) -> None:
        self.seen: list[dict[str, Any]] = []
        self.closed = 0
        self._blocks = blocks

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.seen.append(environ)
        start_response("200 OK", [("Content-Type", "text/plain"), ("X-Name", "é")])
        if self._blocks is None or environ["PATH_INFO"] != "/file":
            return [environ["wsgi.input"].read()]
        return Stream(self, self._blocks)


class Stream:
    streaming = True

    def __init__(self, owner: Application, blocks: Callable[[], Iterator[bytes]]) -> None:
        self._owner, self._blocks = owner, blocks

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks()

    def close(self) -> None:
        self._owner.closed += 1


class Exchange:
    """One request and what was sent back. `parts` are what arrives; None is where nothing comes any more."""

    def __init__(self, *parts: bytes | None, path: str = "/", headers: Any = (), takes: int = 1_000_000) -> None:
        self.parts, self.takes, self.sent = list(parts), takes, list[dict[str, Any]]()
        self.gone = asyncio.Event()
        self.scope = {
            "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"q=1",
            "http_version": "1.1", "scheme": "http", "server": ("localhost", 8000), "client": ("192.0.2.1", 5),
            "headers": list(headers),
        }  # fmt: skip

    async def receive(self) -> dict[str, Any]:
        if not self.parts:
            await self.gone.wait()
            return {"type": "http.disconnect"}
        part = self.parts.pop(0)
        if part is None:
            await asyncio.sleep(NEVER)
        return {"type": "http.request", "body": part, "more_body": bool(self.parts)}

    async def send(self, message: dict[str, Any]) -> None:
        if len(self.sent) > self.takes:
            await asyncio.sleep(NEVER)
        self.sent.append(message)

    async def through(self, gateway: Gateway) -> Exchange:
        await gateway(self.scope, self.receive, self.send)
        return self

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])

    @property
    def is_complete(self) -> bool:
        return bool(self.sent) and not self.sent[-1].get("more_body", False) and len(self.sent) > 1


def test_the_application_gets_a_body_that_is_there_whole():
    application = Application()
    answer = asyncio.run(Exchange(b"one ", b"", b"two").through(Gateway(application, 1)))
    assert (answer.status, answer.body) == (200, b"one two")
    assert application.seen[0]["CONTENT_LENGTH"] == "7"
    assert (b"x-name", "é".encode("latin-1")) in answer.sent[0]["headers"]


@pytest.mark.parametrize("said", [b"11", b"9999999999999999999999999"])
def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(said):
    application = Application()
    answer = asyncio.run(
        Exchange(None, headers=[(b"content-length", said)]).through(Gateway(application, 1, body_bytes=10))
    )
    assert (answer.status, application.seen) == (413, [])
    assert b"larger than any form here" in answer.body


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"3")], [(b"content-length", b"x")]])
def test_a_body_that_turns_out_too_large_is_refused_too(headers):
    application = Application()
    exchange = Exchange(b"12345", b"67890", b"1", headers=headers)
    answer = asyncio.run(exchange.through(Gateway(application, 1, body_bytes=10)))
    assert (answer.status, application.seen) == (413, [])


def test_a_body_of_the_limit_is_taken():
    assert asyncio.run(Exchange(b"1234567890").through(Gateway(Application(), 1, body_bytes=10))).body == b"1234567890"


def test_a_body_that_never_comes_is_refused_in_the_end():
    application = Application()
    answer = asyncio.run(Exchange(b"a", None).through(Gateway(application, 1, body_seconds=0.01)))
    assert (answer.status, application.seen) == (408, [])
    assert (b"connection", b"close") in answer.sent[0]["headers"]


def test_a_body_that_drips_has_no_more_time_than_one_that_stops():
    class Dripping(Exchange):
        async def receive(self) -> dict[str, Any]:
            await asyncio.sleep(0.001)
            return {"type": "http.request", "body": b"", "more_body": True}

    assert asyncio.run(Dripping().through(Gateway(Application(), 1, body_seconds=0.05))).status == 408


def test_what_breaks_off_halfway_gets_no_thread():
    """Nobody may be there any more; or somebody is, who sends chunks that are none."""

    class Leaving(Exchange):
        async def receive(self) -> dict[str, Any]:
            message = await super().receive()
            return message | {"more_body": True}  # the next is that nobody is there

    application = Application()
    leaving = Leaving(b"half")
    leaving.gone.set()
    assert asyncio.run(leaving.through(Gateway(application, 1))).status == 400
    assert application.seen == []


def test_three_hundred_bodies_that_never_come_take_no_thread():
    application = Application()

    async def crowd() -> Exchange:
        gateway = Gateway(application, 1)
        idle = [asyncio.create_task(Exchange(b"a", None).through(gateway)) for _ in range(300)]
        await asyncio.sleep(0)
        answer = await Exchange(b"whole").through(gateway)
        assert not any(one.done() for one in idle)
        for one in idle:
            one.cancel()
        return answer

    assert asyncio.run(crowd()).body == b"whole"
    assert len(application.seen) == 1


def many() -> Iterator[bytes]:
    for _ in range(100):
        yield b"x" * 65_536


def test_a_stream_is_sent_whole_and_closed():
    application = Application(many)
    answer = asyncio.run(Exchange(b"", path="/file").through(Gateway(application, 1)))
    assert (len(answer.body), answer.is_complete, application.closed) == (6_553_600, True, 1)


def test_a_reader_that_takes_nothing_holds_no_thread_and_is_left_in_the_end():
    application = Application(many)
    gateway = Gateway(application, 1, block_seconds=0.2, streams=1)

    async def stalled() -> tuple[Exchange, Exchange]:
        slow = Exchange(b"", path="/file", takes=2)
        task = asyncio.create_task(slow.through(gateway))
        while len(slow.sent) < 3:
            await asyncio.sleep(0.001)
        quick = await Exchange(b"page").through(gateway)  # the only thread for pages is free
        assert not task.done()
        with pytest.raises(TimeoutError):  # the server breaks the connection off
            await task
        return slow, quick

    slow, quick = asyncio.run(stalled())
    assert quick.body == b"page"
    assert not slow.is_complete
    assert application.closed == 1


def test_a_stream_that_nobody_reads_any_more_is_not_made_to_its_end():
    made = []

    def counted() -> Iterator[bytes]:
        for block in many():
            made.append(block)
            yield block

    class Leaving(Exchange):
        async def send(self, message: dict[str, Any]) -> None:
            await super().send(message)
            if len(self.sent) == 4:
                self.gone.set()

    application = Application(counted)
    gateway = Gateway(application, 1, streams=1)
    leaving = asyncio.run(Leaving(b"", path="/file").through(gateway))
    assert len(made) < 10 and not leaving.is_complete and application.closed == 1
    assert asyncio.run(Exchange(b"", path="/file").through(gateway)).is_complete


def test_what_was_made_before_a_stream_failed_is_sent():
    def failing() -> Iterator[bytes]:
        yield b"rows"
        yield b"it broke off"
        raise ValueError

    exchange = Exchange(b"", path="/file")
    with pytest.raises(ValueError):
        asyncio.run(exchange.through(Gateway(Application(failing), 1)))
    assert exchange.body == b"rowsit broke off" and not exchange.is_complete


def test_a_stream_whose_making_fails_does_not_look_complete():
    def failing() -> Iterator[bytes]:
        yield b"x" * 65_536
        raise ValueError

    application = Application(failing)
    exchange = Exchange(b"", path="/file")
    with pytest.raises(ValueError):
        asyncio.run(exchange.through(Gateway(application, 1)))
    assert not exchange.is_complete
    assert application.closed == 1


def test_more_streams_than_there_are_threads_for_are_told_to_wait():
    goes_on = threading.Event()

    def waiting() -> Iterator[bytes]:
        yield b"x" * 65_536
        goes_on.wait(NEVER)

    application = Application(waiting)
    gateway = Gateway(application, 1, streams=2)

    async def three() -> list[Exchange]:
        first = [Exchange(b"", path="/file") for _ in range(2)]
        tasks = [asyncio.create_task(one.through(gateway)) for one in first]
        while any(len(one.sent) < 2 for one in first):
            await asyncio.sleep(0.001)
        third = asyncio.create_task((late := Exchange(b"", path="/file")).through(gateway))
        while not late.sent:
            await asyncio.sleep(0.001)
        goes_on.set()
        await asyncio.gather(*tasks, third)
        return [*first, late, await Exchange(b"", path="/file").through(gateway)]

    answers = asyncio.run(three())
    assert [one.status for one in answers] == [200, 200, 503, 200]
    assert application.closed == 4


def test_the_request_is_said_as_wsgi_says_it():
    application = Application()
    headers = [
        (b"host", b"localhost:8000"), (b"content-type", b"text/plain"), (b"cookie", b"a=1"), (b"cookie", b"b=2"),
        (b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-for", b"198.51.100.7"),
        (b"x_forwarded_for", b"192.0.2.66"), (b"x-odd", b"\xc3\xff"), (b"transfer-encoding", b"chunked"),
    ]  # fmt: skip
    asyncio.run(Exchange(b"", path="/c/a%2Fb/%C3%A9", headers=headers).through(Gateway(application, 1)))
    (environ,) = application.seen
    assert environ["PATH_INFO"] == "/c/a/b/é".encode().decode("latin-1")
    assert (environ["QUERY_STRING"], environ["REMOTE_ADDR"]) == ("q=1", "192.0.2.1")
    assert environ["HTTP_X_FORWARDED_FOR"] == "203.0.113.9,198.51.100.7", "one with underscores is nobody's proxy"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["HTTP_X_ODD"] == "\xc3\xff"
    assert environ["CONTENT_TYPE"] == "text/plain"
    assert "HTTP_TRANSFER_ENCODING" not in environ
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"


def test_one_key_has_not_all_the_room_for_large_bodies():
    """Who announces much and sends it slowly, or never, holds up its own programs and nobody else's."""
    announced = 1_000_000
    gateway = Gateway(Application(), 1, held_bytes=4 * announced, may_be_large=lambda scope: scope["path"])

    def large(who: str, *parts: bytes | None) -> Exchange:
        return Exchange(*parts, path=who, headers=[(b"content-length", str(announced).encode())])

    async def several() -> list[int]:
        slow = [large("/a", None) for _ in range(2)]
        tasks = [asyncio.create_task(one.through(gateway)) for one in slow]
        while gateway._free_bytes > 2 * announced:
            await asyncio.sleep(0.001)
        answers = [await large(who, b"x" * announced).through(gateway) for who in ("/a", "/b")]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        answers.append(await large("/a", b"x" * announced).through(gateway))
        return [one.status for one in answers]

    assert asyncio.run(several()) == [503, 200, 200]
    assert (gateway._free_bytes, dict(gateway._held_of)) == (4 * announced, {})
