"""The integrity page: whether the log is what was recorded, in its owner's words, and checking it now.

Then whether all was recorded (`service/web/outbox_status.py`), what a kept letter says, and behind these what is
signed, with which key, and what is on its way into the log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from ....access import Access
from ....errors import MalformedProof, NotFound
from ....proof import letter
from ....proof.letter import Compared
from ....proof.note import fingerprint
from ....proof.verify import Report
from ....read.query import Choice, Query
from ....read.session import Session
from ...accounts.roles import Right
from .. import entry_rows, localization, outbox_status
from ..access import Visit, in_clinic
from ..verifications import Check, Checks, Progress

# Some hundred thousand entries; who compares a longer log watches how far it is.
_SECONDS_TO_COMPARE = 2.0
# Behind this its outcome is not shown any more: it says what the log is now.
_SHOWN_FOR = 3_600_000_000  # microseconds
# Findings shown; the first ones tell what happened, and the command line lists all.
MOST_FINDINGS = 50


checks, comparisons = Checks("verify"), Checks("compare")


def _verify(access: Access, progress: Progress, tell: Callable[[Mapping[str, Any]], None]) -> None:
    def report(found: Report) -> None:
        tell({
            "findings": [{"seq": one.seq, "what": one.what} for one in found.findings[:MOST_FINDINGS]],
            "more_findings": max(0, len(found.findings) - MOST_FINDINGS + found.findings_left_out),
            "doubts": found.doubts,
            "notices": found.notices,
        })  # fmt: skip

    access.verify(progress, report)


@require_safe
@in_clinic(Right.VERIFY)
def integrity(request: HttpRequest, visit: Visit) -> HttpResponse:
    in_part = request.htmx and request.htmx.target == "check"
    if in_part:
        return render(request, "indelible/integrity/check.html", _found(visit))
    if request.htmx and request.htmx.target == "letter":
        return render(request, "indelible/integrity/letter.html", _compared(visit))
    return _page(request, visit)


def _page(request: HttpRequest, visit: Visit, letter_problem: str = "") -> HttpResponse:
    arriving = outbox_status.look(settings.ENVIRONMENT, visit.clinic_id)
    found = _found(visit) | _compared(visit) | {"arriving": arriving, "letter_problem": letter_problem}
    return render(request, "indelible/integrity/page.html", found, status=400 if letter_problem else 200)


def _found(visit: Visit) -> dict[str, Any]:
    session = visit.session
    checkpoint = session.last_checkpoint()
    last = visit.session.page(Query(Choice(actions=frozenset({"log.verified"}))), after=None, limit=1).views
    check = checks.of(visit.clinic_id)
    report = (check.outcome if check else None) or {}
    return {
        "size": session.size,
        "checkpoint": checkpoint,
        "signed_at": localization.moment(checkpoint.signed_at, session.zone) if checkpoint else "",
        "unsigned": session.size - (checkpoint.size if checkpoint else 0),
        "fingerprint": fingerprint(session.clinic.vkey),
        "vkey": session.clinic.vkey,
        "origin": session.clinic.origin,
        "last": entry_rows.row(last[0], visit.clinic_id) if last else None,
        "since": _since(session),
        "since_last": session.size - last[0].seq if last else 0,
        "last_result": last[0].context.get("result") if last else "",
        "check": check,
        "running": check is not None and check.running,
        "report": report,
        "findings": report.get("findings", []),
        "more_findings": report.get("more_findings", 0),
    }


def _since(session: Session) -> str:
    """The day on which the log took its first entry."""
    try:
        recorded_at = session.entry(1).recorded_at
    except NotFound:  # there is none, or it is not for this reader
        return ""
    return localization.short_day(session.day(recorded_at)) if recorded_at else ""


@require_POST
@in_clinic(Right.VERIFY)
def verify(request: HttpRequest, visit: Visit) -> HttpResponse:
    checks.start(visit.access, _verify, visit.clinic_id)
    if request.htmx:
        return render(request, "indelible/integrity/check.html", _found(visit))
    return redirect("integrity", visit.clinic_id)


# What a kept letter says

# Why a letter cannot be read, in the reader's words.
_PROBLEMS = {
    letter.NONE: _("There is no signed checkpoint in this. Give the whole letter, down to the last line."),
    letter.DAMAGED: _("The signed checkpoint in this letter was damaged on the way. Save the letter as a file in your "
                      "mail program, and give that."),
    letter.NEWER: _("This letter is of a newer kind than this service can check. Ask whoever runs it to update it."),
    letter.LARGE: _("This is too large for a letter. Give the letter alone, without what is attached."),
}  # fmt: skip
_EMPTY = _("Paste the letter, or choose its file.")
_ANOTHER = _("Another letter of yours is being compared; wait for what comes of it, and then compare this one.")


@dataclass(frozen=True, slots=True)
class Told:
    """The outcome for one letter; `when` its last entry was recorded, where the log still has it as it was."""

    compared: Compared
    when: str


@require_POST
@in_clinic(Right.LETTERS)
def compare(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Compare a letter that was pasted or uploaded with the log; a long log goes on in the background."""
    sent = request.FILES.get("file")
    data = sent.read(letter.LARGEST_LETTER + 1) if sent else request.POST.get("letter", "").encode(errors="replace")
    if not data.strip():
        return _page(request, visit, str(_EMPTY))
    try:
        notes = letter.find(data)
    except MalformedProof as error:
        return _page(request, visit, str(_PROBLEMS[str(error)]))

    def run(access: Access, progress: Progress, tell: Callable[[Mapping[str, Any]], None]) -> None:
        found = [access.compare(one, progress) for one in notes]
        tell({"letters": [{"outcome": one.outcome, "size": one.size, "log_size": one.log_size} for one in found]})

    about = hashlib.sha256(b"".join(notes)).hexdigest()
    check = comparisons.start(visit.access, run, _mine(visit), about)
    if check.about != about:  # what comes of that one must not be read as said of this one
        return _page(request, visit, str(_ANOTHER))
    comparisons.wait(_mine(visit), _SECONDS_TO_COMPARE)
    return redirect(f"{reverse('integrity', args=[visit.clinic_id])}#letter")


def _mine(visit: Visit) -> str:
    """A letter is in its reader's hands: nobody else is told what came of it."""
    return f"{visit.clinic_id}/{visit.actor.id}"


def _compared(visit: Visit) -> dict[str, Any]:
    comparison = comparisons.of(_mine(visit))
    if comparison and not comparison.running and visit.session.now - comparison.at > _SHOWN_FOR:
        comparison = None
    return {
        "comparison": comparison,
        "comparing": comparison is not None and comparison.running,
        "letters": [Told(one, _when(visit, one)) for one in _letters(comparison)],
    }


def _letters(comparison: Check | None) -> list[Compared]:
    outcome = (comparison.outcome if comparison else None) or {}
    return [Compared(**one) for one in outcome.get("letters", ())]


def _when(visit: Visit, compared: Compared) -> str:
    """When the last entry of a letter was recorded: what the log says is proven by the letter, where it is the same."""
    if compared.outcome != "same":
        return ""
    try:
        recorded_at = visit.session.entry(compared.size).recorded_at
    except NotFound:  # not for this reader
        return ""
    return localization.moment(recorded_at, visit.session.zone) if recorded_at else ""


@require_safe
@in_clinic(Right.VERIFY)
def checkpoint(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The last signed checkpoint as its file: whoever keeps it can tell a log that was rolled back."""
    row = visit.access.checkpoint()
    if row is None:
        raise Http404
    response = HttpResponse(row.note, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="checkpoint-{row.size}.txt"'
    return response
