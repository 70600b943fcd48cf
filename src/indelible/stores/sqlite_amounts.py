"""How the SQLite store sums amounts: along an index of the entries that have one, which holds all that a sum asks for.

In it each action and currency is one stretch, in order of time. So a sum reads no row and sorts nothing, and costs as
much as there are amounts of these actions in this time. Where a selection names people or things that few entries are
of, or few numbers, those entries are looked at one by one instead: that is sooner, and it is the plain way.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from ..store import AmountTally, Selection
from . import sqlite_page
from .sqlite_tally import merged

# Entries of things or people that are looked at one by one. Of actors a fifth: the index itself has who they are, and
# for the others a list of numbers has to be made first.
FEW_ENTRIES = 10_000
# Actors or references whose entries are told from others on the index; each is one more comparison for every amount.
_FEW_TERMS = 20

# An amount is summed in two halves where a sum leaves 64 bits: SQLite gives up at an overflow.
_HALF = 32
_TOP, _BOTTOM = f"sum(amount_minor >> {_HALF})", f"sum(amount_minor & {(1 << _HALF) - 1})"


class _Sum(NamedTuple):
    entries: int = 0
    amount: int = 0

    def plus(self, entries: int, amount: int) -> _Sum:
        return _Sum(self.entries + entries, self.amount + amount)


_Key = tuple[str, str | None]


def amounts(db: sqlite3.Connection, clinic: int, selection: Selection) -> list[AmountTally]:
    """Return for each action and currency how many entries have an amount, and its exact sum."""
    selection = replace(selection, intervals=merged(selection.intervals))
    resolved = sqlite_page.resolved(db, clinic, selection)
    if sqlite_page.is_empty(resolved):
        return []
    if _is_along_index(db, clinic, resolved):
        # A kind of actor as it is: one comparison for each amount, and not one for each actor of the kind.
        found = _along_index(db, clinic, replace(resolved, actors=selection.actors))
    else:
        found = _one_by_one(db, clinic, resolved)
    sums: dict[_Key, _Sum] = defaultdict(_Sum)
    for key, entries, amount in found:
        sums[key] = sums[key].plus(entries, amount)
    return [
        AmountTally(*key, *one)
        for key, one in sorted(sums.items(), key=lambda item: (item[0][0], item[0][1] or ""))
        if one.entries
    ]


def _is_along_index(db: sqlite3.Connection, clinic: int, selection: Selection) -> bool:
    """Whether the index is the way to go for a resolved selection: it has no numbers alone, and not what is late."""
    if selection.late or selection.only is not None or sqlite_page.few_numbers(selection):
        return False
    if max(map(len, (selection.actors or (), selection.not_references, *selection.references)), default=0) > _FEW_TERMS:
        return False
    return not _are_few(db, clinic, selection)


def _are_few(db: sqlite3.Connection, clinic: int, selection: Selection) -> bool:
    """Whether few entries are on the ways to a page, as far as people or things lead to it: their index is counted."""
    if selection.references:
        link = "SELECT 1 FROM indelible_link WHERE clinic = ? AND kind = ? AND ref = ? AND as_target = ?"
        ways: list[tuple[str, list[Any]]] = [(link, [clinic, *one]) for one in selection.references[0]]
    elif selection.actors is None or any(kind != "system" and one is None for kind, one in selection.actors):
        return False  # nobody, or a kind of many
    else:
        ways = sqlite_page.arms(clinic, replace(selection, not_references=()), None, columns=("seq",))
    left = FEW_ENTRIES if selection.references else FEW_ENTRIES // 5
    for text, bound in ways:
        (entries,) = db.execute(f"SELECT count(*) FROM ({text} LIMIT ?)", [*bound, left + 1]).fetchone()  # noqa: S608
        left -= entries
        if left < 0:
            return False
    return True


def _one_by_one(db: sqlite3.Connection, clinic: int, selection: Selection) -> Iterator[tuple[_Key, int, int]]:
    """The amounts of the entries on all ways to a page, each once: one that has two references comes twice.

    `typeof`, because SQLite would take `IS NOT NULL` as a reason to leave the way and walk the index of amounts.
    """
    seen: set[int] = set()
    by_number = sqlite_page.few_numbers(selection)
    for text, bound in sqlite_page.arms(clinic, selection, None, by_number=by_number, columns=sqlite_page.AMOUNT):
        for seq, action, currency, amount in db.execute(
            f"SELECT * FROM ({text}) WHERE typeof(amount_minor) = 'integer'",  # noqa: S608 - our own text
            bound,
        ):
            if seq not in seen:
                seen.add(seq)
                yield (action, currency), 1, amount


def _along_index(db: sqlite3.Connection, clinic: int, selection: Selection) -> Iterator[tuple[_Key, int, int]]:
    for action, currency in _stretches(db, clinic, selection):
        for interval in ((None, None),) if selection.intervals is None else selection.intervals:
            text, bound = sqlite_page.along_amounts(clinic, selection, action, currency, interval)
            yield (action, currency), *_summed(db, text, bound)


def _summed(db: sqlite3.Connection, source: str, bound: list[Any]) -> tuple[int, int]:
    try:
        entries, amount = db.execute(f"SELECT count(*), sum(amount_minor) FROM {source}", bound).fetchone()  # noqa: S608
    except sqlite3.OperationalError as error:
        if "integer overflow" not in str(error):
            raise
        entries, top, bottom = db.execute(f"SELECT count(*), {_TOP}, {_BOTTOM} FROM {source}", bound).fetchone()  # noqa: S608
        amount = (top << _HALF) + bottom
    return entries, amount or 0


def _stretches(db: sqlite3.Connection, clinic: int, selection: Selection) -> Iterator[_Key]:
    """The actions that a selection allows with the currencies that occur, each found by skipping through the index."""
    first = (
        "SELECT action, currency FROM indelible_entry INDEXED BY indelible_entry_amount"
        " WHERE clinic = ? AND amount_minor IS NOT NULL AND action > ? ORDER BY action, currency LIMIT 1"
    )
    following = (
        "SELECT currency FROM indelible_entry INDEXED BY indelible_entry_amount"
        " WHERE clinic = ? AND amount_minor IS NOT NULL AND action = ? AND currency {} ? ORDER BY currency LIMIT 1"
    )
    wanted = None if selection.actions is None else set(selection.actions)
    after = ""
    while row := db.execute(first, (clinic, after)).fetchone():
        after = action = row[0]
        if action in selection.not_actions or (wanted is not None and action not in wanted):
            continue
        yield action, row[1]
        currency = row[1]
        # No currency comes before every currency, an empty one too.
        while row := db.execute(
            following.format(">=" if currency is None else ">"), (clinic, action, currency or "")
        ).fetchone():
            (currency,) = row
            yield action, currency
