"""One look at an outbox: does it answer, how much waits and is held, do the guards stand, who may do what.

For `indelible doctor`, the integrity page and the metrics. It changes nothing, neither in the host's database nor in
the log, and a million rows cost it no more than ten thousand: rows are counted exactly up to `COUNT_BOUND`, and beyond
that it says "more than". The age of the oldest row is by the clock of its own database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ..errors import IndelibleError, InvalidInput
from ..journal import Journal
from ..outbox import grants, guard
from ..outbox.grants import Remark
from ..outbox.guard import Guard, Total
from ..outbox.source import Source, Unreachable
from ..stores.contract import Store
from . import copies, sources

# Rows that are counted one by one. Whoever has more waiting wants to know that, and not how many.
COUNT_BOUND = 10_000
# Days that the completeness meter covers.
DAYS = 30


@dataclass(frozen=True, slots=True)
class Health:
    """What was seen of one outbox. Where there is a `problem`, the rest was not looked at.

    - `name`: where the database is, without user and password.
    - `problem`: why it does not answer or cannot be drained, in one sentence; `answers` is false where it may pass.
    - `outbox`: the id made at its installation, by which the log knows it; None where no log was given.
    - `copied`: why the log would not take anything from it, None where it would or where no log was given.
    - `waiting`: the documents, at most COUNT_BOUND; one more stands for "more than that".
    - `age_seconds`: of the oldest that waits, None where none does.
    - `held`: documents by reason's word and whether that is final.
    - `guards`, `totals`, `findings`: of PostgreSQL; empty on SQLite. Findings are looked for when they are asked for.
    """

    name: str
    problem: str | None = None
    answers: bool = True
    outbox: str | None = None
    copied: str | None = None
    waiting: int = 0
    age_seconds: float | None = None
    held: Mapping[tuple[str, bool], int] = field(default_factory=dict)
    guards: tuple[Guard, ...] = ()
    totals: tuple[Total, ...] = ()
    findings: tuple[Remark, ...] = ()

    @property
    def held_in_all(self) -> int:
        return sum(self.held.values())

    @property
    def broken(self) -> list[Guard]:
        return [one for one in self.guards if not one.stands]


def look(
    source: Source,
    store: Store | None = None,
    *,
    clinic: str | None = None,
    days: int = DAYS,
    end_users: Iterable[str] | None = None,
) -> Health:
    """Look at an open outbox, for one clinic or for all. `end_users` (further roles, or none) asks for findings.

    A database that does not answer is no error: `problem` says so.
    """
    try:
        backlog = source.backlog(COUNT_BOUND, clinic)
        identity, copied = (None, None) if store is None else copies.compare(store, source)
        since = datetime.now(UTC).date() - timedelta(days=days)
        with source.postgres() as connection:
            return Health(
                source.name,
                outbox=None if identity is None else identity.outbox,
                copied=copied,
                waiting=backlog.waiting,
                age_seconds=backlog.age,
                held=backlog.held,
                guards=() if connection is None else tuple(guard.guards(connection)),
                totals=() if connection is None else tuple(guard.totals(connection, since, clinic)),
                findings=() if connection is None or end_users is None
                else tuple(grants.findings(connection, end_users)),
            )  # fmt: skip
    except IndelibleError as error:
        return Health(source.name, problem=str(error), answers=not isinstance(error, Unreachable))


def look_at(
    where: str,
    journal: Journal | None = None,
    *,
    clinic: str | None = None,
    days: int = DAYS,
    end_users: Iterable[str] | None = None,
) -> Health:
    """Open the outbox of a URL or path, look at it, and close it. Raises InvalidInput for what is no URL."""
    name = sources.name_of(where)
    try:
        source = sources.open_source(where, None if journal is None else journal.places)
    except InvalidInput:
        raise
    except IndelibleError as error:
        return Health(name, problem=str(error), answers=not isinstance(error, Unreachable))
    with closing(source):
        return look(source, None if journal is None else journal.store, clinic=clinic, days=days, end_users=end_users)
