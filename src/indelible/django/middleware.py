"""The middleware that knows, for everything recorded while a request is answered, who asked and from where."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from .context import answering


class RecordingMiddleware:
    """After AuthenticationMiddleware. The actor is looked for only when something is recorded."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with answering(request):
            return self._answer(request)
