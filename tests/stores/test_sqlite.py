"""SQLite passes the contract of every store; what only SQLite can get wrong comes after it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from indelible.errors import StorageFailure
from indelible.store import Installation, Store
from indelible.stores import sqlite
from indelible.testing.store_contract import NOW, StoreContract, everything, write

OURS = Installation("log.example.org", "0123456789abcdef")


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

    host = raw

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

    def test_a_host_may_use_any_isolation_level_and_factories_of_its_own(self, store: Store, lisbon):
        for number, level in enumerate([None, "", "DEFERRED", "IMMEDIATE", "EXCLUSIVE"], 1):
            host = self.raw(store)
            host.isolation_level = level
            host.row_factory = lambda cursor, row: {cursor.description[n][0]: value for n, value in enumerate(row)}
            host.text_factory = bytes
            host.execute("CREATE TABLE IF NOT EXISTS bookings (id TEXT)")
            if level is None:
                host.execute("BEGIN")
            host.execute("INSERT INTO bookings VALUES ('bk')")
            with store.appending(lisbon, within=host) as tx:
                assert tx.zone == "Europe/Lisbon"
                write(tx)
            assert host.execute("SELECT id FROM bookings").fetchone() == {"id": b"bk"}
            host.commit()
            assert store.head(lisbon).size == number

    def test_in_a_savepoint_of_the_host_it_goes_with_the_savepoint(self, store: Store, lisbon):
        host = self.raw(store)
        host.isolation_level = None
        host.execute("BEGIN")
        with store.appending(lisbon, within=host) as tx:
            write(tx)
        host.execute("SAVEPOINT part")
        with store.appending(lisbon, within=host) as tx:
            assert tx.head.size == 1
            write(tx)
        host.execute("ROLLBACK TO part")
        with store.appending(lisbon, within=host) as tx:
            assert tx.head.size == 1
            write(tx)
        host.execute("COMMIT")
        assert store.head(lisbon).size == 2

    def test_a_savepoint_is_a_transaction_too(self, store: Store, lisbon):
        host = self.raw(store)
        host.isolation_level = None
        host.execute("SAVEPOINT outermost")
        with store.appending(lisbon, within=host) as tx:
            write(tx)
        host.execute("RELEASE outermost")
        assert store.head(lisbon).size == 1

    @pytest.mark.parametrize("other", ["another.db", ":memory:", ""])
    def test_a_connection_to_another_file_is_refused(self, store: Store, lisbon, tmp_path, other):
        host = sqlite3.connect(tmp_path / other if other.endswith("db") else other)
        self.connections.append(host)
        host.execute("BEGIN")
        with pytest.raises(StorageFailure, match="another database file"), store.appending(lisbon, within=host):
            raise AssertionError("it was opened")

    def test_the_same_file_by_another_name_is_the_same_file(self, store: Store, lisbon, tmp_path):
        (tmp_path / "link.db").symlink_to(tmp_path / "activity.db")
        host = sqlite3.connect(tmp_path / "link.db")
        self.connections.append(host)
        host.execute("BEGIN")
        with store.appending(lisbon, within=host) as tx:
            write(tx)
        host.commit()
        assert store.head(lisbon).size == 1

    def test_a_closed_connection_is_refused_in_one_sentence(self, store: Store, lisbon):
        host = self.raw(store)
        host.close()
        with pytest.raises(StorageFailure), store.appending(lisbon, within=host):
            raise AssertionError("it was opened")

    def test_in_a_host_the_write_lock_is_taken_before_the_head_is_read(self, store: Store, lisbon):
        host, second = self.raw(store), self.raw(store)
        host.execute("BEGIN")
        second.execute("BEGIN")
        with store.appending(lisbon, within=host) as tx:
            with (
                pytest.raises(StorageFailure, match="locked"),
                store.appending(lisbon, within=second),
            ):
                raise AssertionError("two writers hold the head")
            write(tx)
        host.commit()
        assert store.head(lisbon).size == 1


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


def test_a_log_is_made_in_a_hosts_own_file_beside_its_tables(tmp_path):
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
    assert len(strict) == 11
    assert set(strict.values()) == {1}
