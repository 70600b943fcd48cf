"""What happens to a booking of the demo between its making and its day: the desk edits it, a reminder goes out."""

from __future__ import annotations

from . import calendar
from .calendar import MINUTE
from .diary import Clinic
from .offer import REMINDER_MINUTES
from .people import Json
from .visit import Visit

# A host sends a reminder for every booking. Here one in eight has it, so that the log stays one to look around in.
_REMINDED = 1 / 8
_FAILED = 0.06
_EDITED = 0.02
_MEDIA = ("push", "sms", "email")
_FAILURES = {"push": "unsubscribed", "sms": "undeliverable", "email": "bounced"}
_EDITS = (
    ("room", "Sala 1", "Sala 2"),
    ("room", "Sala 3", "Sala 1"),
    ("notes", None, "Prefere música baixa"),
    ("notes", None, "comes with her daughter"),
)


def perhaps_edit(clinic: Clinic, visit: Visit) -> None:
    """Now and then the desk changes something of a booking that is not its time."""
    if clinic.rng.random() > _EDITED:
        return
    at = calendar.some_time(clinic.rng, visit.last, visit.start - 10 * MINUTE, open_only=True)
    if at is None:
        return
    desk = clinic.reception(at)
    name, old, new = clinic.rng.choice(_EDITS)
    context: Json = {"changes": [{"field": name, "old": old, "new": new}], "fields_changed": [name], **visit.about}
    clinic.note(at, "booking.edited", desk.actor, visit.target(visit.start), context, client=visit.client,
                request=desk.request, operation=clinic.operation())  # fmt: skip
    visit.last = at + 5 * MINUTE


def perhaps_remind(clinic: Clinic, visit: Visit) -> None:
    """Tell of the reminder of a booking that was not cancelled, a day before it begins."""
    rng, at = clinic.rng, visit.start - REMINDER_MINUTES * MINUTE + clinic.rng.randrange(MINUTE)
    if rng.random() > _REMINDED or at < visit.last:
        return
    medium, failed = rng.choices(_MEDIA, (55, 25, 20))[0], rng.random() < _FAILED
    context: Json = {"medium": medium, "template": "reminder", "minutes_before": REMINDER_MINUTES, **visit.about}
    if failed:
        context["failure_code"] = _FAILURES[medium]
    clinic.note(at, "booking.notice_failed" if failed else "booking.notice_sent",
                {"kind": "system", "reason": "job:reminders"}, visit.target(visit.start), context, client=visit.client,
                operation=f"job_{calendar.local(at):%Y%m%d}_reminders")  # fmt: skip
