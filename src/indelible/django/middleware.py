"""The middleware that knows, for everything recorded while a request is answered, who asked and from where."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse

from .context import answering

Answer = Callable[[HttpRequest], HttpResponse]


class RecordingMiddleware:
    """After AuthenticationMiddleware. The actor is looked for only when something is recorded.

    Sync and async. `record` itself is synchronous, like Django's transactions: an async view calls it within
    `sync_to_async`. A streamed response is sent after the request was answered: what it records must say who acts.
    """

    sync_capable = True
    async_capable = True
    # What a request came through where INDELIBLE_CHANNEL does not say: nothing is guessed.
    channel: str | None = None

    def __init__(self, answer: Answer | Callable[[HttpRequest], Awaitable[HttpResponse]]) -> None:
        self._answer = answer
        self._awaited = iscoroutinefunction(answer)
        if self._awaited:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        if self._awaited:
            return self._awaiting(request)
        with answering(request, self.channel):
            return self._answer(request)

    async def _awaiting(self, request: HttpRequest) -> HttpResponse:
        with answering(request, self.channel):
            return await self._answer(request)
