"""What reading and checking a log leave in it: `log.viewed` and `log.verified`.

A reading is recorded once for a burst (a session of the page), with the filter that it began with, under the same
rules as an export's: no client's id stays in it when the client is anonymized.
"""

from __future__ import annotations

from base64 import b64encode

from . import drafting, query
from .append import Appended
from .catalogue import Action
from .catalogue.log import LogVerified, LogViewed
from .document import Actor, Document, Request, Target
from .exported import without_clients
from .journal import ClinicLog
from .query import Query
from .verify import Report


def record_view(log: ClinicLog, wanted: Query, actor: Actor, request: Request | None = None) -> Appended:
    """Append `log.viewed`. The recorded filter names no client and holds no free words."""
    shown = without_clients(log, wanted)
    viewed = LogViewed(
        filter=query.format(shown) or None, filter_in_words=query.in_words(shown, log.store.zone(log.info.id))
    )
    return _append(log, viewed, actor, request)


def record_verification(log: ClinicLog, report: Report, actor: Actor, request: Request | None = None) -> Appended:
    """Append `log.verified`: what was checked, against which checkpoint, and what came of it."""
    checkpoint = log.store.last_checkpoint(log.info.id)
    bad = [finding.seq for finding in report.findings if finding.seq is not None]
    verified = LogVerified(
        result=report.result,
        from_seq=1 if report.size else None,
        to_seq=report.size or None,
        findings=len(report.findings),
        first_bad_seq=min(bad, default=None),
        checkpoint_size=checkpoint.size if checkpoint else None,
        checkpoint_root=b64encode(checkpoint.root).decode() if checkpoint else None,
    )
    return _append(log, verified, actor, request)


def _append(log: ClinicLog, context: Action, actor: Actor, request: Request | None) -> Appended:
    event = Document(
        action=context.code,
        context=context,
        actor=actor,
        target=Target("log", log.info.id, log.info.name),
        request=request or Request(),
    )
    drafted = drafting.draft(event, zone=log.info.zone, now=log.clock(), by_journal=True)
    result = log.append([drafted])[0]
    assert isinstance(result, Appended)  # noqa: S101 - a draft without a key cannot conflict
    return result
