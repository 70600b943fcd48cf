"""The ways of `stores/plan.py` in SQLite: one SELECT for each, and the small questions that decide between them.

SQLite merges the SELECTs of a compound without sorting, as long as each of them comes in order from its index.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import orjson

from ..contract import LATE_AFTER, EntryRow, Moment, Reference, Selection
from ..plan import Amount, Piece, Range, Way

# An amount is summed in two halves where a sum leaves 64 bits: SQLite gives up at an overflow.
_HALF = 32
_TOP, _BOTTOM = f"sum(amount_minor >> {_HALF})", f"sum(amount_minor & {(1 << _HALF) - 1})"

_LINKED = "FROM indelible_link WHERE clinic = ? AND kind = ? AND ref = ? AND as_target = ?"
_OF_ACTION = "SELECT 1 FROM indelible_entry WHERE clinic = ? AND action = ?"
_AMOUNTS = "FROM indelible_entry INDEXED BY indelible_entry_amount WHERE clinic = ? AND amount_minor IS NOT NULL"
# Ranges of microseconds, each with its number, given as one text.
_RANGES = (
    "WITH r(number, start, finish) AS (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'),"
    " json_extract(value, '$[2]') FROM json_each(?))"
)


class SQLiteWalker:
    """The ways of one clinic, walked on a connection. Implements `indelible.stores.plan.Walker`."""

    # SQLite takes at most 500 SELECTs in one statement, and 32,766 bound values in all of them.
    together = 200

    def __init__(self, db: sqlite3.Connection, clinic: int) -> None:
        self._db, self._clinic = db, clinic

    # Small questions

    def actors_of(self, kind: str, limit: int) -> Sequence[bytes]:
        sql = (
            "SELECT actor FROM indelible_entry WHERE clinic = ? AND actor_kind = ? AND actor > ? ORDER BY actor LIMIT 1"
        )
        found: list[bytes] = []
        while len(found) < limit and (
            row := self._db.execute(sql, (self._clinic, kind, found[-1] if found else b"")).fetchone()
        ):
            found.append(row[0])
        return found

    def actions(self) -> Sequence[str]:
        sql = "SELECT action FROM indelible_entry WHERE clinic = ? AND action > ? ORDER BY action LIMIT 1"
        return list(self._skipped(sql))

    def _skipped(self, sql: str) -> Iterator[str]:
        """The different values of a column, by skipping through its index: one seek for each."""
        after = ""
        while row := self._db.execute(sql, (self._clinic, after)).fetchone():
            after = row[0]
            yield after

    def links_of(self, reference: Reference, limit: int) -> int:
        return self._up_to(f"SELECT 1 {_LINKED}", [self._clinic, *reference], limit)

    def entries_of(self, action: str, limit: int) -> int:
        return self._up_to(_OF_ACTION, [self._clinic, action], limit)

    def entries_on(self, selection: Selection, way: Way, limit: int) -> int:
        return self._up_to(*_select(self._clinic, selection, way, ("seq",)), limit)

    def _up_to(self, text: str, bound: list[Any], limit: int) -> int:
        if limit == 1:
            return int(self._db.execute(f"{text} LIMIT 1", bound).fetchone() is not None)
        sql = f"SELECT count(*) FROM ({text} LIMIT ?)"  # noqa: S608 - our own text
        (entries,) = self._db.execute(sql, [*bound, limit]).fetchone()
        return int(entries)

    # Walks

    def walk(self, selection: Selection, ways: Sequence[Way], before: tuple[int, int] | None) -> Iterator[EntryRow]:
        return map(EntryRow._make, self._merged(selection, ways, EntryRow._fields, before))

    def moments(self, selection: Selection, ways: Sequence[Way]) -> Iterator[Moment]:
        return map(Moment._make, self._merged(selection, ways, Moment._fields))

    def _merged(
        self, selection: Selection, ways: Sequence[Way], columns: Sequence[str], before: tuple[int, int] | None = None
    ) -> sqlite3.Cursor:
        """SQLite makes no more rows than are taken from it."""
        arms = [_select(self._clinic, selection, way, columns, before) for way in ways]
        sql = " UNION ALL ".join(text for text, _ in arms) + " ORDER BY occurred_at DESC, seq DESC"
        return self._db.execute(sql, [value for _, bound in arms for value in bound])

    def places(self, selection: Selection, way: Way) -> Iterator[tuple[int, int]]:
        text, bound = _select(self._clinic, selection, way, ("seq", "occurred_at"))
        return self._db.execute(f"SELECT a.occurred_at, a.seq FROM ({text}) a ORDER BY 1 DESC, 2 DESC", bound)  # noqa: S608

    def counted(self, selection: Selection, way: Way, pieces: Sequence[Piece]) -> Iterable[tuple[int, int]]:
        text, bound = _select(self._clinic, selection, way, ("seq", "occurred_at"))
        return self._db.execute(
            f"{_RANGES} SELECT number, (SELECT count(*)"  # noqa: S608 - our own text
            f" FROM ({text}) a WHERE a.occurred_at >= start AND a.occurred_at < finish) FROM r",
            [orjson.dumps(pieces).decode(), *bound],
        )

    # Amounts

    def amounts_on(self, selection: Selection, way: Way) -> Iterator[Amount]:
        """`typeof`, because for `IS NOT NULL` SQLite would leave the way and walk the index of amounts."""
        text, bound = _select(self._clinic, selection, way, Amount._fields)
        sql = f"SELECT * FROM ({text}) WHERE typeof(amount_minor) = 'integer'"  # noqa: S608 - our own text
        return map(Amount._make, self._db.execute(sql, bound))

    def actions_with_amounts(self) -> Iterator[str]:
        return self._skipped(f"SELECT action {_AMOUNTS} AND action > ? ORDER BY action LIMIT 1")

    def currencies_of(self, action: str) -> Iterator[str | None]:
        first = f"SELECT currency {_AMOUNTS} AND action = ? ORDER BY currency LIMIT 1"
        row = self._db.execute(first, (self._clinic, action)).fetchone()
        while row is not None:
            (currency,) = row
            yield currency
            # No currency comes before every currency, an empty one too.
            behind = f"SELECT currency {_AMOUNTS} AND action = ? AND currency {{}} ? ORDER BY currency LIMIT 1"
            following = behind.format(">=" if currency is None else ">")
            row = self._db.execute(following, (self._clinic, action, currency or "")).fetchone()

    def sum_along(self, selection: Selection, action: str, currency: str | None, interval: Range) -> tuple[int, int]:
        source, bound = _along_amounts(self._clinic, selection, action, currency, interval)
        try:
            sql = f"SELECT count(*), sum(amount_minor) FROM {source}"  # noqa: S608 - our own text
            entries, amount = self._db.execute(sql, bound).fetchone()
        except sqlite3.OperationalError as error:
            if "integer overflow" not in str(error):
                raise
            sql = f"SELECT count(*), {_TOP}, {_BOTTOM} FROM {source}"  # noqa: S608
            entries, top, bottom = self._db.execute(sql, bound).fetchone()
            amount = (top << _HALF) + bottom
        return entries, amount or 0

    def sums_along(
        self, selection: Selection, action: str, currency: str | None, pieces: Sequence[Piece]
    ) -> Iterable[tuple[int, int, int]]:
        source, bound = _along_amounts(self._clinic, selection, action, currency, (None, None))
        sql = (
            f"{_RANGES} SELECT number, count(*), {{}} FROM r CROSS JOIN {source}"  # noqa: S608 - our own text
            " AND e.occurred_at >= r.start AND e.occurred_at < r.finish GROUP BY number"
        )
        values = [orjson.dumps(pieces).decode(), *bound]
        try:
            return self._db.execute(sql.format("sum(amount_minor)"), values).fetchall()
        except sqlite3.OperationalError as error:
            if "integer overflow" not in str(error):
                raise
            halves = self._db.execute(sql.format(f"{_TOP}, {_BOTTOM}"), values)
            return [(number, entries, (top << _HALF) + bottom) for number, entries, top, bottom in halves]


# SELECTs


def _select(
    clinic: int, selection: Selection, way: Way, columns: Sequence[str], before: tuple[int, int] | None = None
) -> tuple[str, list[Any]]:
    """Return the SELECT of `columns` for the entries on a way behind a place, with its bound values."""
    where = _Where()
    if way.seqs is not None:
        order, tables = "+e", "indelible_entry e INDEXED BY indelible_entry_seq"
        where.add("e.clinic = ? AND e.seq BETWEEN ? AND ?", clinic, *way.seqs)
    elif way.reference is None:
        order, tables = "e", "indelible_entry e" + (" INDEXED BY indelible_entry_late" if selection.late else "")
        where.add("e.clinic = ?", clinic)
    else:
        # CROSS JOIN: walk the links in their order and look each entry up, never the other way round.
        order = "l"
        tables = "indelible_link l CROSS JOIN indelible_entry e ON e.clinic = l.clinic AND e.seq = l.seq"
        where.add("l.clinic = ? AND l.kind = ? AND l.ref = ? AND l.as_target = ?", clinic, *way.reference)
    _along(where, selection, way)
    _without(where, selection)
    for group in selection.references if way.reference is None else selection.references[1:]:
        where.add_any([_has(reference) for reference in group])
    _within(where, order, way.interval)
    if before is not None:
        where.add(f"({order}.occurred_at, {order}.seq) < (?, ?)", *before)
    if way.seqs is None:
        _numbered(where, order, selection)
    if selection.late:
        where.add(f"e.recorded_at - e.occurred_at > {LATE_AFTER}")  # a literal, as the index has it
    if selection.only is not None:
        where.add("e.seq = ?", selection.only)
    names = [f"{order if name in ('seq', 'occurred_at') else 'e'}.{name} AS {name}" for name in columns]
    return f"SELECT {', '.join(names)} FROM {tables} WHERE {' AND '.join(where.conditions)}", where.values  # noqa: S608


def _within(where: _Where, order: str, interval: tuple[int | None, int | None]) -> None:
    start, end = interval
    if start is not None:
        where.add(f"{order}.occurred_at >= ?", start)
    if end is not None:
        where.add(f"{order}.occurred_at < ?", end)


def _numbered(where: _Where, order: str, selection: Selection) -> None:
    """The numbers that a selection allows, where a way is walked in order of time."""
    where.add(f"+{order}.seq <= ?", selection.up_to)
    if selection.from_seq > 1:
        where.add(f"+{order}.seq >= ?", selection.from_seq)
    if selection.seqs is not None:
        where.add_any([(f"+{order}.seq BETWEEN ? AND ?", seqs) for seqs in selection.seqs])


def _along(where: _Where, selection: Selection, way: Way) -> None:
    """Actor and action: by their index where the way walks it, else on the rows, where a plus keeps the index out."""
    if way.actor is not None:
        kind, reference = way.actor
        if kind == "system":
            where.add("e.actor_kind = ? AND e.actor IS NULL", kind)
        elif reference is None:
            where.add("+e.actor_kind = ?", kind)  # everybody of a common kind: walk the time index
        else:
            where.add("e.actor_kind = ? AND e.actor = ?", kind, reference)
    elif selection.actors is not None:
        where.add_any(
            [
                ("+e.actor_kind = ?", (kind,)) if reference is None else
                ("(+e.actor = ? AND +e.actor_kind = ?)", (reference, kind))  # what tells more apart comes first
                for kind, reference in selection.actors
            ]
        )  # fmt: skip
    if way.action is not None:
        where.add("e.action = ?", way.action)
    elif selection.actions is not None:
        where.add("+e.action IN (SELECT value FROM json_each(?))", orjson.dumps(selection.actions).decode())


def _without(where: _Where, selection: Selection) -> None:
    for kind, reference in selection.not_actors:
        if reference is None:
            where.add("+e.actor_kind <> ?", kind)
        else:
            where.add("(+e.actor_kind <> ? OR +e.actor IS NOT ?)", kind, reference)
    if selection.not_actions:
        where.add("+e.action NOT IN (SELECT value FROM json_each(?))", orjson.dumps(selection.not_actions).decode())
    for unwanted in selection.not_references:
        text, bound = _has(unwanted)
        where.add(f"NOT {text}", *bound)


def _has(reference: Reference) -> tuple[str, tuple[Any, ...]]:
    return (
        "EXISTS (SELECT 1 FROM indelible_link x WHERE x.clinic = e.clinic AND x.kind = ? AND x.ref = ?"
        " AND x.as_target = ? AND x.occurred_at = e.occurred_at AND x.seq = e.seq)",
        tuple(reference),
    )


def _along_amounts(
    clinic: int,
    selection: Selection,
    action: str,
    currency: str | None,
    interval: Range,
) -> tuple[str, list[Any]]:
    """Return a source of rows and its bound values: the amounts of one action, currency and interval, by their index.

    The rest of a resolved selection is checked on what the index holds; who has a reference is looked up once, in a
    list of their numbers. It holds nothing of when an entry was recorded, so `late` is not for here.
    """
    where = _Where()
    where.add("e.amount_minor IS NOT NULL AND e.clinic = ? AND e.action = ?", clinic, action)
    where.add("e.currency IS ?", currency)
    _within(where, "e", interval)
    _numbered(where, "e", selection)
    _along(where, replace(selection, actions=None), Way(interval=interval))
    _without(where, replace(selection, not_actions=(), not_references=()))
    for group in selection.references:
        where.add(f"+e.seq IN ({_numbers_of(group)})", *_bound_of(clinic, group))
    if selection.not_references:
        group = selection.not_references
        where.add(f"+e.seq NOT IN ({_numbers_of(group)})", *_bound_of(clinic, group))
    return f"indelible_entry e INDEXED BY indelible_entry_amount WHERE {' AND '.join(where.conditions)}", where.values


def _numbers_of(group: Sequence[Reference]) -> str:
    return " UNION ALL ".join([f"SELECT seq {_LINKED}"] * len(group))


def _bound_of(clinic: int, group: Sequence[Reference]) -> list[Any]:
    return [value for reference in group for value in (clinic, *reference)]


class _Where:
    """The conditions of one SELECT, and the values that they bind, in the same order."""

    def __init__(self) -> None:
        self.conditions: list[str] = []
        self.values: list[Any] = []

    def add(self, condition: str, *bound: Any) -> None:
        self.conditions.append(condition)
        self.values.extend(bound)

    def add_any(self, conditions: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        """One of these must hold; where there is none, nothing does."""
        self.conditions.append(f"({' OR '.join(text for text, _ in conditions)})" if conditions else "0")
        for _, bound in conditions:
            self.values.extend(bound)
