"""How the SQLite store counts what a selection means, without reading it page by page.

The ways to walk an index are those of a page. Where no entry lies on two of them each is counted by itself, and mostly
in the index alone; otherwise they are walked side by side in the order of the page, where an entry that comes twice
comes at once again.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import orjson

from ..store import Selection
from . import sqlite_page

# A half-open range of microseconds; None for an open end.
_Range = tuple[int | None, int | None]


def counts(db: sqlite3.Connection, clinic: int, selection: Selection, edges: Sequence[int]) -> list[int]:
    """Return how many entries there are in each of the ranges between `edges`, sorted microseconds."""
    pieces = list(_pieces(edges, merged(selection.intervals)))
    selection = replace(_by_actions(db, clinic, selection), intervals=None)
    unwanted = _unwanted_by_index(db, clinic, selection)
    if unwanted is None:
        found = _counted(db, clinic, selection, pieces)
    else:
        # What is left without some actors is everything less what is theirs: both are counted in an index.
        found = _counted(db, clinic, replace(selection, not_actors=()), pieces)
        found.subtract(_counted(db, clinic, unwanted, pieces))
    return [found[number] for number in range(len(edges) - 1)]


def _counted(
    db: sqlite3.Connection, clinic: int, selection: Selection, pieces: Sequence[tuple[int, int, int]]
) -> Counter[int]:
    """The entries of a selection in some ranges (number, start, end), by number."""
    found: Counter[int] = Counter()
    if not pieces:
        return found
    selection = sqlite_page.resolved(db, clinic, selection)
    if _are_apart(selection):
        ranges = orjson.dumps(pieces).decode()
        for text, bound in sqlite_page.arms(clinic, selection, None):
            rows = db.execute(
                "WITH r(number, start, finish) AS (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'),"  # noqa: S608
                " json_extract(value, '$[2]') FROM json_each(?)) SELECT number, (SELECT count(*)"
                f" FROM ({text}) a WHERE a.occurred_at >= start AND a.occurred_at < finish) FROM r",
                [ranges, *bound],
            )
            for number, entries in rows:
                found[number] += entries
        return found
    within = replace(selection, intervals=((pieces[0][1], pieces[-1][2]),))
    left = list(pieces)
    for occurred_at, _ in _each(db, clinic, within):
        while left and occurred_at < left[-1][1]:
            left.pop()
        if left and occurred_at < left[-1][2]:
            found[left[-1][0]] += 1
    return found


def _each(db: sqlite3.Connection, clinic: int, selection: Selection) -> Iterator[tuple[int, int]]:
    """The (occurred_at, seq) of every entry once, newest first."""
    walks = [
        db.execute(f"SELECT a.occurred_at, a.seq FROM ({text}) a ORDER BY 1 DESC, 2 DESC", bound)  # noqa: S608
        for text, bound in sqlite_page.arms(clinic, selection, None)
    ]
    last: Any = None
    for place in heapq.merge(*walks, reverse=True):
        if place != last:
            yield place
        last = place


def _are_apart(selection: Selection) -> bool:
    """Whether no entry lies on two of the ways of a resolved selection, whose intervals are merged."""
    if selection.references:
        return len({(kind, ref) for kind, ref, _ in selection.references[0]}) < 2  # in one part of an entry or another
    actors, actions = selection.actors or (), selection.actions or ()
    whole = {kind for kind, reference in actors if reference is None and kind != "system"}
    return (
        len(set(actors)) == len(actors)
        and len(set(actions)) == len(actions)
        and not any(kind in whole for kind, reference in actors if reference is not None)
    )


def _by_actions(db: sqlite3.Connection, clinic: int, selection: Selection) -> Selection:
    """Every other action instead of "not these": their index has what is counted, the rows need not be read."""
    if not selection.not_actions or selection.references:
        return selection
    known = _actions(db, clinic) if selection.actions is None else selection.actions
    return replace(
        selection, actions=tuple(code for code in known if code not in selection.not_actions), not_actions=()
    )


def _actions(db: sqlite3.Connection, clinic: int) -> Iterator[str]:
    after = ""
    while row := db.execute(
        "SELECT action FROM indelible_entry WHERE clinic = ? AND action > ? ORDER BY action LIMIT 1",
        (clinic, after),
    ).fetchone():
        after = row[0]
        yield after


def _unwanted_by_index(db: sqlite3.Connection, clinic: int, selection: Selection) -> Selection | None:
    """What `not_actors` take out, where an index finds it; None where it does not."""
    if not selection.not_actors or selection.actors is not None or selection.references:
        return None
    theirs = replace(selection, actors=selection.not_actors, not_actors=())
    found = sqlite_page.resolved(db, clinic, theirs).actors or ()
    if any(reference is None and kind != "system" for kind, reference in found):
        return None
    return theirs


def _pieces(edges: Sequence[int], intervals: tuple[_Range, ...] | None) -> Iterator[tuple[int, int, int]]:
    """The ranges between the edges as far as they lie in intervals: (number, start, end) in order."""
    for number, (start, end) in enumerate(pairwise(edges)):
        for low, high in ((None, None),) if intervals is None else intervals:
            first, last = start if low is None else max(start, low), end if high is None else min(end, high)
            if first < last:
                yield number, first, last


def merged(intervals: tuple[_Range, ...] | None) -> tuple[_Range, ...] | None:
    """The same instants in intervals that are in order and apart."""
    if intervals is None:
        return None
    apart: list[_Range] = []
    for low, high in sorted(intervals, key=lambda one: (one[0] is not None, one[0] or 0)):
        if low is not None and high is not None and low >= high:
            continue
        if apart and (apart[-1][1] is None or low is None or low <= apart[-1][1]):
            before = apart[-1][1]
            apart[-1] = apart[-1][0], None if before is None or high is None else max(before, high)
        else:
            apart.append((low, high))
    return tuple(apart)
