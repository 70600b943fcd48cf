"""The recorder: what somebody does with a log, recorded in their name.

    recorder = Recorder(log, Staff("usr_12", "Maria Fernandes", "owner"), request)
    recorder.viewed(session, wanted)
    recorder.rename("Clínica Nova", was="Clínica")

It is the other half of a reading session: who is given both reads and acts as somebody, and has nothing to do it with
as somebody else.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from .catalogue.log import LogExported, LogVerified
from .erasure.anonymizing import Anonymized
from .errors import Conflict
from .log import ClinicLog
from .proof.verify import Report
from .read.filter_names import recordable, recordable_of_nobody
from .read.query import Query
from .read.session import Session
from .record import own
from .record.append import Appended, append
from .record.document import Actor, Request
from .stores.contract import CheckpointRow


@dataclass(frozen=True, slots=True)
class Recorder:
    """Records as `actor`, from where `request` says."""

    _log: ClinicLog
    actor: Actor
    request: Request | None = None

    @property
    def clinic_id(self) -> str:
        return self._log.clinic.id

    def viewed(self, session: Session, wanted: Query) -> Appended:
        """Record that the log was read; whoever shows it does so once for a burst. The recorded filter names no client
        and has no free words."""
        shown = recordable_of_nobody(session, session.narrow(wanted))
        return self._append(lambda at: own.viewed(at, shown.text, shown.in_words, self.actor, self.request))

    def exported(
        self,
        session: Session,
        wanted: Query,
        checkpoint: CheckpointRow | None,
        *,
        format: str,
        profile: str,
        up_to: int,
        rows: int | None = None,
        files: Mapping[str, str] | None = None,
    ) -> Appended:
        """Record an export, before it is handed over. `up_to` bounds its entries by number."""
        log, shown = self._log, recordable(session, wanted)
        with log.appending() as (tx, at):
            if shown.clients:  # who was erased since is nobody's client any more, and their id must not come back
                narrowed = log.reading(up_to=session.up_to, hidden=session.hidden, only=session.only, within=tx)
                shown = recordable(narrowed, wanted)
            context = LogExported(
                up_to_seq=up_to,
                filter=shown.text,
                filter_in_words=shown.in_words,
                format=format,
                profile=profile,
                checkpoint_size=None if checkpoint is None else checkpoint.size,
                checkpoint_root=None if checkpoint is None else b64encode(checkpoint.root).decode(),
                free_words=len(wanted.words) + len(wanted.unwanted_words) or None,
                rows=rows,
                files=None if files is None else dict(files),
            )
            draft = own.exported(at, context, shown.clients, self.actor, self.request)
            return _recorded(append(tx, [draft], at.clinic, log.sealer, at.now)[0])

    def verified(self, report: Report, checkpoint: CheckpointRow | None) -> Appended:
        """Record what was checked, against which checkpoint, and what came of it. The checkpoint was there before the
        check began: of one that was made meanwhile the report may not know."""
        bad = [finding.seq for finding in report.findings if finding.seq is not None]
        context = LogVerified(
            result=report.result,
            from_seq=1 if report.size else None,
            to_seq=report.size or None,
            findings=len(report.findings),
            first_bad_seq=min(bad, default=None),
            checkpoint_size=checkpoint.size if checkpoint else None,
            checkpoint_root=b64encode(checkpoint.root).decode() if checkpoint else None,
        )
        return self._append(lambda at: own.verified(at, context, self.actor, self.request))

    def rename(self, name: str, *, was: str | None = None) -> None:
        """Give the clinic another name: `ClinicLog.rename`."""
        self._log.rename(name, actor=self.actor, request=self.request, was=was)

    def set_time_zone(self, zone: str, *, was: str | None = None) -> None:
        """Move the clinic to another zone: `ClinicLog.set_time_zone`."""
        self._log.set_time_zone(zone, actor=self.actor, request=self.request, was=was)

    def anonymize(self, client_id: str, requested_by: own.RequestedBy, key: str | None = None) -> Anonymized:
        """Erase a client: `ClinicLog.anonymize`."""
        return self._log.anonymize(
            client_id, requested_by=requested_by, actor=self.actor, request=self.request, key=key
        )

    def _append(self, make: own.Make) -> Appended:
        return _recorded(self._log.append_own(make))


def _recorded(result: Appended | Conflict) -> Appended:
    assert isinstance(result, Appended)  # noqa: S101 - a draft without a key cannot conflict
    return result
