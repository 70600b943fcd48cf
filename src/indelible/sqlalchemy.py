"""Recording in SQLAlchemy's sessions, in their own transaction: `pip install 'indelible[sqlalchemy]'`.

    log = Recorder("c_lisbon", actor=who_acts, request=where_from, wake=drainer.set)

    with Session(engine) as session, session.begin():
        booking.cancel()
        log.record(session, BookingCancelled(), target=booking)

    async with AsyncSession(engine) as session, session.begin():
        booking.cancel()
        await log.record(session, BookingCancelled(), target=booking)

PostgreSQL by psycopg or asyncpg, SQLite by sqlite3 or aiosqlite. One call for both kinds of session: it returns the
row's key, or something to await that does.

**What was refused cannot be committed.** Where the host swallows the error of a document that is refused, it is raised
again when the transaction would commit, or its savepoint be released. A savepoint that is rolled back takes its refusal
with it. `may_refuse=True` lets the change go on without its entry. A call that nobody awaited is such a refusal too.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, overload

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy import inspect as state_of
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, SessionTransaction, scoped_session
from sqlalchemy.pool import SingletonThreadPool, StaticPool

from .catalogue import Action
from .errors import IndelibleError, InvalidInput
from .outbox import statements
from .outbox.prepared import Prepared, prepare
from .record.document import Actor, Person, Request

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session

    _Async = AsyncSession | async_scoped_session[AsyncSession]

__all__ = ["Recorder"]

# Where a session keeps what this module knows of it.
_INFO = "indelible"

_Sync = Session | scoped_session[Session]


@dataclass(slots=True)
class _Refusal:
    """A document that is not in the transaction though the host meant it to be; `within` from inner to outer."""

    error: IndelibleError
    within: list[SessionTransaction]
    flushing: bool


@dataclass(slots=True)
class _Known:
    refusals: list[_Refusal] = field(default_factory=list)
    wake: list[Callable[[], object]] = field(default_factory=list)


class Members(TypedDict, total=False):
    """What a call of `Recorder.record` may say beside the action."""

    target: Any
    client: Any
    actor: Actor | None
    clinic: str | None
    people: Iterable[Person]
    request: Request | None
    occurred_at: datetime | None
    operation: Any
    key: Any
    returned: bool
    may_refuse: bool
    apart: bool


class Recorder:
    """Records a host's actions. What a call does not say comes from the functions given here.

    `clinic` is an id, or a function that says it; `actor`, `request` and `operation` are functions of no arguments that
    say who acts, where a request came from, and what ties together the entries of one click. `wake` is called after
    each commit that recorded something; it must return at once, as `threading.Event.set` does.
    """

    def __init__(
        self,
        clinic: str | Callable[[], str],
        *,
        actor: Callable[[], Actor | None] | None = None,
        request: Callable[[], Request | None] | None = None,
        operation: Callable[[], str | None] | None = None,
        wake: Callable[[], object] | None = None,
    ) -> None:
        self._clinic = clinic
        self._actor, self._request, self._operation = actor, request, operation
        self._wake = wake

    @overload
    def record(self, session: _Sync, action: Action | Mapping[str, Any], **members: Unpack[Members]) -> str: ...
    @overload
    def record(
        self, session: _Async, action: Action | Mapping[str, Any], **members: Unpack[Members]
    ) -> Coroutine[Any, Any, str]: ...
    def record(
        self, session: _Sync | _Async, action: Action | Mapping[str, Any], **members: Unpack[Members]
    ) -> str | Coroutine[Any, Any, str]:
        """Record one action, or a whole event document (a dict), in the session's transaction. Returns the row's key.

        `target` and `client` may be mapped objects with activity_target() and activity_person(): new ones are flushed
        first, so that they have their ids, and the database of the target is the one whose outbox is used.
        `returned` says that a client who was anonymized is there again, whenever it occurred.

        `apart` records on a connection of its own that commits at once: what failed must survive the rollback of the
        request that failed. Raises InvalidInput, StorageFailure.
        """
        return self._start(session, action, dict(members))

    @overload
    def record_imported(self, session: _Sync, document: Mapping[str, Any], *, clinic: str | None = None) -> str: ...
    @overload
    def record_imported(
        self, session: _Async, document: Mapping[str, Any], *, clinic: str | None = None
    ) -> Coroutine[Any, Any, str]: ...
    def record_imported(
        self, session: _Sync | _Async, document: Mapping[str, Any], *, clinic: str | None = None
    ) -> str | Coroutine[Any, Any, str]:
        """Record a document of the past, marked as imported; it waits behind what happens now. As `record` else."""
        return self._start(session, document, {"clinic": clinic, "imported": True})

    def _start(
        self, session: _Sync | _Async, action: Action | Mapping[str, Any], members: dict[str, Any]
    ) -> str | Coroutine[Any, Any, str]:
        call = _Call(action, self._completed(action, members), self._wake)
        found = session() if isinstance(session, scoped_session) else session
        if isinstance(found, Session):
            return call.run(found)
        # It needs greenlet, which SQLAlchemy does not bring by itself; whoever has a session of it has imported it.
        if "sqlalchemy.ext.asyncio" in sys.modules:
            from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session

            one = found() if isinstance(found, async_scoped_session) else found
            if isinstance(one, AsyncSession):
                return call.awaited(one)
        raise InvalidInput("must be a Session or an AsyncSession of SQLAlchemy", "session")

    def _completed(self, action: Action | Mapping[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """What was given, with what the functions say of the rest. A document says everything but its clinic itself."""
        members = {name: value for name, value in given.items() if value is not None}
        if "clinic" not in members:
            members["clinic"] = self._clinic() if callable(self._clinic) else self._clinic
        if not isinstance(action, Mapping):
            for name, function in (("actor", self._actor), ("request", self._request), ("operation", self._operation)):
                if name not in members and function is not None:
                    members[name] = function()
        return members


class _Call:
    """One call of a recorder, all of it in the session's own thread or greenlet: a mapped object may load its parts."""

    def __init__(
        self, action: Action | Mapping[str, Any], members: dict[str, Any], wake: Callable[[], object] | None
    ) -> None:
        self.action, self.members, self.wake = action, members, wake
        self.may_refuse = bool(members.pop("may_refuse", False))
        self.apart = bool(members.pop("apart", False))

    def awaited(self, session: AsyncSession) -> Coroutine[Any, Any, str]:
        """What to await. Until it is, the transaction cannot commit."""
        forgotten = InvalidInput("was not awaited; write `await log.record(...)`", "record")
        if not self.apart:
            _refuse(session.sync_session, forgotten)

        async def run() -> str:
            _pardon(session.sync_session, forgotten)
            return await session.run_sync(self.run)

        return run()

    def run(self, session: Session) -> str:
        target = self.members.get("target")
        try:
            _flush_new(session, target, self.members.get("client"))
            row = prepare(action=self.action, **self.members)
            if self.apart:
                return self._apart(session.get_bind(**_bind(target)).engine, row)
            key = _insert(session.connection(bind_arguments=_bind(target)), row)
        except IndelibleError as error:
            if not self.may_refuse and not self.apart:
                _refuse(session, error)
            raise
        if self.wake is not None:
            _known(session).wake.append(self.wake)
        return key

    def _apart(self, engine: Engine, row: Prepared) -> str:
        if isinstance(engine.pool, StaticPool | SingletonThreadPool):
            raise InvalidInput("needs a second connection, and this engine's pool has one for all; use another pool",
                               "apart")  # fmt: skip
        with engine.begin() as connection:
            key = _insert(connection, row)
        if self.wake is not None:
            _call(self.wake)
        return key


def _flush_new(session: Session, *things: Any) -> None:
    """A new object has its id only when it was written."""
    if _is_flushing(session):
        return  # a host that records from `after_flush`: it has its id, though the session does not say so yet
    if any(state is not None and state.pending for state in map(_state, things)):
        session.flush()


def _is_flushing(session: Session) -> bool:
    return bool(getattr(session, "_flushing", False))  # it has no public name


def _state(thing: Any) -> Any:
    """SQLAlchemy's own record of a mapped object; None for anything else."""
    found = state_of(thing, raiseerr=False) if hasattr(thing, "_sa_instance_state") else None
    return found if hasattr(found, "pending") else None


def _bind(target: Any) -> dict[str, Any]:
    """Which of a session's databases: that of the target. A transaction on another would not commit together."""
    state = _state(target)
    return {} if state is None else {"mapper": state.mapper}


def _insert(connection: Connection, row: Prepared) -> str:
    statement, parameters = statements.record(connection.dialect.name, row)
    try:
        result = connection.execute(text(statement), parameters)
        return str(result.scalar_one()) if result.returns_rows else row.key
    except DBAPIError as error:
        if error.orig is not None and (meant := statements.meaning(error.orig)) is not None:
            raise meant from error
        raise


# What a session must not forget


def _known(session: Session) -> _Known:
    found: _Known = session.info.setdefault(_INFO, _Known())
    return found


def _refuse(session: Session, error: IndelibleError) -> None:
    if not session.in_transaction():
        if not session.autobegin:
            return  # it can change nothing before the host begins
        session.begin()  # so that a rollback of what comes next is heard
    within = [one for one in (session.get_nested_transaction(), session.get_transaction()) if one is not None]
    _known(session).refusals.append(_Refusal(error, within, _is_flushing(session)))


def _pardon(session: Session, error: IndelibleError) -> None:
    known: _Known | None = session.info.get(_INFO)
    if known is not None:
        known.refusals = [one for one in known.refusals if one.error is not error]


@event.listens_for(Session, "before_commit")
def _raise_what_was_swallowed(session: Session) -> None:
    known: _Known | None = session.info.get(_INFO)
    if known is not None and known.refusals:
        raise known.refusals[0].error


@event.listens_for(Session, "after_flush_postexec")
def _raise_what_was_swallowed_in_a_flush(session: Session, _: object) -> None:
    """The last flush of a commit comes behind `before_commit`."""
    known: _Known | None = session.info.get(_INFO)
    for refusal in known.refusals if known is not None else ():
        if refusal.flushing:
            raise refusal.error


@event.listens_for(Session, "after_transaction_end")
def _forget(session: Session, transaction: SessionTransaction) -> None:
    known: _Known | None = session.info.get(_INFO)
    if known is None:
        return
    known.refusals = [one for one in known.refusals if transaction not in one.within]
    if transaction.parent is None:
        session.info.pop(_INFO)


@event.listens_for(Session, "after_commit")
def _wake(session: Session) -> None:
    known: _Known | None = session.info.get(_INFO)
    if known is None or session.in_nested_transaction():  # only a savepoint was released
        return
    for wake in dict.fromkeys(known.wake):
        _call(wake)


def _call(wake: Callable[[], object]) -> None:
    # What is committed must not look as if it had failed: the drainer finds it soon without being woken.
    with contextlib.suppress(Exception):
        wake()
