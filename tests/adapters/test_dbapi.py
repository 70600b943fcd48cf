"""Recording on a DB-API connection, in the host's own transaction."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3

import psycopg
import pytest
from psycopg.rows import dict_row

from indelible import InvalidInput, Staff
from indelible.catalogue.bookings import BookingCancelled, BookingCreated
from indelible.errors import StorageFailure
from indelible.outbox import Outbox
from indelible.outbox.statements import meaning, with_style
from indelible.testing.logs import event

MARIA = Staff("usr_12", "Maria Fernandes")
outbox = Outbox("c_lisbon")


def book(connection, booking):
    connection.execute(f"INSERT INTO booking VALUES ('{booking}', 'booked')")
    return outbox.record(connection, BookingCreated(), actor=MARIA, target=("booking", booking))


def test_a_change_and_its_document_are_committed_together(host):
    with contextlib.closing(host.connect()) as connection:
        key = book(connection, "bk_1")
        assert host.waiting() == []
        connection.commit()
    assert host.bookings() == ["bk_1"]
    assert host.waiting() == ["booking.created"]
    assert [str(one) for one in host.waiting("key")] == [key]
    assert host.waiting("target_id") == ["bk_1"]


def test_a_change_and_its_document_are_rolled_back_together(host):
    with contextlib.closing(host.connect()) as connection:
        book(connection, "bk_1")
        connection.rollback()
        book(connection, "bk_2")
        connection.commit()
    assert host.bookings() == ["bk_2"]
    assert host.waiting("target_id") == ["bk_2"]


def test_a_savepoint_that_is_rolled_back_takes_its_document_with_it(host):
    with contextlib.closing(host.connect()) as connection:
        book(connection, "bk_1")
        connection.execute("SAVEPOINT inner_one")
        book(connection, "bk_2")
        connection.execute("ROLLBACK TO SAVEPOINT inner_one")
        connection.commit()
    assert host.waiting("target_id") == host.bookings() == ["bk_1"]


def test_what_is_refused_sends_no_sql_and_the_transaction_can_go_on(host):
    with contextlib.closing(host.connect()) as connection:
        book(connection, "bk_1")
        with pytest.raises(InvalidInput):
            outbox.record(connection, BookingCancelled(), actor=MARIA, target=("room", "r_1"))
        book(connection, "bk_2")
        connection.commit()
    assert host.waiting("target_id") == ["bk_1", "bk_2"]


def test_that_a_client_is_back_is_said_with_the_action(host):
    with contextlib.closing(host.connect()) as connection:
        outbox.record(connection, BookingCreated(), actor=MARIA, target=("booking", "bk_1"), returned=True)
        connection.commit()
    (document,) = host.waiting("document")
    assert (document if isinstance(document, dict) else json.loads(document))["returned"] is True


def test_a_connection_in_autocommit_makes_the_record_a_transaction_of_its_own(host):
    connection = (
        sqlite3.connect(host.url, isolation_level=None)
        if host.engine == "sqlite"
        else psycopg.connect(host.url, autocommit=True)
    )
    with contextlib.closing(connection):
        book(connection, "bk_1")
        assert host.waiting("target_id") == ["bk_1"]


def test_history_is_marked_as_imported(host):
    with contextlib.closing(host.connect()) as connection:
        outbox.record_imported(connection, event(occurred_at="2019-03-04T09:00:00Z"))
        connection.commit()
    assert [bool(one) for one in host.waiting("imported")] == [True]


def test_the_document_arrives_as_it_was_written_whatever_its_characters(host):
    with contextlib.closing(host.connect()) as connection:
        outbox.record(connection, event(client={"id": "cli_1", "name": "Zoë %s :clinic ' \" \\ 😀"}))
        connection.commit()
    found = host.waiting("document")[0]
    assert (json.loads(found) if isinstance(found, str) else found)["client"]["name"] == "Zoë %s :clinic ' \" \\ 😀"


def test_a_function_says_the_clinic_each_time(host):
    clinics = iter(["c_lisbon", "c_porto"])
    with contextlib.closing(host.connect()) as connection:
        each = Outbox(lambda: next(clinics))
        for number in (1, 2):
            each.record(connection, event(number))
        connection.commit()
    assert host.waiting("clinic") == ["c_lisbon", "c_porto"]


def test_a_host_with_rows_of_its_own_kind_gets_a_key(host):
    with contextlib.closing(host.connect()) as connection:
        connection.row_factory = sqlite3.Row if host.engine == "sqlite" else dict_row
        assert len(outbox.record(connection, event())) == 36


def test_a_class_derived_from_the_drivers_is_known(tmp_path):
    class Traced(sqlite3.Connection):
        pass

    connection = sqlite3.connect(tmp_path / "a.db", factory=Traced)
    with contextlib.closing(connection), pytest.raises(StorageFailure, match="has no outbox"):
        outbox.record(connection, event())


def test_where_there_is_no_outbox_it_is_said_how_to_make_one(postgres, tmp_path):
    for connection in (psycopg.connect(postgres), sqlite3.connect(tmp_path / "empty.db")):
        with contextlib.closing(connection), pytest.raises(StorageFailure, match="indelible outbox sql"):
            outbox.record(connection, event())


@pytest.mark.parametrize("host", ["postgresql"], indirect=True)
def test_a_role_that_may_not_record_is_told_what_it_lacks(host):
    with contextlib.closing(host.connect()) as connection:
        connection.execute("DROP ROLE IF EXISTS nobody_special")
        connection.execute("CREATE ROLE nobody_special")
        connection.execute("SET LOCAL ROLE nobody_special")
        with pytest.raises(StorageFailure, match="GRANT"):
            outbox.record(connection, event())
        connection.rollback()


@pytest.mark.parametrize("host", ["postgresql"], indirect=True)
def test_what_the_servers_own_function_refuses_is_invalid_input_in_its_words(host):
    with contextlib.closing(host.connect()) as connection:
        connection.execute("DELETE FROM indelible.action WHERE code = 'booking.cancelled'")
        with pytest.raises(InvalidInput, match="is no code of this outbox") as error:
            outbox.record(connection, event())
        assert error.value.field == "action"


@pytest.mark.parametrize("wrong", [None, "file.db", object(), 1])
def test_what_is_no_connection_is_refused(wrong):
    with pytest.raises(InvalidInput, match="no DB-API connection"):
        outbox.record(wrong, event())


def test_an_asynchronous_connection_is_refused(postgres):
    async def attempt():
        async with await psycopg.AsyncConnection.connect(postgres) as connection:
            outbox.record(connection, event())

    with pytest.raises(InvalidInput, match="asynchronous"):
        asyncio.run(attempt())


@pytest.mark.parametrize(
    ("style", "written"),
    [
        ("qmark", ("VALUES (?, ?)", [1, 2])),
        ("format", ("VALUES (%s, %s)", [1, 2])),
        ("numeric", ("VALUES (:1, :2)", [1, 2])),
        ("named", ("VALUES (:a, :b)", {"a": 1, "b": 2})),
        ("pyformat", ("VALUES (%(a)s, %(b)s)", {"a": 1, "b": 2})),
    ],
)
def test_a_statement_is_written_in_each_style_of_pep_249(style, written):
    assert with_style("VALUES (:a, :b)", {"a": 1, "b": 2}, style) == written


def test_a_driver_that_hands_on_the_servers_message_by_letters_is_understood():
    said = Exception({"S": "ERROR", "C": "22023", "M": "actor.kind: must be staff or client"})
    meant = meaning(said)
    assert isinstance(meant, InvalidInput)
    assert (str(meant), meant.field) == ("actor.kind: must be staff or client", "actor.kind")
    assert meaning(Exception({"C": "40001", "M": "could not serialize access"})) is None
