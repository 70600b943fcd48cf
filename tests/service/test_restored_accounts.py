"""Accounts and log in a backup; older accounts put back beside a newer log."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from indelible import Journal

from .test_server import Service, service, until  # noqa: F401 - a fixture


def command(service: Service, *arguments: str) -> subprocess.CompletedProcess[str]:  # noqa: F811
    program = str(Path(sys.executable).with_name("indelible"))
    return subprocess.run([program, *arguments], capture_output=True, text=True, cwd=service.folder,
                          env=service.environment())  # fmt: skip


def ok(service: Service, *arguments: str) -> str:  # noqa: F811
    done = command(service, *arguments)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def lose(service: Service, *names: str) -> None:  # noqa: F811
    for name in names:
        for end in ("", "-wal", "-shm"):
            (service.folder / f"{name}{end}").unlink(missing_ok=True)


def member(service: Service, clinic: str) -> str:  # noqa: F811
    """Invite somebody, who joins; return their id."""
    done = ok(service, "serve", "invite", "rui@clinic.example", "--clinic", clinic, "--role", "staff")
    (link,) = re.findall(r"http://\S+", done)
    guest = Service(service.folder)
    guest.port = service.port
    with guest.post(link, name="Rui Lopes", password="a sentence that only I would write") as answer:
        assert answer.status == 200
    page = service.get(f"/c/{clinic}/people/")
    found: list[str] = re.findall(r"people/(usr_[0-9a-f]+)/", page)
    return found[0]


def test_accounts_and_log_come_back_together(service):  # noqa: F811
    service.start()
    clinic = service.begin()
    assert service.stop() == 0
    ok(service, "backup", "saved.db")
    assert (service.folder / "saved.db.accounts").stat().st_mode & 0o077 == 0
    lose(service, "activity.db", "activity.db.accounts")
    said = ok(service, "restore", "saved.db")
    assert f"{clinic}: complete" in said
    assert "may enter again" not in said
    service.start()
    assert "<title>" in service.get(f"/c/{clinic}/")
    assert service.stop() == 0


def test_older_accounts_name_whom_they_let_in_again(service):  # noqa: F811
    service.start()
    clinic = service.begin()
    gone = member(service, clinic)
    ok(service, "backup", "saved.db")
    with service.post(f"/c/{clinic}/people/", f"/c/{clinic}/people/{gone}/remove/") as answer:
        assert answer.status == 200
    assert service.stop() == 0
    lose(service, "activity.db.accounts")
    said = ok(service, "restore", "saved.db", "--only-accounts")
    assert re.search(rf"{clinic}: {gone} may enter again, and was let go by entry \d+", said)
    assert "Rui" not in said
    service.start()
    size = entries(service, clinic)
    with service.post(f"/c/{clinic}/people/", f"/c/{clinic}/people/{gone}/remove/"):
        pass
    assert until(lambda: entries(service, clinic) > size, 20), "an outbox that was put back is drained"
    assert service.stop() == 0


def test_accounts_that_are_there_are_not_written_over(service):  # noqa: F811
    service.start()
    service.begin()
    assert service.stop() == 0
    ok(service, "backup", "saved.db")
    done = command(service, "restore", "saved.db", "--only-accounts")
    assert (done.returncode, "activity.db.accounts is there already" in done.stderr) == (2, True)
    lose(service, "activity.db.accounts")
    done = command(service, "restore", "missing.db", "--only-accounts")
    assert (done.returncode, "there is no file missing.db.accounts" in done.stderr) == (2, True)


def entries(service: Service, clinic: str) -> Any:  # noqa: F811
    with Journal(service.database) as journal:
        return journal.clinic(clinic).size


@pytest.mark.parametrize("whose", ["clinic", "platform"])
def test_older_accounts_name_the_keys_that_open_the_log_again(service, whose):  # noqa: F811
    service.start()
    clinic = service.begin()
    of = ["--platform"] if whose == "platform" else ["--clinic", clinic]
    for name in ("gone", "stays"):
        ok(service, "key", "add", name, "--scope", "read", *of)
    ids = re.findall(r"key_[0-9a-f]{12}", ok(service, "key", "list", *of))
    show_in_a_frame(service)
    ok(service, "backup", "saved.db")
    ok(service, "key", "revoke", ids[0])
    assert service.stop() == 0
    lose(service, "activity.db.accounts")
    said = ok(service, "restore", "saved.db", "--only-accounts")
    assert re.findall(rf"{clinic}: (key_\w+) opens the log again, and was revoked by entry \d+", said) == ids[:1]
    assert passes(service) == 0


def test_a_log_that_is_older_too_cannot_say_who_was_let_go_and_that_is_told(service):  # noqa: F811
    service.start()
    clinic = service.begin()
    ok(service, "backup", "saved.db")
    ok(service, "key", "add", "later", "--scope", "read", "--clinic", clinic)
    assert service.stop() == 0
    lose(service, "activity.db", "activity.db.accounts")
    done = command(service, "restore", "saved.db")
    assert done.returncode == 2
    assert "look through the pages People and Keys" in done.stdout


def show_in_a_frame(service: Service) -> None:  # noqa: F811
    """As a host that was given the log for its page."""
    with closing(sqlite3.connect(service.folder / "activity.db.accounts")) as db:
        db.execute(
            "INSERT INTO service_viewerpass (digest, clinic_id, claims, expires_at, kept)"
            " VALUES ('d', 'c', x'00', '2999-01-01', '{}')"
        )
        db.commit()
    assert passes(service) == 1


def passes(service: Service) -> int:  # noqa: F811
    with closing(sqlite3.connect(service.folder / "activity.db.accounts")) as db:
        (count,) = db.execute("SELECT count(*) FROM service_viewerpass").fetchone()
    return int(count)
