"""How the SQLite store finds a page: one SELECT for each way to walk an index in the order of the page.

SQLite merges the SELECTs of a compound without sorting, as long as each of them comes in order from its index. So a
page costs about the same whether the filter finds much, little or nothing, and whether it is the first or a late one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import orjson

from ..store import ActorTerm, Selection

# A kind with more actors than this is common enough to be found by walking the time index.
_FEW_ACTORS = 20


def with_few_actors(db: sqlite3.Connection, clinic_id: str, selection: Selection) -> Selection:
    """Return the selection with each kind of actor replaced by its actors, where there are few of them.

    The actors of a kind are found by skipping through the actor index, one seek for each.
    """
    if selection.actors is None:
        return selection
    actors: list[ActorTerm] = []
    for kind, reference in selection.actors:
        known = _actors_of(db, clinic_id, kind) if reference is None and kind != "system" else None
        actors += [(kind, reference)] if known is None else known
    return replace(selection, actors=tuple(actors))


def _actors_of(db: sqlite3.Connection, clinic_id: str, kind: str) -> list[ActorTerm] | None:
    found: list[ActorTerm] = []
    after = b""
    while len(found) <= _FEW_ACTORS:
        row = db.execute(
            "SELECT actor FROM indelible_entry"
            " WHERE clinic_id = ? AND actor_kind = ? AND actor > ? ORDER BY actor LIMIT 1",
            (clinic_id, kind, after),
        ).fetchone()
        if row is None:
            return found
        after = row[0]
        found.append((kind, after))
    return None


def arms(clinic_id: str, selection: Selection, before: tuple[int, int] | None) -> list[tuple[str, list[Any]]]:
    """Return the SELECTs that together find the page, each with its bound values.

    A filter by actor walks the actor index once for each actor; else one by action the action index once for each code;
    else the time index is walked. What remains of the filter is checked on the rows.
    """
    actors: Sequence[ActorTerm | None] = [None]
    actions: Sequence[str | None] = [None]
    if selection.actors is not None:
        actors = selection.actors
    elif selection.actions is not None:
        actions = selection.actions
    intervals = [(None, None)] if selection.intervals is None else selection.intervals
    return [
        _arm(clinic_id, selection, before, actor, action, interval)
        for actor, action, interval in product(actors, actions, intervals)
    ]


def _arm(
    clinic_id: str,
    selection: Selection,
    before: tuple[int, int] | None,
    actor: ActorTerm | None,
    action: str | None,
    interval: tuple[int | None, int | None],
) -> tuple[str, list[Any]]:
    where, values = ["clinic_id = ?"], [clinic_id]  # type: tuple[list[str], list[Any]]

    def add(condition: str, *bound: Any) -> None:
        where.append(condition)
        values.extend(bound)

    if actor is not None:
        kind, reference = actor
        if kind == "system":
            add("actor_kind = ? AND actor IS NULL", kind)
        elif reference is None:
            add("+actor_kind = ?", kind)  # everybody of a kind: walk the time index, the plus keeps the other one out
        else:
            add("actor_kind = ? AND actor = ?", kind, reference)
    if action is not None:
        add("action = ?", action)
    elif selection.actions is not None:
        add("+action IN (SELECT value FROM json_each(?))", orjson.dumps(selection.actions).decode())
    for kind, reference in selection.not_actors:
        if reference is None:
            add("+actor_kind <> ?", kind)
        else:
            add("(+actor_kind <> ? OR +actor IS NOT ?)", kind, reference)
    if selection.not_actions:
        add("+action NOT IN (SELECT value FROM json_each(?))", orjson.dumps(selection.not_actions).decode())
    start, end = interval
    if start is not None:
        add("occurred_at >= ?", start)
    if end is not None:
        add("occurred_at < ?", end)
    if before is not None:
        add("(occurred_at, seq) < (?, ?)", *before)
    add("+seq <= ?", selection.up_to)
    return f"SELECT seq, occurred_at, body FROM indelible_entry WHERE {' AND '.join(where)}", values  # noqa: S608
