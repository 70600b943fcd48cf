"""Draining a PostgreSQL database into a log: the same work as on SQLite, through the functions that a host calls."""

from __future__ import annotations

import json

import psycopg
import pytest

from indelible.drain import copies
from indelible.drain.passes import Drained, drain_all, drain_once
from indelible.errors import StorageFailure
from indelible.outbox import sql
from indelible.outbox.postgres_source import PostgresSource
from indelible.stores.contract import SourceRow
from indelible.testing.logs import START, event


@pytest.fixture
def db(postgres, clock):
    # Rows have the time of a real clock here.
    clock.now = 4 * START // 3
    with psycopg.connect(postgres, autocommit=True) as made:
        with made.transaction():
            sql.install(made)
        yield made


@pytest.fixture
def source(postgres, db):
    opened = PostgresSource(postgres)
    yield opened
    opened.close()


def record(db, document, clinic="c_lisbon"):
    (key,) = db.execute("SELECT indelible.record(%s, %s::json)::text", (clinic, json.dumps(document))).fetchone()
    return key


def bookings(log):
    return [view.target["id"] for view in sorted(log.read("action:booking.cancelled"), key=lambda view: view.seq)]


def test_what_is_committed_is_recorded_once_and_in_order_and_what_is_rolled_back_is_not(journal, log, db, source):
    for number in (3, 1, 2):
        with db.transaction(force_rollback=number == 1):
            record(db, event(number))
    assert drain_all(journal, source) == Drained(2, 2, 0, 0)
    assert bookings(log) == ["bk_3", "bk_2"]
    assert drain_all(journal, source) == Drained()


def test_a_crash_behind_the_append_repeats(journal, log, db, source, postgres):
    class Dying(PostgresSource):
        def delete(self, places):
            raise KeyboardInterrupt

    record(db, event(1))
    record(db, event(2, key="own"))
    dying = Dying(postgres)
    with pytest.raises(KeyboardInterrupt):
        drain_once(journal, dying)
    dying.close()
    assert drain_once(journal, source) == Drained(2, 0, 2, 0)
    assert log.size == 2


def test_an_erasure_in_the_hosts_transaction_is_done_once_although_the_client_returned(journal, log, db, source):
    order = ("c_lisbon", "cli_77", "client", "erase-77")
    record(db, event(1))
    db.execute("SELECT indelible.anonymize(%s, %s, %s, %s)", order)
    assert drain_once(journal, source) == Drained(2, 2, 0, 0)
    record(db, event(2))
    db.execute("SELECT indelible.anonymize(%s, %s, %s, %s)", order)
    assert drain_once(journal, source) == Drained(2, 1, 1, 0)
    assert [view.seq for view in log.read("client:cli_77")] == [3]


def test_a_held_document_is_recorded_when_it_is_corrected(journal, log, db, source):
    key = record(db, event(1, context={"notice_minutes": "ninety"}))
    record(db, event(2), clinic="c_porto")
    assert drain_once(journal, source) == Drained(2, 0, 0, 2)
    assert [(held.reason.partition(":")[0], held.final) for held in source.held()] == [
        ("invalid", True),
        ("unknown_clinic", False),
    ]
    source.retry(key, json.dumps(event(1)))
    assert drain_once(journal, source) == Drained(1, 1, 0, 0)
    assert bookings(log) == ["bk_1"]
    assert [view.context["reason"] for view in log.read("action:log.held")] == ["invalid"]


def test_a_copy_that_was_unbound_is_not_drained_until_somebody_says_so(journal, log, db, source):
    record(db, event(1))
    drain_once(journal, source)
    db.execute("SELECT indelible.unbind()")
    record(db, event(2))
    with pytest.raises(StorageFailure, match="is none of the databases that this log is drained from"):
        drain_once(journal, source)
    copies.adopt(journal.store, source)
    assert drain_once(journal, source) == Drained(1, 1, 0, 0)


def test_a_server_whose_transactions_went_back_is_not_drained(journal, log, db, source):
    record(db, event(1))
    drain_once(journal, source)
    # As the log remembers it when the database is restored: it was further than it is.
    identity = source.identity()
    journal.store.keep_source(SourceRow(*identity._replace(xid=identity.xid + 1_000)))
    record(db, event(2))
    with pytest.raises(StorageFailure, match="is older than it was"):
        drain_once(journal, source)
    assert log.size == 1
