"""Draining: what is committed in the host's database is in the log, once, in order; and what stops it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from tests.outbox.conftest import AT

from indelible import Journal
from indelible.drain import copies, intake
from indelible.drain import passes as drain
from indelible.drain.passes import Drain, Drained, drain_all, drain_once
from indelible.errors import IndelibleError, KeyUnavailable, StorageFailure
from indelible.outbox import sqlite_source
from indelible.outbox.sqlite_source import SQLiteSource
from indelible.testing.logs import event


class Crash(Exception):
    """The drainer's process ends here."""


def seqs(log, words=""):
    return [(view.seq, view.target["id"]) for view in reversed(list(log.read(words)))]


def without_key(number=1, **members):
    return event(number, **members)


def test_committed_documents_are_recorded_in_their_order_and_leave_the_outbox(journal, log, host, source):
    host.events(3, 1, 2)
    assert drain_once(journal, source) == Drained(3, 3, 0, 0)
    assert [view.target["id"] for view in sorted(log.read(), key=lambda view: view.seq)] == ["bk_3", "bk_1", "bk_2"]
    assert host.waiting() == 0
    assert drain_once(journal, source) == Drained()


def test_who_has_few_documents_does_not_wait_for_the_many_of_another(journal, host, source, monkeypatch):
    journal.add_clinic("c_porto", name="Porto", zone="Europe/Lisbon")
    host.events(1, 2, 3)
    host.put(event(4), clinic="c_porto")
    order = []
    take = intake.take

    def watched(log, rows):
        order.append(rows[0].clinic)
        return take(log, rows)

    monkeypatch.setattr(drain, "take", watched)
    assert drain_once(journal, source).appended == 4
    assert order == ["c_porto", "c_lisbon"]


def test_a_document_without_a_time_happened_when_its_row_was_made(journal, log, host, source):
    host.put(without_key(), at=AT - 60_000_000)
    drain_once(journal, source)
    assert log.entry(1).occurred_at == AT - 60_000_000


def test_history_is_marked_as_imported(journal, log, host, source):
    host.put(event(1, occurred_at="2019-03-01T10:00:00Z"), imported=1)
    host.put(event(2))
    drain_once(journal, source)
    assert [log.entry(seq).imported for seq in (1, 2)] == [False, True]


@pytest.mark.parametrize("keyed", [True, False], ids=["own key", "row's key"])
@pytest.mark.parametrize("step", ["hold", "delete"])
def test_a_crash_behind_the_append_repeats_and_records_nothing_twice(journal, log, host, step, keyed):
    for number in range(3):
        host.put(event(number, key=f"own-{number}" if keyed else None))
    host.put(event(9, actor=None))

    class Dying(SQLiteSource):
        def hold(self, held):
            super().hold(held)
            if step == "hold":
                raise Crash

        def delete(self, places):
            raise Crash

    dying = Dying(host.path)
    with pytest.raises(Crash):
        drain_once(journal, dying)
    dying.close()
    source = SQLiteSource(host.path)
    assert drain_once(journal, source) == Drained(3, 0, 3, 0)
    assert [view.action for view in log.read("-action:log.held")] == ["booking.cancelled"] * 3
    assert (host.waiting(), len(source.held())) == (0, 1)
    source.close()


def test_a_second_drainer_that_read_the_same_rows_only_repeats(journal, log, host, source):
    host.events(1, 2)

    class Slow(SQLiteSource):
        def read(self, limit):
            rows = super().read(limit)
            drain_once(journal, source)  # the other one is quicker
            return rows

    slow = Slow(host.path)
    assert drain_once(journal, slow) == Drained(2, 0, 2, 0)
    assert log.size == 2
    slow.close()


def test_an_honest_retry_under_the_hosts_own_key_is_the_same_entry(journal, log, host, source):
    for at in (AT, AT + 500_000):
        host.put(event(1, key="cancel-1"), at=at)
        drain_once(journal, source)
    assert log.size == 1
    assert list(source.held()) == []


def test_rows_of_one_clinic_do_not_keep_another_waiting(journal, host, source):
    porto = journal.add_clinic("c_porto", name="Porto", zone="Europe/Lisbon")
    host.events(*range(50))
    host.events(1, clinic="c_porto")
    drain_once(journal, source, limit=10)
    assert porto.size == 1
    assert drain_all(journal, source, limit=10) == Drained(41, 41, 0, 0)


def test_an_erasure_comes_behind_what_was_recorded_before_it_and_before_what_follows(journal, log, host, source):
    host.events(1)
    host.put({"client": "cli_77", "requested_by": "client"}, erasure=1)
    host.events(2)
    assert drain_once(journal, source) == Drained(3, 3, 0, 0)
    assert [log.entry(seq).action for seq in (1, 2, 3)] == [
        "booking.cancelled",
        "client.anonymized",
        "booking.cancelled",
    ]
    assert [seq for seq, _ in seqs(log, "client:cli_77")] == [3]
    assert log.entry(2).actor["reason"] == "job:anonymize"


def test_an_erasure_whose_row_comes_again_does_not_erase_a_client_who_returned(journal, log, host, source):
    host.events(1)
    order = {"client": "cli_77", "requested_by": "client", "key": "erase-77"}
    host.put(order, erasure=1)
    drain_once(journal, source)
    host.events(2)
    host.put(order, erasure=1)  # as from a backup of the host's database
    assert drain_once(journal, source) == Drained(2, 1, 1, 0)
    assert seqs(log, "client:cli_77") == [(3, "bk_2")]


def test_who_returns_before_an_erasure_that_waited_is_drained_is_somebody_new_by_name(journal, log, host, source):
    """The host asked for it at noon and met the client again at five past; the drainer comes at ten past."""
    host.put(event(1), at=AT - 600_000_000)
    host.put({"client": "cli_77", "requested_by": "client"}, erasure=1, at=AT - 600_000_000)
    host.put(event(2), at=AT - 300_000_000)
    host.put(event(3), at=AT - 900_000_000)  # and a document of before that comes behind
    assert drain_once(journal, source) == Drained(4, 4, 0, 0)
    assert log.entry(2).occurred_at == AT - 600_000_000
    assert seqs(log, "client:cli_77") == [(3, "bk_2")]
    assert "client.name" in log.entry(4).members["left_out"]


def test_an_erasure_of_somebody_who_was_never_recorded_is_done_already(journal, log, host, source):
    host.put({"client": "cli_1", "requested_by": "retention_rule"}, erasure=1)
    assert drain_once(journal, source) == Drained(1, 0, 1, 0)
    assert (log.size, host.waiting()) == (0, 0)


# What stops draining, and holds nothing


def test_a_host_whose_clock_is_ahead_stops_it(journal, log, clock, host, source):
    host.put(event(1), at=clock.now + 301_000_000)
    with pytest.raises(StorageFailure, match="clock of the host's database is more than 5 minutes ahead"):
        drain_once(journal, source)
    assert (log.size, host.waiting(), list(source.held())) == (0, 1, [])
    clock.advance(60)
    assert drain_once(journal, source).appended == 1


def test_a_missing_key_stops_it(journal, host, source, tmp_path):
    host.events(1)
    db = sqlite3.connect(tmp_path / "activity.db")
    with db:
        taken = db.execute("SELECT * FROM indelible_key WHERE kind = 'lookup'").fetchall()
        db.execute("DELETE FROM indelible_key WHERE kind = 'lookup'")
    other = Journal(tmp_path / "activity.db", clock=journal.clock)
    with pytest.raises(KeyUnavailable, match="restore a backup"):
        drain_once(other, source)
    other.close()
    assert (host.waiting(), list(source.held())) == (1, [])
    with db:
        db.executemany("INSERT INTO indelible_key VALUES (?, ?, ?, ?)", taken)
    db.close()


def test_a_log_that_cannot_be_written_stops_it(journal, log, host, source, tmp_path):
    host.events(1)
    host.put(event(2, actor=None))
    db = sqlite3.connect(tmp_path / "activity.db", isolation_level=None)
    db.execute("CREATE TRIGGER full BEFORE INSERT ON indelible_entry BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    with pytest.raises(StorageFailure, match="disk full"):
        drain_once(journal, source)
    assert (host.waiting(), list(source.held())) == (2, [])
    db.execute("DROP TRIGGER full")
    db.close()
    assert drain_once(journal, source) == Drained(2, 1, 0, 1)


# A copy does not record


def copied(host, path):
    host.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    shutil.copy(host.path, path)
    return SQLiteSource(path)


def restored(host, backup):
    """Put another file in the place of the host's, as a restore does."""
    backup.rename(host.path)
    for end in ("-wal", "-shm"):  # of the file that went, or SQLite would bring back what they hold
        host.path.with_name(f"{host.path.name}{end}").unlink(missing_ok=True)


def refused(journal, source, reason):
    before = source.read(1_000)
    with pytest.raises(StorageFailure, match=f"{reason}.*nothing was taken from it.*`indelible outbox adopt`"):
        drain_once(journal, source)
    assert source.read(1_000) == before


def test_a_copy_is_not_drained_until_somebody_says_so(journal, log, host, source, tmp_path):
    host.events(1)
    drain_once(journal, source)
    host.events(2)
    copy = copied(host, tmp_path / "copy.db")
    refused(journal, copy, "is a copy")
    assert log.size == 1
    copies.adopt(journal.store, copy)
    assert drain_once(journal, copy).appended == 1
    refused(journal, source, "is a copy")
    copy.close()


def test_a_database_that_went_back_is_not_drained_until_somebody_says_so(journal, log, host, source, tmp_path):
    host.events(1)
    copied(host, tmp_path / "backup.db").close()
    host.events(2)
    drain_once(journal, source)
    restored(host, tmp_path / "backup.db")
    refused(journal, source, "is older than it was")
    copies.adopt(journal.store, source)
    assert drain_once(journal, source) == Drained(1, 0, 1, 0)
    assert log.size == 2


def test_a_second_database_is_drained_when_somebody_said_once_that_it_belongs_here(
    journal, log, host, source, tmp_path
):
    host.events(1)
    drain_once(journal, source)
    db = sqlite3.connect(tmp_path / "other.db", isolation_level=None)
    sqlite_source.install(db)
    db.execute(
        "INSERT INTO indelible_outbox (clinic, document, at) VALUES ('c_lisbon', ?, ?)", (json.dumps(event(2)), AT)
    )
    db.close()
    other = SQLiteSource(tmp_path / "other.db")
    refused(journal, other, "is none of the databases")
    copies.adopt(journal.store, other)
    host.events(3)
    assert [drain_once(journal, one).appended for one in (other, source)] == [1, 1]
    other.close()


# The loop


class Counting(SQLiteSource):
    """Runs `steps` one after the other, each before a read, and then stops the drain."""

    work: Drain

    def steps(self, *steps):
        self._steps = list(steps)
        return self

    def read(self, limit):
        if self._steps:
            self._steps.pop(0)()
        else:
            self.work.stop()
        return super().read(limit)


@pytest.fixture
def loop(journal, host, monkeypatch):
    """Run a drain over `steps`; return what it did and what it told."""
    monkeypatch.setattr(drain, "POLL", 0.0)
    monkeypatch.setattr(drain, "RETRY", 0.0)
    opened = []

    def loop(*steps):
        told: list[str] = []
        source = Counting(host.path).steps(*steps)
        opened.append(source)
        source.work = Drain(journal, source, tell=told.append)
        return source.work.run(), told

    yield loop
    for source in opened:
        source.close()


def test_it_takes_what_comes_and_signs_it_when_that_is_due(log, clock, host, loop):
    def later():
        clock.advance(2)

    done, told = loop(lambda: host.events(1), lambda: host.events(2), later, lambda: None)
    assert (done, told) == (Drained(2, 2, 0, 0), [f"draining {host.path}"])
    assert not log.unsigned
    assert log.reading().last_checkpoint().size == 2


def test_a_database_that_does_not_answer_is_told_once_and_asked_again(host, loop):
    away = host.path.with_name("away.db")
    host.events(1)
    host.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    done, told = loop(lambda: host.path.rename(away), lambda: None, lambda: away.rename(host.path), lambda: None)
    assert done.appended == 1
    assert len(told) == 3
    assert "there is no database" in told[1]
    assert told[1].endswith("trying again")
    assert told[2].endswith("answers again")


def test_a_copy_ends_it_before_the_first_read(journal, host, source, tmp_path):
    host.events(1)
    drain_once(journal, source)
    copy = copied(host, tmp_path / "copy.db")
    with pytest.raises(StorageFailure, match="is a copy"):
        Drain(journal, copy, tell=print).run()
    copy.close()


def test_what_wakes_it_during_a_pass_is_not_lost(host, loop, monkeypatch, journal):
    monkeypatch.setattr(drain, "POLL", 3_600.0)
    source = Counting(host.path)
    source.work = Drain(journal, source, tell=print)

    def put_and_wake(number):
        host.events(number)
        source.work.wake()

    source.steps(lambda: put_and_wake(1), lambda: put_and_wake(2))
    source.work.wake()
    assert source.work.run() == Drained(2, 2, 0, 0)
    source.close()


def test_a_damaged_log_keeps_no_other_clinics_documents_waiting(host, source, tmp_path):
    database = tmp_path / "log.db"
    with Journal.create(database) as journal:
        for clinic in ("c_one", "c_two"):
            journal.add_clinic(clinic, name=clinic, zone="Europe/Lisbon").record_document(event(key="k"))
        with closing(sqlite3.connect(database)) as db:
            db.execute(
                "UPDATE indelible_head SET frontier = x'00'"
                " WHERE clinic = (SELECT clinic FROM indelible_clinic WHERE clinic_id = 'c_one')"
            )
            db.commit()
        host.events(1, clinic="c_one")
        host.events(2, 3, clinic="c_two")

        with pytest.raises(IndelibleError):
            drain_once(journal, source)

        assert (host.waiting(), journal.clinic("c_two").size) == (1, 3)
        journal.store.close()
