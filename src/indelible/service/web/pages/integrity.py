"""The integrity page: how long the log is, what is signed, when it was last checked, and checking it now.

And what is on its way into it, and what the hosts' databases saw that nobody recorded (`service/web/outbox_status.py`).
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from ....access import Access
from ....errors import IndelibleError
from ....proof.note import fingerprint
from ....proof.verify import Report
from ....read.query import Choice, Query
from ...accounts.roles import Right
from .. import entry_rows, localization, outbox_status
from ..access import Visit, in_clinic

_LOG = logging.getLogger("indelible.verification")
# Findings shown; the first ones tell what happened, and the command line lists all.
MOST_FINDINGS = 50


@dataclass(slots=True)
class Check:
    """A verification under way, or the last one of this process. `done` of `size` entries are checked."""

    size: int
    done: int = 0
    report: Report | None = None
    problem: str = ""
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def percent(self) -> int:
        return 100 if self.ended.is_set() or not self.size else min(99, self.done * 100 // self.size)


class Checks:
    """One check for a clinic at a time. They are this process's: the log itself records each that ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[str, Check] = {}

    def of(self, clinic_id: str) -> Check | None:
        return self._of.get(clinic_id)

    def start(self, access: Access) -> Check:
        clinic_id = access.session.clinic.id
        with self._lock:
            running = self._of.get(clinic_id)
            if running is not None and not running.ended.is_set():
                return running
            check = self._of[clinic_id] = Check(access.session.size)
        threading.Thread(target=_run, args=(check, access), name="verify", daemon=True).start()
        return check


checks = Checks()


def _run(check: Check, access: Access) -> None:
    def progress(done: int) -> None:
        check.done = done

    def tell(report: Report) -> None:
        check.report = report

    try:
        access.verify(progress, tell)
    except IndelibleError as error:
        check.problem = str(error)
    except Exception as error:
        _LOG.exception("a verification broke")
        check.problem = type(error).__name__
    finally:
        check.ended.set()


@require_safe
@in_clinic(Right.VERIFY)
def integrity(request: HttpRequest, visit: Visit) -> HttpResponse:
    in_part = request.htmx and request.htmx.target == "check"
    if in_part:
        return render(request, "indelible/integrity/check.html", _found(visit))
    found = _found(visit) | {"arriving": outbox_status.look(settings.ENVIRONMENT, visit.clinic_id)}
    return render(request, "indelible/integrity/page.html", found)


def _found(visit: Visit) -> dict[str, Any]:
    session = visit.session
    checkpoint = session.last_checkpoint()
    last = visit.session.page(Query(Choice(actions=frozenset({"log.verified"}))), after=None, limit=1).views
    check = checks.of(visit.clinic_id)
    report = check.report if check else None
    return {
        "size": session.size,
        "checkpoint": checkpoint,
        "signed_at": localization.moment(checkpoint.signed_at, session.zone) if checkpoint else "",
        "unsigned": session.size - (checkpoint.size if checkpoint else 0),
        "fingerprint": fingerprint(session.clinic.vkey),
        "vkey": session.clinic.vkey,
        "origin": session.clinic.origin,
        "last": entry_rows.row(last[0], visit.clinic_id) if last else None,
        "last_result": last[0].context.get("result") if last else "",
        "check": check,
        "running": check is not None and not check.ended.is_set(),
        "report": report,
        "findings": report.findings[:MOST_FINDINGS] if report else [],
        "more_findings": max(0, len(report.findings) - MOST_FINDINGS + report.findings_left_out) if report else 0,
    }


@require_POST
@in_clinic(Right.VERIFY)
def verify(request: HttpRequest, visit: Visit) -> HttpResponse:
    checks.start(visit.access)
    if request.htmx:
        return render(request, "indelible/integrity/check.html", _found(visit))
    return redirect("integrity", visit.clinic_id)


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
