"""An answer that is not known yet, and waits without a thread.

Django's view returns at once, with what it has; the gateway (`service/run/gateway.py`) awaits `later`, and sends what
`settle` then makes of it. Status, body and headers of `settle`'s answer replace those that went through the middleware.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from django.http import HttpResponse

from ...errors import IndelibleError
from .problems import Problem, defect, of_error

_LOG = logging.getLogger("indelible.requests")

Settle = Callable[[Any], "HttpResponse | Later"]


class Later(HttpResponse):
    """An answer that is made when a future is done; `settle` is given the future, done, and may return another."""

    def __init__(self, later: Future[Any], settle: Settle) -> None:
        super().__init__(status=202)
        self.later = later
        self._settle = settle
        self.afterwards: Callable[[HttpResponse], object] = lambda answer: None  # the request's line in the logs

    def settle(self) -> HttpResponse | Later:
        """Make the answer. Called once, in a thread of the application, when `later` is done; no view and no
        middleware is around it any more, so that what it raises is answered here."""
        made = self._made()
        if isinstance(made, Later):
            made.afterwards = self.afterwards
        else:
            self.afterwards(made)
        return made

    def _made(self) -> HttpResponse | Later:
        try:
            return self._settle(self.later)
        except Problem as problem:
            return problem.response()
        except IndelibleError as error:
            _LOG.error("the log refused: %s", type(error).__name__)
            return of_error(error).response()
        except Exception as error:
            _LOG.exception("an operation failed: %s", type(error).__name__)
            return defect().response()


def wait(answer: HttpResponse) -> HttpResponse:
    """Return an answer when it is known, for a server that gives every request a thread."""
    while isinstance(answer, Later):
        answer.later.exception()  # waits
        answer = answer.settle()
    return answer
