"""Recording over HTTP: `body -> documents -> rows -> the service's outbox -> answer`.

    POST /clinics/{clinic}/entries     one document, an array, or lines
    POST /entries                      the same, where each document names its clinic
    GET  /clinics/{clinic}/documents/{key}

The answer comes when the rows are on disk. With `?wait=entry` it comes when they are in the log; with
`?wait=checkpoint` when a signed checkpoint has them, and has the proof of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string

from ...errors import IndelibleError, InvalidInput
from ...format import instant
from ...log import ClinicLog
from ...outbox.prepared import Prepared, prepare
from ...record.append import Appended
from ...record.document import OWN_KEYS
from ..accounts.keys import Scope
from ..counting import COUNTS
from . import bodies, shapes
from .accepting import Accepted, ClinicFull, Full, accepting, log_key, row_key, with_own_key
from .arrivals import Arrived, Asked, arrivals, where
from .callers import Bearer, Caller, caller_of
from .later import Later
from .openapi import documents
from .problems import RETRY_AFTER, Problem, not_found, of_error, unavailable
from .proofs import Proofs
from .routes import router

TAGS = ["Recording"]

Wait = Literal["commit", "entry", "checkpoint"]
# Of one document a receipt, of many a list of them.
_ANSWERS: dict[int, Any] = {200: shapes.Receipt | shapes.Receipts, 201: shapes.Receipt, 202: shapes.Receipt}


@dataclass(frozen=True, slots=True)
class _One:
    """A document of a request: the row that it became, or why it is refused."""

    log: ClinicLog | None = None
    row: Prepared | None = None
    problem: Problem | None = None


@router.post(
    "/clinics/{clinic}/entries",
    auth=Bearer(Scope.RECORD),
    response=_ANSWERS,
    tags=TAGS,
    operation_id="record",
    summary="Record documents of a clinic",
    openapi_extra=documents(naming_clinics=False),
)
def record(request: HttpRequest, clinic: str, wait: Wait = "commit", atomic: bool = False) -> HttpResponse:
    """Record one document, an array of them, or one a line."""
    who = caller_of(request)
    log = who.log(clinic)
    return _recorded(who, bodies.read(request), wait, atomic, log)


@router.post(
    "/entries",
    auth=Bearer(Scope.RECORD),
    response=_ANSWERS,
    tags=TAGS,
    operation_id="recordAnywhere",
    summary="Record documents that name their clinics",
    openapi_extra=documents(naming_clinics=True),
)
def record_anywhere(request: HttpRequest, wait: Wait = "commit", atomic: bool = False) -> HttpResponse:
    """Record documents each of which has a member `clinic`."""
    who = caller_of(request)
    return _recorded(who, bodies.read(request), wait, atomic, None)


@router.get(
    "/clinics/{clinic}/documents/{path:key}",
    auth=Bearer(Scope.RECORD),
    response=shapes.Whereabouts,
    tags=TAGS,
    operation_id="getDocument",
    summary="What became of a document",
)
def document(request: HttpRequest, clinic: str, key: str) -> HttpResponse:
    """Say where the document with a key is, or the one that was accepted without a key and answered with this one."""
    log = caller_of(request).log(clinic)
    keys = {key: row_key(clinic, key)}
    if _is_uuid(key):
        keys[f"{OWN_KEYS}{key}"] = key
    for wanted, row in keys.items():
        there = where(settings.ENVIRONMENT.accounts, row)  # before the log: who drains goes the other way
        if seq := log.recorded([wanted]).get(wanted):
            return _json(200, _entry("recorded", key, log.appended(seq)))
        if there is not None and there.clinic == clinic:
            return _json(200, _held(key, there.held) if there.held else {"status": "waiting", "key": key})
    raise not_found()


def _recorded(who: Caller, sent: bodies.Sent, wait: Wait, atomic: bool, log: ClinicLog | None) -> HttpResponse:
    found = [_one(who, value, log) for value in sent.documents]
    refused = [one.problem for one in found if one.problem is not None]
    if not sent.many and refused:
        COUNTS.documents("refused")
        raise refused[0]
    if atomic and refused:
        COUNTS.documents("refused", len(found))
        raise _none_recorded(found)
    rows = [one.row for one in found if one.row is not None]
    if not rows:
        return _answer(sent, found, [], [])
    return Later(accepting().put(rows, atomic=atomic), lambda done: _accepted(done, sent, found, wait, atomic))


def _one(who: Caller, value: Any, log: ClinicLog | None) -> _One:
    """Check one document, and make its row."""
    try:
        if isinstance(value, InvalidInput):
            raise value
        if not isinstance(value, dict):
            raise InvalidInput("the document must be a JSON object")
        named = value.pop("clinic", None)
        if log is None:
            if not isinstance(named, str):
                raise InvalidInput("is missing; here every document names its clinic", "clinic")
            log = who.log(named)
        elif named is not None and named != log.clinic.id:
            raise InvalidInput("is another one than the address has; leave it out, or send it to its own", "clinic")
        row = prepare(log.clinic.id, value)
        key = value.get("key")
        return _One(log, with_own_key(row, None if key is None else str(key)))
    except Problem as problem:
        return _One(problem=problem)
    except IndelibleError as error:
        return _One(problem=of_error(error))


def _accepted(
    done: Future[list[Accepted]], sent: bodies.Sent, found: Sequence[_One], wait: Wait, atomic: bool
) -> HttpResponse:
    """What is answered when the rows are on disk, or what is waited for next."""
    try:
        accepted = done.result()
    except (Full, ClinicFull) as full:
        return _come_back(full).response()
    except Exception:
        return unavailable().response()
    import_string(settings.INDELIBLE_OUTBOX_WAKE)()
    if atomic and any(one.state == "conflict" for one in accepted):
        results = iter(accepted)
        return _none_recorded([
            one if one.row is None or next(results).state != "conflict" else _One(problem=_conflict()) for one in found
        ]).response()  # fmt: skip
    if wait == "commit":
        return _answer(sent, found, accepted, [Arrived() for _ in accepted])
    rows = [(one.log, one.row) for one in found if one.log is not None and one.row is not None]
    asked = {
        place: Asked(log, log_key(row), row.key)
        for place, ((log, row), one) in enumerate(zip(rows, accepted, strict=True))
        if one.state in ("accepted", "existing")
    }
    later = arrivals().wait([*asked.values()], signed=wait == "checkpoint")
    return Later(later, lambda arrived: _arrived(arrived, sent, found, accepted, [*asked], wait))


def _arrived(
    done: Future[list[Arrived]],
    sent: bodies.Sent,
    found: Sequence[_One],
    accepted: Sequence[Accepted],
    places: Sequence[int],
    wait: Wait,
) -> HttpResponse:
    arrived = [Arrived() for _ in accepted]
    for place, one in zip(places, done.result(), strict=True):
        arrived[place] = one
    COUNTS.wait(ended=all(arrived[place].appended is not None or arrived[place].held for place in places))
    return _answer(sent, found, accepted, arrived, proven=wait == "checkpoint")


def _answer(
    sent: bodies.Sent,
    found: Sequence[_One],
    accepted: Sequence[Accepted],
    arrived: Sequence[Arrived],
    *,
    proven: bool = False,
) -> HttpResponse:
    """The answer: of one document what became of it, of many a list."""
    outcomes, proofs = iter(zip(accepted, arrived, strict=True)), Proofs() if proven else None
    results = [
        one.problem if one.row is None or one.log is None else _result(one.log, *next(outcomes), proofs)
        for one in found
    ]
    for one in results:
        COUNTS.documents(_outcome(one))
    if sent.many:
        return _json(200, {"results": [
            {"status": "refused", "problem": one.members()} if isinstance(one, Problem) else one for one in results
        ]})  # fmt: skip
    (result,) = results
    if isinstance(result, Problem):
        return result.response()
    assert result is not None  # noqa: S101 - for the type checker: a document has a row, or a problem
    status = {"accepted": 202, "recorded": 201, "existing": 200}[result["status"]]
    return _json(status, result)


def _outcome(result: dict[str, Any] | Problem | None) -> str:
    """As what a document is counted."""
    if result is None or isinstance(result, Problem):
        return "refused"
    return "existing" if result["status"] == "existing" else "accepted"


def _result(log: ClinicLog, accepted: Accepted, arrived: Arrived, proofs: Proofs | None) -> dict[str, Any] | Problem:
    if accepted.state == "conflict":
        return _conflict()
    held = arrived.held or (accepted.reason if accepted.state == "held" else "")
    if held:
        return _held_problem(held)
    appended = arrived.appended or accepted.appended
    if appended is None:
        return {"status": accepted.state, "key": accepted.key}
    status = "existing" if accepted.state == "existing" else "recorded"
    return _entry(status, accepted.key, appended) | ({} if proofs is None else proofs.member(log, appended.seq))


def _entry(status: str, key: str, appended: Appended) -> dict[str, Any]:
    found: dict[str, Any] = {
        "status": status,
        "key": key,
        "id": appended.id,
        "number": appended.seq,
        "recorded_at": instant.format(appended.recorded_at),
    }
    return found | ({"left_out": list(appended.left_out)} if appended.left_out else {})


def _held(key: str, reason: str) -> dict[str, Any]:
    word, _, sentence = reason.partition(": ")
    return {"status": "held", "key": key, "reason": word, "detail": sentence}


def _held_problem(reason: str) -> Problem:
    """What is answered for a document that the log did not take and the service keeps aside."""
    word, _, sentence = reason.partition(": ")
    if word == "conflict":
        return _conflict()
    return Problem(422, f"The log did not take it, and it is kept aside: {sentence}.", reason=word)


def _come_back(full: Full | ClinicFull) -> Problem:
    """What is answered where too much waits for the log: of this clinic, whose senders are too fast, or of all."""
    whose, status = (" of this clinic", 429) if isinstance(full, ClinicFull) else ("", 503)
    said = f"Too many documents{whose} wait at this moment; nothing of this was recorded. Send it again later."
    return Problem(status, said, headers={"Retry-After": str(RETRY_AFTER)})


def _conflict() -> Problem:
    return Problem(409, "This key was used before with another document; use a new key, or send the same document.",
                   "key")  # fmt: skip


def _none_recorded(found: Sequence[_One]) -> Problem:
    """What an atomic request answers: every document that is refused, by its place, and that nothing was recorded."""
    problems = [{"index": place, **one.problem.members()} for place, one in enumerate(found) if one.problem is not None]
    for one in problems:
        if "pointer" in one:
            one["pointer"] = f"/{one['index']}{one['pointer']}"
    status = 409 if all(one["status"] == 409 for one in problems) else 422
    return Problem(status, f"{len(problems)} of {len(found)} documents are refused, so none was recorded.",
                   problems=problems)  # fmt: skip


def _json(status: int, value: Any) -> HttpResponse:
    return HttpResponse(orjson.dumps(value), status=status, content_type="application/json")


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
