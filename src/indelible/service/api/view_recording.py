"""That a program reads a log is in the log: once a key and day of the clinic, with the first thing that it reads.

A program has no session as a browser has; a day is what somebody who looks back asks for ("did that key still read in
May?"), and a key that reads every second adds one entry a day and not a write to each request. Which keys are noted is
remembered in memory. After a start, and in a second process, the log itself is asked, so that a day has one entry.
"""

from __future__ import annotations

import threading
from datetime import date

from ...access import Access
from ...read.query import Choice, Query

_EVERYTHING = Query()
_VIEWED = frozenset({"log.viewed"})
# Keys and clinics that are remembered: a platform's key may read in all of them.
_REMEMBERED = 100_000

_lock = threading.Lock()
_noted: dict[tuple[str, str], date] = {}


def note_reading(access: Access) -> None:
    """Record that the log was read, after it was, where this was not done today. Raises StorageFailure."""
    session, reader = access.session, access.principal.actor.id or ""
    who, today = (reader, session.clinic.id), session.today
    if _noted.get(who) == today:
        return
    with _lock:  # of two first requests one records
        if _noted.get(who) == today:
            return
        wanted = Query(Choice(actions=_VIEWED, actors=frozenset({reader})), first=today, last=today)
        if not session.page(wanted, limit=1).views:
            access.recorder.viewed(session, _EVERYTHING)
        if len(_noted) >= _REMEMBERED:
            _noted.clear()
        _noted[who] = today
