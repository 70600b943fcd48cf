"""The example of a host that records from inside its database: function, trigger, history; drained into a log."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from indelible.drain.passes import Drained, drain_all, drain_once
from indelible.outbox import sql
from indelible.outbox.postgres_source import PostgresSource
from indelible.testing.postgres import connection, postgres, server

__all__ = ["connection", "postgres", "server"]

EXAMPLE = Path(__file__).parents[2] / "examples" / "host.sql"


@pytest.fixture
def host(connection, clock):
    """A host with three bookings and a service; the log's clock is the server's, which no test can move."""
    sql.install(connection)
    connection.execute(EXAMPLE.read_text(encoding="utf-8"))
    connection.execute(
        "INSERT INTO booking SELECT 'bk_' || n, 'c_lisbon', 'cli_77', '2026-05-04T09:00:00Z', 'booked',"
        " '2019-03-01T10:00:00Z'::timestamptz + n * interval '1 day', 'usr_3' FROM generate_series(1, 3) n"
    )
    connection.execute("INSERT INTO service VALUES ('svc_1', 'c_lisbon', 'Facial', 5500, 'EUR')")
    connection.execute("CREATE ROLE host_app LOGIN IN ROLE indelible_recorder")
    connection.execute("GRANT SELECT, UPDATE ON booking, service TO host_app")
    connection.commit()
    clock.now = time.time_ns() // 1000
    yield connection
    connection.rollback()
    connection.execute("DROP OWNED BY host_app; DROP ROLE host_app")
    connection.commit()


@pytest.fixture
def app(host, server):
    """The host's server: a role that may record, and nothing else of the outbox."""
    with psycopg.connect(server.url_of(host.info.dbname, "host_app")) as opened:
        yield opened


@pytest.fixture
def source(host, postgres):
    with closing(PostgresSource(postgres)) as opened:
        yield opened


def test_a_function_of_the_host_records_what_it_changes_or_neither(app, journal, log, source):
    app.execute("SET LOCAL clinic.staff = 'usr_12'")
    app.execute("SELECT reschedule('bk_1', '2026-05-05T10:00:00+02', 'train was late')")
    app.rollback()
    assert drain_all(journal, source) == Drained()
    with app.transaction():
        app.execute("SET LOCAL clinic.staff = 'usr_12'")
        app.execute("SELECT reschedule('bk_1', '2026-05-05T10:00:00+02', 'train was late')")
    assert drain_all(journal, source) == Drained(1, 1, 0, 0)
    entry = log.entry(1)
    assert (entry.action, entry.target["id"], entry.actor["id"]) == ("booking.rescheduled", "bk_1", "usr_12")
    assert entry.context["starts_at"]["new"].startswith("2026-05-05T08:00:00")
    assert entry.context["reason_text"] == "train was late"


def test_a_trigger_of_the_host_records_also_what_comes_from_a_console(host, app, journal, log, source):
    for program, price in ((app, 5900), (host, 6100)):
        with program.transaction():
            program.execute("SET LOCAL clinic.staff = 'usr_12'")
            program.execute(f"UPDATE service SET price_minor = {price}")
            program.execute("UPDATE service SET name = name")  # which changes nothing
        host.commit()
    assert drain_all(journal, source).appended == 2
    changes = log.entry(2).context["changes"]
    assert changes == [{"field": "price_minor", "old": 5900, "new": 6100, "currency": "EUR"}]


@pytest.mark.parametrize("statement", [
    "UPDATE service SET price_minor = 1",
    "SELECT reschedule('bk_1', '2026-05-05T10:00:00+02')",
])  # fmt: skip
def test_where_nobody_is_said_to_act_nothing_changes(host, app, source, statement):
    with pytest.raises(psycopg.errors.RaiseException, match="nobody acts"), app.transaction():
        app.execute(statement)
    assert host.execute("SELECT price_minor FROM service").fetchone() == (5500,)
    assert source.read(10) == []


BACKFILL = "SELECT indelible.record_imported(clinic, document) FROM history ORDER BY made_at"


def test_history_is_marked_and_comes_behind_what_happens_now_also_where_it_was_there_first(
    host, app, journal, log, source
):
    host.execute(BACKFILL)
    host.commit()
    with app.transaction():
        app.execute("SET LOCAL clinic.staff = 'usr_12'")
        app.execute("SELECT reschedule('bk_2', '2026-05-05T10:00:00+02')")
    assert drain_once(journal, source).appended == 4
    entries = [log.entry(seq) for seq in (1, 2, 3, 4)]
    assert [entry.action for entry in entries] == ["booking.rescheduled", *["booking.created"] * 3]
    assert [entry.imported for entry in entries] == [False, True, True, True]
    assert [entry.target["id"] for entry in entries[1:]] == ["bk_1", "bk_2", "bk_3"]
    assert all(entry.occurred_at < entry.recorded_at for entry in entries[1:])
    # A second run is answered with what is there, also about the booking that was rescheduled since.
    host.execute(BACKFILL)
    host.commit()
    assert drain_all(journal, source) == Drained(3, 0, 3, 0)


def test_a_server_that_may_record_may_not_write_history(app):
    with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
        app.execute("SELECT indelible.record_imported('c_lisbon', '{}')")


def test_history_by_a_file_is_the_same_entries_as_by_the_outbox(host, journal, log, source, tmp_path):
    rows = host.execute("SELECT document::text FROM history ORDER BY made_at").fetchall()
    (tmp_path / "history.jsonl").write_text("".join(f"{text}\n" for (text,) in rows), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "indelible.cli.main", "import", "history.jsonl", "--database", "activity.db"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "3 recorded, 0 there already, 0 refused\n", done.stderr
    host.execute(BACKFILL)
    host.commit()
    assert drain_all(journal, source) == Drained(3, 0, 3, 0)
    assert [log.entry(seq).imported for seq in (1, 2, 3)] == [True, True, True]
    assert json.loads(rows[0][0])["key"] == "history:booking:bk_1"
