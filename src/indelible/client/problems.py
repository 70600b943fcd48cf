"""What the client raises, and how a problem of the service (RFC 9457) becomes one of these.

    Refused       what was sent is wrong, and will be next time: `field`, and `pointer` into the document
    Conflict      the key was used before with another document
    NotAllowed    the API key is unknown, has ended, or lacks the scope
    NotFound      there is no such thing, or it is another clinic's
    Unavailable   the service could not be reached, or is too busy; the same again, later, may work
    SpoolFull     the spool holds as much as it may; nothing was recorded

`detail` and `title` are the service's sentences, which hold no values. What another program on the way answers (a
proxy's page) is not repeated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import Conflict, IndelibleError, InvalidInput, NotFound

# A sentence that is longer is no problem of ours.
_DETAIL_LIMIT = 1_000


class Refused(InvalidInput):
    """The service refuses this, and will refuse it again.

    `field` is the dotted path of the field, `pointer` the JSON pointer to it; each is empty where the whole is meant.
    `status` is the HTTP status. Of documents that are recorded all or none, `problems` are those of each refused one,
    as the service gives them, with its `index`.
    """

    def __init__(
        self, message: str, field: str = "", pointer: str = "", status: int = 422, problems: Sequence[Any] = ()
    ) -> None:
        super().__init__(message.removeprefix(f"{field}: ") if field else message, field)
        self.pointer, self.status, self.problems = pointer, status, tuple(problems)


class NotAllowed(IndelibleError):
    """The API key is unknown, has ended, or lacks the scope for this. `status` is 401 or 403."""

    def __init__(self, message: str | None = None, status: int = 403) -> None:
        super().__init__(message)
        self.status = status


class Unavailable(IndelibleError):
    """The service cannot be reached or is too busy; try again later.

    `retry_after` is how many seconds the service asks to wait, or None; `status` the HTTP status, 0 where there was no
    answer. Of `record_many`, `results` are those of the documents before.
    """

    def __init__(self, message: str | None = None, retry_after: float | None = None, status: int = 0) -> None:
        super().__init__(message)
        self.retry_after, self.status = retry_after, status
        self.results: list[Any] = []


class SpoolFull(IndelibleError):
    """The spool holds as much as it may, so nothing was recorded; see why its documents are not sent."""


Problem = Refused | Conflict | NotAllowed | NotFound | Unavailable

# Statuses that pass by themselves.
PASSING = frozenset({408, 429, 502, 503, 504})


def read(content: bytes, content_type: str) -> Mapping[str, Any]:
    """Return the members of a problem document, none where the answer is something else."""
    if content_type.partition(";")[0].strip().lower() not in ("application/problem+json", "application/json"):
        return {}
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def error(status: int, members: Mapping[str, Any], retry_after: float | None = None) -> Problem:
    """Return the error that an HTTP status and the members of its problem document mean."""
    said = _sentence(members) or f"the service answered {status}"
    if status in (401, 403):
        return NotAllowed(said, status)
    if status == 404:
        return NotFound(said)
    if status == 409:
        return Conflict(said)
    if status in PASSING or status >= 500:
        return Unavailable(said, retry_after, status)
    if 300 <= status < 400:
        return Refused("leads to another address; give the one that it redirects to", "url", status=status)
    each = members.get("problems")
    return Refused(
        said, _text(members, "field"), _text(members, "pointer"), status, each if isinstance(each, list) else ()
    )


def _sentence(members: Mapping[str, Any]) -> str:
    return (_text(members, "detail") or _text(members, "title"))[:_DETAIL_LIMIT]


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    return value if isinstance(value, str) else ""
