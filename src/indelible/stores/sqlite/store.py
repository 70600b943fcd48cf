"""The SQLite store: one file, in WAL."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ...errors import NotFound, StorageFailure
from ...files import definitions
from ..contract import Clinic, Defect, Installation, KeyRow, SourceRow, State
from . import schema as sqlite_schema
from .connection import Pool, engine, transaction, write
from .rows import STATE, SQLiteAppending, SQLiteRows, state_of

# Two tables of one file on the same pages: what is written through one is not seen by the other's triggers.
_SAME_PAGE = (
    "SELECT group_concat(name, ' and ') FROM main.sqlite_schema WHERE rootpage > 0"
    " GROUP BY rootpage HAVING count(*) > 1"
)
_INSERT_HEAD = f"INSERT INTO indelible_head (clinic, {STATE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608


class SQLiteStore:
    """One SQLite file that holds an activity log. Implements `indelible.stores.contract.Store`."""

    def __init__(self, path: Path) -> None:
        """Open an existing log. Raises StorageFailure where there is none, or one of another version."""
        if not path.is_file():
            raise StorageFailure(f"there is no database at {path}; `indelible init` makes one")
        self.path = path
        self._pool = Pool(path)
        self._numbers: dict[str, int] = {}
        try:
            with self._db() as db:
                sqlite_schema.check(path, sqlite_schema.version(db))
                self.installation = _installation(db)
        except StorageFailure:
            self.close()
            raise

    @contextmanager
    def _db(self) -> Iterator[sqlite3.Connection]:
        """A connection for the block alone. Raises StorageFailure."""
        with engine():
            connection = self._pool.take()
            try:
                yield connection
            finally:
                self._pool.give_back(connection)

    def _number(self, db: sqlite3.Connection, clinic_id: str) -> int:
        """The clinic's number in the tables, which it keeps for ever. Raises NotFound."""
        found = self._numbers.get(clinic_id)
        if found is None:
            found = self._numbers[clinic_id] = _number(db, clinic_id)
        return found

    @contextmanager
    def _of(self, clinic_id: str) -> Iterator[tuple[sqlite3.Connection, int]]:
        """A connection for the block alone, and the clinic's number. Raises NotFound, StorageFailure."""
        with self._db() as db:
            yield db, self._number(db, clinic_id)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that commits when the block ends."""
        with self._db() as db, transaction(db):
            yield db

    def close(self) -> None:
        """Close what is not in use; whoever uses the store again opens a new connection."""
        self._pool.close()

    # Clinics and keys

    def add_clinic(self, clinic: Clinic, state: State, keys: Sequence[KeyRow]) -> None:
        with self._writing() as db:
            if db.execute("SELECT 1 FROM indelible_clinic WHERE clinic_id = ?", (clinic.id,)).fetchone():
                raise StorageFailure(f"there is already a clinic {clinic.id}")
            own = (clinic.id, clinic.origin, clinic.vkey, clinic.nobody)
            write(db, "INSERT INTO indelible_clinic VALUES (NULL, ?, ?, ?, ?)", [own])
            number = _number(db, clinic.id)
            write(db, "INSERT INTO indelible_key VALUES (?, ?, ?, ?)", [(number, *key) for key in keys])
            write(db, _INSERT_HEAD, [(number, *state)])

    def clinics(self, only: Collection[str] | None = None) -> Sequence[tuple[Clinic, State]]:
        some = "" if only is None else "WHERE clinic_id IN (SELECT value FROM json_each(?))"
        sql = (
            f"SELECT clinic_id, origin, vkey, nobody, {STATE}"  # noqa: S608 - constant columns
            f" FROM indelible_clinic LEFT JOIN indelible_head USING (clinic) {some} ORDER BY clinic_id"
        )
        with self._db() as db:
            rows = db.execute(sql, () if only is None else (json.dumps(list(only)),))
            return [(Clinic(*row[:4]), state_of(row[4:])) for row in rows]

    def keys(self, clinic_id: str) -> Sequence[KeyRow]:
        with self._of(clinic_id) as (db, clinic):
            rows = db.execute("SELECT kind, number, wrapped FROM indelible_key WHERE clinic = ?", (clinic,))
            return [KeyRow(*row) for row in rows]

    # The entries of a clinic

    def rows(self, clinic_id: str) -> SQLiteRows:
        return SQLiteRows(lambda: self._of(clinic_id), self.path)

    @contextmanager
    def appending(self, clinic_id: str) -> Iterator[SQLiteAppending]:
        with self._writing() as db:
            yield SQLiteAppending(db, self._number(db, clinic_id), self.path)

    # The databases that are drained

    def sources(self) -> Sequence[SourceRow]:
        with self._db() as db:
            rows = db.execute('SELECT outbox, "database", xid FROM indelible_source ORDER BY outbox')
            return [SourceRow(*row) for row in rows]

    def keep_source(self, row: SourceRow) -> None:
        sql = (
            "INSERT INTO indelible_source VALUES (?, ?, ?) ON CONFLICT (outbox) DO UPDATE SET"
            ' xid = CASE "database" WHEN excluded."database" THEN max(xid, excluded.xid) ELSE excluded.xid END,'
            ' "database" = excluded."database"'
        )
        with self._writing() as db:
            write(db, sql, [row])

    # Defects

    def defects(self) -> Iterator[Defect]:
        """Lists are read by indexes and verification by tables, so an index that leaves a row out hides an entry."""
        with self._db() as db:
            found, expected = sqlite_schema.found_in(db), sqlite_schema.expected()
        for one in definitions.missing_triggers(found, expected):
            yield Defect("guard", one.name)
        for what in definitions.differences(found, expected):
            yield Defect("definition", what)
        for what in self._contradictions():
            yield Defect("file", f"the database file contradicts itself, so lists may be wrong: {what}")

    def _contradictions(self) -> Iterator[str]:
        """What SQLite finds wrong with our tables and with the file's pages.

        It checks with them whatever else somebody put into the file, and may not be able to: an index can need a
        function or a collation that is not here. Then ours are checked alone.
        """
        with self._db() as db:
            ours = [one.name for one in sqlite_schema.found_in(db) if one.kind == "table"]
            try:
                every = [what for (what,) in db.execute("PRAGMA main.integrity_check(10)")]
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
                    raise
                every = [f"{names} begin at the same page" for (names,) in db.execute(_SAME_PAGE)]
            else:
                if every == ["ok"]:
                    return
                every = [what for what in every if what.startswith("*** in database")]  # the pages, not a table's rows
        yield from every
        for table in ours:
            yield from self._contradictions_in(table)

    def _contradictions_in(self, table: str) -> Iterator[str]:
        quoted = table.replace('"', '""')
        with self._db() as db:
            try:
                every = [what for (what,) in db.execute(f'PRAGMA main.integrity_check("{quoted}")')]
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
                    raise
                every = [f"{table} cannot be checked: {error}"]
        yield from (what for what in every if what != "ok")


def _installation(db: sqlite3.Connection) -> Installation:
    row = db.execute("SELECT name, master_key FROM indelible_installation").fetchone()
    if row is None:
        raise StorageFailure("the database has lost its own row, so it is damaged; restore a backup")
    return Installation(*row)


def _number(db: sqlite3.Connection, clinic_id: str) -> int:
    row = db.execute("SELECT clinic FROM indelible_clinic WHERE clinic_id = ?", (clinic_id,)).fetchone()
    if row is None:
        raise NotFound(f"there is no clinic {clinic_id} in this database")
    return int(row[0])
