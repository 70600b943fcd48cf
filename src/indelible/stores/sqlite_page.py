"""How the SQLite store finds a page: one SELECT for each way to walk an index in the order of the page.

SQLite merges the SELECTs of a compound without sorting, as long as each of them comes in order from its index. So a
page costs about the same whether the filter finds much, little or nothing, and whether it is the first or a late one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import orjson

from ..store import LATE_AFTER, ActorTerm, Found, Reference, Selection

# A kind with more actors than this is common enough to be found by walking the time index.
_FEW_ACTORS = 20
# Entries of a range of numbers that are looked at one by one: about those that a busy clinic records in a week. More
# are found in the order of the page, where a range of numbers lies mostly together too.
_FEW_NUMBERS = 5_000
# Entries of some actions that are looked at one by one, where whatever else is asked for may have many more.
_FEW_OF_ACTIONS = 200
# What is selected: of a page, and of an amount.
PAGE = Found._fields
AMOUNT = ("seq", "action", "currency", "amount_minor")

_LINKED = "FROM indelible_link WHERE clinic = ? AND kind = ? AND ref = ? AND as_target = ?"


def resolved(db: sqlite3.Connection, clinic: int, selection: Selection) -> Selection:
    """Return the selection in terms that an index answers, each of them found by skipping through one.

    A kind of actor becomes its actors where there are few of them; a reference in whatever part becomes one
    for the target and one for the other parts, as far as it occurs there.
    """
    actors = selection.actors
    if actors is not None:
        actors = tuple(actor for term in actors for actor in _actors_of(db, clinic, term))
    return replace(
        selection,
        actors=actors,
        references=tuple(tuple(_in_parts(db, clinic, group)) for group in selection.references),
        not_references=tuple(_in_parts(db, clinic, selection.not_references)),
    )


def _actors_of(db: sqlite3.Connection, clinic: int, term: ActorTerm) -> list[ActorTerm]:
    kind, reference = term
    if reference is not None or kind == "system":
        return [term]
    found: list[ActorTerm] = []
    after = b""
    while len(found) <= _FEW_ACTORS:
        row = db.execute(
            "SELECT actor FROM indelible_entry"
            " WHERE clinic = ? AND actor_kind = ? AND actor > ? ORDER BY actor LIMIT 1",
            (clinic, kind, after),
        ).fetchone()
        if row is None:
            return found
        after = row[0]
        found.append((kind, after))
    return [term]


def _in_parts(db: sqlite3.Connection, clinic: int, references: Sequence[Reference]) -> Iterator[Reference]:
    for reference in references:
        if reference.as_target is not None:
            yield reference
            continue
        for as_target in (False, True):
            part = reference._replace(as_target=as_target)
            if db.execute(f"SELECT 1 {_LINKED} LIMIT 1", (clinic, *part)).fetchone():
                yield part


def is_of_rare_actions(db: sqlite3.Connection, clinic: int, selection: Selection) -> bool:
    """Whether a selection by reference is of actions that so few entries have that these are walked instead."""
    if not selection.references or selection.actions is None or selection.late:
        return False
    left = _FEW_OF_ACTIONS
    for action in selection.actions:
        sql = "SELECT count(*) FROM (SELECT 1 FROM indelible_entry WHERE clinic = ? AND action = ? LIMIT ?)"
        (entries,) = db.execute(sql, (clinic, action, left + 1)).fetchone()
        left -= entries
        if left < 0:
            return False
    return True


@dataclass(frozen=True, slots=True)
class _Way:
    """One walk: along the links of a reference, or the entries of an actor, of an action, or all of them."""

    reference: Reference | None
    actor: ActorTerm | None
    action: str | None
    interval: tuple[int | None, int | None]
    seqs: tuple[int, int] | None = None


def few_numbers(selection: Selection) -> bool:
    """Whether a selection is of so few numbers that each of these entries can be looked at."""
    if selection.seqs is None and selection.from_seq == 1:
        return False
    return sum(last - first + 1 for first, last in _numbers(selection)) <= _FEW_NUMBERS


def is_empty(selection: Selection) -> bool:
    """Whether nothing can match; SQLite finds no index for such a condition."""
    return () in (selection.actors, selection.actions, selection.intervals, selection.seqs, *selection.references)


def _numbers(selection: Selection) -> list[tuple[int, int]]:
    """The ranges of numbers that a selection allows, those that are not empty."""
    whole = (selection.from_seq, selection.up_to)
    ranges = (whole,) if selection.seqs is None else selection.seqs
    clipped = [(max(first, whole[0]), min(last, whole[1])) for first, last in ranges]
    return [(first, last) for first, last in clipped if first <= last]


def arms(
    clinic: int,
    selection: Selection,
    before: tuple[int, int] | None,
    *,
    by_number: bool = False,
    by_action: bool = False,
    columns: Sequence[str] = PAGE,
) -> list[tuple[str, list[Any]]]:
    """Return the SELECTs of `columns` that together find the page, each with its bound values.

    With `by_number` the numbers that the selection allows are walked, and SQLite sorts what it finds; with `by_action`
    its actions, although it is by reference. Otherwise:
    A filter by reference walks the links once for each reference of its first group; else one by actor and action an
    index of both, once for each pair; else one by actor or by action its index, once for each; else the time index is
    walked. Late entries have an index of their own, in order of time. What remains of the filter is checked on the
    rows. An entry that has two of the references comes twice.
    """
    if is_empty(selection):
        return []
    references: Sequence[Reference | None] = [None]
    actors: Sequence[ActorTerm | None] = [None]
    actions: Sequence[str | None] = [None]
    if selection.references and not by_action:
        references = selection.references[0]
    elif not selection.late:
        if selection.actors is not None:
            actors = selection.actors
        if selection.actions is not None:
            actions = selection.actions
    intervals = [(None, None)] if selection.intervals is None else selection.intervals
    if by_number:
        return [
            _arm(clinic, selection, before, _Way(None, None, None, interval, seqs), columns)
            for interval in intervals
            for seqs in _numbers(selection)
        ]
    return [
        _arm(clinic, selection, before, _Way(*parts), columns)
        for parts in product(references, actors, actions, intervals)
    ]


def along_amounts(
    clinic: int,
    selection: Selection,
    action: str,
    currency: str | None,
    interval: tuple[int | None, int | None],
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
    _along(where, replace(selection, actions=None), _Way(None, None, None, interval))
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


def _arm(
    clinic: int, selection: Selection, before: tuple[int, int] | None, way: _Way, columns: Sequence[str]
) -> tuple[str, list[Any]]:
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


def _along(where: _Where, selection: Selection, way: _Way) -> None:
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
