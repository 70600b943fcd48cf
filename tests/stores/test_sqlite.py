"""SQLite passes the contract of every store; what only SQLite can get wrong comes after it."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from indelible.errors import StorageFailure
from indelible.store import Installation, LinkRow, PersonalRow, PersonRow, Reference, Selection, Store
from indelible.stores import sqlite, sqlite_page
from indelible.stores.sqlite import SQLiteStore
from indelible.testing.logs import last_connection
from indelible.testing.store_contract import ACTIONS, KINDS, NOW, StoreContract, batch, entry_row, everything, write

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
    "target": Selection(up_to=99, references=((PERSON._replace(role="target"),),)),
    "person in any role": Selection(up_to=99, references=((PERSON,),)),
    "operation": Selection(up_to=99, references=((Reference("operation", b"op_1", "operation"),),)),
    "stripe id": Selection(up_to=99, references=((Reference("evidence", b"h" * 32), Reference("charge", b"ch_1")),)),
    "two references": Selection(up_to=99, references=((PERSON,), (Reference("booking", b"bk_1", "target"),))),
    "not a reference": Selection(up_to=99, not_references=(PERSON,)),
    "a range of numbers": Selection(up_to=99, references=((PERSON,),), from_seq=7),
    "many numbers": Selection(up_to=20_000, seqs=((7, 9_000), (9_002, 19_000))),
    "numbers of an actor": Selection(up_to=99, seqs=((7, 19),), actors=(KINDS[0],)),
    "late": Selection(up_to=99, late=True),
    "late of an actor and action": Selection(up_to=99, late=True, actors=(KINDS[0],), actions=ACTIONS[:1]),
}


class TestSQLite(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        sqlite.create(tmp_path / "activity.db", OURS, NOW)
        made = sqlite.SQLiteStore(tmp_path / "activity.db")
        self.connections: list[sqlite3.Connection] = []
        yield made
        for connection in self.connections:
            connection.close()
        made.close()

    def raw(self, store):
        connection = sqlite3.connect(store.path, timeout=0.05)
        self.connections.append(connection)
        return connection

    @pytest.mark.parametrize("table", ["entry", "checkpoint"])
    def test_no_form_of_replace_gets_rid_of_a_row(self, store: Store, lisbon, table):
        with store.appending(lisbon) as tx:
            write(tx, 2)
        row = sqlite3.Row
        raw = self.raw(store)
        raw.row_factory = row
        raw.execute("INSERT INTO indelible_checkpoint VALUES ('lisbon', 2, x'00', x'00', x'00', 1)")
        raw.commit()
        before = everything(store, lisbon)
        old = dict(raw.execute(f"SELECT * FROM indelible_{table} ORDER BY 2").fetchone())
        names = {"entry": ["seq", "id"], "checkpoint": ["size"]}[table]
        for kept in names:  # the same in one key, another in every other
            new = old | {name: 77 if type(old[name]) is int else b"x" * 16 for name in names if name != kept}
            _refused(raw, f"INSERT OR REPLACE INTO indelible_{table}", new)
            _refused(raw, f"REPLACE INTO indelible_{table}", new)
        _refused(raw, f"INSERT INTO indelible_{table}", old, " ON CONFLICT DO UPDATE SET clinic_id = 'porto'")
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

    def test_rows_that_were_erased_leave_none_of_their_bytes(self, store: SQLiteStore, lisbon):
        marks = {seq: b"mark %d of the personal value" % seq for seq in range(1, 200)}
        with store.appending(lisbon) as tx:
            personal = [PersonalRow(seq, b"t" * 16, "identity", mark * (seq % 50)) for seq, mark in marks.items()]
            person = PersonRow(b"t" * 16, b"look-up value of a person", b"sealed row of a person")
            tx.write(batch(tx.head, [entry_row(seq) for seq in marks], personal=personal, persons=[person]))
        with store.appending(lisbon) as tx:
            tx.erase(b"t" * 16, ("identity",))
        assert store.wipe()
        for path in store.path.parent.iterdir():
            data = path.read_bytes()
            for text in (*marks.values(), person.lookup, person.sealed):
                assert text not in data

    @pytest.mark.parametrize("days", [False, True], ids=["all time", "some days"])
    @pytest.mark.parametrize("before", [None, (NOW + 5, 50)], ids=["first page", "deep page"])
    @pytest.mark.parametrize("only", FILTERS.values(), ids=FILTERS)
    def test_every_single_filter_walks_an_index_in_order(self, store: SQLiteStore, lisbon, only, before, days):
        with store.appending(lisbon) as tx:
            links = [LinkRow("person", b"1" * 16, NOW, seq, role) for seq in (1, 2) for role in ("actor", "target")]
            rows = [entry_row(seq, who=seq % len(KINDS)) for seq in range(1, 40)]
            tx.write(batch(tx.head, rows, links=links))
        intervals = ((NOW - 9, NOW), (NOW + 1, None)) if days else None
        statements: list[str] = []
        last_connection(store).set_trace_callback(statements.append)
        list(store.page(lisbon, replace(only, intervals=intervals), before, 50))
        last_connection(store).set_trace_callback(None)
        assert statements
        for statement in statements:
            if statement.startswith("SELECT"):
                plan = [row[3] for row in self.raw(store).execute(f"EXPLAIN QUERY PLAN {statement}")]
                bad = [step for step in plan if "TEMP B-TREE" in step or re.match("SCAN (?!json_each|CONSTANT)", step)]
                # Of few numbers each entry is looked at, and what is found is sorted.
                few = sqlite_page.few_numbers(only) and "body" in statement
                assert set(bad) == ({"USE TEMP B-TREE FOR ORDER BY"} if few else set()), statement
                assert few == any("USING INDEX indelible_entry_seq (clinic_id=? AND seq>?" in step for step in plan)

    def test_wiping_says_where_a_reader_keeps_the_write_ahead_log(self, store: SQLiteStore, lisbon):
        with store.appending(lisbon) as tx:
            write(tx)
        reader = self.raw(store)
        reader.isolation_level = None
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM indelible_head").fetchall()
        with store.appending(lisbon) as tx:
            write(tx)
        last_connection(store).execute("PRAGMA busy_timeout = 0")
        assert store.wipe() is False
        reader.execute("COMMIT")
        assert store.wipe() is True


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
def test_a_file_that_is_not_ours_is_refused_and_left_as_it_is(tmp_path, what, words):
    path = tmp_path / "activity.db"
    make(what, path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StorageFailure, match=words):
        sqlite.SQLiteStore(path)
    assert (path.read_bytes() if path.is_file() else None) == before


def test_tables_that_are_there_are_left_alone(tmp_path):
    path = tmp_path / "host.db"
    make("another's", path)
    sqlite.create(path, OURS, NOW)
    store = sqlite.SQLiteStore(path)
    assert store.installation() == OURS
    store.close()
    with pytest.raises(StorageFailure, match="already holds an activity log"):
        sqlite.create(path, OURS, NOW)


def test_a_text_file_is_not_made_into_a_log(tmp_path):
    path = tmp_path / "notes.txt"
    make("text", path)
    before = path.read_bytes()
    with pytest.raises(StorageFailure, match="not an SQLite database"):
        sqlite.create(path, OURS, NOW)
    assert path.read_bytes() == before


def test_each_table_refuses_a_value_of_another_type(tmp_path):
    sqlite.create(tmp_path / "a.db", OURS, NOW)
    with sqlite3.connect(tmp_path / "a.db") as db:
        strict = {row[1]: row[5] for row in db.execute("PRAGMA table_list") if row[1].startswith("indelible_")}
    db.close()
    assert len(strict) == 12
    assert set(strict.values()) == {1}
