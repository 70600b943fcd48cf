"""The outbox in a host's SQLite file: what it takes, and what the source hands out of it."""

from __future__ import annotations

import re
import shutil
import sqlite3
from uuid import UUID

import pytest
from tests.outbox.conftest import AT

from indelible.errors import NotFound, StorageFailure
from indelible.outbox import sqlite_source
from indelible.outbox.source import Unreachable, Waiting
from indelible.outbox.sqlite_source import SQLiteSource
from indelible.testing.logs import event


def numbers(rows):
    return [(row.clinic, row.place[1]) for row in rows]


def test_a_plain_insert_of_clinic_and_document_is_enough(host, source):
    host.db.execute("INSERT INTO indelible_outbox (clinic, document) VALUES ('c', '{}')")
    (row,) = source.read(10)
    assert row == Waiting((0, 1), str(UUID(row.key)), "c", "{}", row.at)
    assert UUID(row.key).version == 4
    (now,) = host.db.execute("SELECT CAST(strftime('%s', 'now') AS INTEGER)").fetchone()
    assert 0 <= now + 1 - row.at // 1_000_000 < 60


@pytest.mark.parametrize(
    "document",
    ['{"action": ', b"{}", None, '{"text": "' + "x" * 49_152 + '"}'],
    ids=["broken", "bytes", "none", "long"],
)
def test_what_is_no_document_fails_in_the_hosts_own_statement(host, document):
    with pytest.raises(sqlite3.IntegrityError):
        host.db.execute("INSERT INTO indelible_outbox (clinic, document) VALUES ('c', ?)", (document,))


def test_a_document_that_waits_cannot_be_changed(host, source):
    host.events(1)
    with pytest.raises(sqlite3.IntegrityError, match="cannot be changed"):
        host.db.execute("UPDATE indelible_outbox SET clinic = 'c_porto'")
    assert source.read(1)[0].clinic == "c_lisbon"


def test_what_is_not_committed_or_rolled_back_is_not_read(host, source):
    host.db.execute("BEGIN")
    host.events(1)
    assert list(source.read(10)) == []
    host.db.execute("ROLLBACK")
    assert list(source.read(10)) == []
    host.events(2)
    assert len(source.read(10)) == 1


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_file_is_read_in_either_way_that_sqlite_writes_one(host, mode):
    host.db.execute(f"PRAGMA journal_mode = {mode}")
    host.events(1, 2)
    source = SQLiteSource(host.path)
    rows = source.read(10)
    source.delete([row.place for row in rows])
    assert (len(rows), host.waiting()) == (2, 0)
    source.close()


def test_every_clinic_gets_its_share_and_what_one_leaves_goes_to_the_others(host, source):
    for clinic, count in (("a", 100), ("b", 1), ("c", 4)):
        host.events(*range(count), clinic=clinic)
    rows = source.read(12)
    assert [sum(row.clinic == clinic for row in rows) for clinic in "abc"] == [7, 1, 4]
    assert numbers(rows) == sorted(numbers(rows), key=lambda pair: pair[1])
    assert [number for clinic, number in numbers(rows) if clinic == "a"] == list(range(1, 8))


def test_of_more_clinics_than_the_limit_those_go_first_that_waited_longest(host, source):
    for clinic in ("d", "b", "c", "a"):
        host.events(1, 2, clinic=clinic)
    assert [row.clinic for row in source.read(2)] == ["d", "b"]


def test_history_is_read_behind_what_is_live(host, source):
    host.events(1, 2, imported=1)
    host.events(3)
    assert [(row.place[1], row.imported) for row in source.read(2)] == [(3, False), (1, True)]
    assert len(source.read(3)) == 3


def test_rows_that_are_gone_already_are_deleted_without_an_error(host, source):
    host.events(1, 2)
    for _ in range(2):
        source.delete([(0, 1), (0, 99)])
    assert numbers(source.read(9)) == [("c_lisbon", 2)]
    source.delete([])


def test_a_number_is_never_given_out_again(host, source):
    host.events(1)
    before = source.identity()
    source.delete([(0, 1)])
    assert source.identity() == before
    host.events(2)
    assert source.identity().xid == before.xid + 1


def test_a_copy_has_the_same_outbox_and_is_another_database(host, source, tmp_path):
    host.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    shutil.copy(host.path, tmp_path / "copy.db")
    copy = SQLiteSource(tmp_path / "copy.db")
    mine, other = source.identity(), copy.identity()
    assert mine.outbox == other.outbox
    assert mine.database != other.database
    copy.close()


def test_installing_twice_keeps_the_outbox_and_its_rows(host, source):
    host.events(1)
    before = source.identity()
    sqlite_source.install(host.db)
    assert source.identity() == before
    assert host.waiting() == 1


def test_the_schema_may_be_run_again_from_the_hosts_own_migrations(host):
    for statement in sqlite_source._statements(0):
        host.db.execute(statement)
    assert host.db.execute("SELECT count(*) FROM indelible_outbox_identity").fetchone() == (1,)


def test_an_outbox_is_not_made_in_the_logs_own_file(journal, tmp_path):
    db = sqlite3.connect(tmp_path / "activity.db")
    with pytest.raises(StorageFailure, match="is a log"):
        sqlite_source.install(db)
    db.close()


def test_the_oldest_is_that_of_rows_that_wait(host, source):
    assert source.oldest() is None
    host.events(1, at=AT + 3)
    host.events(2, at=AT + 5)
    assert source.oldest() == AT + 3
    source.delete([(0, 1)])
    assert source.oldest() == AT + 5


def test_a_held_row_moves_with_its_reason_and_waits_again_behind_the_others(host, source):
    key = host.put(event(1))
    host.events(2)
    (first, _) = source.read(9)
    source.hold([(first, "invalid: it is", True)])
    (held,) = source.held()
    assert (held.waiting, held.reason, held.final) == (first, "invalid: it is", True)
    assert numbers(source.read(9)) == [("c_lisbon", 2)]
    source.retry(key, '{"mended": true}')
    again = source.read(9)[-1]
    assert (again.key, again.at, again.document) == (key, first.at, '{"mended": true}')
    assert again.place > first.place
    assert list(source.held()) == []


def test_holding_a_row_twice_holds_it_once(host, source):
    host.events(1)
    rows = source.read(9)
    for reason in ("first", "second"):
        source.hold([(rows[0], reason, False)])
    assert [held.reason for held in source.held()] == ["first"]


def test_nothing_is_held_under_an_unknown_key(source):
    with pytest.raises(NotFound, match="no document is held under this key"):
        source.retry("nothing", None)


def test_a_file_without_an_outbox_or_of_a_newer_one_is_refused_with_the_mend(host, tmp_path):
    sqlite3.connect(tmp_path / "bare.db").executescript("CREATE TABLE x (y)")
    with pytest.raises(StorageFailure, match=re.escape("has no outbox; `indelible outbox sql --engine sqlite`")):
        SQLiteSource(tmp_path / "bare.db")
    host.db.execute("UPDATE indelible_outbox_identity SET version = 99")
    with pytest.raises(StorageFailure, match="newer Indelible"):
        SQLiteSource(host.path)
    (tmp_path / "text.db").write_text("not a database, but long enough to be looked at as one" * 99)
    with pytest.raises(StorageFailure, match="is not an SQLite database"):
        SQLiteSource(tmp_path / "text.db")


def test_a_file_that_is_locked_or_gone_is_out_of_reach_and_not_an_end(host, source, monkeypatch):
    monkeypatch.setattr(sqlite_source, "BUSY_SECONDS", 0.0)
    impatient = SQLiteSource(host.path)
    host.events(1)
    host.db.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unreachable, match="locked by another program"):
        impatient.delete([(0, 1)])
    host.db.execute("COMMIT")
    impatient.close()
    host.path.rename(host.path.with_name("elsewhere.db"))
    with pytest.raises(Unreachable, match="there is no database"):
        source.read(1)


def test_a_file_that_was_put_in_the_place_of_another_is_read(host, source, tmp_path):
    other = sqlite3.connect(tmp_path / "other.db", isolation_level=None)
    sqlite_source.install(other)
    other.execute("INSERT INTO indelible_outbox (clinic, document) VALUES ('restored', '{}')")
    other.close()
    assert list(source.read(1)) == []
    (tmp_path / "other.db").rename(host.path)
    for end in ("-wal", "-shm"):
        host.path.with_name(f"{host.path.name}{end}").unlink(missing_ok=True)
    assert [row.clinic for row in source.read(1)] == ["restored"]


def test_text_that_is_none_does_not_stop_the_others(host, source):
    host.db.execute("""INSERT INTO indelible_outbox (clinic, document) VALUES ('c', CAST(x'22ff22' AS TEXT))""")
    host.events(2)
    rows = source.read(9)
    assert len(rows) == 2
    source.hold([(rows[0], "invalid", True)])
    (raw,) = host.db.execute("SELECT CAST(document AS BLOB) FROM indelible_outbox_held").fetchone()
    assert raw == b'"\xff"'
