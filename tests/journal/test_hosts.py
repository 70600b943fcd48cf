"""Recording inside a host's own sqlite3 transaction on the same file."""

from __future__ import annotations

import sqlite3

import pytest

from indelible import document
from indelible.errors import Conflict, InvalidInput, StorageFailure
from indelible.testing.logs import assert_intact, event


@pytest.fixture
def host(log, tmp_path):
    connection = sqlite3.connect(tmp_path / "activity.db", isolation_level=None, timeout=0.05)
    connection.execute("CREATE TABLE booking (id TEXT PRIMARY KEY, state TEXT)")
    connection.execute("INSERT INTO booking VALUES ('bk_1', 'booked')")
    yield connection
    connection.close()


def state(host):
    return host.execute("SELECT state FROM booking").fetchone()[0]


def cancel(host, log, **members):
    host.execute("UPDATE booking SET state = 'cancelled'")
    return log.record_document(event(**members), connection=host)


def test_the_entry_commits_with_the_hosts_change(host, log):
    host.execute("BEGIN")
    assert cancel(host, log).seq == 1
    assert log.size == 0
    host.execute("COMMIT")
    assert (state(host), log.size, log.entry(1).target["id"]) == ("cancelled", 1, "bk_1")


def test_the_entry_goes_with_the_hosts_rollback_and_its_number_is_used_again(host, log):
    host.execute("BEGIN")
    lost = cancel(host, log, key="k")
    host.execute("ROLLBACK")
    assert (state(host), log.size) == ("booked", 0)
    assert_intact(log)
    host.execute("BEGIN")
    kept = cancel(host, log, key="k")
    host.execute("COMMIT")
    assert (lost.seq, kept.seq, kept.repeated) == (1, 1, False)
    assert lost.id != kept.id


def test_a_person_met_in_a_transaction_that_is_rolled_back_is_met_again(host, log):
    host.execute("BEGIN")
    cancel(host, log)
    host.execute("ROLLBACK")
    log.record_document(event())
    assert log.read("actor:usr_12").__next__().seq == 1


def test_several_entries_of_one_transaction_are_numbered_in_order(host, log):
    log.record_document(event(1))
    host.execute("BEGIN")
    assert [cancel(host, log, key=key).seq for key in ("a", "b", "a")] == [2, 3, 2]
    host.execute("COMMIT")
    assert log.record_document(event(4)).seq == 4


def test_a_savepoint_rolled_back_takes_its_entry_along(host, log):
    host.execute("BEGIN")
    cancel(host, log)
    host.execute("SAVEPOINT part")
    cancel(host, log, key="k")
    host.execute("ROLLBACK TO part")
    assert cancel(host, log, key="k").seq == 2
    host.execute("COMMIT")
    assert log.size == 2


@pytest.mark.parametrize("wrong", ["document", "conflict", "key"])
def test_an_error_leaves_the_hosts_transaction_usable(host, log, wrong):
    log.record_document(event(key="k"))
    host.execute("BEGIN")
    host.execute("UPDATE booking SET state = 'cancelled'")
    with pytest.raises((InvalidInput, Conflict)):
        log.record_document(
            {"document": event(context={"late": "yes"}), "conflict": event(2, key="k"), "key": event(key="@")}[wrong],
            connection=host,
        )
    assert host.in_transaction
    host.execute("COMMIT")
    assert (state(host), log.size) == ("cancelled", 1)


def test_a_failure_while_writing_undoes_the_entry_only(host, log):
    waiting = log.draft(document.parse(event()))
    log.append([waiting])
    host.execute("BEGIN")
    host.execute("UPDATE booking SET state = 'cancelled'")
    with pytest.raises(StorageFailure):
        log.append([log.draft(document.parse(event(2))), waiting], connection=host)  # its id is there already
    host.execute("COMMIT")
    assert (state(host), log.size) == ("cancelled", 1)


@pytest.mark.parametrize("level", ["", "DEFERRED", "IMMEDIATE", "EXCLUSIVE", None])
@pytest.mark.parametrize("factory", [None, sqlite3.Row, lambda cursor, row: {"one": row}])
def test_the_host_may_set_up_its_connection_as_it_likes(host, log, level, factory):
    host.isolation_level, host.row_factory = level, factory
    if level is None:
        host.execute("BEGIN")
    cancel(host, log, key="k")
    assert cancel(host, log, key="k").repeated
    assert (host.isolation_level, host.row_factory) == (level, factory)
    host.commit()
    assert log.size == 1


def test_outside_a_transaction_it_is_refused_and_nothing_is_written(host, log):
    with pytest.raises(StorageFailure, match="not in a transaction"):
        log.record_document(event(), connection=host)
    assert log.size == 0


def test_a_connection_to_another_file_is_refused(log, tmp_path):
    other = sqlite3.connect(tmp_path / "other.db", isolation_level=None)
    other.execute("BEGIN")
    with pytest.raises(StorageFailure, match="another database file"):
        log.record_document(event(), connection=other)
    other.close()
    assert log.size == 0


def test_while_a_host_holds_the_lock_others_wait_and_then_say_so(host, log, tmp_path):
    second = sqlite3.connect(tmp_path / "activity.db", isolation_level=None, timeout=0.05)
    host.execute("BEGIN IMMEDIATE")
    second.execute("BEGIN")
    with pytest.raises(StorageFailure, match="locked"):
        log.record_document(event(), connection=second)
    second.close()
    cancel(host, log)
    host.execute("COMMIT")
    assert log.size == 1


def test_a_checkpoint_while_a_host_writes_signs_what_is_committed(host, log):
    log.record_document(event())
    host.execute("BEGIN")
    cancel(host, log)
    assert log.size == 1
    host.execute("ROLLBACK")
    assert log.checkpoint().size == 1
