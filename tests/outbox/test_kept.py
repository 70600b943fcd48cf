"""Recorded documents that are kept in the outbox for some days, for a log that is restored from a backup."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing

import psycopg
import psycopg.conninfo
import pytest

from indelible.drain import erased_names
from indelible.drain.passes import Drained, drain_all
from indelible.outbox import sql, sqlite_source
from indelible.outbox.postgres_source import PostgresSource
from indelible.outbox.sqlite_source import SQLiteSource
from indelible.testing.logs import event


class Place:
    """A host's database with an outbox, of either engine."""

    def __init__(self, source, execute, outbox, kept) -> None:
        self.source, self._execute, self.outbox, self.table = source, execute, outbox, kept

    def put(self, document, **columns) -> None:
        row = {"clinic": "c_lisbon", "document": json.dumps(document)} | columns
        values = ", ".join("'" + str(value).replace("'", "''") + "'" for value in row.values())
        self._execute(f"INSERT INTO {self.outbox} ({', '.join(row)}) VALUES ({values})")

    def count(self, table: str) -> int:
        return int(self._execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    @property
    def kept(self) -> int:
        return self.count(self.table)

    @property
    def waiting(self) -> int:
        return self.count(self.outbox)


@pytest.fixture
def clock(clock):
    """The journal's clock, which stands where that of the databases is."""
    clock.now = time.time_ns() // 1000
    return clock


@pytest.fixture(params=["sqlite", "postgres"])
def place(request, tmp_path):
    if request.param == "sqlite":
        db = sqlite3.connect(tmp_path / "host.db", isolation_level=None)
        sqlite_source.install(db)
        with closing(db), closing(SQLiteSource(tmp_path / "host.db")) as source:
            yield Place(source, db.execute, "indelible_outbox", "indelible_outbox_kept")
        return
    connection = request.getfixturevalue("connection")
    sql.install(connection)
    # As a role that drains and owns nothing.
    connection.execute("CREATE ROLE keeper LOGIN; GRANT indelible_drainer TO keeper")
    connection.commit()
    connection.autocommit = True
    server, url = request.getfixturevalue("server"), request.getfixturevalue("postgres")
    where = server.url_of(psycopg.conninfo.conninfo_to_dict(url)["dbname"], "keeper")
    try:
        with closing(PostgresSource(where)) as source:
            yield Place(source, connection.execute, "indelible.outbox", "indelible.kept")
    finally:
        connection.execute("DROP OWNED BY keeper; DROP ROLE keeper")


def test_nothing_is_kept_unless_it_is_asked_for(journal, place):
    place.put(event(1))
    drain_all(journal, place.source)
    assert (place.waiting, place.kept) == (0, 0)


def test_what_was_recorded_is_kept_and_read_no_more(journal, log, place):
    place.put(event(1))
    place.put(event(2, actor=None))
    assert drain_all(journal, place.source, keep_days=7) == Drained(2, 1, 0, 1)
    assert (place.waiting, place.kept) == (0, 1)
    assert drain_all(journal, place.source, keep_days=7) == Drained()
    assert place.kept == 1


def test_a_log_that_lacks_them_gets_them_again_and_one_that_has_them_answers(journal, place, tmp_path, clock):
    for number in (1, 2, 3):
        place.put(event(number))
    drain_all(journal, place.source, keep_days=7)
    assert place.source.replay(clock.now - 60_000_000) == 3
    assert (place.waiting, place.kept) == (3, 0)
    assert drain_all(journal, place.source, keep_days=7) == Drained(3, 0, 3, 0)
    other = type(journal).create(tmp_path / "restored.db", installation="log.example.org", clock=clock)
    with other:
        other.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
        place.source.replay(clock.now - 60_000_000)
        assert drain_all(other, place.source, keep_days=7) == Drained(3, 3, 0, 0)
        assert [view.target["id"] for view in other.clinic("c_lisbon").read("")][::-1] == ["bk_1", "bk_2", "bk_3"]


def test_only_those_since_that_moment_are_replayed(journal, place, clock):
    place.put(event(1))
    drain_all(journal, place.source, keep_days=7)
    assert place.source.replay(clock.now + 3_600_000_000) == 0
    assert place.kept == 1


def test_they_go_after_their_days_and_with_fewer_days(journal, place):
    place.put(event(1))
    drain_all(journal, place.source, keep_days=7)
    place.source.expire(1)
    assert place.kept == 1
    drain_all(journal, place.source)
    assert place.kept == 0


def test_those_of_a_client_go_when_the_client_is_anonymized_and_an_order_is_not_kept(journal, place):
    place.put(event(1))
    place.put(event(2, client={"id": "cli_78", "name": "Rui Alves"}))
    place.put(event(3), clinic="c_porto")
    journal.add_clinic("c_porto", name="Porto", zone="Europe/Lisbon")
    drain_all(journal, place.source, keep_days=7)
    assert place.kept == 3
    assert erased_names.empty(place.source, "c_lisbon", frozenset({"cli_77"})) == 0
    assert place.kept == 2
    place.put({"client": "cli_78", "requested_by": "client"}, erasure=1)
    drain_all(journal, place.source, keep_days=7)
    assert place.kept == 1
    assert [row.clinic for row in place.source.kept("c_porto")] == ["c_porto"]


def test_an_older_outbox_is_brought_up_to_it_and_keeps_what_waits(journal, tmp_path):
    with closing(sqlite3.connect(tmp_path / "host.db", isolation_level=None)) as db:
        for statement in sqlite_source._statements(0):
            if "kept" not in statement and "version = max" not in statement and "held_clinic" not in statement:
                db.execute(statement)
        db.execute("INSERT INTO indelible_outbox (clinic, document) VALUES ('c_lisbon', '{}')")
        sqlite_source.install(db)
        sqlite_source.install(db)
    with closing(SQLiteSource(tmp_path / "host.db")) as source:
        assert len(source.read(10)) == 1
