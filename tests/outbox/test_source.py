"""Reading an outbox on PostgreSQL: in order, durable, fair, cheap under an open snapshot, through lost connections."""

from __future__ import annotations

import json
from contextlib import closing

import psycopg
import pytest

from indelible.errors import InvalidInput, NotFound, StorageFailure
from indelible.outbox import postgres_source, sql
from indelible.outbox.postgres_source import PostgresSource
from indelible.outbox.source import Unreachable

DOCUMENT = {
    "action": "booking.cancelled",
    "actor": {"kind": "staff", "id": "usr_12"},
    "target": {"kind": "booking", "id": "bk_1"},
}


def put(connection, clinic: str = "c_lisbon", many: int = 1, booking: str = "bk_1", function: str = "record") -> None:
    """Record documents about one booking, in the connection's transaction."""
    document = DOCUMENT | {"target": {"kind": "booking", "id": booking}, "occurred_at": "2026-05-03T14:22:31+02:00"}
    connection.execute(
        f"SELECT indelible.{function}(%s, %s::json) FROM generate_series(1, %s)", (clinic, json.dumps(document), many)
    )


def bookings(rows) -> list[str]:
    return [json.loads(row.document)["target"]["id"] for row in rows]


@pytest.fixture
def host(connection):
    """A connection to a database with an outbox, as superuser."""
    sql.install(connection)
    connection.commit()
    return connection


@pytest.fixture
def source(host, postgres):
    with closing(PostgresSource(postgres)) as opened:
        yield opened


def test_what_is_committed_is_read_with_its_time_and_deleted_by_its_place(host, source):
    put(host)
    assert source.read(10) == []
    assert source.oldest() is None
    host.commit()
    (row,) = source.read(10)
    assert (row.clinic, row.imported, row.erasure) == ("c_lisbon", False, False)
    assert json.loads(row.document)["action"] == "booking.cancelled"
    key, at = host.execute(
        "SELECT key::text, (extract(epoch FROM at) * 1000000)::bigint FROM indelible.outbox"
    ).fetchone()
    assert (row.key, row.at, source.oldest()) == (key, at, at)
    assert source.read(10) == [row]
    source.delete([row.place])
    source.delete([row.place])
    assert source.read(10) == []


def test_a_transaction_that_commits_late_comes_late_and_is_not_missed(host, source, postgres):
    with psycopg.connect(postgres) as late:
        put(late, booking="late")
        put(host, booking="early")
        host.commit()
        rows = source.read(10)
        assert bookings(rows) == ["early"]
        source.delete([row.place for row in rows])
        assert source.read(10) == []
        late.commit()
    assert bookings(source.read(10)) == ["late"]


def test_a_row_that_was_not_deleted_is_read_again_whatever_came_since(host, source):
    for booking in ("first", "second"):
        put(host, booking=booking)
        host.commit()
        source.read(10)
    rows = source.read(10)
    assert bookings(rows) == ["first", "second"]
    source.delete([rows[1].place])
    assert bookings(source.read(10)) == ["first"]


def test_rows_of_a_restored_dump_lie_below_the_floor_and_are_found_within_a_minute(host, postgres):
    clock = [0.0]
    with closing(PostgresSource(postgres, monotonic=lambda: clock[0])) as source:
        put(host)
        host.commit()
        source.delete([row.place for row in source.read(10)])
        assert source.read(10) == []
        host.execute(
            "INSERT INTO indelible.outbox (xid, clinic, document) VALUES ('3', 'c_lisbon', %s)", [json.dumps(DOCUMENT)]
        )
        host.commit()
        assert source.read(10) == []
        clock[0] = postgres_source.SWEEP_SECONDS
        assert len(source.read(10)) == 1


def test_polling_walks_through_no_row_that_an_open_snapshot_keeps(host, source, postgres):
    put(host, many=20_000)
    host.commit()
    with psycopg.connect(postgres) as report:
        report.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        report.execute("SELECT count(*) FROM indelible.outbox")
        source.delete([row.place for row in source.read(20_000)])
        source.read(10)
        plan = host.execute(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT * FROM indelible.outbox"
            " WHERE (xid, id) >= (%s::text::xid8, %s) ORDER BY xid, id LIMIT 1000",
            (str(source._floor[0]), source._floor[1]),
        ).fetchone()[0][0]["Plan"]
    # The rows fill hundreds of blocks.
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 20


def test_a_clinic_with_thousands_waiting_leaves_the_others_their_share(host, source):
    put(host, "c_big", many=5_000, booking="big")
    for clinic in ("c_a", "c_b", "c_c"):
        put(host, clinic, many=3, booking=clinic)
    host.commit()
    rows = source.read(100)
    assert len(rows) == 100
    assert [row.place for row in rows] == sorted(row.place for row in rows)
    assert {clinic: sum(row.clinic == clinic for row in rows) for clinic in ("c_big", "c_a", "c_b", "c_c")} == {
        "c_big": 91, "c_a": 3, "c_b": 3, "c_c": 3
    }  # fmt: skip
    first = host.execute("SELECT id FROM indelible.outbox WHERE clinic = 'c_big' ORDER BY xid, id LIMIT 91").fetchall()
    assert [row.place[1] for row in rows if row.clinic == "c_big"] == [number for (number,) in first]


def test_more_clinics_than_the_limit_take_turns_by_who_waits_longest(host, source):
    for number in range(9, 0, -1):
        put(host, f"c_{number}", many=2)
        host.commit()
    seen = []
    while rows := source.read(4):
        seen += [row.clinic for row in rows]
        source.delete([row.place for row in rows])
    assert seen[:4] == ["c_9", "c_8", "c_7", "c_6"]
    assert sorted(seen) == sorted([f"c_{number}" for number in range(1, 10)] * 2)


def test_history_is_read_behind_what_is_live(host, source):
    put(host, many=500, booking="history", function="record_imported")
    put(host, many=150, booking="live")
    put(host, "c_porto", many=2, booking="live")
    host.commit()
    rows = source.read(100)
    assert bookings(rows) == ["live"] * 100
    source.delete([row.place for row in rows])
    rows = source.read(100)
    assert bookings(rows) == ["live"] * 52 + ["history"] * 48
    assert [row.imported for row in rows] == [False] * 52 + [True] * 48


def test_what_was_read_is_on_the_disk_also_where_commits_do_not_wait(host, source, postgres):
    host.execute("SET synchronous_commit = off")
    host.commit()
    for _ in range(20):
        put(host)
        written = host.execute("SELECT pg_current_wal_insert_lsn()").fetchone()[0]
        host.commit()
        assert source.read(1_000)
        flushed = host.execute("SELECT pg_current_wal_flush_lsn() > %s::pg_lsn", [written]).fetchone()[0]
        host.commit()
        assert flushed


def test_a_row_is_held_with_its_reason_and_waits_again_with_its_key_and_time(host, source):
    put(host, many=2)
    host.commit()
    first, second = source.read(10)
    source.hold([(first, "no clinic of this log", False)])
    assert source.read(10) == [second]
    (held,) = source.held()
    assert (held.waiting, held.reason, held.final) == (first, "no clinic of this log", False)
    assert held.since >= first.at
    source.retry(first.key, None)
    assert source.held() == []
    again = source.read(10)[1]
    assert (again.key, again.at, again.document) == (first.key, first.at, first.document)
    assert again.place > second.place


def test_a_held_document_is_corrected_and_a_worse_one_stays_held(host, source):
    put(host)
    host.commit()
    (row,) = source.read(10)
    source.hold([(row, "invalid", True)])
    with pytest.raises(InvalidInput, match="actor: is missing"):
        source.retry(row.key, '{"action": "booking.cancelled"}')
    with pytest.raises(InvalidInput, match="action: what only the log writes"):
        source.retry(row.key, json.dumps(DOCUMENT | {"action": "log.viewed"}))
    with pytest.raises(InvalidInput):
        source.retry(row.key, "{")
    assert [held.final for held in source.held()] == [True]
    source.retry(row.key, json.dumps(DOCUMENT | {"operation": "req_1"}))
    assert json.loads(source.read(10)[0].document)["operation"] == "req_1"


def test_retrying_what_is_not_held_says_so(source):
    with pytest.raises(NotFound, match="outbox held"):
        source.retry("00000000-0000-4000-8000-000000000000", None)
    with pytest.raises(InvalidInput, match="UUID"):
        source.retry("bk_1", None)


def test_identity_tells_a_copy_from_the_original_and_never_goes_back(host, source, server):
    first = source.identity()
    put(host)
    host.commit()
    second = source.identity()
    assert (second.outbox, second.database) == (first.outbox, first.database)
    assert second.xid > first.xid
    name = host.info.dbname
    source.close()
    host.close()
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}_copy" TEMPLATE "{name}"')
        try:
            with closing(PostgresSource(server.url_of(f"{name}_copy"))) as copy:
                assert copy.identity().outbox == first.outbox
                assert copy.identity().database != first.database
                with psycopg.connect(server.url_of(f"{name}_copy")) as script:
                    script.execute("SELECT indelible.unbind()")
                assert copy.identity().outbox != first.outbox
        finally:
            admin.execute(f'DROP DATABASE "{name}_copy" WITH (FORCE)')


def test_identity_works_where_the_servers_own_may_not_be_asked(host, server):
    host.execute("CREATE ROLE identity_drainer LOGIN IN ROLE indelible_drainer")
    host.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    host.commit()
    try:
        with closing(PostgresSource(server.url_of(host.info.dbname, "identity_drainer"))) as source:
            assert source.identity().database.startswith("unknown/")
    finally:
        host.execute("DROP ROLE identity_drainer")
        host.commit()


def test_the_drainers_role_is_enough_and_a_recorders_is_not(host, server):
    host.execute("CREATE ROLE some_drainer LOGIN IN ROLE indelible_drainer")
    host.execute("CREATE ROLE some_recorder LOGIN IN ROLE indelible_recorder")
    put(host, many=3)
    host.commit()
    try:
        with closing(PostgresSource(server.url_of(host.info.dbname, "some_drainer"))) as source:
            rows = source.read(2)
            source.identity()
            source.hold([(rows[0], "invalid", False)])
            source.retry(source.held()[0].waiting.key, None)
            source.delete([rows[1].place])
            assert source.oldest() is not None
        source = PostgresSource(server.url_of(host.info.dbname, "some_recorder"))
        with closing(source), pytest.raises(StorageFailure, match="GRANT indelible_drainer TO"):
            source.read(1)
    finally:
        host.execute("DROP ROLE some_drainer; DROP ROLE some_recorder")
        host.commit()


def test_a_lost_connection_is_said_and_made_again(host, source):
    put(host)
    host.commit()
    assert source.read(10)
    host.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'indelible'")
    host.commit()
    with pytest.raises(Unreachable, match="does not answer"):
        source.read(10)
    assert source.read(10)


def test_a_database_without_an_outbox_or_with_another_version_says_what_to_do(connection, postgres):
    with closing(PostgresSource(postgres)) as source:
        with pytest.raises(StorageFailure, match="no outbox: put what `indelible outbox sql` prints"):
            source.read(1)
        sql.install(connection)
        connection.execute("INSERT INTO indelible.version (version) VALUES (999)")
        connection.commit()
        with pytest.raises(StorageFailure, match="newer release"):
            source.read(1)


def test_messages_name_the_place_and_never_the_password():
    with closing(PostgresSource("postgresql://maria:secret@127.0.0.1:1/clinic?connect_timeout=1")) as source:
        assert source.name == "postgresql://127.0.0.1:1/clinic"
        with pytest.raises(Unreachable) as refused:
            source.read(1)
    assert "secret" not in str(refused.value)
    assert "maria" not in str(refused.value)
    with pytest.raises(InvalidInput, match="must be a URL"):
        PostgresSource("postgresql://h:5432:7/x y=")
