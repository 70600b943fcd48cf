"""What is on its way into a clinic's log, and what never set out: for its owner, in plain words.

The accounts' own outbox and those of the hosts are looked at (`outbox_probe.py`); one that does not answer is said so,
and breaks nothing. Another clinic's documents are neither shown nor counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ...drain.health import COUNT_BOUND, Health
from ..environment import Environment
from .outbox_probe import probe

# A document is in the log within a second. After a minute somebody should look.
SLOW_SECONDS = 60

# Why a document is held, as its owner reads it; a reason's word is in drain/refusals.py.
_REASONS: dict[str, Promise | str] = {
    "invalid": _("not written as the log needs it; whoever runs the reservation system must correct that"),
    "conflict": _("with the number of another event; whoever runs the reservation system must correct that"),
    "unknown_action": _("of something that this release does not know yet; an update takes it in"),
    "newer_version": _("of a newer version than this release; an update takes it in"),
    "older_log": _("from behind the backup that was restored; taken in when a newer backup is there"),
    "unknown_clinic": _("from before the clinic was there; taken in by itself"),
    "anonymized": _("about somebody who was anonymized; nothing of it is left"),
    "closed": _("from after the clinic's account was closed"),
}
_OTHER = _("could not be recorded; whoever runs the service can see why")


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

    `waiting` is less than what waits where there is `more`; `age_seconds` is None where nothing waits.
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


def look(settings: Environment, clinic: str) -> OutboxStatus:
    """Look at every outbox for one clinic; answers within two seconds."""
    urls = settings.every_outbox
    return told(probe.at(urls, clinic), len(urls) - 1)


def told(found: Sequence[Health], hosts: int) -> OutboxStatus:
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
        held=[(count, _REASONS.get(word, _OTHER)) for word, count in sorted(held.items())],
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
