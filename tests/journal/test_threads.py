"""Threads and processes come and go, and leave nothing open.

SQLite keeps the descriptor of a closed connection until no other connection of the process has a lock on the file, and
gives it to the next one that is opened. So there are never more than connections were open at one time; each test
therefore does its work once before it counts.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import threading

import pytest

from indelible.catalogue.bookings import BookingCancelled
from indelible.journal import Journal
from indelible.record.document import Staff
from indelible.testing.logs import event

BY = Staff("usr_12")
# What a process may have open in these tests: far less than 200 threads with two files each.
MOST_FILES = 100


def open_files() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def record(log, number: int = 0) -> None:
    log.record(BookingCancelled(), actor=BY, target=("booking", f"bk_{number}"))


@pytest.fixture
def few_files():
    """A limit on open files that leaking threads would hit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files() + MOST_FILES, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def run(work) -> None:
    failed: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    thread.join()
    assert failed == []


def test_two_hundred_short_threads_leave_no_file_open(log, few_files):
    record(log)
    run(lambda: record(log))
    before = open_files()
    for number in range(200):
        run(lambda number=number: record(log, number))
        run(lambda: list(log.read(limit=3)))
    gc.collect()
    assert open_files() <= before
    assert log.size == 202


def test_threads_at_the_same_time_leave_none_open_when_they_have_ended(log, few_files):
    record(log)
    open_files_of_one, counts = open_files(), []
    for _ in range(6):
        threads = [threading.Thread(target=record, args=(log, number)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        gc.collect()
        counts.append(open_files())
    assert max(counts) <= open_files_of_one + 2 * 20
    assert log.size == 121


def test_the_workers_of_an_event_loop_leave_none_open(log, few_files):
    record(log)

    async def work() -> None:
        await asyncio.gather(*(asyncio.to_thread(record, log, number) for number in range(40)))

    before = open_files()
    for _ in range(12):
        asyncio.run(work())  # each loop has up to as many workers as Python gives it, and ends them
    gc.collect()
    workers = min(32, (os.cpu_count() or 1) + 4)
    assert open_files() <= before + 2 * workers  # each in a connection of its own, of two files
    assert log.size == 481


def test_journals_that_are_closed_leave_none_open_also_from_another_thread(tmp_path, journal, few_files):
    with Journal(journal.places.database) as first:
        run(lambda: first.clinic("c_lisbon").size)
    before = open_files() + 2
    for _ in range(60):
        with Journal(journal.places.database) as other:
            run(lambda other=other: other.clinic("c_lisbon").size)
            run(other.close)
    gc.collect()
    assert open_files() <= before


def test_a_thread_that_outlives_a_closed_journal_opens_it_anew(log):
    record(log)
    log.shared.store.close()
    record(log)
    assert log.size == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork: this system has no fork")
def test_a_forked_process_records_on_connections_of_its_own(log):
    record(log)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            record(log)
            log.shared.store.close()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    record(log)
    assert log.size == 3


def test_a_log_that_is_opened_while_the_journal_closes_is_no_trouble(journal, log, monkeypatch):
    journal.add_clinic("c_porto", name="Porto", zone="Europe/Lisbon")
    log.record_document(event())
    with Journal(journal.places.database, clock=journal.clock) as closing:
        first = closing.clinic("c_lisbon")
        first.unsigned = True
        sign = first.checkpoint

        def checkpoint():
            closing.clinic("c_porto")
            return sign()

        monkeypatch.setattr(first, "checkpoint", checkpoint)
        closing.close()
        assert closing.open_logs() == []
