"""A host's PostgreSQL restored, dumped, cloned or promoted, and a log restored: what records, and what is told."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from tests.outbox.hosts import bookings, host, record, server

from indelible import Journal
from indelible.drain import copies
from indelible.drain.passes import Drained, drain_all
from indelible.errors import StorageFailure
from indelible.manage.inspection import inspect
from indelible.outbox import sql
from indelible.outbox.postgres_source import PostgresSource
from indelible.testing.logs import event

__all__ = ["host", "server"]


def drained(journal, url: str) -> Drained:
    with closing(PostgresSource(url)) as source:
        return drain_all(journal, source)


def adopted(journal, url: str) -> Drained:
    with closing(PostgresSource(url)) as source:
        copies.adopt(journal.store, source)
    return drained(journal, url)


def refused(journal, url: str, reason: str) -> None:
    """Nothing is taken, and one sentence says why and what to do."""
    with psycopg.connect(url) as db:
        before = db.execute("SELECT * FROM indelible.outbox ORDER BY xid, id").fetchall()
        db.rollback()
        with pytest.raises(StorageFailure, match=f"{reason}.*nothing was taken from it.*`indelible outbox adopt`"):
            drained(journal, url)
        assert db.execute("SELECT * FROM indelible.outbox ORDER BY xid, id").fetchall() == before


def test_a_clone_for_a_test_system_is_not_drained_and_the_original_goes_on(journal, log, host, server):
    record(host, 1)
    assert drained(journal, host).appended == 1
    record(host, 2)
    clone = f"{host}_clone"
    with psycopg.connect(server.url, autocommit=True) as admin:
        names = (clone.rpartition("/")[2], host.rpartition("/")[2])
        admin.execute('CREATE DATABASE "{}" TEMPLATE "{}"'.format(*names))
        record(clone, 3)
        refused(journal, clone, "is a copy of a database")
        assert drained(journal, host) == Drained(1, 1, 0, 0)
        admin.execute(f'DROP DATABASE "{names[0]}" WITH (FORCE)')
    assert bookings(log) == ["bk_1", "bk_2"]


@pytest.mark.parametrize("given", ["-Fp", "-Fc"])
def test_a_dump_restored_elsewhere_is_not_drained_until_it_takes_the_place(journal, log, host, server, given):
    record(host, 1)
    drained(journal, host)
    record(host, 2)
    dump = subprocess.run([server.binaries / "pg_dump", given, "-d", host], capture_output=True, check=True).stdout
    record(host, 3)
    assert drained(journal, host).appended == 2
    with server.database() as restored:
        restore = {"-Fp": ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"], "-Fc": ["pg_restore"]}[given]
        subprocess.run(
            [server.binaries / restore[0], *restore[1:], "-d", restored], input=dump, capture_output=True, check=True
        )
        record(restored, 4)
        refused(journal, restored, "is a copy of a database")
        # What waited in the dump is in the log already: its row has the same key.
        assert adopted(journal, restored) == Drained(2, 1, 1, 0)
        refused(journal, host, "is a copy of a database")
    assert bookings(log) == ["bk_1", "bk_2", "bk_3", "bk_4"]


def test_a_server_put_back_from_a_backup_is_not_drained_until_somebody_says_so(journal, log, host, server):
    record(host, 1)
    drained(journal, host)
    record(host, 2)
    data, backup = server.folder / "data", server.folder / "backup"
    server.run("pg_basebackup", "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", "-D", str(backup), "-c",
               "fast")  # fmt: skip
    record(host, *range(3, 8))
    assert drained(journal, host).appended == 6
    server.stop()
    shutil.rmtree(data)
    backup.rename(data)
    server.start()
    refused(journal, host, "is older than it was")
    record(host, 9)
    refused(journal, host, "is older than it was")
    assert adopted(journal, host) == Drained(2, 1, 1, 0)
    record(host, 10)
    assert drained(journal, host).appended == 1
    assert bookings(log) == [f"bk_{number}" for number in (*range(1, 8), 9, 10)]


def test_a_standby_that_takes_over_goes_on_and_one_that_lost_commits_is_told(journal, log, host, server):
    record(host, 1)
    drained(journal, host)
    data, standby, primary = (server.folder / name for name in ("data", "standby", "primary"))

    def take_over(*unseen: int) -> None:
        """A standby is made; documents are drained that it never sees; it is promoted in the primary's place."""
        server.run("pg_basebackup", "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", "-D", str(standby),
                   "-c", "fast")  # fmt: skip
        (standby / "standby.signal").touch()
        if unseen:
            record(host, *unseen)
            drained(journal, host)
        server.stop()
        data.rename(primary)
        standby.rename(data)
        server.start()
        with pytest.raises(StorageFailure, match="is a standby, which is never drained"):
            drained(journal, host)
        server.run("pg_ctl", "-D", str(data), "-w", "promote")
        shutil.rmtree(primary)

    record(host, 2)
    take_over()
    assert drained(journal, host) == Drained(1, 1, 0, 0)
    record(host, 3)
    take_over(4, 5)
    refused(journal, host, "is older than it was")
    record(host, 6)
    assert adopted(journal, host) == Drained(2, 1, 1, 0)
    # What the failover lost is told of by the log alone.
    assert bookings(log) == [f"bk_{number}" for number in range(1, 7)]


def test_two_environments_at_one_log_need_somebodys_word_and_no_entry_is_taken_for_another(journal, log, host, server):
    record(host, 1, key="same")
    drained(journal, host)
    with server.database() as staging:
        with psycopg.connect(staging) as db:
            sql.install(db)
        record(staging, 1, key="same")
        record(staging, 2, key="same")
        refused(journal, staging, "is none of the databases")
        record(host, 3)
        assert drained(journal, host).appended == 1
        # The same document under the same key is the same; another one is a conflict, and held.
        assert adopted(journal, staging) == Drained(2, 0, 1, 1)
        record(host, 4)
        assert drained(journal, host).appended == 1
    assert bookings(log) == ["bk_1", "bk_3", "bk_4"]


def test_a_transaction_that_commits_an_hour_late_is_recorded_late_and_once(journal, log, host, clock):
    with psycopg.connect(host) as late, psycopg.connect(host) as other:
        late.execute("SELECT indelible.record('c_lisbon', %s::json)", [json.dumps(event(1))])
        started = clock.now
        for number in range(2, 8):
            clock.advance(600)
            before = datetime.fromtimestamp(clock.now / 1_000_000, UTC) - timedelta(seconds=1)
            record(host, number, occurred_at=min(before, datetime.now(UTC)).isoformat())
            assert drained(journal, host) == Drained(1, 1, 0, 0)
        late.commit()
        other.rollback()
    assert drained(journal, host) == Drained(1, 1, 0, 0)
    assert drained(journal, host) == Drained()
    assert bookings(log) == ["bk_2", "bk_3", "bk_4", "bk_5", "bk_6", "bk_7", "bk_1"]
    entry = log.entry(7)
    assert abs(entry.occurred_at - started) < 60_000_000
    assert entry.recorded_at - entry.occurred_at >= 3_540_000_000


def test_a_log_put_back_from_an_older_backup_takes_nothing_until_a_newer_one_is_there(host, tmp_path, clock):
    def copy(name: str) -> None:
        with closing(sqlite3.connect(tmp_path / "activity.db")) as db:
            db.execute("VACUUM INTO ?", [str(tmp_path / name)])

    def put_back(name: str) -> Journal:
        for end in ("", "-wal", "-shm"):
            (tmp_path / f"activity.db{end}").unlink(missing_ok=True)
        (tmp_path / name).rename(tmp_path / "activity.db")
        return Journal(tmp_path / "activity.db", clock=clock)

    with Journal.create(tmp_path / "activity.db", installation="log.example.org", clock=clock) as journal:
        log = journal.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
        record(host, 1)
        drained(journal, host)
        log.checkpoint()
        copy("older.db")
        record(host, 2, 3)
        drained(journal, host)
        log.checkpoint()
        copy("newer.db")
    with put_back("older.db") as journal:
        record(host, 4)
        assert drained(journal, host) == Drained(1, 0, 0, 1)
        with closing(PostgresSource(host)) as source:
            (held,) = source.held()
        assert (held.reason.partition(":")[0], held.final) == ("older_log", False)
        assert bookings(journal.clinic("c_lisbon")) == ["bk_1"]
        assert drained(journal, host) == Drained()
    with put_back("newer.db") as journal:
        assert drained(journal, host) == Drained(1, 1, 0, 0)
        log = journal.clinic("c_lisbon")
        assert bookings(log) == ["bk_1", "bk_2", "bk_3", "bk_4"]
        log.checkpoint()
        assert inspect(log).result == "intact"
