"""The drainer looks after the guard: tallies are added up, and a guard that does not stand is an entry a day."""

from __future__ import annotations

import time
from contextlib import closing

import psycopg
import psycopg.sql
import pytest

from indelible.drain import guards
from indelible.drain.passes import Drain, drain_all
from indelible.outbox import guard, sql
from indelible.outbox.postgres_source import PostgresSource


@pytest.fixture
def clock(clock):
    """The journal's clock, which stands where that of the server is."""
    clock.now = time.time_ns() // 1000
    return clock


@pytest.fixture
def host(connection, journal):
    """A database with an outbox and a guarded table; the log has a second clinic."""
    journal.add_clinic("c_porto", name="Porto", zone="Europe/Lisbon")
    sql.install(connection)
    connection.commit()
    connection.autocommit = True
    connection.execute("CREATE TABLE booking (id text PRIMARY KEY, clinic_id text)")
    guard.install(connection, "booking", "booking", "id", clinic="clinic_id", mode="count")
    return connection


@pytest.fixture
def source(postgres, host):
    with closing(PostgresSource(postgres)) as opened:
        yield opened


def told(journal) -> list[tuple[str, str, str]]:
    """Clinic, table and state of each entry about a guard."""
    return [
        (clinic.id, view.context["table"], view.context["state"])
        for clinic, _ in journal.clinics()
        for view in journal.clinic(clinic.id).read("action:log.guard_missing")
    ]


def disable(host, table="booking"):
    host.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")


def test_what_transactions_counted_is_added_up(journal, host, source):
    for number in range(3):
        host.execute("INSERT INTO booking VALUES (%s, 'c_lisbon')", (str(number),))
    assert host.execute("SELECT count(*) FROM indelible.tally").fetchone() == (3,)
    assert guards.watch(journal, source) is None
    assert host.execute("SELECT count(*) FROM indelible.tally").fetchone() == (0,)
    assert [one.changes for one in guard.completeness(host)] == [3]
    assert told(journal) == []


def test_a_guard_that_does_not_stand_is_one_entry_a_day_in_the_logs_of_the_tables_clinics(journal, host, source, clock):
    host.execute("INSERT INTO booking VALUES ('1', 'c_lisbon'), ('2', 'c_faro')")
    disable(host)
    for _ in range(3):
        drain_all(journal, source)
    assert told(journal) == [("c_lisbon", "booking", "trigger_disabled")]
    clock.advance(86_400)
    drain_all(journal, source)
    assert len(told(journal)) == 2
    (view, _) = journal.clinic("c_lisbon").read("action:log.guard_missing")
    assert view.sentence == "System noticed that the guard of table booking does not stand: watch switched off"


def test_a_table_that_belongs_to_no_clinic_is_told_to_every_open_one(journal, host, source):
    host.execute("CREATE TABLE price (id text PRIMARY KEY)")
    guard.install(host, "price", "service", "id", mode="count")
    host.execute("INSERT INTO price VALUES ('1')")
    host.execute("DROP TRIGGER indelible_guard_update ON price")
    guards.watch(journal, source)
    assert told(journal) == [("c_lisbon", "price", "trigger_missing"), ("c_porto", "price", "trigger_missing")]


def test_a_function_that_was_changed_and_a_table_that_is_gone_are_told(journal, host, source, clock):
    host.execute(
        "DO $$ BEGIN EXECUTE (SELECT replace(pg_get_functiondef(oid), 'BEGIN', 'BEGIN ' || chr(10)) FROM pg_proc"
        " WHERE proname ~ '^guard_[0-9]+$'); END $$"
    )
    guards.watch(journal, source)
    host.execute("DROP TABLE booking")
    guards.watch(journal, source)
    assert {state for _, _, state in told(journal)} == {"changed"}  # the first of its day
    clock.advance(86_400)
    guards.watch(journal, source)
    assert {state for _, _, state in told(journal)} == {"changed", "table_gone"}


def test_one_process_looks_into_the_logs_once_a_day(journal, host, source):
    disable(host)
    known: guards.Told = set()
    guards.watch(journal, source, known)
    size = journal.clinic("c_lisbon").size
    assert {table for table, _ in known} == {"booking"}
    guards.watch(journal, source, known)
    assert journal.clinic("c_lisbon").size == size


def test_a_role_that_may_not_look_is_told_once_and_drains_on(journal, host, server, postgres):
    host.execute("CREATE ROLE half_drainer LOGIN; GRANT indelible_drainer TO half_drainer")
    host.execute("REVOKE EXECUTE ON FUNCTION indelible.fold() FROM indelible_drainer")
    where = server.url_of(psycopg.conninfo.conninfo_to_dict(postgres)["dbname"], "half_drainer")
    said: list[str] = []
    try:
        with closing(PostgresSource(where)) as source:
            work = Drain(journal, source, tell=said.append)
            host.execute(
                'SELECT indelible.record(\'c_lisbon\', \'{"action": "booking.cancelled", "target": {"kind":'
                ' "booking", "id": "bk_1"}, "actor": {"kind": "staff", "id": "usr_1"}}\')'
            )
            work._watch()
            work._watch()
            assert work._pass().appended == 1
    finally:
        host.execute("DROP OWNED BY half_drainer; DROP ROLE half_drainer")
    (sentence,) = said
    assert "cannot be looked at: this role may not do that" in sentence


def test_a_copy_tells_nothing_to_the_log(journal, host, source):
    guards.watch(journal, source)
    drain_all(journal, source)
    host.execute("SELECT indelible.unbind()")
    disable(host)
    assert "none of the databases" in (guards.watch(journal, source) or "")
    assert told(journal) == []


@pytest.mark.parametrize(("schema", "name", "shown"), [
    ("s" * 63, "t" * 63, "s" * 63 + "." + "t" * 36),
    ("public", "a@b c\t", "a?b c?"),
])  # fmt: skip
def test_a_table_may_have_any_name(journal, host, source, schema, name, shown):
    table = psycopg.sql.Identifier(schema, name).as_string(host)
    host.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    host.execute(f"CREATE TABLE {table} (id text PRIMARY KEY)")
    guard.install(host, table, "service", "id", mode="count")
    disable(host, table)
    for _ in range(2):
        assert guards.watch(journal, source) is None
    assert told(journal) == [("c_lisbon", shown, "trigger_disabled"), ("c_porto", shown, "trigger_disabled")]


def test_a_table_that_was_dropped_on_purpose_is_unguarded_by_its_name(journal, host, source):
    host.execute("DROP TABLE booking")
    host.execute("SELECT indelible.unguard(relation) FROM indelible.guarded WHERE name = 'booking'")
    guards.watch(journal, source)
    assert told(journal) == []
