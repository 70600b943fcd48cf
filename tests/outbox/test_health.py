"""One look at an outbox: what it counts, what it costs, and what it says where there is nothing to look at."""

from __future__ import annotations

import json
import time
from contextlib import closing

import psycopg
import pytest

from indelible.drain import health, refusals
from indelible.drain.passes import drain_once
from indelible.outbox import guard, sql
from indelible.outbox.postgres_source import PostgresSource
from indelible.outbox.source import Backlog
from indelible.testing.logs import event


@pytest.fixture
def outbox(connection):
    """A PostgreSQL database with an outbox."""
    sql.install(connection)
    connection.commit()
    connection.autocommit = True
    return connection


@pytest.fixture
def pg(postgres, outbox):
    with closing(PostgresSource(postgres)) as source:
        yield source


@pytest.fixture
def clock(clock):
    """The journal's clock, which stands where that of the server is."""
    clock.now = time.time_ns() // 1000
    return clock


def put(outbox, number=1, clinic="c_lisbon", seconds=0):
    outbox.execute(
        "INSERT INTO indelible.outbox (clinic, action, document, at) VALUES (%s, 'booking.cancelled', %s,"
        " clock_timestamp() - make_interval(secs => %s))",
        (clinic, json.dumps(event(number)), seconds),
    )


def test_what_waits_is_counted_for_one_clinic_and_for_all_with_the_age_of_the_oldest(pg, outbox):
    assert pg.backlog(10) == Backlog(0, None, {})
    put(outbox, 1, seconds=90)
    put(outbox, 2, seconds=5)
    put(outbox, 3, "c_porto", seconds=300)
    found = health.look(pg)
    assert (found.problem, found.waiting) == (None, 3)
    assert 300 <= (found.age_seconds or 0) < 330
    one = health.look(pg, clinic="c_lisbon")
    assert one.waiting == 2
    assert 90 <= (one.age_seconds or 0) < 120
    assert health.look(pg, clinic="c_faro").age_seconds is None


def test_it_counts_exactly_up_to_the_bound_and_says_more_beyond(pg, outbox, source, host):
    host.events(*range(6))
    for number in range(6):
        put(outbox, number)
    for one in (pg, source):
        assert [one.backlog(bound).waiting for bound in (7, 6, 5, 2)] == [6, 6, 6, 3]
        assert [one.backlog(bound, "c_lisbon").waiting for bound in (7, 6, 5, 2)] == [6, 6, 6, 3]


def test_a_look_on_many_rows_reads_no_more_of_them_than_the_bound(pg, outbox):
    outbox.execute(
        "INSERT INTO indelible.outbox (clinic, action, document, imported) SELECT CASE n % 2 WHEN 0 THEN 'c_lisbon'"
        " ELSE 'c_porto' END, 'booking.cancelled', '{}', n % 10 = 0 FROM generate_series(1, 20000) n"
    )
    outbox.execute("ANALYZE indelible.outbox")
    outbox.execute("SELECT pg_stat_reset()")
    for clinic in (None, "c_lisbon"):
        assert pg.backlog(100, clinic).waiting == 101
    with pg.postgres() as db:
        db.execute("SELECT pg_stat_force_next_flush()")  # told at the end of this statement
    (read,) = outbox.execute(
        "SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes WHERE relid = 'indelible.outbox'::regclass"
    ).fetchone()
    (scanned,) = outbox.execute(
        "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relid = 'indelible.outbox'::regclass"
    ).fetchone()
    assert 0 < read < 1000
    assert scanned == 0


def test_held_documents_are_counted_by_reason_and_for_one_clinic(pg, outbox, journal):
    put(outbox)
    put(outbox, clinic="c_faro")
    outbox.execute("INSERT INTO indelible.outbox (clinic, document) VALUES ('c_lisbon', '{}')")
    drain_once(journal, pg)
    assert health.look(pg).held == {("invalid", True): 1, ("unknown_clinic", False): 1}
    assert health.look(pg, clinic="c_lisbon").held == {("invalid", True): 1}
    assert health.look(pg).held_in_all == 2


def test_sqlite_says_the_same_and_has_no_guard(source, host, journal, clock):
    host.events(1)
    host.put("{}")
    host.put(event(2), "c_faro")
    drain_once(journal, source)
    host.events(3)
    found = health.look(source, journal.store, end_users=())
    assert (found.waiting, found.held) == (1, {("invalid", True): 1, ("unknown_clinic", False): 1})
    assert (found.age_seconds or 0) > 0
    assert (found.guards, found.totals, found.findings, found.copied) == ((), (), (), None)


def test_guards_and_the_completeness_of_one_clinic_are_seen(pg, outbox):
    outbox.execute("CREATE TABLE booking (id text PRIMARY KEY, clinic_id text)")
    guard.install(outbox, "booking", "booking", "id", clinic="clinic_id", mode="count")
    outbox.execute("INSERT INTO booking VALUES ('bk_1', 'c_lisbon'), ('bk_2', 'c_porto'), ('bk_3', 'c_porto')")
    found = health.look(pg, clinic="c_porto")
    assert [(one.table, one.changes, one.recorded, one.outside) for one in found.totals] == [("booking", 2, 0, 2)]
    assert [one.changes for one in health.look(pg).totals] == [3]
    assert found.broken == []
    outbox.execute("ALTER TABLE booking DISABLE TRIGGER USER")
    assert [one.state for one in health.look(pg).broken] == ["trigger disabled"]


def test_a_copy_is_seen_and_nothing_of_it_is_kept(pg, journal):
    assert health.look(pg, journal.store).copied is None
    assert journal.store.sources() == []
    drain_once(journal, pg)


def test_another_database_is_a_copy_or_none_of_the_logs(pg, outbox, source, host, journal):
    host.events(1)
    drain_once(journal, source)
    assert "none of the databases" in (health.look(pg, journal.store).copied or "")
    assert len(journal.store.sources()) == 1


def test_who_may_do_what_is_looked_at_when_it_is_asked_for(pg, outbox):
    assert health.look(pg).findings == ()
    # The tests' own server does not wait for its disk.
    assert [
        one.text for one in health.look(pg, end_users=()).findings if not one.good and "fsync" not in one.text
    ] == []
    outbox.execute("CREATE ROLE web_user; GRANT indelible_recorder TO web_user")
    try:
        (bad,) = [one for one in health.look(pg, end_users=()).findings if not one.good and "fsync" not in one.text]
        assert "web_user may call indelible.record" in bad.text
    finally:
        outbox.execute("DROP ROLE web_user")


def test_what_does_not_answer_is_said_without_a_password(tmp_path, journal):
    found = health.look_at("postgresql://u:secret@127.0.0.1:1/clinic", journal)
    assert not found.answers
    assert "does not answer" in (found.problem or "")
    assert "secret" not in str(found)
    missing = health.look_at(str(tmp_path / "nowhere.db"))
    assert "there is no database" in (missing.problem or "")
    other = health.look_at(str(tmp_path / "activity.db"))
    assert "has no outbox" in (other.problem or "")
    assert other.answers


def test_a_role_that_may_not_look_is_told_what_it_needs(server, postgres, outbox):
    outbox.execute("CREATE ROLE nobody_much LOGIN")
    try:
        where = server.url_of(psycopg.conninfo.conninfo_to_dict(postgres)["dbname"], "nobody_much")
        assert "GRANT indelible_drainer" in (health.look_at(where).problem or "")
        outbox.execute("GRANT indelible_drainer TO nobody_much")
        assert health.look_at(where, end_users=()).problem is None
    finally:
        outbox.execute("DROP OWNED BY nobody_much; DROP ROLE nobody_much")


def test_a_release_sees_back_what_it_holds(pg, outbox, journal):
    put(outbox, clinic="c_faro")
    drain_once(journal, pg)
    journal.add_clinic("c_faro", name="Faro", zone="Europe/Lisbon")
    assert refusals.release(journal, pg) == 1
    found = health.look(pg)
    assert (found.waiting, found.held) == (1, {})
    drain_once(journal, pg)
