"""The integrity page: how long the log is, what is signed, when it was last checked, and checking it now.

And what is on its way into it, and what the hosts' databases saw that nobody recorded (`arriving.py`).
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

from ...django import current_request
from ...document import Actor, Request
from ...errors import IndelibleError
from ...inspection import inspect
from ...journal import ClinicLog
from ...note import fingerprint
from ...observed import record_verification
from ...query import Choice, Query
from ...verify import Report
from .. import arriving, present, wording
from ..access import Visit, in_clinic
from ..roles import Right

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

    def start(self, log: ClinicLog, actor: Actor, request: Request) -> Check:
        with self._lock:
            running = self._of.get(log.info.id)
            if running is not None and not running.ended.is_set():
                return running
            check = self._of[log.info.id] = Check(log.size)
        threading.Thread(target=_run, args=(check, log, actor, request), name="verify", daemon=True).start()
        return check


checks = Checks()


def _run(check: Check, log: ClinicLog, actor: Actor, request: Request) -> None:
    def progress(done: int) -> None:
        check.done = done

    try:
        log.checkpoint()
        check.report = inspect(log, progress)
        record_verification(log, check.report, actor, request)
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
    found = _found(visit) | {"arriving": arriving.look(settings.ENVIRONMENT, visit.clinic_id)}
    return render(request, "indelible/integrity/page.html", found)


def _found(visit: Visit) -> dict[str, Any]:
    log = visit.log
    checkpoint = log.store.last_checkpoint(visit.clinic_id)
    last = visit.page(Query(Choice(actions=frozenset({"log.verified"}))), after=None, limit=1).views
    check = checks.of(visit.clinic_id)
    report = check.report if check else None
    return {
        "size": log.size,
        "checkpoint": checkpoint,
        "signed_at": wording.moment(checkpoint.signed_at, log.info.zone) if checkpoint else "",
        "unsigned": log.size - (checkpoint.size if checkpoint else 0),
        "fingerprint": fingerprint(log.info.vkey),
        "vkey": log.info.vkey,
        "origin": log.info.origin,
        "last": present.row(last[0], visit.clinic_id) if last else None,
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
    checks.start(visit.log, visit.actor, current_request())
    if request.htmx:
        return render(request, "indelible/integrity/check.html", _found(visit))
    return redirect("integrity", visit.clinic_id)


@require_safe
@in_clinic(Right.VERIFY)
def checkpoint(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The last signed checkpoint as its file: whoever keeps it can tell a log that was rolled back."""
    row = visit.log.checkpoint()
    if row is None:
        raise Http404
    response = HttpResponse(row.note, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="checkpoint-{row.size}.txt"'
    return response
