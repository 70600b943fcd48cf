"""The guard on PostgreSQL: what is refused, recorded and counted, and what passes it by."""

from __future__ import annotations

import json
import subprocess
from contextlib import closing
from datetime import date
from typing import Any

import psycopg
import pytest

from indelible.cli.main import run
from indelible.drain.passes import drain_once
from indelible.errors import InvalidInput
from indelible.outbox import guard, sql
from indelible.outbox.postgres_source import PostgresSource

_BOOKING = (
    "CREATE TABLE booking (id text PRIMARY KEY, clinic_id text NOT NULL, status text, price_minor int, currency text,"
    " form json, updated_at timestamptz)"
)


@pytest.fixture
def host(connection):
    """A database with an outbox, a table of bookings and their items. Each statement is a transaction of its own."""
    sql.install(connection)
    connection.execute(_BOOKING)
    connection.execute(
        "CREATE TABLE item (id int GENERATED ALWAYS AS IDENTITY, name text,"
        " booking_id text REFERENCES booking ON DELETE CASCADE)"
    )
    connection.execute(
        "INSERT INTO booking SELECT 'bk_' || n, 'c_lisbon', 'booked', 4500, 'EUR' FROM generate_series(1, 5) n"
    )
    connection.execute("INSERT INTO item (booking_id, name) SELECT id, 'facial' FROM booking")
    connection.commit()
    connection.autocommit = True
    return connection


def watch(host, table="booking", kind="booking", id="id", **how) -> None:
    guard.install(host, table, kind, id, **({"clinic": "clinic_id"} | how))


def watch_items(host, **how) -> None:
    watch(host, "item", "booking", "booking_id", parent="booking", **how)


def tell(host, id, clinic="c_lisbon", kind="booking") -> None:
    """Record a document about a thing."""
    document = {
        "action": "booking.edited",
        "actor": {"kind": "staff", "id": "usr_1"},
        "target": {"kind": kind, "id": id},
    }
    host.execute("SELECT indelible.record(%s, %s::json)", (clinic, json.dumps(document)))


def noticed(host):
    """What the guard recorded since the last call: clinic, target's id, context."""
    return host.execute(
        "DELETE FROM indelible.outbox WHERE action LIKE 'record.%' RETURNING clinic, target_id, document -> 'context'"
    ).fetchall()


def counted(host) -> dict[tuple[str, str | None], tuple[int, int, int]]:
    """Changes with a document, outside, under a reason, by table and clinic."""
    return {(one.table, one.clinic): (one.recorded, one.outside, one.reasoned) for one in guard.completeness(host)}


def states(host) -> set[tuple[str, str]]:
    return {(one.table, one.state) for one in guard.guards(host)}


def refused(host, statement, *values):
    with pytest.raises(psycopg.errors.CheckViolation) as error:
        host.execute(statement, values)
    return error.value.diag.message_primary


# Modes


def test_a_change_without_a_document_cannot_commit_where_the_mode_says_so(host):
    watch(host, mode="refuse")
    assert refused(host, "UPDATE booking SET status = 'gone' WHERE id = 'bk_1'") == (
        "booking: 1 change of booking without a document about it in this transaction; record one, or give the reason "
        "of a bulk change with SET LOCAL indelible.reason"
    )
    for statement in ("DELETE FROM booking WHERE id = 'bk_2'", "INSERT INTO booking VALUES ('bk_9', 'c_lisbon')"):
        refused(host, statement)
    with host.transaction():
        host.execute("UPDATE booking SET status = 'gone' WHERE id = 'bk_1'")
        tell(host, "bk_1")
    assert host.execute("SELECT id FROM booking WHERE status = 'gone'").fetchall() == [("bk_1",)]
    assert counted(host) == {("booking", "c_lisbon"): (1, 0, 0)}


def test_a_document_about_another_thing_clinic_or_transaction_does_not_count(host):
    watch(host, mode="refuse")
    tell(host, "bk_1")
    for about in (("bk_2",), ("bk_1", "c_porto"), ("bk_1", "c_lisbon", "charge")):
        with pytest.raises(psycopg.errors.CheckViolation), host.transaction():
            tell(host, *about)
            host.execute("UPDATE booking SET status = 'gone' WHERE id = 'bk_1'")


def test_what_nobody_told_of_is_recorded_with_names_of_columns_and_values_only_of_those_listed(host):
    watch(host, shown=["status", "price_minor"])
    host.execute(
        "UPDATE booking SET status = 'gone', price_minor = 5000, form = '{\"note\": \"\\u0000\"}' WHERE id = 'bk_1'"
    )
    assert noticed(host) == [("c_lisbon", "bk_1", {
        "table": "booking", "operation": "updated", "role": "postgres", "columns": ["form", "price_minor", "status"],
        "changes": [
            {"field": "price_minor", "old": 4500, "new": 5000, "currency": "EUR"},
            {"field": "status", "old": "booked", "new": "gone"},
        ],
    })]  # fmt: skip
    host.execute("DELETE FROM booking WHERE id = 'bk_1'")
    assert noticed(host) == [("c_lisbon", "bk_1", {"table": "booking", "operation": "deleted", "role": "postgres"})]


def test_the_role_is_the_one_that_changed_it_and_needs_no_right_of_ours(host):
    watch(host)
    host.execute("CREATE ROLE front_desk; GRANT SELECT, UPDATE ON booking TO front_desk")
    try:
        with host.transaction():
            host.execute("SET LOCAL ROLE front_desk")
            host.execute("UPDATE booking SET status = 'gone' WHERE id = 'bk_1'")
        [(_, _, context)] = noticed(host)
        assert context["role"] == "front_desk"
    finally:
        host.execute("DROP OWNED BY front_desk; DROP ROLE front_desk")


def test_more_than_a_hundred_in_a_transaction_are_one_entry(host):
    watch(host)
    host.execute("INSERT INTO booking SELECT 'n_' || n, 'c_' || n % 2 FROM generate_series(1, 101) n")
    assert sorted(noticed(host)) == [
        ("c_0", "c_0", {"table": "booking", "rows": 50, "role": "postgres"}),
        ("c_1", "c_1", {"table": "booking", "rows": 51, "role": "postgres"}),
    ]
    host.execute("DELETE FROM booking WHERE id LIKE 'n%' AND id <> 'n_1'")
    assert len(noticed(host)) == 100
    assert counted(host) == {("booking", "c_0"): (0, 100, 0), ("booking", "c_1"): (0, 101, 0)}


def test_counting_writes_nothing_but_the_count(host):
    watch(host, mode="count")
    host.execute("UPDATE booking SET status = 'gone'")
    with host.transaction():
        tell(host, "bk_1")
        host.execute("UPDATE booking SET status = 'back' WHERE id IN ('bk_1', 'bk_2')")
    assert noticed(host) == []
    assert counted(host) == {("booking", "c_lisbon"): (1, 6, 0)}


def test_what_the_guard_records_is_drained_and_read_as_a_sentence(host, postgres, journal, log, clock):
    watch(host, shown=["status"])
    host.execute("UPDATE booking SET status = 'gone' WHERE id = 'bk_1'")
    with host.transaction():
        guard.because(host, "migration 0042")
        host.execute("UPDATE booking SET status = 'back'")
    clock.now = host.execute("SELECT (extract(epoch FROM max(at)) * 1000000)::bigint FROM indelible.outbox").fetchone()[
        0
    ]
    with closing(PostgresSource(postgres)) as source:
        assert drain_once(journal, source).held == 0
    one, many = log.entry(1), log.entry(2)
    assert "noticed a change of bk_1 outside the application" in one.sentence
    assert one.context["columns"] == ["status"]
    assert "noticed 5 changes in table booking outside the application" in many.sentence


# Which changes


def test_columns_that_do_not_count_are_no_change(host):
    watch(host, mode="refuse", ignore=["updated_at"])
    host.execute("UPDATE booking SET updated_at = now()")
    host.execute("UPDATE booking SET status = status, form = form")
    refused(host, "UPDATE booking SET updated_at = NULL, status = 'gone'")
    watch(host, mode="refuse", columns=["status"])
    host.execute("UPDATE booking SET price_minor = 1")
    refused(host, "UPDATE booking SET status = 'gone'")
    assert counted(host) == {}


def test_equal_numbers_written_otherwise_and_values_without_an_equality_are_compared(host):
    host.execute("ALTER TABLE booking ADD fee numeric DEFAULT 1.0, ADD place point DEFAULT '(1,2)'")
    watch(host, mode="refuse")
    host.execute("UPDATE booking SET place = '(1,2)', fee = 1.0")
    refused(host, "UPDATE booking SET fee = 1.00")
    refused(host, "UPDATE booking SET place = '(1,3)'")


def test_an_update_and_then_alter_table_in_one_transaction(host):
    watch(host)
    watch_items(host)
    with host.transaction():
        host.execute("UPDATE booking SET status = 'gone'")
        host.execute("ALTER TABLE booking ADD COLUMN room text")
        host.execute("UPDATE booking SET room = 'r_1'")
    assert len(noticed(host)) == 5


def test_a_row_whose_id_changes_is_a_change_of_both(host):
    host.execute("DELETE FROM item")
    watch(host)
    host.execute("UPDATE booking SET id = 'bk_11' WHERE id = 'bk_1'")
    assert sorted(target for _, target, _ in noticed(host)) == ["bk_1", "bk_11"]


def test_an_error_and_a_savepoint_take_back_what_was_noted(host):
    watch(host, mode="refuse")
    with host.transaction():
        with pytest.raises(psycopg.errors.DivisionByZero), host.transaction():
            host.execute("UPDATE booking SET status = 'gone' WHERE id = 'bk_1'")
            host.execute("SELECT 1 / 0")
        host.execute("UPDATE booking SET status = 'gone' WHERE id = 'bk_2'")
        tell(host, "bk_2")
    with pytest.raises(psycopg.errors.CheckViolation), host.transaction():
        host.execute("UPDATE booking SET status = 'over' WHERE id = 'bk_1'")
        with host.transaction(force_rollback=True):
            tell(host, "bk_1")
    assert counted(host) == {("booking", "c_lisbon"): (1, 0, 0)}


# Parents and clinics


def test_a_child_that_moves_to_another_parent_is_a_change_of_both(host):
    watch_items(host)
    host.execute("UPDATE item SET booking_id = 'bk_2' WHERE booking_id = 'bk_1'")
    assert sorted(row[:2] for row in noticed(host)) == [
        ("c_lisbon", "bk_1"),
        ("c_lisbon", "bk_2"),
    ]
    with host.transaction():
        tell(host, "bk_2")
        host.execute("UPDATE item SET booking_id = 'bk_3' WHERE booking_id = 'bk_2'")
    assert [target for _, target, _ in noticed(host)] == ["bk_3"]


def test_a_cascade_takes_the_clinic_of_the_parent_that_is_guarded_too(host):
    watch(host)
    watch_items(host)
    host.execute("DELETE FROM booking WHERE id IN ('bk_1', 'bk_2')")
    assert sorted((clinic, target, context["table"]) for clinic, target, context in noticed(host)) == [
        ("c_lisbon", id, table) for id in ("bk_1", "bk_2") for table in ("booking", "item")
    ]


def test_a_cascade_takes_the_clinic_of_the_document_else_none_is_known(host):
    watch_items(host)
    with host.transaction():
        tell(host, "bk_1")
        host.execute("DELETE FROM booking WHERE id IN ('bk_1', 'bk_2')")
    assert noticed(host) == []
    assert counted(host) == {("item", "c_lisbon"): (1, 0, 0), ("item", None): (0, 1, 0)}


def test_two_clinics_that_share_an_id_need_a_document_each(host):
    host.execute("CREATE TABLE room (id int, clinic_id text, name text, PRIMARY KEY (id, clinic_id))")
    host.execute("INSERT INTO room VALUES (1, 'c_lisbon', 'a'), (1, 'c_porto', 'b')")
    watch(host, "room", mode="count")
    with host.transaction():
        tell(host, "1", "c_porto")
        host.execute("UPDATE room SET name = 'c'")
    assert counted(host) == {("room", "c_porto"): (1, 0, 0), ("room", "c_lisbon"): (0, 1, 0)}


def test_a_row_that_moves_to_another_clinic_is_a_change_of_both(host):
    watch(host)
    host.execute("UPDATE booking SET clinic_id = 'c_porto' WHERE id = 'bk_1'")
    assert sorted(row[:2] for row in noticed(host)) == [
        ("c_lisbon", "bk_1"),
        ("c_porto", "bk_1"),
    ]


def test_a_table_without_a_clinic_column(host):
    host.execute("CREATE TABLE price (id int PRIMARY KEY, amount int)")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="clinic: is missing"):
        watch(host, "price", "service", clinic=None)
    watch(host, "price", "service", clinic=None, only_clinic="c_lisbon")
    host.execute("INSERT INTO price VALUES (1, 2)")
    host.execute("CREATE FUNCTION clinic_of(text) RETURNS text LANGUAGE sql AS $$ SELECT 'c_' || $1 $$")
    watch(host, "price", "service", clinic="public.clinic_of")
    host.execute("INSERT INTO price VALUES (2, 3)")
    assert [(clinic, target) for clinic, target, _ in noticed(host)] == [("c_lisbon", "1"), ("c_2", "2")]
    watch(host, "price", "service", clinic=None, mode="refuse")
    refused(host, "INSERT INTO price VALUES (3, 4)")
    with host.transaction():
        tell(host, "3", "c_porto", "service")
        host.execute("INSERT INTO price VALUES (3, 4)")
    assert counted(host)["price", "c_porto"] == (1, 0, 0)


# Reasons


def test_a_reason_covers_a_bulk_change_by_one_entry(host):
    watch(host, mode="refuse")
    with host.transaction():
        host.execute("SET LOCAL indelible.reason = 'migration 0042'")
        host.execute("UPDATE booking SET status = 'moved'")
    assert noticed(host) == [
        ("c_lisbon", "c_lisbon", {"table": "booking", "rows": 5, "reason": "migration 0042", "role": "postgres"})
    ]
    assert counted(host) == {("booking", "c_lisbon"): (0, 0, 5)}
    refused(host, "UPDATE booking SET status = 'over'")


def test_a_reason_that_a_pooler_leaves_behind_covers_one_transaction(host):
    watch(host, mode="refuse")
    host.execute("SET indelible.reason = 'migration 0042'")
    with host.transaction():
        host.execute("UPDATE booking SET status = 'moved' WHERE id = 'bk_1'")
        host.execute("UPDATE booking SET status = 'moved' WHERE id = 'bk_2'")
    assert host.execute("SHOW indelible.reason").fetchone() == ("",)
    refused(host, "UPDATE booking SET status = 'over'")
    assert [context["rows"] for _, _, context in noticed(host)] == [2]


def test_an_empty_reason_is_none(host):
    watch(host, mode="refuse")
    host.execute("SET indelible.reason = ' '")
    refused(host, "UPDATE booking SET status = 'over'")
    with pytest.raises(InvalidInput, match="is empty"):
        guard.because(host, " ")


def test_truncate_needs_a_reason_or_is_noticed_with_its_rows(host):
    host.execute("DROP TABLE item")
    watch(host, mode="refuse")
    assert "5 changes of booking" in refused(host, "TRUNCATE booking")
    watch(host, mode="record")
    host.execute("TRUNCATE booking")
    assert noticed(host) == [("c_lisbon", "c_lisbon", {"table": "booking", "rows": 5, "role": "postgres"})]
    assert counted(host) == {("booking", "c_lisbon"): (0, 5, 0)}


# Partitions


@pytest.fixture
def parts(host) -> Any:
    host.execute("CREATE TABLE visit (id text, clinic_id text, day date, name text) PARTITION BY RANGE (day)")
    host.execute("CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM ('2026-01-01') TO ('2026-07-01')")
    host.execute("CREATE TABLE visit_2 PARTITION OF visit FOR VALUES FROM ('2026-07-01') TO ('2027-01-01')")
    watch(host, "visit")
    return host


def test_a_partitioned_table_is_guarded_as_one_also_where_a_row_moves(parts):
    parts.execute("INSERT INTO visit VALUES ('v_1', 'c_lisbon', '2026-02-01'), ('v_2', 'c_lisbon', '2026-08-01')")
    assert sorted(target for _, target, _ in noticed(parts)) == ["v_1", "v_2"]
    parts.execute("UPDATE visit SET day = '2026-09-01' WHERE id = 'v_1'")
    assert [(target, context["columns"]) for _, target, context in noticed(parts)] == [("v_1", ["day"])]
    parts.execute("TRUNCATE visit")
    assert [context["rows"] for _, _, context in noticed(parts)] == [2]


def test_what_is_written_to_a_partition_directly_is_noticed_under_the_tables_name(parts):
    parts.execute("INSERT INTO visit_1 VALUES ('v_1', 'c_lisbon', '2026-02-01')")
    parts.execute("UPDATE visit_1 SET name = 'x'")
    parts.execute("TRUNCATE visit_1")
    assert [(target, context["table"]) for _, target, context in noticed(parts)] == [
        ("v_1", "visit"), ("v_1", "visit"), ("c_lisbon", "visit")
    ]  # fmt: skip


def test_a_partition_attached_later_is_guarded_through_its_table_and_named_until_the_guard_is_set_again(parts):
    parts.execute("CREATE TABLE visit_3 PARTITION OF visit FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')")
    parts.execute("INSERT INTO visit VALUES ('v_1', 'c_lisbon', '2027-02-01')")
    assert len(noticed(parts)) == 1
    parts.execute("UPDATE visit_3 SET name = 'x'")
    assert noticed(parts) == []
    assert [one.state for one in guard.guards(parts)] == ["trigger missing"]
    watch(parts, "visit")
    parts.execute("UPDATE visit_3 SET name = 'y'")
    assert len(noticed(parts)) == 1
    assert guard.guards(parts)[0].stands


# What passes by, and what notices it


def test_a_check_at_once_takes_documents_that_were_there_before(host):
    watch(host, mode="refuse")
    with host.transaction():
        host.execute("SET CONSTRAINTS ALL IMMEDIATE")
        tell(host, "bk_1")
        host.execute("UPDATE booking SET status = 'gone' WHERE id = 'bk_1'")
        with pytest.raises(psycopg.errors.CheckViolation), host.transaction():
            host.execute("UPDATE booking SET status = 'gone' WHERE id = 'bk_2'")
    watch(host, mode="record")
    with host.transaction():
        host.execute("SET CONSTRAINTS ALL IMMEDIATE")
        host.execute("UPDATE booking SET status = 'x' WHERE id = 'bk_1'")
        host.execute("UPDATE booking SET status = 'y' WHERE id = 'bk_1'")
    assert counted(host) == {("booking", "c_lisbon"): (1, 2, 0)}
    assert len(noticed(host)) == 2


def test_a_prepared_transaction_is_checked_when_it_is_prepared(host):
    watch(host)
    host.execute("BEGIN")
    host.execute("UPDATE booking SET status = 'gone' WHERE id = 'bk_1'")
    host.execute("PREPARE TRANSACTION 'one'")
    assert noticed(host) == []
    host.execute("COMMIT PREPARED 'one'")
    assert [target for _, target, _ in noticed(host)] == ["bk_1"]


def test_what_a_session_replicates_and_what_an_owner_disables_pass_by_and_the_second_is_seen(host):
    watch(host, mode="refuse")
    with host.transaction():
        host.execute("SET LOCAL session_replication_role = replica")
        host.execute("UPDATE booking SET status = 'copied'")
    assert guard.guards(host)[0].stands
    host.execute("ALTER TABLE booking DISABLE TRIGGER ALL")
    host.execute("UPDATE booking SET status = 'quiet'")
    assert [one.state for one in guard.guards(host)] == ["trigger disabled"]
    assert counted(host) == {}


def test_what_logical_replication_applies_is_not_the_subscribers_change(host, postgres, server):
    host.execute("CREATE PUBLICATION bookings FOR TABLE booking")
    host.execute("SELECT pg_create_logical_replication_slot('guarded', 'pgoutput')")
    with server.database() as other, psycopg.connect(other, autocommit=True) as subscriber:
        sql.install(subscriber)
        subscriber.execute(_BOOKING)
        watch(subscriber, mode="refuse")
        # Both are databases of one server, where a subscription cannot make its slot itself.
        subscriber.execute(
            f"CREATE SUBSCRIPTION guarded CONNECTION '{postgres}' PUBLICATION bookings"
            " WITH (create_slot = false, slot_name = 'guarded')"
        )
        try:
            there = "SELECT count(*) FROM booking WHERE status = %s"
            assert eventually(subscriber, there, ["booked"], 5)
            host.execute("UPDATE booking SET status = 'gone'")
            assert eventually(subscriber, there, ["gone"], 5)
            assert counted(subscriber) == {}
            refused(subscriber, "UPDATE booking SET status = 'own'")
        finally:
            subscriber.execute("DROP SUBSCRIPTION guarded")


def test_a_column_that_was_renamed_fails_by_its_name_until_the_guard_is_set_again(host):
    watch(host)
    host.execute("ALTER TABLE booking RENAME clinic_id TO clinic")
    with pytest.raises(psycopg.errors.UndefinedColumn, match="clinic_id"):
        host.execute("UPDATE booking SET status = 'gone'")
    watch(host, clinic="clinic")
    host.execute("UPDATE booking SET status = 'gone'")
    assert len(noticed(host)) == 5


def eventually(connection, statement, values, count) -> bool:
    """Whether a count becomes this within a minute: nobody says when another server's worker is done."""
    for _ in range(600):
        if connection.execute(statement, values).fetchone() == (count,):
            return True
        connection.execute("SELECT pg_sleep(0.1)")
    return False


def test_a_publication_of_all_tables_does_not_stop_what_is_counted(host):
    host.execute("CREATE PUBLICATION everything FOR ALL TABLES")
    watch(host)
    host.execute("UPDATE booking SET status = 'gone'")
    assert len(noticed(host)) == 5
    guard.fold(host)
    guard.fold(host)
    assert counted(host) == {("booking", "c_lisbon"): (0, 5, 0)}


def test_a_changed_missing_or_renamed_guard_is_told(host):
    watch(host)
    watch_items(host)
    host.execute("ALTER TABLE booking RENAME TO reservation")
    host.execute("UPDATE reservation SET status = 'gone' WHERE id = 'bk_1'")
    assert [context["table"] for _, _, context in noticed(host)] == ["reservation"]
    assert states(host) == {("reservation", "in order"), ("item", "in order")}
    host.execute("DROP TRIGGER indelible_guard_update ON reservation")
    [(name,)] = host.execute("SELECT tgfoid::regproc::text FROM pg_trigger WHERE tgname = 'indelible_guard_update'")
    host.execute(f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
    assert states(host) == {
        ("reservation", "trigger missing"),
        ("item", "changed"),
    }
    host.execute("DROP TABLE item")
    assert ("item", "table gone") in states(host)


def test_a_guard_that_is_taken_away_keeps_what_it_counted(host):
    watch(host, mode="count")
    host.execute("UPDATE booking SET status = 'gone'")
    guard.remove(host, "booking")
    host.execute("UPDATE booking SET status = 'over'")
    assert guard.guards(host) == []
    watch(host, mode="count")
    host.execute("UPDATE booking SET status = 'gone'")
    assert counted(host) == {("booking", "c_lisbon"): (0, 10, 0)}


def test_a_dump_that_is_restored_is_guarded_and_notices_nothing_of_the_restoring(host, postgres, server, tmp_path):
    watch(host, mode="refuse")
    watch_items(host, mode="refuse")
    dump = subprocess.run([server.program("pg_dump"), "-Fc", postgres], capture_output=True, check=True).stdout
    with server.database() as other:
        subprocess.run([server.program("pg_restore"), "--exit-on-error", "-d", other], input=dump, check=True)
        with psycopg.connect(other, autocommit=True) as restored:
            assert all(one.stands for one in guard.guards(restored))
            assert len(guard.guards(restored)) == 2
            assert counted(restored) == {}
            refused(restored, "UPDATE booking SET status = 'gone'")
            restored.execute("CREATE TABLE room (id text, clinic_id text)")
            watch(restored, "room", mode="refuse")
            refused(restored, "INSERT INTO room VALUES ('r_1', 'c_lisbon')")


# Counting


def test_tallies_of_many_transactions_are_added_up_once(host):
    watch(host, mode="count")
    for _ in range(3):
        host.execute("UPDATE booking SET status = status || '.' WHERE id = 'bk_1'")
    before = counted(host)
    guard.fold(host)
    assert host.execute("SELECT count(*) FROM indelible.tally").fetchone() == (0,)
    assert counted(host) == before == {("booking", "c_lisbon"): (0, 3, 0)}
    host.execute("UPDATE booking SET status = status || '.' WHERE id = 'bk_1'")
    guard.fold(host)
    assert counted(host) == {("booking", "c_lisbon"): (0, 4, 0)}
    assert guard.completeness(host, date(2999, 1, 1)) == []


def test_a_document_that_is_held_is_not_recorded(host, postgres):
    watch(host, mode="refuse")
    for id in ("bk_1", "bk_2"):
        with host.transaction():
            tell(host, id)
            host.execute("UPDATE booking SET status = 'gone' WHERE id = %s", [id])
    with closing(PostgresSource(postgres)) as source:
        source.hold([(source.read(10)[0], "invalid", True)])
    [one] = guard.completeness(host)
    assert (one.changes, one.recorded, one.held) == (2, 1, 1)


def test_the_command_says_it_in_a_sentence_and_fails_where_a_guard_does_not_stand(host, postgres, capsys):
    assert run(["completeness", postgres]) == 0
    assert capsys.readouterr().out == "No table of this database is guarded.\n"
    watch(host)
    host.execute("UPDATE booking SET status = 'gone'")
    assert run(["completeness", postgres, "--since", "2026-01-01"]) == 0
    assert capsys.readouterr().out == (
        "booking, since 2026-01-01: 5 changes, 0 recorded by the application, 5 outside it\n"
    )
    host.execute("ALTER TABLE booking DISABLE TRIGGER ALL")
    assert run(["completeness", postgres, "--json"]) == 2
    printed = capsys.readouterr()
    assert json.loads(printed.out)["guards"][0]["state"] == "trigger disabled"
    assert "the guard of booking does not stand (trigger disabled)" in printed.err
    assert run(["completeness", postgres, "--since", "yesterday"]) == 2


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"mode": "watch"}, "mode: must be refuse, record or count"),
        ({"kind": "Booking", "mode": "count"}, "kind: must be"),
        ({"id": "number"}, "columns: number is no column of"),
        ({"columns": ["status"], "ignore": ["form"]}, "ignore: does not go with columns"),
        ({"clinic": "owner"}, "clinic: is neither a column"),
        ({"clinic": None, "only_clinic": "c lisbon"}, "only_clinic: must be"),
        ({"table": "pg_stats"}, "is no"),
    ],
)
def test_what_cannot_be_guarded_is_refused_with_the_mend(host, how, says):
    with pytest.raises(psycopg.Error) as error:
        watch(host, **how)
    assert says in str(error.value.diag.message_primary)
    assert guard.guards(host) == []


def test_a_kind_that_no_action_has_and_a_secret_are_refused(host):
    with pytest.raises(InvalidInput, match="kind"):
        watch(host, kind="spaceship")
    with pytest.raises(InvalidInput, match="shown"):
        watch(host, shown=["password"])
