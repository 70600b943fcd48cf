"""The plain outbox on each PostgreSQL driver that a host may have."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
from urllib.parse import urlsplit

import pg8000.dbapi
import psycopg
import psycopg2
import psycopg2.extras
import pytest

from indelible import InvalidInput, Staff
from indelible.catalogue.bookings import BookingCreated
from indelible.errors import StorageFailure
from indelible.outbox import Outbox, recorded, sql
from indelible.testing.logs import event

MARIA = Staff("usr_12", "Maria Fernandes")
outbox = Outbox("c_lisbon")


def _pg8000(url):
    parts = urlsplit(url)
    return pg8000.dbapi.connect(
        user=parts.username, host=parts.hostname, port=parts.port, database=parts.path.lstrip("/")
    )


DRIVERS = {
    "psycopg": psycopg.connect,
    "psycopg2": psycopg2.connect,
    "psycopg2 with rows of its own kind": lambda url: psycopg2.connect(
        url, cursor_factory=psycopg2.extras.RealDictCursor
    ),
    "psycopg2 with a class of its own": lambda url: psycopg2.connect(
        url, connection_factory=psycopg2.extras.LoggingConnection
    ),
    "pg8000": _pg8000,
}


@pytest.fixture
def host(request, postgres):
    """A host's database on PostgreSQL, installed by psycopg."""
    with psycopg.connect(postgres) as made:
        made.execute("CREATE TABLE booking (id TEXT PRIMARY KEY, state TEXT NOT NULL)")
        sql.install(made)
    return postgres


@pytest.fixture(params=DRIVERS)
def connection(request, host):
    """A connection to it by each driver in turn."""
    with contextlib.closing(DRIVERS[request.param](host)) as opened:
        if isinstance(opened, psycopg2.extras.LoggingConnection):
            opened.initialize(io.StringIO())
        yield opened


def run(connection, statement):
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(statement)


def committed(url, statement="SELECT target_id FROM indelible.outbox ORDER BY id"):
    with psycopg.connect(url) as reading:
        return [row[0] for row in reading.execute(statement).fetchall()]


def book(connection, booking):
    run(connection, f"INSERT INTO booking VALUES ('{booking}', 'booked')")
    return outbox.record(connection, BookingCreated(), actor=MARIA, target=("booking", booking))


def test_change_and_document_commit_or_roll_back_together(host, connection):
    book(connection, "bk_1")
    connection.rollback()
    key = book(connection, "bk_2")
    run(connection, "SAVEPOINT inner_one")
    book(connection, "bk_3")
    run(connection, "ROLLBACK TO SAVEPOINT inner_one")
    assert committed(host) == []
    connection.commit()
    assert committed(host) == committed(host, "SELECT id FROM booking") == ["bk_2"]
    assert committed(host, "SELECT key::text FROM indelible.outbox") == [key]


def test_in_autocommit_the_record_is_a_transaction_of_its_own(host, connection):
    connection.autocommit = True
    outbox.record(connection, event(1))
    assert committed(host) == ["bk_1"]


def test_any_characters_arrive_and_a_block_has_them(host, connection):
    name = "Zoë %s %(clinic)s :clinic ? $1 ' \" \\ \U0001f600"
    with recorded(connection) as documents:
        outbox.record(connection, event(client={"id": "cli_1", "name": name}))
    connection.commit()
    assert documents[0]["client"]["name"] == name
    (text,) = committed(host, "SELECT document::text FROM indelible.outbox")
    assert json.loads(text)["client"]["name"] == name


def test_history_is_marked(host, connection):
    outbox.record_imported(connection, event(occurred_at="2019-03-04T09:00:00Z"))
    connection.commit()
    assert committed(host, "SELECT imported FROM indelible.outbox") == [True]


def test_what_the_server_refuses_is_invalid_input_and_its_transaction_is_over(host, connection):
    with psycopg.connect(host) as admin:
        admin.execute("DELETE FROM indelible.action WHERE code = 'booking.cancelled'")
    with pytest.raises(InvalidInput, match=r"^action: is no code of this outbox") as error:
        outbox.record(connection, event())
    assert error.value.field == "action"
    with contextlib.suppress(Exception):
        connection.commit()  # which PostgreSQL makes a rollback, and some drivers an error
    assert committed(host) == []


def test_where_there_is_no_outbox_or_no_grant_it_is_said(host, connection):
    run(connection, "CREATE ROLE nobody_special; SET LOCAL ROLE nobody_special")
    with pytest.raises(StorageFailure, match="GRANT indelible_recorder"):
        outbox.record(connection, event())
    connection.rollback()
    run(connection, "DROP SCHEMA indelible CASCADE")
    with pytest.raises(StorageFailure, match="indelible outbox sql"):
        outbox.record(connection, event())


def test_it_installs_the_outbox_too(connection, host):
    run(connection, "DROP SCHEMA indelible CASCADE")
    sql.install(connection)
    connection.commit()
    outbox.record(connection, event(1))
    connection.commit()
    assert committed(host) == ["bk_1"]


def test_a_connection_that_sqlite_made_is_not_taken_for_one_of_these():
    with contextlib.closing(sqlite3.connect(":memory:")) as opened, pytest.raises(StorageFailure):
        outbox.record(opened, event())
