"""`indelible drain`, and the commands for what it held."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from indelible.outbox import sqlite_source
from indelible.testing.logs import event


@pytest.fixture
def put(cli):
    """Put a document into the outbox of the host's file `host.db`; returns the row's key."""
    with closing(sqlite3.connect("host.db", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        sqlite_source.install(db)

    def put(document, clinic="c_lisbon"):
        with closing(sqlite3.connect("host.db", isolation_level=None)) as db:
            statement = "INSERT INTO indelible_outbox (clinic, document) VALUES (?, ?) RETURNING key"
            (key,) = db.execute(statement, (clinic, json.dumps(document))).fetchone()
            return key

    return put


@pytest.mark.parametrize("where", ["host.db", "sqlite:///host.db", "absolute"])
def test_once_takes_what_waits_says_what_became_of_it_and_signs(cli, put, where):
    put(event(1, key="a"))
    put(event(1, key="a"))
    put(event(2, actor=None))
    where = f"sqlite:///{cli.folder / 'host.db'}" if where == "absolute" else where
    assert cli.ok("drain", where, "--once").out == "1 recorded, 1 there already, 1 held\n"
    assert "bk_1" in cli.ok("list").out
    with closing(sqlite3.connect("activity.db")) as db:
        assert db.execute("SELECT max(size) FROM indelible_checkpoint").fetchone() == (2,)  # with what it says is held
    assert cli.ok("verify").code == 0
    assert cli.ok("drain", where, "--once").out == "0 recorded, 0 there already, 0 held\n"


def test_a_held_document_is_listed_without_what_it_says_and_recorded_when_it_is_corrected(cli, put):
    key = put(event(1, actor=None))
    put(event(2), clinic="c_porto")
    cli.ok("drain", "host.db", "--once")
    first, second = cli.ok("outbox", "held", "host.db").out.splitlines()
    assert first.split("\t")[0] == key
    assert first.split("\t")[1::2] == ["c_lisbon", "finally"]
    assert "invalid: actor: is missing" in first
    assert second.split("\t")[1::2] == ["c_porto", "for now"]
    assert "Ana" not in first
    (cli.folder / "mended.json").write_text(json.dumps(event(1)))
    cli.ok("outbox", "retry", "host.db", key, "--document", "mended.json")
    assert cli.ok("drain", "host.db", "--once").out.startswith("1 recorded")
    assert len(cli.ok("outbox", "held", "host.db").out.splitlines()) == 1


def test_a_document_is_tried_again_as_it_is(cli, put):
    key = put(event(1, actor=None))
    cli.ok("drain", "host.db", "--once")
    cli.ok("outbox", "retry", "host.db", key)
    assert cli.ok("drain", "host.db", "--once").out == "0 recorded, 0 there already, 1 held\n"


@pytest.mark.parametrize("content", [None, b'{"action": 1}', b"\xff", b"{"])
def test_a_correction_that_is_no_document_is_refused_before_anything_is_moved(cli, put, content):
    key = put(event(1, actor=None))
    cli.ok("drain", "host.db", "--once")
    if content is not None:
        (cli.folder / "mended.json").write_bytes(content)
    assert "mended.json" in cli.refused("outbox", "retry", "host.db", key, "--document", "mended.json")
    assert key in cli.ok("outbox", "held", "host.db").out


def test_a_copy_is_refused_until_it_is_adopted(cli, put):
    put(event(1))
    cli.ok("drain", "host.db", "--once")
    put(event(2))
    with closing(sqlite3.connect("host.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    shutil.copy("host.db", "copy.db")
    assert "copy.db is a copy" in cli.refused("drain", "copy.db", "--once")
    assert "copy.db is a copy" in cli.refused("drain", "copy.db")
    cli.ok("outbox", "adopt", "copy.db")
    assert cli.ok("drain", "copy.db", "--once").out.startswith("1 recorded")


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("nowhere.db", "there is no database at nowhere.db"),
        ("activity.db", "activity.db has no outbox"),
        ("", "must be postgresql://..., sqlite:///path"),
        ("mysql://root:secret@db/clinic", "must be postgresql://..., sqlite:///path"),
        ("sqlite://host/x", "must be postgresql://..., sqlite:///path"),
    ],
)
def test_what_is_no_outbox_is_refused_in_one_line_without_a_password(cli, where, reason):
    for command in (("drain",), ("drain", "--once"), ("outbox", "held"), ("outbox", "adopt")):
        said = cli.refused(*command, where)
        assert reason in said
        assert "secret" not in said


def test_a_driver_that_is_not_installed_is_said_with_the_mend(cli, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert "pip install 'indelible[postgres]'" in cli.refused("drain", "postgresql://u:secret@nowhere/x")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_drains_until_it_is_told_to_stop_and_ends_cleanly(cli, put, number):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INDELIBLE_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "indelible.cli.main", "drain", "host.db"],
        cwd=cli.folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        assert process.stderr.readline() == "draining host.db\n"
        put(event(1))
        with closing(sqlite3.connect("activity.db", timeout=30)) as db:
            deadline = time.monotonic() + 60
            while db.execute("SELECT count(*) FROM indelible_entry").fetchone() == (0,):
                assert time.monotonic() < deadline
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out, err) == (0, "1 recorded, 0 there already, 0 held\n", "")
    assert cli.ok("verify").code == 0
    with closing(sqlite3.connect("activity.db")) as db:
        assert db.execute("SELECT max(size) FROM indelible_checkpoint").fetchone() == (1,)


def test_metrics_are_written_beside_the_draining(cli, put):
    put(event(1))
    cli.ok("drain", "host.db", "--once", "--metrics-file", "indelible.prom")
    text = (cli.folder / "indelible.prom").read_text()
    assert 'indelible_outbox_waiting{outbox="1"} 0\n' in text
    assert text.endswith("# EOF\n")
    said = cli.refused("drain", "host.db", "--once", "--metrics-file", "nowhere/indelible.prom")
    assert said.startswith("the metrics cannot be written to nowhere/indelible.prom")


def test_what_is_kept_is_replayed_since_a_time_or_a_day(cli, put):
    put(event(1))
    cli.ok("drain", "host.db", "--once", "--keep-days", "7")
    assert cli.ok("outbox", "replay", "host.db", "--since", "2999-01-01").out == "0 wait again\n"
    assert cli.ok("outbox", "replay", "host.db", "--since", "2026-01-01T00:00:00+01:00").out == "1 wait again\n"
    assert cli.ok("drain", "host.db", "--once").out == "0 recorded, 1 there already, 0 held\n"
    assert cli.refused("outbox", "replay", "host.db", "--since", "yesterday").startswith("--since: must be a time")
