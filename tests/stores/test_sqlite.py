"""SQLite passes the contract of every store; what only SQLite can get wrong comes after it."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from indelible.errors import StorageFailure
from indelible.stores.contract import EntryRow, Installation, LinkRow, Reference, Selection, Store
from indelible.stores.plan import few_numbers
from indelible.stores.sqlite import file
from indelible.stores.sqlite import schema as sqlite_schema
from indelible.stores.sqlite.store import SQLiteStore
from indelible.testing.logs import last_connection
from indelible.testing.store_contract import (
    ACTIONS,
    KINDS,
    NOW,
    RefusalContract,
    StoreContract,
    batch,
    entry_row,
    everything,
    tile_row,
    write,
)

OURS = Installation("log.example.org", "0123456789abcdef")


PERSON = Reference("person", b"1" * 16)
FILTERS = {
    "nothing": Selection(up_to=99),
    "actor": Selection(up_to=99, actors=(KINDS[0],)),
    "system": Selection(up_to=99, actors=(("system", None),)),
    "a kind of few": Selection(up_to=99, actors=(("staff", None),)),
    "integration": Selection(up_to=99, actors=(KINDS[3],)),
    "action": Selection(up_to=99, actions=ACTIONS[:1]),
    "category": Selection(up_to=99, actions=ACTIONS),
    "actor and action": Selection(up_to=99, actors=(KINDS[0],), actions=ACTIONS[:1]),
    "target": Selection(up_to=99, references=((PERSON._replace(as_target=True),),)),
    "person in any part": Selection(up_to=99, references=((PERSON,),)),
    "operation": Selection(up_to=99, references=((Reference("operation", b"op_1", False),),)),
    "stripe id": Selection(up_to=99, references=((Reference("evidence", b"h" * 16), Reference("charge", b"ch_1")),)),
    "two references": Selection(up_to=99, references=((PERSON,), (Reference("booking", b"bk_1", True),))),
    "not a reference": Selection(up_to=99, not_references=(PERSON,)),
    "a range of numbers": Selection(up_to=99, references=((PERSON,),), from_seq=7),
    "many numbers": Selection(up_to=20_000, seqs=((7, 9_000), (9_002, 19_000))),
    "numbers of an actor": Selection(up_to=99, seqs=((7, 19),), actors=(KINDS[0],)),
    "late": Selection(up_to=99, late=True),
    "late of an actor and action": Selection(up_to=99, late=True, actors=(KINDS[0],), actions=ACTIONS[:1]),
}


class TestSQLite(StoreContract, RefusalContract):
    @pytest.fixture
    def store(self, tmp_path):
        file.create(tmp_path / "activity.db", OURS)
        made = SQLiteStore(tmp_path / "activity.db")
        self.connections: list[sqlite3.Connection] = []
        yield made
        for connection in self.connections:
            connection.close()
        made.close()

    def raw(self, store):
        connection = sqlite3.connect(store.path, timeout=0.05)
        self.connections.append(connection)
        return connection

    @pytest.mark.parametrize("table", ["entry", "tile", "checkpoint"])
    def test_no_form_of_replace_gets_rid_of_a_row(self, store: Store, lisbon, table):
        with store.appending(lisbon) as tx:
            tx.write(batch(tx, [entry_row(1), entry_row(2)], tiles=[tile_row(0, 0)]))
        row = sqlite3.Row
        raw = self.raw(store)
        raw.row_factory = row
        raw.execute("INSERT INTO indelible_checkpoint VALUES (1, 2, x'00', x'00', x'00', 1)")
        raw.commit()
        before = everything(store, lisbon)
        old = dict(raw.execute(f"SELECT * FROM indelible_{table} ORDER BY 2").fetchone())
        names = {"entry": ["seq", "id"], "tile": ["number"], "checkpoint": ["size"]}[table]
        for kept in names:  # the same in one key, another in every other
            new = old | {name: 77 if type(old[name]) is int else b"x" * 16 for name in names if name != kept}
            _refused(raw, f"INSERT OR REPLACE INTO indelible_{table}", new)
            _refused(raw, f"REPLACE INTO indelible_{table}", new)
        _refused(raw, f"INSERT INTO indelible_{table}", old, " ON CONFLICT DO UPDATE SET clinic = 2")
        with pytest.raises(sqlite3.Error, match="indelible"):
            raw.execute(f"UPDATE OR REPLACE indelible_{table} SET {names[0]} = 1")
        raw.rollback()
        assert everything(store, lisbon) == before

    def test_a_replace_by_row_number_does_not_get_rid_of_an_entry(self, store: Store, lisbon):
        with store.appending(lisbon) as tx:
            write(tx, 2)
        raw = self.raw(store)
        raw.row_factory = sqlite3.Row
        old = dict(raw.execute("SELECT rowid, * FROM indelible_entry WHERE seq = 1").fetchone())
        _refused(raw, "INSERT OR REPLACE INTO indelible_entry", old | {"seq": 77, "id": b"x" * 16})

    def test_a_replace_by_row_number_does_not_get_rid_of_a_tile(self, store: Store, lisbon):
        with store.appending(lisbon) as tx:
            tx.write(batch(tx, [], tiles=[tile_row(0, 0)]))
        raw = self.raw(store)
        raw.row_factory = sqlite3.Row
        old = dict(raw.execute("SELECT rowid, * FROM indelible_tile").fetchone())
        _refused(raw, "INSERT OR REPLACE INTO indelible_tile", old | {"number": 77})

    @pytest.mark.parametrize("form", ["UPDATE", "UPDATE OR REPLACE", "UPDATE OR IGNORE", "INSERT"])
    def test_an_entry_changes_in_no_form_of_statement_but_that_sealed_values_go(self, store: Store, lisbon, form):
        """By an UPSERT too, which fires the triggers of both; and not by its row number."""
        with store.appending(lisbon) as tx:
            write(tx, 2)
        before = everything(store, lisbon)
        raw = self.raw(store)
        columns = ", ".join(("clinic", *EntryRow._fields))
        changes = [
            f"{name} = {name}, sealed = CAST(x'00' || sealed AS BLOB)" for name in EntryRow._fields if name != "sealed"
        ]
        changes += [f"{name} = 77, sealed = x''" for name in ("rowid", "clinic", "seq", "occurred_at", "recorded_at")]
        changes += [f"{name} = 'x', sealed = x''" for name in ("action", "actor_kind", "currency")]
        changes += [f"{name} = x'00', sealed = x''" for name in ("id", "actor", "body")]
        changes += ["amount_minor = 100.0 + 1, sealed = x''", "sealed = sealed", "sealed = zeroblob(length(sealed))"]
        for change in changes:
            sql = f"{form} indelible_entry SET {change} WHERE seq = 2"
            if form == "INSERT":
                sql = (f"INSERT INTO indelible_entry ({columns}) SELECT {columns} FROM indelible_entry WHERE seq = 2"
                       f" ON CONFLICT DO UPDATE SET {change}")  # fmt: skip
            with pytest.raises(sqlite3.Error, match="indelible: an entry cannot be"):
                raw.execute(sql)
            raw.rollback()
        assert everything(store, lisbon) == before
        if form != "INSERT":
            raw.execute(f"{form} indelible_entry SET sealed = x'' WHERE seq = 2")
            raw.commit()
            entries = [before["entries"][0], before["entries"][1]._replace(sealed=b"")]
            assert everything(store, lisbon) == before | {"entries": entries}

    def test_a_column_that_comes_later_is_guarded_too(self, store: Store):
        """The trigger names columns, so one that a migration adds must be added to it."""
        raw = self.raw(store)
        names = {row[1] for row in raw.execute("PRAGMA table_info(indelible_entry)")}
        (sql,) = raw.execute("SELECT sql FROM sqlite_schema WHERE name = 'indelible_entry_no_update'").fetchone()
        for side in ("NEW", "OLD"):
            assert set(re.findall(rf"\b{side}\.(\w+)", sql)) == names | {"rowid"}

    @pytest.mark.parametrize("days", [False, True], ids=["all time", "some days"])
    @pytest.mark.parametrize("before", [None, (NOW + 5, 50)], ids=["first page", "deep page"])
    @pytest.mark.parametrize("only", FILTERS.values(), ids=FILTERS)
    def test_every_single_filter_walks_an_index_in_order(self, store: SQLiteStore, lisbon, only, before, days):
        with store.appending(lisbon) as tx:
            links = [LinkRow("person", b"1" * 16, seq < 3, NOW, seq) for seq in (1, 2, 3, 4)]
            rows = [entry_row(seq, who=seq % len(KINDS)) for seq in range(1, 40)]
            tx.write(batch(tx, rows, links=links))
        intervals = ((NOW - 9, NOW), (NOW + 1, None)) if days else None
        statements: list[str] = []
        last_connection(store).set_trace_callback(statements.append)
        list(store.rows(lisbon).page(replace(only, intervals=intervals), before, 50))
        last_connection(store).set_trace_callback(None)
        assert statements
        for statement in statements:
            if statement.startswith("SELECT"):
                plan = [row[3] for row in self.raw(store).execute(f"EXPLAIN QUERY PLAN {statement}")]
                # A bounded count goes through what it has found, and its own search is a step besides.
                fine = "SCAN (?!json_each|CONSTANT|\\(subquery)"
                bad = [step for step in plan if "TEMP B-TREE" in step or re.match(fine, step)]
                # Of few numbers each entry is looked at, and what is found is sorted.
                few = few_numbers(only) and "body" in statement
                assert set(bad) == ({"USE TEMP B-TREE FOR ORDER BY"} if few else set()), statement
                assert few == any("USING INDEX indelible_entry_seq (clinic=? AND seq>?" in step for step in plan)


def _refused(raw: sqlite3.Connection, verb: str, row: dict, end: str = "") -> None:
    sql = f"{verb} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))}){end}"
    with pytest.raises(sqlite3.Error, match="indelible: "):
        raw.execute(sql, list(row.values()))
    raw.rollback()


# Opening

SENTENCES = [
    ("missing", "there is no database at .*indelible init"),
    ("folder", "there is no database at"),
    ("text", "not an SQLite database"),
    ("empty", "without an activity log"),
    ("another's", "without an activity log"),
    ("ours by name", "without an activity log"),
    ("newer", "made by a newer Indelible"),
    ("older", "made by an older Indelible"),
]


def make(what: str, path: Path) -> None:
    statements = {
        "another's": ["CREATE TABLE bookings (id TEXT)"],
        "ours by name": ["CREATE TABLE indelible_schema (version TEXT)"],
        "older": ["CREATE TABLE indelible_schema (version INTEGER)", "INSERT INTO indelible_schema VALUES (1)"],
        "newer": ["CREATE TABLE indelible_schema (version INTEGER)", "INSERT INTO indelible_schema VALUES (99)"],
    }
    if what == "folder":
        path.mkdir()
    elif what == "text":
        path.write_text("This is not a database. " * 100)
    elif what == "empty":
        path.touch()
    elif what in statements:
        with sqlite3.connect(path) as db:
            for statement in statements[what]:
                db.execute(statement)
        db.close()


@pytest.mark.parametrize(("what", "words"), SENTENCES)
def test_a_file_that_is_not_ours_is_refused_and_left_as_it_is(tmp_path, monkeypatch, what, words):
    path = tmp_path / "activity.db"
    if what == "older":  # than a release after this one, which is the first
        monkeypatch.setattr(sqlite_schema, "VERSION", 2)
    make(what, path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StorageFailure, match=words):
        SQLiteStore(path)
    assert (path.read_bytes() if path.is_file() else None) == before


def test_tables_that_are_there_are_left_alone(tmp_path):
    path = tmp_path / "host.db"
    make("another's", path)
    file.create(path, OURS)
    store = SQLiteStore(path)
    assert store.installation == OURS
    store.close()
    with pytest.raises(StorageFailure, match="already holds an activity log"):
        file.create(path, OURS)


def test_a_text_file_is_not_made_into_a_log(tmp_path):
    path = tmp_path / "notes.txt"
    make("text", path)
    before = path.read_bytes()
    with pytest.raises(StorageFailure, match="not an SQLite database"):
        file.create(path, OURS)
    assert path.read_bytes() == before


def test_each_table_refuses_a_value_of_another_type(tmp_path):
    file.create(tmp_path / "a.db", OURS)
    with sqlite3.connect(tmp_path / "a.db") as db:
        strict = {row[1]: row[5] for row in db.execute("PRAGMA table_list") if row[1].startswith("indelible_")}
    db.close()
    assert len(strict) == 12
    assert set(strict.values()) == {1}
