"""What is refused, as problem details (RFC 9457): which field, and how to mend it. A value is never in one.

{"type": "about:blank", "title": "Unprocessable Entity", "status": 422, "detail": "context.late: must be true or
 false", "field": "context.late", "pointer": "/context/late"}
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson
from django.http import HttpResponse

from ...errors import (
    Conflict,
    IndelibleError,
    InvalidInput,
    InvalidQuery,
    KeyUnavailable,
    NotFound,
)

CONTENT_TYPE = "application/problem+json"
# Seconds after which what is too busy, or cannot be reached, may be asked again.
RETRY_AFTER = 2


class Problem(Exception):
    """A request that is refused: its status, a sentence with the mend, and perhaps the field and headers."""

    def __init__(
        self, status: int, detail: str, field: str = "", headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.field, self.headers, self.more = status, detail, field, headers or {}, more

    def members(self) -> dict[str, Any]:
        """The problem's JSON."""
        found: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.field:
            found |= {"field": self.field, "pointer": pointer(self.field)}
        return found | self.more

    def response(self) -> HttpResponse:
        made = HttpResponse(orjson.dumps(self.members()), status=self.status, content_type=CONTENT_TYPE)
        for name, value in self.headers.items():
            made.headers[name] = value
        return made


def of_error(error: IndelibleError) -> Problem:
    """Return what an error of ours answers."""
    if isinstance(error, InvalidInput):
        return Problem(422, str(error), error.field)
    if isinstance(error, InvalidQuery):
        return Problem(422, str(error), "q", position=error.position)
    if isinstance(error, Conflict):
        return Problem(409, str(error), "key")
    if isinstance(error, NotFound):
        return not_found()
    if isinstance(error, KeyUnavailable):
        return Problem(503, "The log cannot be opened at this moment; nothing was recorded. Try again later.",
                       headers={"Retry-After": str(RETRY_AFTER)})  # fmt: skip
    return unavailable()


def not_found() -> Problem:
    """What is not there, and what is another clinic's."""
    return Problem(404, "There is no such thing here for this key.")


def unavailable() -> Problem:
    return Problem(503, "The service cannot write or read at this moment; what was not answered was not recorded for "
                   "sure. Send it again with the same key.", headers={"Retry-After": str(RETRY_AFTER)})  # fmt: skip


def defect() -> Problem:
    return Problem(500, "This is a defect of the service, and is in its logs.")


def pointer(field: str) -> str:
    """Return the JSON pointer (RFC 6901) of a dotted path in a document."""
    return "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in field.split("."))
