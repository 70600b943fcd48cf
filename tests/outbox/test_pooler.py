"""From a PostgreSQL host into the log, straight and behind a pooler that gives each transaction another connection."""

from __future__ import annotations

import json
import time
from contextlib import closing

import psycopg
import pytest

from indelible.drain.passes import Drained, drain_all
from indelible.outbox import sql
from indelible.outbox.postgres_source import PostgresSource
from indelible.testing.logs import event
from indelible.testing.postgres import pooled

__all__ = ["pooled"]


def record(connection, number: int, **members) -> None:
    connection.execute("SELECT indelible.record('c_lisbon', %s::json)", [json.dumps(event(number, **members))])


@pytest.fixture
def now(clock):
    """The journal's clock as the server's, which no test can move."""
    clock.now = time.time_ns() // 1000
    return clock.now


def test_documents_of_a_postgres_host_are_in_the_log_once_and_in_order(journal, log, now, connection, postgres):
    sql.install(connection)
    for number in (3, 1, 2):
        record(connection, number)
    record(connection, 4, key="own-4", occurred_at="2026-05-01T10:00:00Z")
    connection.commit()
    with closing(PostgresSource(postgres)) as source:
        assert drain_all(journal, source) == Drained(4, 4, 0, 0)
        assert [log.entry(seq).target["id"] for seq in (1, 2, 3, 4)] == ["bk_3", "bk_1", "bk_2", "bk_4"]
        record(connection, 4, key="own-4", occurred_at="2026-05-01T10:00:00Z")
        record(connection, 5, context={"late": "yes"})
        connection.execute("SELECT indelible.record('c_nowhere', %s::json)", [json.dumps(event(6))])
        connection.commit()
        assert drain_all(journal, source) == Drained(3, 0, 1, 2)
        held = {one.waiting.clinic: one for one in source.held()}
        assert (held["c_lisbon"].final, held["c_nowhere"].final) == (True, False)
        source.retry(held["c_lisbon"].waiting.key, json.dumps(event(5)))
        assert drain_all(journal, source).appended == 1


def test_an_erasure_in_the_hosts_transaction_erases_in_the_log(journal, log, now, connection, postgres):
    sql.install(connection)
    record(connection, 1)
    connection.execute("SELECT indelible.anonymize('c_lisbon', 'cli_77', 'client')")
    connection.commit()
    with closing(PostgresSource(postgres)) as source:
        assert drain_all(journal, source) == Drained(2, 2, 0, 0)
    assert [log.entry(seq).action for seq in (1, 2)] == ["booking.cancelled", "client.anonymized"]
    assert log.entry(1).client == {"id": None, "name": None}


def test_all_of_it_works_behind_a_pooler_in_transaction_mode(journal, log, now, pooled):
    # The hosts' drivers: nothing prepared, as a pooler of this age wants it.
    with psycopg.connect(pooled, prepare_threshold=None) as host:
        sql.install(host)
    with closing(PostgresSource(pooled)) as source, closing(PostgresSource(pooled)) as other:
        for number in range(12):
            with psycopg.connect(pooled, prepare_threshold=None) as host:
                host.execute("SET LOCAL synchronous_commit = off")
                record(host, number)
                other.read(10)
                assert len(source.read(10)) == number % 4
            if number % 4 == 3:
                assert drain_all(journal, source) == Drained(4, 4, 0, 0)
            other.identity()
        with psycopg.connect(pooled, prepare_threshold=None) as host:
            record(host, 99, context={"late": "yes"})
        assert drain_all(journal, other).held == 1
        other.retry(source.held()[0].waiting.key, json.dumps(event(99)))
        assert drain_all(journal, source).appended == 1
    # Twelve, one that was corrected, and the log's own about what is held.
    assert len(list(log.read("-action:log.held"))) == 13
