"""The application that granian serves."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "indelible.service.run.settings")

from django.core.wsgi import get_wsgi_application

from ...catalogue import host

_LOG = logging.getLogger("indelible.requests")
host.load()  # under a server of another kind, this is the first thing that runs
_answer = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
    """Answer one request. What is sent while it is made is watched: Django has given it away by then."""
    answer = _answer(environ, start_response)
    return _Watched(answer) if getattr(answer, "streaming", False) else answer


class _Watched:
    """A response that is sent while it is made, and says in the log where it broke off."""

    streaming = True  # by this the gateway knows it: without, it would be made whole before its first byte is sent

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        blocks: Iterable[bytes] = self._answer
        try:
            yield from blocks
        except Exception:
            _LOG.exception("a response broke off")
            raise

    def close(self) -> None:
        self._answer.close()
