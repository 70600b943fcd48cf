"""`indelible doctor`: one line a check, each with its mend, and exit code 2 where something is bad."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from indelible.cli.doctor_checks import Check, duration, file_system
from indelible.journal import Journal, now_in_microseconds
from indelible.outbox import guard, sql, sqlite_source
from indelible.record.document import System
from indelible.testing.logs import event
from indelible.testing.postgres import connection, postgres, server

__all__ = ["connection", "postgres", "server"]


@pytest.fixture(autouse=True)
def no_outboxes(monkeypatch):
    monkeypatch.delenv("INDELIBLE_OUTBOXES", raising=False)


@pytest.fixture
def host(cli):
    """A host's file with an outbox; puts a document into it that is some seconds old."""
    with closing(sqlite3.connect("host.db", isolation_level=None)) as db:
        sqlite_source.install(db)

    def put(seconds=0, document=None, clinic="c_lisbon"):
        with closing(sqlite3.connect("host.db", isolation_level=None)) as db:
            db.execute(
                "INSERT INTO indelible_outbox (clinic, document, at) VALUES (?, ?,"
                " CAST((julianday('now') - 2440587.5) * 86400 - ? AS INTEGER) * 1000000)",
                (clinic, json.dumps(document or event(1)), seconds),
            )

    return put


@pytest.fixture
def outbox(connection):
    """A PostgreSQL database with an outbox, of a server that waits for its disk as far as it says."""
    sql.install(connection)
    connection.commit()
    connection.autocommit = True
    return connection


def found(result, level: str) -> list[str]:
    return [line[6:] for line in result.out.splitlines() if line.startswith(f"{level} ")]


def test_a_log_that_is_well_and_an_outbox_that_is_empty_are_fine(cli, host):
    result = cli.ok("doctor", "host.db")
    assert found(result, "bad") == []
    looks = [line for line in found(result, "look") if " is on " not in line]
    assert [line.split(":")[0] for line in looks] == ["keep", "keep", "key"]
    assert ["has no copy" in looks[0], "lies in the database's folder" in looks[1]] == [True, True]
    assert any("clinic c_lisbon: 0 entries, signed" in line for line in result.out.splitlines())
    assert "host.db: no document waits" in result.out


def test_outboxes_are_those_of_the_environment_where_none_is_given(cli, host, monkeypatch):
    monkeypatch.setenv("INDELIBLE_OUTBOXES", "host.db  nowhere.db")
    result = cli("doctor")
    assert result.code == 2
    assert found(result, "bad") == ["nowhere.db: there is no database at nowhere.db; nothing of it was recorded"]
    assert result.err == f"indelible: 1 of {len(result.out.splitlines())} checks is bad\n"
    assert "nowhere.db" not in cli.ok("doctor", "host.db").out


@pytest.mark.parametrize(("seconds", "level"), [(5, "ok"), (90, "look"), (7_201, "bad")])
def test_a_document_that_waits_too_long_is_named_with_its_age(cli, host, seconds, level):
    host(seconds)
    result = cli("doctor", "host.db")
    (line,) = [line for line in result.out.splitlines() if "1 document waits" in line]
    assert line.split()[0] == level
    assert result.code == (2 if level == "bad" else 0)


def test_what_is_held_is_named_by_reason_and_nothing_of_what_it_says(cli, host):
    host(document=event(1, actor=None))
    host(clinic="c_faro")
    cli.ok("drain", "host.db", "--once")
    result = cli.ok("doctor", "host.db")
    lines = [line for line in found(result, "look") if "held" in line]
    assert [line.split(": ")[1] for line in lines] == [
        "1 document is held finally (invalid)",
        "1 document is held for now (unknown_clinic)",
    ]
    assert "Ana" not in result.out


def test_a_copy_and_a_known_database_without_an_address_are_named(cli, host):
    host()
    cli.ok("drain", "host.db", "--once")
    Path("moved.db").write_bytes(Path("host.db").read_bytes())
    assert "moved.db is a copy" in found(cli("doctor", "moved.db"), "bad")[0]
    (line,) = [line for line in found(cli.ok("doctor"), "look") if line.startswith("outboxes")]
    assert "1 of the databases that this log is drained from was not looked into" in line


def test_a_log_that_does_not_open_is_said_and_the_outboxes_are_looked_at_all_the_same(cli, host):
    os.chmod("activity.db.key", 0o644)
    result = cli("doctor", "host.db")
    assert result.code == 2
    assert "chmod 600" in found(result, "bad")[0]
    assert "host.db: no document waits" in result.out
    os.remove("activity.db.key")
    assert "the master key is not at" in found(cli("doctor"), "bad")[0]
    assert "nowhere" in found(cli("doctor", "--database", "nowhere"), "bad")[0]


def test_a_head_store_that_is_gone_or_further_than_the_database_is_bad(cli):
    cli.record(event(1))
    with closing(sqlite3.connect("activity.db")) as db, closing(sqlite3.connect("older.db")) as older:
        db.backup(older)
    cli.record(event(2), event(3))
    os.replace("older.db", "activity.db")
    for end in ("-wal", "-shm"):
        Path(f"activity.db{end}").unlink(missing_ok=True)
    assert "2 signed entries are missing here" in found(cli("doctor"), "bad")[0]
    os.remove("activity.db.keep/heads")
    (line,) = found(cli("doctor"), "bad")
    assert line.startswith("head store: is not at")


# The keep


def keeps(result, level: str) -> list[str]:
    return [line.removeprefix("keep: ") for line in found(result, level) if line.startswith("keep: ")]


def test_a_keep_that_is_well_is_said_with_its_file_system(cli, monkeypatch):
    monkeypatch.setattr("indelible.cli.doctor_checks.filesystem", lambda path: ("ext4", "what is overwritten is gone"))
    cli.ok("keep", "copy", "copy")
    result = cli.ok("doctor")
    assert keeps(result, "ok") == [
        "activity.db.keep opens what it has of 1 clinic", "activity.db.keep is on ext4: what is overwritten is gone"
    ]  # fmt: skip
    monkeypatch.setattr("indelible.cli.doctor_checks.filesystem", lambda path: ("btrfs", "what is overwritten stays"))
    assert "activity.db.keep is on btrfs: what is overwritten stays" in keeps(cli.ok("doctor"), "look")


def test_a_keep_elsewhere_is_not_said_to_be_beside(cli, monkeypatch):
    (cli.folder / "data").mkdir()
    monkeypatch.setenv("INDELIBLE_KEEP", "elsewhere")
    monkeypatch.setenv("INDELIBLE_DATABASE", "data/activity.db")
    cli.ok("init")
    assert not any("lies in the database's folder" in line for line in found(cli.ok("doctor"), "look"))
    assert any("lies beside the database" in line for line in found(cli.ok("doctor"), "look")), "of the master key"


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda keep, cover: keep.rename("away"), "is not at activity.db.keep, so no name can be read; put its newest"),
        (lambda keep, cover: keep.chmod(0o755), "can be entered by others (mode 0755); run: chmod 700"),
        (lambda keep, cover: cover.unlink(), "does not know the log of clinic c_lisbon; put its newest copy back"),
        (lambda keep, cover: cover.write_bytes(b"x" * 99), "does not open: it is damaged"),
    ],
    ids=["gone", "open to others", "without a cover", "damaged"],
)
def test_a_keep_that_is_gone_open_or_damaged_is_bad(cli, harm, said):
    keep = Path("activity.db.keep")
    (cover,) = keep.glob("*.cover")
    harm(keep, cover)
    result = cli("doctor")
    assert result.code == 2
    (line,) = keeps(result, "bad")
    assert said in line


def test_what_is_erased_and_not_done_yet_is_named(cli):
    cli.record(event(1))
    cli.ok("keep", "copy", "copy")
    shutil.copytree("activity.db.keep", "before")
    with Journal("activity.db") as journal:  # as the page does it, which leaves the rest to the signer
        journal.clinic().anonymize("cli_77", requested_by="client", actor=System("job:test"))
    result = cli("doctor")
    (line,) = keeps(result, "bad")
    assert line.startswith("its copy is older than the last erasure of clinic c_lisbon")
    assert any(
        "what was sealed of one person who was erased is still there, dead" in one for one in found(result, "look")
    )
    for cover in Path("before").glob("*.cover"):
        shutil.copy(cover, "activity.db.keep")
    (line,) = keeps(cli("doctor"), "bad")
    assert "entry 2 of clinic c_lisbon says that somebody was erased, and the keys are still in the keep" in line
    cli.ok("checkpoint")
    assert not any("still in the keep" in one for one in keeps(cli("doctor"), "bad"))


def record_unsigned(days: int = 0) -> None:
    """Record two entries by a clock that is some days ahead; the first is signed, the second not within a second."""
    journal = Journal("activity.db", clock=lambda: now_in_microseconds() + days * 86_400_000_000)
    for number in (1, 2):
        journal.clinic().record_document(event(number))
    journal.store.close()


def test_entries_that_nobody_signs_and_a_clock_that_is_behind_are_named(cli, monkeypatch):
    record_unsigned()
    monkeypatch.setattr("indelible.cli.doctor_checks.UNSIGNED_SECONDS", -1)
    (line,) = [line for line in found(cli.ok("doctor"), "look") if line.startswith("clinic")]
    assert "1 of 2 entries are not signed, the newest of them for 0 s" in line
    record_unsigned(days=10)
    assert "this machine's clock is" in found(cli("doctor"), "bad")[0]


def test_files_that_everybody_may_change_are_bad(cli):
    os.chmod("activity.db", 0o666)
    os.chmod(".", 0o777)
    lines = found(cli("doctor"), "bad")
    os.chmod(".", 0o755)
    assert any("chmod o-w activity.db" in line for line in lines)
    assert any(line.startswith("keep: its folder") for line in lines)


@pytest.mark.parametrize(("kind", "level"), [("nfs4", "bad"), ("tmpfs", "look"), ("ext4", "ok")])
def test_a_log_on_a_network_disk_is_bad_and_one_in_memory_is_looked_at(tmp_path, monkeypatch, kind, level):
    monkeypatch.setattr("indelible.cli.doctor_checks.filesystem", lambda path: (kind, ""))
    first, *_ = file_system("log", tmp_path / "activity.db")
    assert (first.level, kind in first.text) == (level, True)


def test_a_full_disk_is_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr("indelible.cli.doctor_checks.LEAST_FREE", 1 << 60)
    assert "make room" in [*file_system("log", tmp_path)][-1].text


def test_on_postgresql_it_names_the_guard_that_does_not_stand_and_end_users_who_may_record(cli, postgres, outbox):
    outbox.execute("CREATE TABLE booking (id text PRIMARY KEY, clinic_id text)")
    guard.install(outbox, "booking", "booking", "id", clinic="clinic_id", mode="count")
    result = cli("doctor", postgres)
    assert any("the guard of booking stands (count)" in line for line in found(result, "ok"))
    assert [line for line in found(result, "bad") if "fsync" not in line] == []  # of the tests' own server
    outbox.execute("ALTER TABLE booking DISABLE TRIGGER USER; CREATE ROLE portal_user")
    outbox.execute("GRANT indelible_recorder TO portal_user")
    try:
        lines = found(cli("doctor", postgres, "--end-user", "portal_user"), "bad")
    finally:
        outbox.execute("DROP ROLE portal_user")
    assert any("the guard of booking does not stand (trigger disabled)" in line for line in lines)
    assert any("portal_user may call indelible.record" in line for line in lines)


def test_a_missing_privilege_is_named_and_no_password_shown(cli, server, postgres, outbox):
    outbox.execute("CREATE ROLE looker LOGIN")
    try:
        where = server.url_of(psycopg.conninfo.conninfo_to_dict(postgres)["dbname"], "looker").replace("@", ":secret@")
        result = cli("doctor", where, "postgresql://u:secret@127.0.0.1:1/x")
    finally:
        outbox.execute("DROP ROLE looker")
    first, second = found(result, "bad")
    assert "GRANT indelible_drainer" in first
    assert "does not answer" in second
    assert "secret" not in result.out + result.err


def test_it_is_there_for_programs_and_refuses_what_is_no_url(cli, host):
    levels = {Check(**one).level for one in json.loads(cli.ok("doctor", "host.db", "--json").out)}
    assert levels == {"ok", "look"}
    assert "secret" not in cli.refused("doctor", "mysql://u:secret@db/x")


def files() -> dict[str, bytes]:
    """Every file but those that SQLite keeps beside its own."""
    every = (path for path in Path().rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm")))
    return {str(path): path.read_bytes() for path in every}


def test_it_writes_nothing(cli, host):
    record_unsigned()
    before = files()
    cli.ok("doctor", "host.db")
    assert files() == before


@pytest.mark.parametrize(
    ("seconds", "text"), [(-3, "0 s"), (45, "45 s"), (720, "12 min"), (10_800, "3 h"), (200_000, "2 days")]
)
def test_a_time_is_told_in_one_unit(seconds, text):
    assert duration(seconds) == text
