"""How the tables, indexes, views and triggers of an SQLite file are defined, compared with how they have to be.

A trigger can swallow a row, an index can leave one out, and a view can stand in the place of a table. SQLite makes each
of them from the text in `sqlite_schema`, so the text is compared, all of it: in a text with other spaces a comment may
end elsewhere. SQLite itself refuses a file where kind, name or table of a row are not those of its text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# A name is as long as who wrote it likes; of this much it can be recognized.
_NAME_CHARACTERS = 100


class Definition(NamedTuple):
    """One row of `sqlite_schema`. `sql` is None for an index that a constraint of its table makes."""

    kind: str
    name: str
    table: str
    sql: str | None

    def __str__(self) -> str:
        name, table = (f"{one!s:.{_NAME_CHARACTERS}}" for one in (self.name, self.table))
        return f"{self.kind} {name}" + (f" on {table}" if table != name else "")


def definitions(db: sqlite3.Connection | sqlite3.Cursor, prefix: str = "") -> list[Definition]:
    """Return what has a name, or belongs to a table, that begins with `prefix`; SQLite's names know no case.

    The tables of SQLite's own statistics (`ANALYZE`) are left out: they decide how fast an answer comes, not which.
    """
    rows = db.execute(
        "SELECT type, name, tbl_name, sql FROM main.sqlite_schema"
        " WHERE (substr(name, 1, ?1) = ?2 COLLATE NOCASE OR substr(tbl_name, 1, ?1) = ?2 COLLATE NOCASE)"
        " AND NOT (type = 'table' AND name LIKE 'sqlite!_stat_' ESCAPE '!') ORDER BY type, name",
        (len(prefix), prefix),
    )
    return [Definition._make(row) for row in rows]


def differences(found: Sequence[Definition], expected: Sequence[Definition]) -> Iterator[str]:
    """Yield a sentence for each definition that is not as expected, or that nobody expects.

    A trigger that is missing is none: ours guard against mistakes only, since who can write the file can drop them.
    """
    known = {(one.kind, one.name): one for one in expected}
    seen = set()
    for one in found:
        place = (one.kind, one.name)
        if place not in known:
            yield f"the {one} is none that this release makes, and can change what is recorded or read: drop it"
        elif place in seen:
            yield f"the {one} is there twice, and what it does is not certain"
        elif one != known[place]:
            yield f"the {one} is not the one that this release makes, so lists may be wrong and rows may be lost"
        seen.add(place)
    for place, one in known.items():
        if place not in seen and one.kind != "trigger":
            yield f"the {one} is missing, so lists may be wrong"


def missing_triggers(found: Sequence[Definition], expected: Sequence[Definition]) -> list[Definition]:
    """Return the triggers that are expected and not there, by name."""
    there = {one.name for one in found if one.kind == "trigger"}
    return [one for one in expected if one.kind == "trigger" and one.name not in there]
