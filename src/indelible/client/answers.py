"""What comes back: an answer of HTTP, and what is read of it.

An answer that is not the service's (a proxy's page with status 200) is no receipt: it raises Unavailable, so that what
was sent is sent again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..errors import Conflict, NotFound
from . import problems, retrying
from .problems import NotAllowed, Refused, Unavailable

RECORDED = frozenset({"accepted", "recorded", "existing"})


class Answer(NamedTuple):
    """An HTTP answer: its status, its headers in lower case, its content."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a document.

    `status`: `spooled` (on this machine's disk), `accepted` (committed by the service), `recorded` (in the log) or
    `existing` (the same document was there already). `id`, `number` and `recorded_at` (RFC 3339) are those of its entry
    where it is in the log; `proof` is its inclusion proof (c2sp.org/tlog-proof) where the call waited for a checkpoint.
    """

    status: str
    key: str
    id: str | None = None
    number: int | None = None
    recorded_at: str | None = None
    proof: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of entries, newest first. `older` is the cursor of the next one, or None; `up_to` the number of the last
    entry that the log had when the first page was read; `searched_to` is how far a search for words has come."""

    entries: tuple[Mapping[str, Any], ...]
    older: str | None
    up_to: int
    searched: Any = None
    searched_to: Any = None


Result = Receipt | Refused | Conflict | NotAllowed | NotFound | Unavailable


def checked(answer: Answer) -> Answer:
    """Return an answer of success as it is. Raises the error that it is otherwise."""
    if 200 <= answer.status < 300:
        return answer
    wait = retrying.asked(answer.headers.get("retry-after"), answer.headers.get("date"))
    found = problems.read(answer.content, answer.headers.get("content-type", ""))
    raise problems.error(answer.status, found, wait)


def is_passing(answer: Answer) -> bool:
    """Whether the same request may succeed a little later, as does the proof of an entry that is not signed yet."""
    return answer.status in problems.PASSING or (answer.status == 404 and "retry-after" in answer.headers)


def obj(answer: Answer) -> dict[str, Any]:
    """Return the JSON object of an answer. Raises what `checked` raises, and Unavailable where it is none."""
    content = checked(answer).content
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise not_ours() from None
    if not isinstance(found, dict):
        raise not_ours()
    return found


def text(answer: Answer) -> str:
    """Return the text of an answer, as UTF-8."""
    try:
        return checked(answer).content.decode("utf-8")
    except UnicodeDecodeError:
        raise not_ours() from None


def content(answer: Answer) -> bytes:
    """Return the bytes of an answer."""
    return checked(answer).content


def nothing(answer: Answer) -> None:
    """Take an answer of success without looking at it."""
    checked(answer)


def not_ours() -> Unavailable:
    return Unavailable("what answers at this address is not the service; check the address, or what stands before it")


def receipt(members: Mapping[str, Any], key: str) -> Receipt:
    """Read what became of the document with this key. Raises Unavailable where it does not say."""
    if members.get("status") not in RECORDED or members.get("key") != key:
        raise not_ours()
    return Receipt(
        members["status"],
        key,
        members.get("id"),
        members.get("number"),
        members.get("recorded_at"),
        members.get("proof"),
    )


def results(answer: Answer, keys: Sequence[str]) -> list[Result]:
    """Read what became of each of the documents with these keys, in their order."""
    found = obj(answer).get("results")
    if not isinstance(found, list) or len(found) != len(keys):
        raise not_ours()
    return [_result(members, key) for members, key in zip(found, keys, strict=True)]


def _result(members: object, key: str) -> Result:
    if not isinstance(members, dict):
        raise not_ours()
    problem = members.get("problem")
    if members.get("status") != "refused" or not isinstance(problem, dict):
        return receipt(members, key)
    status = problem.get("status")
    return problems.error(status if type(status) is int and status >= 400 else 422, problem)


def page(answer: Answer) -> Page:
    """Read one page of entries."""
    found = obj(answer)
    entries, older = found.get("entries"), found.get("older")
    if not isinstance(entries, list) or not (older is None or isinstance(older, str)):
        raise not_ours()
    return Page(tuple(entries), older, found.get("up_to", 0), found.get("searched"), found.get("searched_to"))
