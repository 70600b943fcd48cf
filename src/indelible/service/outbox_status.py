"""What is on its way into a clinic's log from all outboxes together, and what never set out: the figures.

Another clinic's documents are neither shown nor counted; where a database is, is not said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.functional import Promise

from ..drain.health import COUNT_BOUND, Health

# A document is in the log within a second. After a minute somebody should look.
SLOW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Table:
    """A guarded table over the last days, in this clinic. `mode` is empty where it is guarded no longer."""

    name: str
    mode: str
    stands: bool
    changes: int = 0
    recorded: int = 0
    outside: int = 0
    reasoned: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class OutboxStatus:
    """`silent` of `hosts` databases could not be looked at; figures are of those that could.

    `waiting` is less than what waits where there is `more`; `age_seconds` is None where nothing waits. `held` says how
    many documents are held, and why: the reason's word (`drain/refusals.py`), or what a page says for it.
    """

    hosts: int
    silent: int
    waiting: int
    more: bool
    age_seconds: float | None
    held: list[tuple[int, Promise | str]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)

    @property
    def changes(self) -> int:
        """How many changes the guarded tables had in the last days."""
        return sum(one.changes for one in self.tables)

    @property
    def with_entry(self) -> int:
        """How many of them the log has: recorded by the application, or for a reason that was given."""
        return self.changes - self.outside - self.still_held

    @property
    def outside(self) -> int:
        """How many were made outside the application, without a reason."""
        return sum(one.outside for one in self.tables)

    @property
    def still_held(self) -> int:
        return sum(one.held for one in self.tables)

    @property
    def with_entry_share(self) -> str:
        """The part of the changes that the log has, as a width: full only where it has all of them."""
        if not self.changes:
            return "100"
        share = 100 * self.with_entry / self.changes
        return f"{min(share, 99.0) if self.with_entry < self.changes else 100.0:.1f}"

    @property
    def unwatched(self) -> int:
        """How many tables are to be watched and are not."""
        return sum(not one.stands for one in self.tables)

    @property
    def troubled(self) -> bool:
        """Whether what is on the way is worth a look without being asked."""
        return bool(self.silent or self.slow or self.held)

    @property
    def slow(self) -> bool:
        return self.age_seconds is not None and self.age_seconds > SLOW_SECONDS


def counted(found: Sequence[Health], hosts: int) -> OutboxStatus:
    """What was found, put together. The first is the accounts' own outbox, which is no host's."""
    seen = [one for one in found if one.problem is None]
    held: Counter[str] = Counter()
    for one in seen:
        for (word, _final), count in one.held.items():
            held[word] += count
    ages = [one.age_seconds for one in seen if one.age_seconds is not None]
    return OutboxStatus(
        hosts=hosts,
        silent=len(found) - len(seen),
        waiting=sum(min(one.waiting, COUNT_BOUND) for one in seen),
        more=any(one.waiting > COUNT_BOUND for one in seen),
        age_seconds=max(ages, default=None),
        held=[(count, word) for word, count in sorted(held.items())],
        tables=[table for one in seen for table in _tables(one)],
    )


def _tables(found: Health) -> list[Table]:
    guards = {one.table: one for one in found.guards}
    totals = {one.table: one for one in found.totals}
    tables = []
    for name in sorted(guards.keys() | totals.keys()):
        guard, total = guards.get(name), totals.get(name)
        if guard is None and (total is None or not total.changes):
            continue
        mode, stands = ("", True) if guard is None else (guard.mode, guard.stands)
        counted = () if total is None else (
            total.changes, total.recorded, total.outside, total.reasoned, total.held
        )  # fmt: skip
        tables.append(Table(name, mode, stands, *counted))
    return tables
