"""That somebody reads a log is in the log: once in a session, whichever of its pages they open first."""

from __future__ import annotations

from django.http import HttpRequest

from ...read.query import Query
from .access import Visit

_SEEN = "viewed"
_EVERYTHING = Query()


def note_reading(request: HttpRequest, visit: Visit, wanted: Query = _EVERYTHING) -> int | None:
    """Record it after what is shown was read, so that the entry is not the first line of the list.

    Return the entry's number where one was recorded.
    """
    seen = request.session.get(_SEEN, [])
    if visit.clinic_id not in seen:
        request.session[_SEEN] = [*seen, visit.clinic_id]
        return visit.recorder.viewed(visit.session, wanted).seq
    return None
