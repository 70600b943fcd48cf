"""The accounts' own outbox when its file, its disk or the process fails: a sign-in and its entry, both or neither."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from indelible import Journal

from .test_server import Service, service, until  # noqa: F401 - a fixture

LOGIN, PASSWORD = "maria@clinic.example", "a sentence that only I would write"
WITHIN = 30  # seconds, on a busy machine


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def sign_in(service: Service) -> int:  # noqa: F811
    """Sign in as the owner in a browser of its own, which looks at no page afterwards; return the answer's status."""
    visitor = Service(service.folder)
    visitor.port = service.port
    visitor.browser = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(visitor.cookies), _Stay()
    )  # fmt: skip
    try:
        with visitor.post("/account/login/", login=LOGIN, password=PASSWORD) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def sign_ins(service: Service, clinic: str) -> int:  # noqa: F811
    with Journal(service.database) as journal:
        return len(list(journal.clinic(clinic).read("action:account.logged_in")))


def waiting(service: Service) -> int:  # noqa: F811
    with closing(sqlite3.connect(service.accounts)) as db:
        return int(db.execute("SELECT count(*) FROM indelible_outbox").fetchone()[0])


def settles(service: Service, clinic: str, number: int) -> bool:  # noqa: F811
    """Whether so many sign-ins get into the log, no more, and nothing stays behind."""
    return until(lambda: sign_ins(service, clinic) == number and waiting(service) == 0, WITHIN)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program writes into a database, and does not end."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=WITHIN)) as db:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")


def kill(service: Service) -> None:  # noqa: F811
    """As if the machine's power went, for every process of the service: the first starts no other worker."""
    assert service.process is not None
    workers = service.workers()
    for process in (service.process.pid, *workers):
        os.kill(process, signal.SIGKILL)
    service.process.wait(WITHIN)
    assert until(lambda: not service.answers(), WITHIN)


def begun(service: Service) -> tuple[str, int]:  # noqa: F811
    """Start, make the owner and the clinic; return the clinic's id and how many sign-ins its log has."""
    service.start()
    clinic = service.begin()
    assert until(lambda: waiting(service) == 0, WITHIN)
    return clinic, sign_ins(service, clinic)


def indelible(service: Service, *arguments: str) -> str:  # noqa: F811
    program = str(Path(sys.executable).with_name("indelible"))
    done = subprocess.run([program, *arguments], capture_output=True, text=True, cwd=service.folder,
                          env=service.environment())  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("died", ["before the append", "before the delete"])
def test_a_sign_in_whose_process_was_killed_before_it_was_drained_is_recorded_once(service, died):  # noqa: F811
    clinic, before = begun(service)
    if died == "before the append":
        with locked(service.database):
            assert sign_in(service) == 302
            assert waiting(service) == 1
            kill(service)
        assert sign_ins(service, clinic) == before
    else:
        with locked(service.database):
            assert sign_in(service) == 302
            other = locked(service.accounts)
            other.__enter__()
        assert until(lambda: sign_ins(service, clinic) == before + 1, WITHIN)
        kill(service)
        other.__exit__(None, None, None)
    assert waiting(service) == 1
    service.start()
    assert settles(service, clinic, before + 1)
    assert service.stop() == 0
    assert settles(service, clinic, before + 1)


def test_accounts_that_another_program_holds_locked_are_told_and_drained_afterwards(service):  # noqa: F811
    clinic, before = begun(service)
    with locked(service.database):
        assert sign_in(service) == 302
        other = locked(service.accounts)
        other.__enter__()
    assert until(lambda: "was locked by another program for 5 seconds; trying again" in service.said(), WITHIN)
    other.__exit__(None, None, None)
    assert settles(service, clinic, before + 1)
    assert sign_in(service) == 302
    assert settles(service, clinic, before + 2)
    assert service.stop() == 0


def lose(service: Service) -> None:  # noqa: F811
    for end in ("", "-wal", "-shm"):
        service.accounts.with_name(f"{service.accounts.name}{end}").unlink(missing_ok=True)


def test_new_accounts_in_the_place_of_lost_ones_are_drained(service):  # noqa: F811
    clinic, before = begun(service)
    assert service.stop() == 0
    lose(service)
    service.cookies.clear()
    service.start()
    # A first start again: whoever has the link becomes the owner of the clinics that the log has.
    with service.post(service.welcome(), person="Maria", email=LOGIN, password=PASSWORD, clinics=clinic) as answer:
        assert answer.status == 200
    assert sign_in(service) == 302
    assert until(lambda: sign_ins(service, clinic) > before and waiting(service) == 0, WITHIN)
    assert "not drained" not in service.said()
    assert service.stop() == 0


def answer(service: Service, address: str) -> tuple[int, str]:  # noqa: F811
    try:
        return 200, service.get(address)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_accounts_deleted_while_it_serves_let_nobody_in_until_they_are_there_again(service):  # noqa: F811
    clinic, before = begun(service)
    with closing(sqlite3.connect(service.accounts)) as db:
        db.execute("VACUUM INTO ?", [str(service.folder / "saved")])
    lose(service)
    assert [sign_in(service) for _ in range(4)] == [503] * 4
    status, said = answer(service, "/account/")
    assert status == 503
    assert "look whether its file is there" in said
    probe = Service(service.folder)  # without a session
    probe.port = service.port
    assert [answer(probe, f"/{name}/")[0] for name in ("ready", "health")] == [503, 200]
    assert not service.accounts.exists(), "none is made anew, with nobody in it"
    assert until(lambda: "there is no database at" in service.said(), WITHIN)
    (service.folder / "saved").rename(service.accounts)
    assert sign_in(service) == 302
    assert settles(service, clinic, before + 1)
    assert service.stop() == 0


def test_accounts_replaced_while_it_serves_are_the_ones_that_people_sign_in_to(service):  # noqa: F811
    clinic, before = begun(service)
    with closing(sqlite3.connect(service.accounts)) as db:
        db.execute("VACUUM INTO ?", [str(service.folder / "saved")])
    lose(service)
    (service.folder / "saved").rename(service.accounts)
    assert [sign_in(service) for _ in range(4)] == [302] * 4
    assert settles(service, clinic, before + 4)
    assert service.stop() == 0


def test_older_accounts_put_back_by_hand_are_drained_when_somebody_says_so(service):  # noqa: F811
    clinic, before = begun(service)
    assert service.stop() == 0
    saved = shutil.copy(service.accounts, service.folder / "saved")
    service.start()
    assert sign_in(service) == 302
    assert settles(service, clinic, before + 1)
    assert service.stop() == 0
    lose(service)
    Path(saved).rename(service.accounts)
    service.start()
    assert until(lambda: "the accounts' outbox is not drained: " in service.said(), WITHIN)
    (said,) = {line["event"] for line in service.logged() if "is not drained" in line["event"]}
    assert "is older than it was when this log was last drained from it" in said
    assert "`indelible outbox adopt` takes them" in said
    assert sign_in(service) == 302
    assert (sign_ins(service, clinic), waiting(service)) == (before + 1, 1)
    indelible(service, "outbox", "adopt", str(service.accounts))
    assert settles(service, clinic, before + 2)
    assert service.stop() == 0


def test_a_service_whose_whole_folder_was_moved_is_drained(service, tmp_path):  # noqa: F811
    service.folder = service.folder / "here"
    service.folder.mkdir()
    made = Service(service.folder)
    clinic, before = begun(made)
    with locked(made.database):
        assert sign_in(made) == 302
        kill(made)
    moved = Service(made.folder.rename(tmp_path / "there"))
    moved.start()
    try:
        assert settles(moved, clinic, before + 1)
        assert sign_in(moved) == 302
        assert settles(moved, clinic, before + 2)
        assert "not drained" not in moved.said()
    finally:
        assert moved.stop() == 0


def test_two_services_on_the_same_files_record_everything_once(service):  # noqa: F811
    clinic, before = begun(service)
    second = Service(service.folder).start()
    try:
        for _ in range(2):
            assert [sign_in(service), sign_in(second)] == [302, 302]
        assert settles(service, clinic, before + 4)
        kill(service)
        assert sign_in(second) == 302
        assert settles(service, clinic, before + 5)
    finally:
        assert second.stop() == 0


def test_a_full_disk_lets_nobody_in_unrecorded_and_goes_on_when_there_is_room(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run([mount, "-t", "tmpfs", "-o", "size=8m", "none", disk], capture_output=True)
    if not made or made.returncode:
        pytest.skip("root: a small file system can be mounted by root only")
    service = Service(disk)  # noqa: F811
    try:
        clinic, before = begun(service)
        let_in, filler = 0, disk / "filler"
        with pytest.raises(OSError, match="No space"), filler.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        statuses = [sign_in(service) for _ in range(4)]
        let_in = statuses.count(302)
        assert set(statuses) <= {302, 503}
        assert 503 in statuses
        filler.unlink()
        assert sign_in(service) == 302
        assert settles(service, clinic, before + let_in + 1)
        assert service.stop() == 0
    finally:
        if service.process is not None and not service.ended():
            kill(service)
        subprocess.run(["umount", "-l", disk], check=True)
