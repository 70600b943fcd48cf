"""A client is anonymized while their documents wait, are held, are not committed, or are out of reach."""

from __future__ import annotations

import json
import threading
import time
from contextlib import closing

import psycopg
import psycopg.conninfo
import pytest

from indelible.drain import copies
from indelible.drain.erased_names import EMPTIED, names
from indelible.drain.erasure import Outboxes
from indelible.drain.passes import drain_all, drain_once
from indelible.errors import NotFound
from indelible.outbox import sql
from indelible.outbox.postgres_source import PostgresSource
from indelible.outbox.source import Waiting
from indelible.record.document import System
from indelible.testing.logs import event

JOB = System("job:test")


def anonymize(log, urls, client="cli_77", within=5.0):
    outboxes = Outboxes(log.shared, urls, within)
    done = log.anonymize(client, requested_by="client", actor=JOB)
    return done, outboxes.empty(log.clinic.id, [client])


def everything(path) -> bytes:
    """The bytes of a host's file and its write-ahead log."""
    return b"".join(one.read_bytes() for one in path.parent.glob(f"{path.name}*"))


# What waits


def test_what_waits_is_recorded_first_and_goes_with_the_rest(log, host):
    host.events(1, 2)
    done, beside = anonymize(log, [str(host.path)])
    assert (done.entry.seq, host.waiting()) == (3, 0)
    assert [log.entry(seq).states["client.name"] for seq in (1, 2)] == ["erased"] * 2
    assert beside.complete
    assert "Ana" not in str([view.client for view in log.read("")])


def test_on_postgresql_too(log, connection, postgres, clock):
    clock.now = time.time_ns() // 1000
    sql.install(connection)
    connection.execute("SELECT indelible.record('c_lisbon', %s)", (json.dumps(event(1)),))
    connection.execute("INSERT INTO indelible.outbox (clinic, action, target_kind, target_id, document) VALUES"
                       " ('c_lisbon', 'client.updated', 'client', 'cli_77', %s)",
                       (json.dumps(event(2, actor=None)),))  # fmt: skip
    connection.commit()
    done, beside = anonymize(log, [postgres])
    assert (done.entry.seq, beside.emptied, beside.complete) == (3, 1, True)  # log.held is the second
    connection.commit()
    row = connection.execute("SELECT document::text, target_kind, target_id, reason, final, clinic FROM indelible.held")
    assert row.fetchone() == ("{}", "client", None, EMPTIED, True, "c_lisbon")


def test_a_drainer_without_the_right_to_change_what_is_held_empties_it(log, connection, postgres, server, clock):
    clock.now = time.time_ns() // 1000
    sql.install(connection)
    connection.execute("INSERT INTO indelible.outbox (clinic, document) VALUES ('c_lisbon', %s)",
                       (json.dumps(event(2, actor=None)),))  # fmt: skip
    connection.execute("CREATE ROLE only_drains LOGIN; GRANT indelible_drainer TO only_drains")
    connection.commit()
    where = server.url_of(psycopg.conninfo.conninfo_to_dict(postgres)["dbname"], "only_drains")
    try:
        with pytest.raises(NotFound):
            anonymize(log, [where])  # nobody was recorded
        beside = Outboxes(log.shared, [where]).empty("c_lisbon", ["cli_77"])
        assert (beside.emptied, beside.unreached) == (1, [])
    finally:
        connection.execute("DROP OWNED BY only_drains; DROP ROLE only_drains")
        connection.commit()


# What is held


def test_what_is_held_is_emptied_and_says_why_and_nothing_of_it_stays_in_the_file(log, host, source):
    host.events(1)
    key = host.put(event(2, actor=None))
    other = host.put(event(3, actor=None, client={"id": "cli_78", "name": "Rui Alves"}))
    elsewhere = host.put(event(4), "c_faro")
    _, beside = anonymize(log, [str(host.path)])
    assert (beside.emptied, beside.complete) == (1, True)
    held = {one.waiting.key: one for one in source.held()}
    assert (held[key].waiting.document, held[key].reason, held[key].final) == ("{}", EMPTIED, True)
    assert "Rui Alves" in held[other].waiting.document
    assert "Ana" in held[elsewhere].waiting.document  # another clinic's client of the same id
    assert anonymized_again(log, host) == 0
    source.retry(elsewhere, None)
    host.db.execute("DELETE FROM indelible_outbox")
    host.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    host.db.execute("VACUUM")
    host.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert b"Ana Sousa" not in everything(host.path)
    assert b"Rui Alves" in everything(host.path)


def anonymized_again(log, host) -> int:
    return Outboxes(log.shared, [str(host.path)]).empty("c_lisbon", ["cli_77"]).emptied


def test_an_erasure_that_the_host_asked_for_empties_what_its_outbox_holds(journal, host, source):
    host.events(1)
    host.put(event(2, actor=None))
    host.put({"client": "cli_77", "requested_by": "client"}, erasure=1)
    assert drain_all(journal, source).held == 1
    (held,) = source.held()
    assert (held.waiting.document, held.reason) == ("{}", EMPTIED)


def test_an_order_to_erase_that_could_not_be_read_stays_as_it_is(journal, host, source):
    host.put({"client": "cli_77", "requested_by": "nobody"}, erasure=1)
    drain_once(journal, source)
    (held,) = source.held()
    assert "cli_77" in held.waiting.document


@pytest.mark.parametrize(("document", "named"), [
    ({"client": {"id": "cli_77"}}, True),
    ({"client": {"id": "cli_7"}}, False),
    ({"target": {"kind": "client", "id": "cli_77"}}, True),
    ({"target": {"kind": "booking", "id": "cli_77"}}, False),
    ({"actor": {"kind": "client", "id": "cli_77"}}, True),
    ({"actor": {"kind": "staff", "id": "cli_77"}}, False),
    ({"actor": {"kind": "agent", "id": "a", "on_behalf_of": {"kind": "client", "id": "cli_77"}}}, True),
    ({"people": [{"role": "payer", "id": "cli_78"}, {"role": "guardian", "id": "cli_77"}]}, True),
    ({"people": ["cli_77"], "client": "cli_77", "actor": 7, "target": None}, False),
    ([], False),
    (["cli_77"], True),
])  # fmt: skip
def test_a_person_is_named_by_id_and_role(document, named):
    assert names(Waiting((0, 1), "k", "c", json.dumps(document), 0), frozenset({"cli_77"})) is named


def test_a_hosts_number_is_an_id_and_what_cannot_be_read_names_whoever_is_in_it():
    row = Waiting((0, 1), "k", "c", '{"client": {"id": 77}}', 0)
    assert names(row, frozenset({"77"}))
    assert not names(row, frozenset({"True"}))
    assert names(Waiting((0, 1), "k", "c", '{"client": {"id": "cli_77"', 0), frozenset({"cli_77"}))
    assert names(Waiting((0, 1), "k", "c", '{"client": "cli_77"}', 0, erasure=True), frozenset({"cli_77"}))


# What is not there, and who cannot be reached


def test_what_is_committed_afterwards_comes_late_and_without_the_name(log, journal, connection, postgres, clock):
    clock.now = time.time_ns() // 1000
    sql.install(connection)
    connection.execute("SELECT indelible.record('c_lisbon', %s)", (json.dumps(event(1)),))
    connection.commit()
    connection.execute("SELECT indelible.record('c_lisbon', %s)", (json.dumps(event(2)),))  # and not committed
    clock.now = time.time_ns() // 1000
    done, beside = anonymize(log, [postgres])
    assert (done.entry.seq, beside.complete) == (2, True)
    connection.commit()
    with closing(PostgresSource(postgres)) as source:
        assert drain_all(journal, source).appended == 1
    assert list(log.read("client:cli_77")) == []
    assert "client.name" in log.entry(3).members["left_out"]
    assert "Ana" not in str(log.entry(3).document())


def test_who_cannot_be_reached_is_named_and_the_erasure_is_done(log, host, tmp_path):
    host.events(1)
    gone = "postgresql://u:secret@127.0.0.1:1/clinic"
    done, beside = anonymize(log, [str(host.path), gone, str(tmp_path / "nowhere.db")])
    assert done.entry.seq == 2
    assert log.entry(1).states["client.name"] == "erased"
    first, second = beside.unreached
    assert first.startswith("postgresql://127.0.0.1:1/clinic: ")
    assert "nowhere.db" in second
    assert "secret" not in str(beside)
    assert not beside.complete


def test_an_outbox_that_hangs_is_given_up_in_time_and_named(log, host, monkeypatch):
    log.record_document(event(1))
    free = threading.Event()
    monkeypatch.setattr("indelible.drain.erasure.drain_once", lambda *given: free.wait(60))
    try:
        begun = time.monotonic()
        _, beside = anonymize(log, [str(host.path)], within=0.2)
        assert time.monotonic() - begun < 30
    finally:
        free.set()
    assert beside.unreached == [f"{host.path}: it did not answer within 0 seconds"]


def test_a_known_database_without_an_address_is_counted(log, journal, host, source):
    host.events(1)
    drain_all(journal, source)
    _, beside = anonymize(log, [])
    assert (beside.unnamed, beside.unreached) == (1, [])


def test_a_copy_is_not_drained_and_is_named(log, journal, host, source, connection, postgres):
    host.events(1)
    drain_all(journal, source)
    sql.install(connection)
    connection.commit()
    _, beside = anonymize(log, [str(host.path), postgres])
    (one,) = beside.unreached
    assert "none of the databases" in one
    with closing(PostgresSource(postgres)) as other:
        copies.adopt(log.shared.store, other)
