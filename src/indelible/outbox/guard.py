"""The guard of a host's PostgreSQL tables: a change that no document tells of is refused, recorded or counted.

    with connection.transaction():
        guard.install(connection, "bookings", "booking", "id", clinic="clinic_id", ignore=["updated_at"])

What it does and what passes it by is in docs/howto/guard.md; how, in postgres/0002_guard.sql. Every function takes an
open DB-API connection (psycopg, or one of Django's), works in its transaction, and commits nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from ..catalogue import find
from ..catalogue.action import takes_target
from ..catalogue.secrecy import is_secret_name
from ..errors import InvalidInput

Mode = Literal["refuse", "record", "count"]


@dataclass(frozen=True, slots=True)
class Completeness:
    """Of one guarded table, clinic and UTC day, how many things were changed, and how many of them have an entry.

    `changes` is the sum of the four behind it: with a document, outside the application, under a reason, and with a
    document that is held and so no entry yet. `clinic` is None where the change belongs to none that could be told.
    """

    table: str
    day: date
    clinic: str | None
    changes: int
    recorded: int
    outside: int
    reasoned: int
    held: int


@dataclass(frozen=True, slots=True)
class Total:
    """The changes of one guarded table over some days; the parts are those of `Completeness`."""

    table: str
    changes: int
    recorded: int
    outside: int
    reasoned: int
    held: int


@dataclass(frozen=True, slots=True)
class Guard:
    """A guarded table and whether its guard stands.

    `state` is "in order", "trigger missing" (also of a partition that was attached later), "trigger disabled",
    "changed" or "table gone".
    """

    table: str
    kind: str
    mode: Mode
    state: str

    @property
    def stands(self) -> bool:
        return self.state == "in order"


def install(
    connection: Any,
    table: str,
    kind: str,
    id: str = "id",
    *,
    clinic: str | None = None,
    columns: Sequence[str] | None = None,
    ignore: Sequence[str] | None = None,
    mode: Mode = "record",
    parent: str | None = None,
    parent_id: str = "id",
    only_clinic: str | None = None,
    shown: Sequence[str] | None = None,
) -> None:
    """Guard a table, or change how it is guarded. Run as the outbox's owner.

    - `kind` and the column `id` say which target documents name; of a child, the column that holds its parent's id.
    - `clinic` is a column, of `parent` if that is given, or a function of the id as text; `only_clinic` an id, where
      the database is one clinic's.
    - `columns` are the ones that count, or `ignore` those that do not.
    - `shown` are columns whose values name no person and may be in an entry.

    Raises InvalidInput for a kind that no action has, and for a secret that would be shown; else the driver's errors.
    """
    action = find("record.changed_outside")
    assert action is not None  # noqa: S101 - of our own catalogue
    if mode == "record" and not takes_target(action, kind):
        raise InvalidInput(
            "is no kind of target that an action of the catalogue has; declare the host's own first", "kind"
        )
    if any(map(is_secret_name, shown or ())):
        raise InvalidInput("names a secret, whose value is never recorded; leave that column out", "shown")
    _run(
        connection,
        "SELECT indelible.guard(%s::regclass, %s, %s, %s, %s::text[], %s::text[], %s, %s::regclass, %s, %s,"
        " %s::text[])",
        (table, kind, id, clinic, _list(columns), _list(ignore), mode, parent, parent_id, only_clinic, _list(shown)),
    )


def remove(connection: Any, table: str) -> None:
    """Guard a table no longer; what was counted stays."""
    _run(connection, "SELECT indelible.unguard(%s::regclass)", (table,))


def because(connection: Any, reason: str) -> None:
    """Give the reason of the changes that this transaction makes from here on.

    One entry says how many rows of which table. Raises InvalidInput for an empty reason.
    """
    if not reason.strip():
        raise InvalidInput("is empty; say why, such as migration 0042", "reason")
    _run(connection, "SELECT set_config('indelible.reason', %s, true)", (reason,))


def guards(connection: Any) -> list[Guard]:
    """Every guarded table, by name, and whether its guard stands."""
    return [Guard(*row) for row in _run(connection, "SELECT name, kind, mode, state FROM indelible.guards()")]


def completeness(connection: Any, since: date | None = None) -> list[Completeness]:
    """What was counted since a UTC day, by table, day and clinic."""
    return [
        Completeness(*row)
        for row in _run(
            connection,
            "SELECT name, day, clinic, changes, recorded, outside, reasoned, held"
            " FROM indelible.completeness(coalesce(%s::date, '-infinity'))",
            (since,),
        )
    ]


def totals(connection: Any, since: date, clinic: str | None = None) -> list[Total]:
    """What was counted since a UTC day of each table, of one clinic or of all."""
    return [
        Total(*row)
        for row in _run(
            connection,
            "SELECT name, sum(changes)::bigint, sum(recorded)::bigint, sum(outside)::bigint, sum(reasoned)::bigint,"
            " sum(held)::bigint FROM indelible.completeness(%s::date) WHERE %s::text IS NULL OR clinic = %s"
            " GROUP BY name ORDER BY name",
            (since, clinic, clinic),
        )
    ]


def clinics(connection: Any, table: str, since: date) -> list[str]:
    """The clinics in which something of a guarded table was changed since a UTC day."""
    return [
        clinic
        for (clinic,) in _run(
            connection,
            "SELECT DISTINCT clinic FROM indelible.completeness(%s::date) WHERE name = %s AND clinic IS NOT NULL"
            " ORDER BY clinic",
            (since, table),
        )
    ]


def fold(connection: Any) -> None:
    """Add up what transactions counted. For the drainer, now and then."""
    _run(connection, "SELECT indelible.fold()")


def _list(names: Sequence[str] | None) -> list[str] | None:
    return None if names is None else list(names)


def _run(connection: Any, statement: str, values: Sequence[Any] = ()) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
