"""Reading over HTTP: lists, entries, stories, and whether all is there.

    GET /clinics/{clinic}/entries?q=&limit=&after=
    GET /clinics/{clinic}/entries/{entry}              a number or an id
    GET /clinics/{clinic}/stories/{kind}/{id}
    GET /clinics/{clinic}/completeness

A list is of one moment: `up_to` is the size of the log when its first part was read, and `older` keeps it.
"""

from __future__ import annotations

import re
from typing import Annotated

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Path, Query

from ...access import Access
from ...drain.health import DAYS
from ...errors import NotFound
from ...format import instant
from ...read import answer as answers_of
from ...read.session import PAGE_LIMIT, Cursor
from ...read.story import known, outline
from ...read.view import View
from ..accounts.keys import Scope
from ..outbox_probe import probe
from ..outbox_status import counted
from . import answers, places, shapes
from .callers import Bearer, caller_of
from .routes import router
from .view_recording import note_reading

TAGS = ["Reading"]

READS = Bearer(Scope.READ)

_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)

Filter = Annotated[
    str,
    Query("", description="A filter, as it is typed into the page.", examples=["category:bookings from:2026-05-01"]),
]
Limit = Annotated[int, Query(50, ge=1, le=PAGE_LIMIT, description="Entries of one answer.")]
After = Annotated[str | None, Query(None, description="The member `older` of the answer before.")]
Which = Annotated[str, Path(description="The entry's number, or its id.", examples=["41"])]


def view_of(access: Access, which: str) -> View:
    """Return an entry by its number or id, as a path has it. Raises NotFound."""
    return access.session.entry(int(which) if _NUMBER.fullmatch(which) else which)


@router.get(
    "/clinics/{clinic}/entries",
    auth=READS,
    response=shapes.Entries,
    tags=TAGS,
    operation_id="listEntries",
    summary="List entries",
)
def entries(request: HttpRequest, clinic: str, q: Filter = "", limit: Limit = 50, after: After = None) -> HttpResponse:
    """Return the entries that a filter means, newest first."""
    access = caller_of(request).enter(clinic)
    session = access.session
    place = None if after is None else Cursor.decode(places.unseal(after, clinic, "entries", q))
    page = session.page(session.parse(q), after=place, limit=limit)
    found = answers.json({
        "entries": [answers.entry(view, session.zone) for view in page.views],
        "older": places.seal(page.older.encode(), clinic, "entries", q) if page.older else None,
        "up_to": page.up_to,
        "searched": page.searched,
        "searched_to": None if page.searched_to is None else instant.format(page.searched_to),
        "looked_up": [{"words": list(one.words), "people": one.people} for one in page.looked_up],
    })  # fmt: skip
    note_reading(access)
    return found


@router.get(
    "/clinics/{clinic}/entries/{entry}",
    auth=READS,
    response={200: shapes.Entry, 304: None},
    tags=TAGS,
    operation_id="getEntry",
    summary="Read one entry",
)
def entry(request: HttpRequest, clinic: str, entry: Which) -> HttpResponse:
    """Return one entry by its number or its id. Its ETag changes when something of it is erased."""
    access = caller_of(request).enter(clinic)
    found = answers.json(answers.entry(view_of(access, entry), access.session.zone))
    note_reading(access)
    return answers.tagged(request, found)


@router.get(
    "/clinics/{clinic}/stories/{kind}/{path:id}",
    auth=READS,
    response=shapes.Story,
    tags=TAGS,
    operation_id="getStory",
    summary="Read a story",
)
def story(
    request: HttpRequest, clinic: str, kind: str, id: str, limit: Limit = 50, after: After = None
) -> HttpResponse:
    """Return what happened to a booking, a client, a service or anything else: the newest entries, oldest first, and
    what they come to. What is older is behind `older`."""
    access = caller_of(request).enter(clinic)
    session, subject = access.session, f"{kind}/{id}"
    start, before = _places(after, clinic, subject)
    whole = outline(session, subject, start)
    lines = [line for line in whole.lines if before is None or line.place < before[:2]]
    shown = lines[-limit:]
    if not shown:
        raise NotFound("this story has no entry there; begin at its newest")
    said = None if after is not None else answers_of.answer(kind, id, known(whole, kind))
    up_to = session.up_to if start is None else start.up_to
    older = None
    if shown[0] is not whole.lines[0]:
        here = start or Cursor(instant.LATEST, max(up_to, 1), up_to)  # of this moment from now on
        older = _sealed(here, Cursor(*shown[0].place, up_to), clinic, subject)
    elif whole.older is not None:
        older = _sealed(whole.older._replace(up_to=up_to), None, clinic, subject)
    found = answers.json({
        "subject": subject,
        "answer": None if said is None else said.text,
        "entries": [answers.entry(one.view, session.zone, why=one.why) for one in whole.open(shown)],
        "older": older,
        "up_to": up_to,
    })  # fmt: skip
    note_reading(access)
    return found


def _sealed(start: Cursor, before: Cursor | None, clinic: str, subject: str) -> str:
    return places.seal(f"{start.encode()}/{'-' if before is None else before.encode()}", clinic, "story", subject)


def _places(after: str | None, clinic: str, subject: str) -> tuple[Cursor | None, Cursor | None]:
    """Where a stretch of a story begins, and the place in it behind which it was not shown yet. Raises InvalidInput."""
    if after is None:
        return None, None
    start, _, before = places.unseal(after, clinic, "story", subject).partition("/")
    return Cursor.decode(start), None if before == "-" else Cursor.decode(before)


@router.get(
    "/clinics/{clinic}/completeness",
    auth=READS,
    response=shapes.Completeness,
    tags=TAGS,
    operation_id="getCompleteness",
    summary="Whether all is there",
)
def completeness(request: HttpRequest, clinic: str) -> HttpResponse:
    """Return what is on its way into the log, what is held and why, and what is signed. Answers within two seconds,
    whatever a host's database does."""
    session = caller_of(request).enter(clinic).session
    urls = settings.ENVIRONMENT.every_outbox
    status = counted(probe.at(urls, clinic), len(urls) - 1)
    signed = session.last_checkpoint()
    last = session.entry(session.size) if session.size else None
    return answers.json({
        "entries": session.size,
        "last_entry": None if last is None else {
            "number": last.seq, "id": last.id, "recorded_at": instant.format(last.recorded_at or 0)},
        "last_checkpoint": None if signed is None else {
            "size": signed.size, "root": answers.base64(signed.root), "signed_at": instant.format(signed.signed_at)},
        "unsigned": session.size - (signed.size if signed else 0),
        "waiting": status.waiting,
        "more": status.more,
        "oldest_seconds": status.age_seconds,
        "held": [{"reason": word, "documents": count} for count, word in status.held],
        "outboxes": len(urls),
        "silent": status.silent,
        "guarded": [{
            "table": one.name, "mode": one.mode, "stands": one.stands, "changes": one.changes,
            "recorded": one.recorded, "outside": one.outside, "reasoned": one.reasoned, "held": one.held,
        } for one in status.tables],
        "days": DAYS,
    })  # fmt: skip
