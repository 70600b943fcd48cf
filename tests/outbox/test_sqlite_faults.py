"""A host's SQLite file that is read-only or on a full disk, and a file of many rows: nothing lost, nothing twice."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.outbox.conftest import AT, Host

from indelible.drain.passes import Drained, drain_all, drain_once
from indelible.errors import StorageFailure
from indelible.outbox.source import Held
from indelible.outbox.sqlite_source import SQLiteSource
from indelible.testing.logs import event

NOBODY = 65_534


def as_nobody(work: Callable[[], str]) -> str:
    """Do something in a process of a user who owns nothing; return what it says."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            os.write(writing, work().encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        return pipe.read()


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_file_that_may_only_be_read_says_so_and_keeps_its_rows(mode):
    with tempfile.TemporaryDirectory() as name:  # where another user may enter
        folder = Path(name)
        folder.chmod(0o777)
        host = Host(folder / "host.db")
        host.db.execute(f"PRAGMA journal_mode = {mode}")
        host.events(1)
        for path in folder.iterdir():
            path.chmod(0o444)

        def take() -> str:
            try:
                with closing(SQLiteSource(host.path)) as source:
                    source.delete([row.place for row in source.read(10)])
            except StorageFailure as error:
                return str(error)
            return "taken"

        said = as_nobody(take)
        assert said.startswith(f"{host.path} ")
        assert "is read-only here" in said or "check that the file and its folder can be written" in said
        assert host.waiting() == 1
        host.db.close()


def test_a_full_disk_of_the_host_loses_nothing_and_draining_goes_on_when_there_is_room(journal, log, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run([mount, "-t", "tmpfs", "-o", "size=600k", "none", disk], capture_output=True)
    if not made or made.returncode:
        pytest.skip("root: a small file system can be mounted by root only")
    try:
        host = Host(disk / "host.db")
        # A file without a write-ahead log needs room for what it undoes.
        host.db.execute("PRAGMA journal_mode = DELETE")
        host.events(*range(3))
        host.events(*range(20), clinic="c_nowhere")
        filler = disk / "filler"
        with pytest.raises(OSError, match="No space"), filler.open("wb", buffering=0) as file:
            while file.write(bytes(1024)):
                pass
        with pytest.raises(sqlite3.OperationalError, match="disk"):  # the host's own change
            for number in range(100):
                host.put(event(number))
        committed = host.waiting()
        with closing(SQLiteSource(host.path)) as source:
            for _ in range(2):
                with pytest.raises(StorageFailure, match=r"host\.db (has no space left|is on a disk that reported)"):
                    drain_all(journal, source)
            assert (host.waiting(), list(source.held())) == (committed, [])
            filler.unlink()
            done = drain_all(journal, source)
            assert (done.read, done.appended, done.held) == (committed, 0, 20)
        assert log.size == 3 + committed - 23
        host.db.close()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


MANY = 100_000


def test_a_hundred_thousand_rows_of_one_clinic_hold_up_no_other_and_are_all_recorded(journal, log, host, source):
    porto = journal.add_clinic("c_porto", name="Porto", zone="Europe/Lisbon")
    document = json.dumps(event(1))
    host.db.execute("BEGIN")
    host.db.executemany(
        "INSERT INTO indelible_outbox (clinic, document, at) VALUES ('c_lisbon', ?, ?)", ((document, AT),) * MANY
    )
    host.db.execute("COMMIT")
    host.events(1, clinic="c_porto")
    first = drain_once(journal, source)
    assert porto.size == 1
    left = MANY + 1 - first.appended
    assert drain_all(journal, source, limit=10_000) == Drained(left, left, 0, 0)
    assert (log.size, host.waiting()) == (MANY, 0)


def test_thousands_that_are_held_wait_again_a_page_at_a_time_when_their_clinic_is_there(
    journal, host, source, monkeypatch
):
    host.events(*range(2_500), clinic="c_porto")
    host.put(event(1, actor=None))
    assert drain_all(journal, source).held == 2_501
    porto = journal.add_clinic("c_porto", name="Porto", zone="Europe/Lisbon")
    pages: list[int] = []
    read = source.held

    def held(**given: Any) -> Sequence[Held]:
        found: Sequence[Held] = read(**given)
        pages.append(len(found))
        return found

    monkeypatch.setattr(source, "held", held)
    assert drain_all(journal, source).appended == 2_500
    assert pages == [1_000, 1_000, 501, 0], "never all of them in memory"
    assert (porto.size, host.waiting(), len(read())) == (2_500, 0, 1)
