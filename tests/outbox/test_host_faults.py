"""A PostgreSQL host that is gone, restarted, read-only, full or changed: one sentence, nothing lost, nothing twice."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from tests.outbox.hosts import bookings, host, record, server

from indelible.catalogue.bookings import BookingCancelled
from indelible.drain import passes as drain
from indelible.drain.passes import Drain, Drained, drain_all, drain_once
from indelible.errors import StorageFailure
from indelible.outbox import Outbox, guard, sql
from indelible.outbox.postgres_source import PostgresSource
from indelible.record.document import System
from indelible.testing.postgres import pooled

__all__ = ["host", "pooled", "server"]


@pytest.fixture
def source(host):
    with closing(PostgresSource(host)) as opened:
        yield opened


def waiting(url: str) -> int:
    with psycopg.connect(url) as db:
        (count,) = db.execute("SELECT count(*) FROM indelible.outbox").fetchone() or (0,)
    return int(count)


def refusal(journal, source) -> str:
    """Drain what must stop; return its one sentence."""
    with pytest.raises(StorageFailure) as refused:
        drain_all(journal, source)
    return str(refused.value)


def run(journal, url: str, *steps: Any) -> tuple[Drained, list[str]]:
    """Run the loop; each step is done before a read, and after the last one it stops. What it did, and what it told."""

    left = list(steps)

    class Stepping(PostgresSource):
        work: Drain

        def read(self, limit):
            if left:
                left.pop(0)()
            else:
                self.work.stop()
            return super().read(limit)

    told: list[str] = []
    with closing(Stepping(url)) as source:
        source.work = Drain(journal, source, tell=told.append)
        return source.work.run(), told


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(drain, "POLL", 0.0)
    monkeypatch.setattr(drain, "RETRY", 0.0)


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a_server_that_is_restarted_is_told_once_and_everything_committed_is_recorded_once(
    journal, log, host, server, impatient, how
):
    record(host, 1, 2)
    done, told = run(
        journal, host,
        lambda: None, lambda: record(host, 3), lambda: server.stop(how), lambda: None, server.start,
        lambda: record(host, 4), lambda: None,
    )  # fmt: skip
    assert done == Drained(4, 4, 0, 0)
    assert bookings(log) == ["bk_1", "bk_2", "bk_3", "bk_4"]
    name = told[0].removeprefix("draining ")
    assert told[1].startswith(f"{name} does not answer")
    assert told[2:] == [f"{name} answers again"]
    assert waiting(host) == 0


def test_a_server_that_is_restarted_behind_a_pooler_is_only_away(journal, log, host, pooled, server, impatient):
    record(pooled, 1)

    def restart():
        server.stop()
        server.start()

    done, told = run(journal, pooled, lambda: None, lambda: record(pooled, 2), restart, *[lambda: None] * 6)
    # The pooler itself may need a moment; whatever is left is taken afterwards, and nothing twice.
    with closing(PostgresSource(host)) as source:
        done = done.and_(drain_all(journal, source))
    assert done.appended == 2
    assert bookings(log) == ["bk_1", "bk_2"]
    assert all("answer" in sentence for sentence in told[1:])


def test_a_read_only_host_is_told_and_what_was_recorded_meanwhile_is_only_repeated(journal, log, host):
    record(host, 1, 2)
    record(host, 3, clinic="c_nowhere")
    database = host.rpartition("/")[2]
    with psycopg.connect(host, autocommit=True) as db:
        db.execute(f'ALTER DATABASE "{database}" SET default_transaction_read_only = on')
    with closing(PostgresSource(host)) as source:
        said = f"{source.name} is read-only; documents wait there until it can be written"
        with pytest.raises(StorageFailure) as refused:
            drain_once(journal, source)  # what a loop does between two looks at what is held
        assert [str(refused.value), refusal(journal, source)] == [said] * 2
        assert bookings(log) == ["bk_1", "bk_2"]
    with psycopg.connect(host, autocommit=True) as db:
        db.execute("SET default_transaction_read_only = off")
        db.execute(f'ALTER DATABASE "{database}" RESET default_transaction_read_only')
    with closing(PostgresSource(host)) as source:
        assert drain_all(journal, source) == Drained(3, 0, 2, 1)
    assert bookings(log) == ["bk_1", "bk_2"]
    assert waiting(host) == 0


@contextmanager
def small_disk(server):
    """A tablespace on a file system of a few megabytes, which only root can make."""
    disk = server.folder / "small"
    disk.mkdir(exist_ok=True)
    mount = shutil.which("mount")
    options = f"size=12m,mode=700,uid={server.user},gid={server.user}"
    made = mount and subprocess.run([mount, "-t", "tmpfs", "-o", options, "none", disk], capture_output=True)
    if not made or made.returncode:
        pytest.skip("root: a small file system can be mounted by root only")
    try:
        with psycopg.connect(server.url, autocommit=True) as admin:
            admin.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
        yield
        with psycopg.connect(server.url, autocommit=True) as admin:
            admin.execute("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk_of_the_host_loses_nothing_and_draining_goes_on_when_there_is_room(journal, log, host, server):
    with small_disk(server), psycopg.connect(host, autocommit=True) as db:
        db.execute("ALTER TABLE indelible.held SET TABLESPACE small")
        db.execute("CREATE TABLE filler (bytes text) TABLESPACE small")
        db.execute("ALTER TABLE filler ALTER bytes SET STORAGE PLAIN")
        record(host, 1, 2)
        record(host, *range(3, 30), clinic="c_nowhere")  # what is held needs room
        for size in (7_000, 20):
            with pytest.raises(psycopg.errors.DiskFull):
                while True:
                    db.execute("INSERT INTO filler SELECT repeat('x', %s) FROM generate_series(1, 100)", [size])
        with closing(PostgresSource(host)) as source:
            said = refusal(journal, source)
            assert said == f"{source.name} is out of room; documents wait there until it has some"
            assert (waiting(host), list(source.held())) == (29, [])
            db.execute("DROP TABLE filler")
            assert drain_all(journal, source) == Drained(29, 0, 2, 27)
        assert bookings(log) == ["bk_1", "bk_2"]
        db.execute("ALTER TABLE indelible.held SET TABLESPACE pg_default")


def test_an_outbox_of_an_older_or_newer_schema_takes_documents_and_is_drained_when_it_fits(journal, log, host):
    record(host, 1)
    with psycopg.connect(host, autocommit=True) as db:
        newest = sql.version("postgres")
        db.execute("DELETE FROM indelible.version WHERE version = %s", [newest])
        with closing(PostgresSource(host)) as source:
            assert refusal(journal, source).endswith("run `indelible outbox install`")
        record(host, 2)
        with db.transaction():
            sql.install(db)
        db.execute("INSERT INTO indelible.version (version) VALUES (%s)", [newest + 1])
        record(host, 3)
        with closing(PostgresSource(host)) as source:
            assert "newer release" in refusal(journal, source)
        db.execute("DELETE FROM indelible.version WHERE version = %s", [newest + 1])
    with closing(PostgresSource(host)) as source:
        assert drain_all(journal, source) == Drained(3, 3, 0, 0)
    assert bookings(log) == ["bk_1", "bk_2", "bk_3"]


def test_an_outbox_that_was_dropped_or_renamed_under_the_drainer_is_told(journal, log, host, source):
    record(host, 1)
    assert drain_all(journal, source).appended == 1
    with psycopg.connect(host, autocommit=True) as db:
        record(host, 2)
        db.execute("ALTER TABLE indelible.outbox RENAME TO elsewhere")
        assert "has no outbox" in refusal(journal, source)
        with pytest.raises(psycopg.errors.UndefinedTable):
            record(host, 3)
        db.execute("ALTER TABLE indelible.elsewhere RENAME TO outbox")
    assert drain_all(journal, source) == Drained(1, 1, 0, 0)
    assert bookings(log) == ["bk_1", "bk_2"]


@pytest.mark.parametrize("table", ["guarded", "tally", "tallied"])
def test_a_table_of_the_guards_own_that_was_renamed_stops_no_document_and_is_told(
    journal, log, host, source, impatient, table
):
    with psycopg.connect(host, autocommit=True) as db:
        db.execute("CREATE TABLE booking (id text PRIMARY KEY, clinic text)")
        with db.transaction():
            guard.install(db, "booking", "booking", clinic="clinic")
        db.execute("INSERT INTO booking VALUES ('bk_0', 'c_lisbon')")
        drain_all(journal, source)
        db.execute(f"ALTER TABLE indelible.{table} RENAME TO elsewhere")
        record(host, 1)
        done, told = run(journal, host, lambda: None)
        assert done == Drained(1, 1, 0, 0)
        assert len(told) == 2
        assert "the guards of" in told[1]
        assert f"lacks its table indelible.{table}, which was dropped or renamed" in told[1]
        db.execute(f"ALTER TABLE indelible.elsewhere RENAME TO {table}")
        db.execute("INSERT INTO booking VALUES ('bk_9', 'c_lisbon')")
    assert drain_all(journal, source).appended == 1
    assert [view.target["id"] for view in log.read("action:record.changed_outside")] == ["bk_9", "bk_0"]


def test_a_role_that_may_not_record_changes_nothing_and_is_told_what_it_needs(host, server, journal, source):
    with psycopg.connect(host, autocommit=True) as db:
        db.execute("CREATE ROLE stranger LOGIN; CREATE TABLE booking (id text); GRANT ALL ON booking TO stranger")
        try:
            with psycopg.connect(server.url_of(host.rpartition("/")[2], "stranger")) as app:
                app.execute("INSERT INTO booking VALUES ('bk_1')")
                with pytest.raises(StorageFailure, match="GRANT indelible_recorder TO"):
                    Outbox("c_lisbon").record(
                        app, BookingCancelled(), actor=System("job:test"), target=("booking", "bk_1")
                    )
                app.rollback()
            assert db.execute("SELECT count(*) FROM booking").fetchone() == (0,)
            assert drain_all(journal, source) == Drained()
        finally:
            db.execute("DROP OWNED BY stranger; DROP ROLE stranger")
