"""Access: somebody at one clinic's log, with what they may see and do there, and never the log itself.

    maria = Principal(Staff("usr_12", "Maria", "staff"), rights, hidden=frozenset({"account"}))
    access = Access.enter(journal, "c_lisbon", maria, request)
    access.session        a reading session without what they do not see
    access.recorder       records what they do, in their name

Whatever shows a log to somebody is given this: it cannot forget to narrow what it reads, because it has nothing else to
read with.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Self

from .errors import NotFound
from .export import run
from .export.bundling import Bundled, export_bundle
from .export.formats import Format
from .files import unfinished
from .journal import Journal
from .log import ClinicLog
from .manage import witness
from .manage.inspection import inspect
from .proof.letter import Compared
from .proof.verify import Report
from .read.only import Only
from .read.query import Choice, Query
from .read.session import Cursor, Page, Session
from .read.unusual import Unusual, unusual
from .record.document import Actor, Request
from .recorder import Recorder
from .stores.contract import CheckpointRow

# The category of what somebody does with their account, sign-ins among it.
_ACCOUNT = "account"
# What may be done with a part of a log: any other right is over settings, people or the whole.
_OF_A_PART = frozenset({"read", "sign_ins_of_all", "totals", "export"})
_NARROWED = "this is of the whole log, and who asks sees the entries of one client, booking or person"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: as whom entries name them, the codes of what they may do, the categories that they do not see, and the
    one client, booking or person of whose entries they see nothing else.

    Who is narrowed so has the rights to read what is theirs, of those that are given, and none over the whole log.
    """

    actor: Actor
    rights: frozenset[str]
    hidden: frozenset[str] = frozenset()
    only: Only | None = None

    def __post_init__(self) -> None:
        if self.only is not None:
            object.__setattr__(self, "rights", self.rights & _OF_A_PART)


class Access:
    """One principal at one clinic's log, of one moment; `request` says from where."""

    def __init__(self, log: ClinicLog, session: Session, principal: Principal, request: Request | None = None) -> None:
        self._log, self.principal, self._request, self.session = log, principal, request, session
        self.recorder = Recorder(log, principal.actor, request)
        self._own_accounts: Session | None = None

    @classmethod
    def enter(cls, journal: Journal, clinic_id: str, principal: Principal, request: Request | None = None) -> Self:
        """Begin an access to a clinic's log. Raises NotFound, KeyUnavailable."""
        return cls(*journal.reading(clinic_id, principal.hidden, principal.only), principal, request)

    def sign_ins(
        self,
        person: str,
        actions: frozenset[str],
        *,
        first: date | None = None,
        last: date | None = None,
        after: Cursor | None,
        limit: int,
    ) -> tuple[Session, Page]:
        """Return the sign-ins of `kind/id`, of all but clients (""), or of "all", from a day to a day; who does not see
        accounts is given their own, whatever was asked for. With them the session that they were read in."""
        session, person = self._of_accounts(person)
        # As the target: a person is the actor of very many entries, and the target of few besides these.
        wanted = Choice(actions=actions, targets=frozenset({person}) if person not in ("", "all") else frozenset())
        unwanted = Choice(kinds=frozenset({"client"})) if not person else Choice()
        wish = Query(wanted, unwanted, first=first, last=last)
        return session, session.page(wish, after=after, limit=limit)

    def unusual(self, person: str = "") -> Unusual:
        """Return what is unusual about the sign-ins of `kind/id`, or of everybody who works here; who does not see
        accounts is told of their own."""
        session, person = self._of_accounts(person)
        return unusual(session, person, seen=self.session)

    def _of_accounts(self, person: str) -> tuple[Session, str]:
        """The session in which accounts are read, and whose are; of who does not see accounts their own."""
        if _ACCOUNT not in self.session.hidden:
            return self.session, person
        if self._own_accounts is None:
            self._own_accounts = self._log.reading(hidden=self.session.hidden - {_ACCOUNT}, only=self.session.only)
        return self._own_accounts, f"{self.principal.actor.kind}/{self.principal.actor.id}"

    def export(self, wanted: Query, format: Format) -> run.Begun:
        """Record an export of what a filter means, as far as it is seen, and return what makes its bytes."""
        return run.begin(
            self._log,
            wanted,
            format=format,
            actor=self.principal.actor,
            request=self._request,
            hidden=self.session.hidden,
            only=self.session.only,
        )

    def bundle(self, wanted: Query, output: Path) -> Bundled:
        """Write the evidence for what a filter means, as far as it is seen."""
        return export_bundle(
            self._log,
            wanted,
            output,
            actor=self.principal.actor,
            request=self._request,
            hidden=self.session.hidden,
            only=self.session.only,
        )

    def unfinished_folder(self) -> AbstractContextManager[Path]:
        """A folder for a file that is not handed over yet; an erasure meanwhile knows of it."""
        return unfinished.folder(self._log.shared.places.database)

    def verify(
        self, progress: Callable[[int], None] = lambda done: None, tell: Callable[[Report], None] = lambda report: None
    ) -> Report:
        """Sign what is not signed, check the whole log, and record what came of it.

        `tell` is given the report before it is recorded, so that nobody is without it where that fails. Raises
        SigningRefused, StorageFailure; NotFound for who sees a part of the log.
        """
        self._needs_whole()
        checkpoint = self._log.checkpoint()
        report = inspect(self._log, progress)
        tell(report)
        self.recorder.verified(report, checkpoint)
        return report

    def compare(self, signed: bytes, progress: Callable[[int], None] = lambda done: None) -> Compared:
        """Return what a kept letter's checkpoint says of the log. Raises MalformedProof, StorageFailure, and NotFound
        for who sees a part of the log."""
        self._needs_whole()
        return witness.compare(self._log.shared, self.session.clinic, signed, progress)

    def checkpoint(self) -> CheckpointRow | None:
        """Sign what is not signed and return the newest checkpoint; None for an empty log."""
        return self._log.checkpoint()

    def _needs_whole(self) -> None:
        if self.session.only is not None:
            raise NotFound(_NARROWED)
