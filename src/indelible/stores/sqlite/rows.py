"""One clinic's rows in SQLite. A call has a connection to itself for as long as it lasts, from the store's pool.

What is yielded is fetched some rows at a time, each time behind the key of the last one, so that no statement stays
open while the caller works: it would keep SQLite from emptying its write-ahead log.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from ...errors import StorageFailure
from .. import plan
from ..contract import (
    AmountTally,
    Batch,
    Before,
    CheckpointRow,
    EntryRow,
    Known,
    LinkRow,
    Moment,
    Occurring,
    PersonRow,
    Selection,
    State,
    TileRow,
)
from .connection import DAMAGED, IN_THE_WAY, connect, engine, write
from .ways import SQLiteWalker

# Rows fetched at once by the readers that go through everything: keeps memory flat. Of tiles, which have 8 KiB, fewer.
_CHUNK = 500
_CHUNK_OF_TILES = 64
_CHUNK_OF_SORTED = 2_000
# Values looked up by one statement, and questions asked by one: SQLite takes at most 32,766 bound values.
_SOUGHT = 500
_ASKED = 300
# No reference whose beginning is asked for is longer.
_END_OF_REFERENCES = b"\xff" * 16
# Comes before every value of a BLOB column, also before an empty one: to SQLite a text does.
_BEGIN: Any = ""
_LEAST = -(2**63)
_MOST = 2**63 - 1

STATE = "name, time_zone, closed_at, size, frontier, root, recorded_at"
_ENTRY = ", ".join(EntryRow._fields)
_TILE = ", ".join(TileRow._fields)
_LINK = ", ".join(LinkRow._fields)
_CHECKPOINT = ", ".join(CheckpointRow._fields)
_PERSON = ", ".join(PersonRow._fields)

_ENTRIES = f"SELECT {_ENTRY} FROM indelible_entry WHERE clinic = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?"  # noqa: S608
_PERSONS = f"SELECT {_PERSON} FROM indelible_person WHERE clinic = ? AND token"  # noqa: S608
_CHECKPOINTS = f"SELECT {_CHECKPOINT} FROM indelible_checkpoint WHERE clinic = ?"  # noqa: S608

_INSERT_ENTRY = f"INSERT INTO indelible_entry (clinic, {_ENTRY}) VALUES (?{', ?' * len(EntryRow._fields)})"  # noqa: S608
_PUT_PERSON = (
    f"INSERT INTO indelible_person (clinic, {_PERSON}) VALUES (?, ?, ?, ?, ?) ON CONFLICT (clinic, token) DO UPDATE"  # noqa: S608
    " SET sealed = excluded.sealed, erased_by = excluded.erased_by, scrubbed_by = excluded.scrubbed_by"
)
_SET_STATE = (
    "UPDATE indelible_head SET name = ?, time_zone = ?, closed_at = ?, size = ?, frontier = ?, root = ?,"
    " recorded_at = ? WHERE clinic = ?"
)

# What occurs, each value by one seek: the next one of an index behind the last one found.
_OCCURRING = """
WITH RECURSIVE
  action(v) AS (
    SELECT (SELECT action FROM indelible_entry WHERE clinic = :clinic AND action > '' ORDER BY action LIMIT 1)
    UNION ALL
    SELECT (SELECT action FROM indelible_entry WHERE clinic = :clinic AND action > v ORDER BY action LIMIT 1)
    FROM action WHERE v IS NOT NULL),
  kind(v) AS (
    SELECT (SELECT kind FROM indelible_link WHERE clinic = :clinic AND kind > '' ORDER BY kind LIMIT 1)
    UNION ALL
    SELECT (SELECT kind FROM indelible_link WHERE clinic = :clinic AND kind > v ORDER BY kind LIMIT 1)
    FROM kind WHERE v IS NOT NULL),
  acting(v) AS (
    SELECT (SELECT actor_kind FROM indelible_entry WHERE clinic = :clinic AND actor_kind > ''
            ORDER BY actor_kind LIMIT 1)
    WHERE :actors > 0
    UNION ALL
    SELECT (SELECT actor_kind FROM indelible_entry WHERE clinic = :clinic AND actor_kind > v
            ORDER BY actor_kind LIMIT 1)
    FROM acting WHERE v IS NOT NULL),
  actor(v, ref, n) AS (
    SELECT v, (SELECT actor FROM indelible_entry WHERE clinic = :clinic AND actor_kind = v AND actor > x''
               ORDER BY actor LIMIT 1), 1
    FROM acting WHERE v IS NOT NULL
    UNION ALL
    SELECT v, (SELECT actor FROM indelible_entry WHERE clinic = :clinic AND actor_kind = v AND actor > ref
               ORDER BY actor LIMIT 1), n + 1
    FROM actor WHERE ref IS NOT NULL AND n < :actors)
SELECT 'action', v, NULL FROM action WHERE v IS NOT NULL
UNION ALL SELECT 'kind', v, NULL FROM kind WHERE v IS NOT NULL
UNION ALL SELECT 'actor', v, ref FROM actor WHERE ref IS NOT NULL
"""
_LINKED = (
    "EXISTS (SELECT 1 FROM indelible_link WHERE clinic = ? AND kind = ? AND ref >= ? AND ref <= ?"
    " AND occurred_at <= ? AND seq < ?)"
)
# What is asked for stands in `asked`, a (kind, first reference, last reference) each; from one reference to the next is
# one seek, and so are the first and the last entry of each.
_LINKS_OF = (
    "FROM indelible_link l WHERE l.clinic = :clinic AND l.kind = known.kind AND l.ref = known.ref AND l.as_target = 0"
    " AND l.seq <= :up_to"
)
_KNOWN = f"""
WITH RECURSIVE
  asked(kind, low, high) AS (VALUES {{asked}}),
  known(kind, high, ref, n) AS (
    SELECT kind, high, (SELECT ref FROM indelible_link l WHERE l.clinic = :clinic AND l.kind = asked.kind
                        AND l.ref >= asked.low AND l.ref <= asked.high ORDER BY l.ref LIMIT 1), 1
    FROM asked
    UNION ALL
    SELECT kind, high, (SELECT ref FROM indelible_link l WHERE l.clinic = :clinic AND l.kind = known.kind
                        AND l.ref > known.ref AND l.ref <= known.high ORDER BY l.ref LIMIT 1), n + 1
    FROM known WHERE ref IS NOT NULL AND n < :each)
SELECT kind, ref,
  (SELECT l.occurred_at {_LINKS_OF} ORDER BY l.occurred_at, l.seq LIMIT 1) AS first_at,
  (SELECT l.seq {_LINKS_OF} ORDER BY l.occurred_at, l.seq LIMIT 1),
  (SELECT l.occurred_at {_LINKS_OF} ORDER BY l.occurred_at DESC, l.seq DESC LIMIT 1),
  (SELECT count(*) FROM (SELECT 1 {_LINKS_OF} LIMIT :counted))
FROM known WHERE ref IS NOT NULL AND first_at IS NOT NULL
"""  # noqa: S608 - our own text


def state_of(row: Sequence[Any] | None) -> State:
    """Return the state of a head's row. Raises StorageFailure where there is none."""
    if row is None or row[3] is None:
        raise StorageFailure("the head of a clinic's log is gone, so the database is damaged; restore a backup")
    return State(*row)


class SQLiteRows:
    """The rows of one clinic. Implements `indelible.stores.contract.Rows`."""

    def __init__(self, of: Callable[[], AbstractContextManager[tuple[sqlite3.Connection, int]]], path: Path) -> None:
        """`of` gives a connection for a block, and the clinic's number."""
        self._of, self._path = of, path

    def state(self) -> State:
        with self._of() as (db, clinic):
            return state_of(db.execute(f"SELECT {STATE} FROM indelible_head WHERE clinic = ?", (clinic,)).fetchone())  # noqa: S608

    # Selections

    def page(self, selection: Selection, before: tuple[int, int] | None, limit: int) -> Sequence[EntryRow]:
        with self._of() as (db, clinic):
            return plan.page(SQLiteWalker(db, clinic), selection, before, limit)

    def moments(self, selection: Selection, limit: int) -> Sequence[Moment]:
        with self._of() as (db, clinic):
            return plan.moments(SQLiteWalker(db, clinic), selection, limit)

    def counts(self, selection: Selection, edges: Sequence[int]) -> Sequence[int]:
        with self._of() as (db, clinic):
            return plan.counts(SQLiteWalker(db, clinic), selection, edges)

    def amounts(self, selection: Selection) -> Sequence[AmountTally]:
        with self._of() as (db, clinic):
            return plan.amounts(SQLiteWalker(db, clinic), selection)

    def amounts_between(self, selection: Selection, edges: Sequence[int]) -> Sequence[Sequence[AmountTally]]:
        with self._of() as (db, clinic):
            return plan.amounts_between(SQLiteWalker(db, clinic), selection, edges)

    # Entries

    def entries(self, after: int, up_to: int) -> Iterator[EntryRow]:
        return map(EntryRow._make, self._steps(_ENTRIES, (after,), itemgetter(0), up_to))

    def seqs(self, of: Literal["id", "key"], values: Sequence[bytes]) -> Mapping[bytes, int]:
        table = {"id": "indelible_entry", "key": "indelible_idempotency"}[of]
        found: dict[bytes, int] = {}
        for some, places in _parts(values):
            sql = f"SELECT {of}, seq FROM {table} WHERE clinic = ? AND {of} IN ({places})"  # noqa: S608 - constant names
            with self._of() as (db, clinic):
                found.update(db.execute(sql, (clinic, *some)))
        return found

    def first_recorded(self, instant: int, up_to: int) -> int:
        """By halving: each step reads one entry's `recorded_at`."""
        low, high = 1, up_to + 1
        sql = "SELECT seq, recorded_at FROM indelible_entry WHERE clinic = ? AND seq >= ? ORDER BY seq LIMIT 1"
        with self._of() as (db, clinic):
            while low < high:
                middle = (low + high) // 2
                row = db.execute(sql, (clinic, middle)).fetchone()
                if row is None or row[1] >= instant:
                    high = middle
                else:
                    low = row[0] + 1
        return low

    # What stands beside them

    def persons(self, which: Sequence[bytes] | Literal["all", "unscrubbed"]) -> Iterator[PersonRow]:
        if isinstance(which, str):
            left = "" if which == "all" else " AND erased_by IS NOT NULL AND scrubbed_by IS NULL"
            sql = f"{_PERSONS} > ?{left} ORDER BY token LIMIT ?"
            yield from map(PersonRow._make, self._steps(sql, (_BEGIN,), itemgetter(0)))
            return
        for some, places in _parts(sorted(set(which))):
            with self._of() as (db, clinic):
                rows = db.execute(f"{_PERSONS} IN ({places}) ORDER BY token", (clinic, *some)).fetchall()
            yield from map(PersonRow._make, rows)

    def occurring(self, actors: int = 0) -> Occurring:
        with self._of() as (db, clinic):
            rows = db.execute(_OCCURRING, {"clinic": clinic, "actors": actors}).fetchall()
        return Occurring(
            [value for what, value, _ in rows if what == "action"],
            [value for what, value, _ in rows if what == "kind"],
            sorted((kind, ref) for what, kind, ref in rows if what == "actor"),
        )

    def linked(self, asked: Sequence[Before]) -> Sequence[bool]:
        answers: list[bool] = []
        for start in range(0, len(asked), _ASKED):
            some = asked[start : start + _ASKED]
            with self._of() as (db, clinic):
                bound = [
                    value
                    for kind, seq, occurred_at, prefix in some
                    for value in (clinic, kind, prefix, prefix + _END_OF_REFERENCES, occurred_at, seq)
                ]
                answers += map(bool, db.execute(f"SELECT {', '.join([_LINKED] * len(some))}", bound).fetchone())
        return answers

    def known(self, asked: Sequence[tuple[str, bytes]], up_to: int, *, each: int, counted: int) -> Sequence[Known]:
        found: list[Known] = []
        for start in range(0, len(asked), _SOUGHT):
            some = asked[start : start + _SOUGHT]
            bound: dict[str, Any] = {"up_to": up_to, "each": each, "counted": counted}
            for number, (kind, prefix) in enumerate(some):
                bound |= {f"k{number}": kind, f"l{number}": prefix, f"h{number}": prefix + _END_OF_REFERENCES}
            places = ", ".join(f"(:k{number}, :l{number}, :h{number})" for number in range(len(some)))
            with self._of() as (db, clinic):
                found += map(Known._make, db.execute(_KNOWN.format(asked=places), {**bound, "clinic": clinic}))
        return sorted(found)

    def tiles(self, level: int | None = None, begin: int = 0, end: int | None = None) -> Iterator[TileRow]:
        sql = f"SELECT {_TILE} FROM indelible_tile WHERE clinic = ? AND "  # noqa: S608 - constant columns
        if level is None:
            sql += "(level, number) > (?, ?) ORDER BY level, number LIMIT ?"
            rows = self._steps(sql, (_LEAST, _LEAST), itemgetter(0, 1), chunk=_CHUNK_OF_TILES)
        else:
            sql += "level = ? AND number > ? AND number < ? ORDER BY number LIMIT ?"
            last = 2**63 - 1 if end is None else end
            rows = self._steps(sql, (level, begin - 1), itemgetter(0, 1), last, chunk=_CHUNK_OF_TILES)
        return map(TileRow._make, rows)

    def tile_roots(self, level: int, begin: int, end: int) -> Sequence[bytes]:
        sql = (
            "SELECT root FROM indelible_tile WHERE clinic = ? AND level = ? AND number >= ? AND number < ?"
            " ORDER BY number"
        )
        with self._of() as (db, clinic):
            return [root for (root,) in db.execute(sql, (clinic, level, begin, end))]

    def links(self, after: int, up_to: int) -> Iterator[LinkRow]:
        return map(LinkRow._make, self._sorted("indelible_link", _LINK, after, up_to))

    def used_keys(self, after: int, up_to: int) -> Iterator[tuple[bytes, int]]:
        return self._sorted("indelible_idempotency", "key, seq", after, up_to)

    def _sorted(self, table: str, columns: str, after: int, up_to: int) -> Iterator[Any]:
        """Yield the rows of these entries in order of seq. Sorted into a temporary file: an index by seq would cost
        every append, for verification alone."""
        with self._of() as (_, clinic):
            pass
        with engine():
            own = connect(self._path)
            try:
                own.execute("PRAGMA temp_store = FILE")
                own.execute(f"CREATE TEMP TABLE sorted ({columns})")
                own.execute(f"INSERT INTO sorted {_by_seq(table, columns)}", (clinic, after, up_to))
                cursor = own.execute("SELECT * FROM sorted ORDER BY rowid")
                while rows := cursor.fetchmany(_CHUNK_OF_SORTED):
                    yield from rows
            finally:
                own.close()

    def checkpoints(self, last: int | None = None, up_to: int | None = None) -> Iterator[CheckpointRow]:
        if last is None:
            sql = f"{_CHECKPOINTS} AND size > ? ORDER BY size LIMIT ?"
            return map(CheckpointRow._make, self._steps(sql, (_LEAST,), itemgetter(0)))
        with self._of() as (db, clinic):
            most = _MOST if up_to is None else up_to
            rows = db.execute(
                f"{_CHECKPOINTS} AND size <= ? ORDER BY size DESC LIMIT ?", (clinic, most, last)
            ).fetchall()
        return map(CheckpointRow._make, reversed(rows))

    def _steps(
        self, sql: str, start: tuple[Any, ...], key: Callable[[Any], Any], *bound: Any, chunk: int = _CHUNK
    ) -> Iterator[Any]:
        """Yield the rows of a statement, a chunk at a time: `start` is what its key is behind at first, `key` takes the
        key from a row, `bound` follows it."""
        after = start
        last: Any = None
        while True:
            with self._of() as (db, clinic):
                rows = db.execute(sql, (clinic, *after, *bound, chunk)).fetchall()
            yield from rows
            if len(rows) < chunk:
                return
            found = key(rows[-1])
            if last is not None and found <= last:  # an index that leads round
                raise StorageFailure(DAMAGED)
            last, after = found, found if isinstance(found, tuple) else (found,)


def _by_seq(table: str, columns: str) -> str:
    return f"SELECT {columns} FROM {table} WHERE clinic = ? AND seq > ? AND seq <= ? ORDER BY seq"  # noqa: S608


def _parts(values: Sequence[bytes]) -> Iterator[tuple[Sequence[bytes], str]]:
    """Values to look up, as many as one statement takes, with their places in it."""
    for start in range(0, len(values), _SOUGHT):
        some = values[start : start + _SOUGHT]
        yield some, ", ".join("?" * len(some))


class SQLiteAppending(SQLiteRows):
    """An open transaction that holds the head of one clinic. Implements `indelible.stores.contract.Appending`."""

    # Fewer cost statements, more cost memory that the processor's caches do not hold.
    at_once = 200

    def __init__(self, connection: sqlite3.Connection, clinic: int, path: Path) -> None:
        @contextmanager
        def of() -> Iterator[tuple[sqlite3.Connection, int]]:
            with engine():
                yield connection, clinic

        super().__init__(of, path)
        self._clinic = clinic
        self._cursor = connection.cursor()
        self._state = super().state()

    def state(self) -> State:
        return self._state

    def _sorted(self, table: str, columns: str, after: int, up_to: int) -> Iterator[Any]:
        with self._of() as (db, clinic):
            return iter(db.execute(_by_seq(table, columns), (clinic, after, up_to)).fetchall())

    def write(self, batch: Batch) -> None:
        """Write a batch. A crash before the commit leaves nothing of it."""
        with engine():
            self._write_entries(batch)
            self._write_beside(batch)
            if batch.state is not None:
                write(self._cursor, _SET_STATE, [(*batch.state, self._clinic)])
                self._state = batch.state

    def _write_entries(self, batch: Batch) -> None:
        clinic, cursor = (self._clinic,), self._cursor
        # sqlite3 looks for an adapter of every value that is no int, float, str or bytearray, which costs more than to
        # make a bytearray of it.
        entries = [
            (*clinic, seq, bytearray(entry_id), occurred, recorded, action, kind, actor and bytearray(actor), minor,
             currency, bytearray(body), bytearray(sealed))
            for seq, entry_id, occurred, recorded, action, kind, actor, minor, currency, body, sealed in batch.entries
        ]  # fmt: skip
        write(cursor, _INSERT_ENTRY, entries)
        write(cursor, "INSERT INTO indelible_tile VALUES (?, ?, ?, ?, ?)", [clinic + row for row in batch.tiles])
        links = [
            (*clinic, kind, bytearray(ref), int(as_target), occurred, seq)
            for kind, ref, as_target, occurred, seq in batch.links
        ]
        write(cursor, "INSERT INTO indelible_link VALUES (?, ?, ?, ?, ?, ?)", links)

    def _write_beside(self, batch: Batch) -> None:
        clinic, cursor = (self._clinic,), self._cursor
        write(cursor, _PUT_PERSON, [clinic + row for row in batch.persons])
        write(cursor, "INSERT INTO indelible_idempotency VALUES (?, ?, ?)", [clinic + row for row in batch.keys])
        left = [(sealed, self._clinic, seq) for seq, sealed in batch.sealed]
        write(cursor, "UPDATE indelible_entry SET sealed = ? WHERE clinic = ? AND seq = ?", left)
        new = [clinic + row for row in batch.checkpoints if not self._has_checkpoint(row.size)]
        write(cursor, "INSERT INTO indelible_checkpoint VALUES (?, ?, ?, ?, ?, ?)", new)
        if batch.drop_keys:
            cursor.execute("DELETE FROM indelible_key WHERE clinic = ?", clinic)
            # A trigger that is not ours may have kept one.
            if cursor.execute("SELECT 1 FROM indelible_key WHERE clinic = ?", clinic).fetchone():
                raise StorageFailure(f"the database did not delete every row, {IN_THE_WAY}")

    def _has_checkpoint(self, size: int) -> bool:
        sql = "SELECT 1 FROM indelible_checkpoint WHERE clinic = ? AND size = ?"
        return self._cursor.execute(sql, (self._clinic, size)).fetchone() is not None
