"""What a killed export, bundle or backup leaves is removed by whoever opens the log next, and named by anonymize."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from indelible.files import unfinished
from indelible.journal import Journal
from indelible.record.document import Staff
from indelible.testing.logs import event

BY = Staff("usr_12")
# Writes what `what` says and, in the middle of it, says so and waits to be killed.
PROGRAM = """
import sys, time, tempfile
from pathlib import Path
from indelible.journal import Journal
from indelible.record.document import Staff
from indelible.export import bundling, run
from indelible.manage import lifetime
from indelible.read.session import Session
from indelible import stores

what, database, output, temporary = sys.argv[1:]
tempfile.tempdir = temporary
journal = Journal(database)
log = journal.clinic("c_lisbon")

def wait(*_, **__):
    print("writing", flush=True)
    time.sleep(60)

def slow(rows):
    for number, row in enumerate(rows):
        if number == 1:
            wait()
        yield row

if what == "backup":
    def copy(source, target, progress):
        for beside in ("", "-journal", "-wal"):
            Path(f"{target}{beside}").write_bytes(b"Ana Sousa")
        wait()

    stores.backup = copy
    lifetime.backup(journal, Path(output))
elif what == "close":
    bundling.Writer.seal = wait
    lifetime.close_clinic(journal, log.clinic.id, Path(output), actor=Staff("usr_12"))
elif what == "bundle":
    bundling.Writer.seal = wait
    bundling.export_bundle(log, "", Path(output), actor=Staff("usr_12"))
else:
    read = Session.read
    Session.read = lambda *a, **k: slow(read(*a, **k))
    run.export(log, "", Path(output), format=what, actor=Staff("usr_12"))
"""


@pytest.fixture
def killed(log, journal, tmp_path):
    """`killed("csv")`: begin to write something and be killed in the middle; the paths that are left of it."""
    for number in range(3):
        log.record_document(event(number))
    started = []

    def begin(what: str) -> subprocess.Popen[str]:
        for name in ("out", "tmp"):
            (tmp_path / name).mkdir(exist_ok=True)
        words = [what, str(journal.places.database), str(tmp_path / "out" / "file"), str(tmp_path / "tmp")]
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, *words], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        return process

    def kill(what: str) -> None:
        process = begin(what)
        process.send_signal(signal.SIGKILL)
        process.wait()

    kill.begin = begin  # type: ignore[attr-defined]
    yield kill
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def left(tmp_path: Path) -> list[str]:
    return sorted(one.name for folder in ("out", "tmp") for one in (tmp_path / folder).iterdir())


@pytest.mark.parametrize("what", ["csv", "xlsx", "jsonl", "bundle", "close", "backup"])
def test_what_a_killed_writer_left_goes_when_the_log_is_opened_next(killed, journal, tmp_path, what):
    killed(what)
    assert left(tmp_path) != []
    Journal(journal.places.database).close()
    assert left(tmp_path) == []
    assert not Path(f"{journal.places.database}.unfinished").exists()


def test_what_is_being_written_stays_and_is_named_by_anonymize(killed, log, journal, tmp_path):
    process = killed.begin("csv")
    Journal(journal.places.database).close()
    assert left(tmp_path) != []
    done = log.anonymize("cli_77", requested_by="client", actor=BY)
    assert sorted(Path(one).name for one in done.unfinished) == left(tmp_path)
    process.kill()
    process.wait()
    log.record_document(event(7, client={"id": "cli_78"}))
    assert log.anonymize("cli_78", requested_by="client", actor=BY).unfinished == ()
    assert left(tmp_path) == []


def test_a_list_that_somebody_wrote_into_removes_nothing_of_theirs(journal, tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_text("keep")
    (tmp_path / "target").write_text("keep")
    link = tmp_path / "link.part"
    link.symlink_to(tmp_path / "target")
    listed = Path(f"{journal.places.database}.unfinished")
    listed.write_bytes(b'"%s"\nnonsense\n7\n"%s"\n' % (str(mine).encode(), str(link).encode()))
    unfinished.sweep(journal.places.database)
    assert mine.read_text() == (tmp_path / "target").read_text() == "keep"


def test_whatever_is_being_written_is_in_the_list_however_often_others_come_and_go(journal, tmp_path):
    """Else it would stay for ever where its writer is killed."""
    listed = Path(f"{journal.places.database}.unfinished")
    children = []
    for number in range(6):
        if (child := os.fork()) == 0:
            code = 1
            try:
                for round in range(300):
                    path = tmp_path / f"{number}-{round}.part"
                    with unfinished.under_way(journal.places.database, path):
                        assert path.name in listed.read_text()
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 6
    assert not listed.exists()


def test_many_writers_and_openers_at_once_lose_no_file_that_is_being_written(journal, tmp_path):
    children = []
    for number in range(4):
        if (child := os.fork()) == 0:
            code = 1
            try:
                for round in range(20):
                    path = tmp_path / f"{number}-{round}.part"
                    with unfinished.under_way(journal.places.database, path):
                        unfinished.sweep(journal.places.database)
                        time.sleep(0.002)
                        path.stat()
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4
    assert unfinished.sweep(journal.places.database) == []
    assert list(tmp_path.glob("*.part")) == []
