"""The service as a process: first start, refusals, signals, crashes, and what is signed at the end."""

from __future__ import annotations

import http.client
import http.cookiejar
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from indelible import Journal
from indelible.record import document
from indelible.testing.logs import event

NOBODY = 65_534
STARTS_WITHIN = 40  # seconds, on a busy machine
ENDS_WITHIN = 30
PROGRAM = ("-P", "-m", "indelible.service")
ENTRIES = 25_000  # more than the buffers between the service and a slow reader hold


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def until(true: Callable[[], object], seconds: float) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return False


class Service:
    """`python -m indelible.service` in a folder of its own, and a browser without JavaScript."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.folder, self.port, self.more = folder, free_port(), more
        self.database, self.accounts = folder / "activity.db", folder / "activity.db.accounts"
        self.process: subprocess.Popen[bytes] | None = None
        self.cookies = http.cookiejar.CookieJar()
        self.browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("INDELIBLE_", "DJANGO_"))}
        own = {"INDELIBLE_DATABASE": str(self.database), "INDELIBLE_PORT": str(self.port),
               "INDELIBLE_KEEP_BESIDE": "yes"}  # fmt: skip
        return kept | own | {f"INDELIBLE_{name}": value for name, value in self.more.items()}

    def spawn(self, program: Sequence[str] = PROGRAM, **options) -> subprocess.Popen[bytes]:
        with (self.folder / "stderr").open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, *program],
                cwd=self.folder, env=self.environment(), stderr=errors, stdout=errors, **options,
            )  # fmt: skip
        return self.process

    def start(self, **options) -> Service:
        self.spawn(**options)
        assert until(lambda: self.answers() or self.ended(), STARTS_WITHIN), self.said()
        assert not self.ended(), self.said()
        return self

    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def refusal(self, **options) -> str:
        """Start what must not start; return its one sentence."""
        before = len(self.said())
        assert self.spawn(**options).wait(STARTS_WITHIN) == 2, self.said()
        said = self.said()[before:]
        assert said.startswith("indelible: ")
        assert said.count("\n") == 1
        assert "defect" not in said
        return said.removeprefix("indelible: ").rstrip("\n")

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/ready/", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, http.client.HTTPException):
            return False

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def said(self) -> str:
        return (self.folder / "stderr").read_text() if (self.folder / "stderr").exists() else ""

    def logged(self) -> list[dict]:
        return [json.loads(line) for line in self.said().splitlines() if line.startswith("{")]

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(ENDS_WITHIN)

    def workers(self) -> list[int]:
        """The processes that the main process started."""
        assert self.process is not None
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in pids]

    def get(self, address: str) -> str:
        with self.browser.open(urllib.parse.urljoin(self.url, address), timeout=30) as answer:
            content: bytes = answer.read()
            return content.decode()

    def post(self, form: str, action: str = "", **fields: str) -> Any:
        """Fill in the form of a page and send it."""
        page = self.get(form)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token is not None, page
        sent = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
        return self.browser.open(urllib.parse.urljoin(self.url, action or form), sent, timeout=30)

    def welcome(self) -> str:
        """The address that the first start prints."""
        found: list[str] = re.findall(r"http://\S+/welcome/\S+", self.said())
        return found[-1]

    def begin(self) -> str:
        """Make the owner and the clinic; return the clinic's id."""
        with self.post(
            self.welcome(),
            person="Maria Fernandes",
            email="maria@clinic.example",
            password="a sentence that only I would write",
            name="Clínica da Estrela",
            zone="Europe/Lisbon",
        ) as answer:
            assert answer.status == 200
            found = re.search(r"/c/([^/]+)/", answer.url)
        assert found is not None
        return found[1]


@pytest.fixture
def service(tmp_path):
    made = Service(tmp_path)
    yield made
    if made.process is not None and not made.ended():
        made.process.kill()
        made.process.wait(ENDS_WITHIN)


def unsigned(database: Path) -> int:
    """How many entries no checkpoint covers."""
    with closing(sqlite3.connect(database)) as db:
        return int(
            db.execute(
                "SELECT coalesce(sum(head.size - (SELECT coalesce(max(size), 0) FROM indelible_checkpoint one"
                " WHERE one.clinic = head.clinic)), 0) FROM indelible_head head"
            ).fetchone()[0]
        )


def size(database: Path) -> int:
    with closing(sqlite3.connect(database)) as db:
        return int(db.execute("SELECT sum(size) FROM indelible_head").fetchone()[0])


def fill(database: Path, clinic: str, entries: int) -> None:
    with Journal(database) as journal:
        log = journal.clinic(clinic)
        for start in range(0, entries, 5_000):
            log.append([log.draft(document.parse(event(number))) for number in range(start, start + 5_000)])


def test_an_empty_folder_a_link_an_owner_and_the_link_is_dead(service):
    service.start()
    link = service.welcome()
    clinic = service.begin()
    assert "Clínica da Estrela" in service.get(f"/c/{clinic}/")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        service.get(link)
    assert service.stop() == 0
    before = service.said()
    service.start()
    assert "/welcome/" not in service.said()[len(before) :], "somebody can sign in, so no link"
    assert service.stop() == 0
    assert unsigned(service.database) == 0
    assert size(service.database) > 0


def test_each_start_without_an_owner_makes_a_new_link_and_ends_the_old_one(service):
    service.start()
    first = service.welcome()
    assert service.stop() == 0
    service.start()
    assert service.welcome() != first
    with pytest.raises(urllib.error.HTTPError, match="404"):
        service.get(first)
    assert "Clínica" not in service.get(service.welcome())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_both_processes_with_exit_code_0_and_the_next_start_works_at_once(service, number):
    service.start()
    (worker,) = service.workers()
    assert service.stop(number) == 0
    assert not Path(f"/proc/{worker}").exists()
    assert service.start().stop(number) == 0


def test_ctrl_c_in_a_terminal_reaches_the_whole_group_and_the_exit_code_is_0(service):
    service.start(start_new_session=True)
    os.killpg(service.process.pid, signal.SIGINT)
    assert service.process.wait(ENDS_WITHIN) == 0


def test_a_supervisor_signals_every_process_and_the_exit_code_is_0(service):
    service.start()
    (worker,) = service.workers()
    os.kill(worker, signal.SIGTERM)
    assert service.stop() == 0


def test_a_signal_during_the_start_ends_it_quietly(service):
    service.spawn()
    time.sleep(0.6)
    code = service.stop()
    assert code in (0, -signal.SIGTERM)  # the latter only before the first line of ours runs
    assert "Traceback" not in service.said()


def test_an_open_connection_that_asks_nothing_does_not_hold_up_the_stop(service):
    service.start()
    with closing(http.client.HTTPConnection("localhost", service.port, timeout=30)) as idle:
        idle.request("GET", "/health/")
        assert idle.getresponse().read() == b"ok\n"
        began = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - began < 10


def test_an_export_under_way_is_finished_before_the_service_ends_and_its_entry_is_signed(service):
    service.start()
    clinic = service.begin()
    fill(service.database, clinic, ENTRIES)
    before = size(service.database)
    with service.post(f"/c/{clinic}/export/", f"/c/{clinic}/export/file/", q="", format="jsonl") as answer:
        rows = answer.readline().count(b"\n")
        assert service.process.poll() is None
        service.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        assert not service.ended(), "the export was not finished"
        for line in answer:
            rows += line.count(b"\n")
    assert service.process.wait(ENDS_WITHIN) == 0
    assert size(service.database) > before, "the export is an entry itself"
    assert rows >= ENTRIES
    assert unsigned(service.database) == 0


@pytest.mark.parametrize(
    ("format", "mark"), [("csv", b"THE EXPORT BROKE OFF HERE"), ("jsonl", b"the export broke off")]
)
def test_a_list_is_sent_as_it_is_made_and_says_where_it_broke_off(service, format, mark):
    service.start()
    clinic = service.begin()
    fill(service.database, clinic, 5_000)
    with closing(sqlite3.connect(service.database)) as db:
        db.execute("DROP TRIGGER indelible_entry_no_update")
        db.execute("UPDATE indelible_entry SET body = x'7b7d' WHERE seq = 10")
        db.commit()
    sent = b""
    with service.post(f"/c/{clinic}/export/", f"/c/{clinic}/export/file/", q="", format=format) as answer:
        assert answer.headers["content-length"] is None
        with pytest.raises(http.client.IncompleteRead) as broken:
            while block := answer.read(65_536):
                sent += block
    sent += broken.value.partial
    assert sent.count(b"\n") > 1_000
    assert mark in sent.splitlines()[-1]
    assert "a response broke off" in [line.get("event") for line in service.logged()]


def test_who_goes_away_from_a_list_leaves_room_for_others(service):
    service.start()
    clinic = service.begin()
    fill(service.database, clinic, ENTRIES)
    for _ in range(20):  # more than are sent at once
        with service.post(f"/c/{clinic}/export/", f"/c/{clinic}/export/file/", q="", format="jsonl") as answer:
            assert answer.readline()
    assert service.stop() == 0


def test_entries_of_another_program_are_signed_while_nobody_asks_for_anything(service):
    service.start()
    clinic = service.begin()
    journal = Journal(service.database)
    log = journal.clinic(clinic)
    log.record_document(event(1))
    log.record_document(event(2))
    journal.store.close()  # without signing, as a program that crashes
    assert until(lambda: unsigned(service.database) == 0, 10)


def test_a_worker_that_crashes_is_started_again(service):
    service.start()
    (worker,) = service.workers()
    os.kill(worker, signal.SIGKILL)
    assert until(lambda: worker not in service.workers() and service.answers(), STARTS_WITHIN), service.said()
    assert any("Unexpected exit" in line["event"] for line in service.logged())
    assert service.stop() == 0


def test_a_worker_that_cannot_stay_up_ends_the_service(service):
    """The module loads in the main process and crashes in the worker, as one with a broken library might."""
    (service.folder / "crashing.py").write_text(
        "import os\nfirst = os.environ.setdefault('CRASHING_FIRST', str(os.getpid()))\n"
        "import threading\n"
        "os.register_at_fork(after_in_child=lambda: os._exit(11))\n"
    )
    service.more |= {"ACTIONS": "crashing"}
    os.environ["PYTHONPATH"] = str(service.folder)
    try:
        assert service.spawn().wait(STARTS_WITHIN) == 1
    finally:
        del os.environ["PYTHONPATH"]
    assert "the worker process keeps ending" in service.said()
    assert "Traceback" not in service.said()


def test_the_worker_ends_when_the_main_process_is_killed(service):
    service.start()
    (worker,) = service.workers()
    service.process.kill()
    service.process.wait(ENDS_WITHIN)
    assert until(lambda: not Path(f"/proc/{worker}").exists(), 15)
    assert service.start().stop() == 0


# Refusals


def test_a_port_in_use_is_one_sentence_and_nothing_is_made(service):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as the server's own socket: it can be shared
        other.bind(("127.0.0.1", service.port))
        other.listen()
        assert "choose another port" in service.refusal()
    assert not service.database.exists()


def test_a_file_that_is_no_database_is_refused(service):
    service.database.write_bytes(b"something else" * 1_000)
    assert "not an SQLite database" in service.refusal()


def test_another_master_key_is_refused(service):
    Journal.create(service.database).close()
    service.more |= {"MASTER_KEY": "indelible-master-key-1:" + "ab" * 32}
    said = service.refusal()
    assert "is not the one that this database was made with" in said
    assert "abab" not in said


def test_a_missing_master_key_is_refused(service):
    Journal.create(service.database).close()
    service.database.with_name("activity.db.key").unlink()
    assert "the master key is not at" in service.refusal()


def test_a_folder_that_cannot_be_made_is_refused(service):
    (service.folder / "file").touch()
    service.database = service.folder / "file" / "activity.db"
    assert "cannot be made" in service.refusal()


# Nobody may not read the interpreter's folders, so everything is loaded before the rights are gone.
AS_NOBODY = f"""
import os, sys
from indelible.service import environment
from indelible.service.run import server, startup
os.environ["DJANGO_SETTINGS_MODULE"] = "indelible.service.run.settings"
startup.prepare(environment.read())
server._leave_database()
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
sys.exit(server.main())
"""


@pytest.mark.parametrize("what", ["database", "accounts", "folder"])
def test_what_cannot_be_written_is_refused(what):
    """Also where every table is there already, so that nothing would be written at the start."""
    if os.getuid() != 0:
        pytest.skip("root: only root can run a command as another user")
    with tempfile.TemporaryDirectory() as name:
        service = Service(Path(name))
        assert service.start().stop() == 0
        (service.folder / "stderr").unlink()
        for path in service.folder.iterdir():
            os.chown(path, NOBODY, NOBODY)
        service.folder.chmod(0o755 if what == "folder" else 0o777)
        if what != "folder":
            getattr(service, what).chmod(0o444)
        said = service.refusal(program=("-c", AS_NOBODY))
    assert "can be written" in said or "file's permissions" in said


def test_a_setting_that_is_not_safe_is_one_sentence(service):
    service.more |= {"URL": "http://log.clinic.example"}
    assert "INDELIBLE_URL: must begin with https://" in service.refusal()


def test_a_hosts_actions_that_cannot_be_imported_are_one_sentence(service):
    service.more |= {"ACTIONS": "no.such.module"}
    assert "INDELIBLE_ACTIONS: no.such.module cannot be imported" in service.refusal()


def test_standard_error_holds_no_path_query_address_or_name(service):
    service.start()
    clinic = service.begin()
    with pytest.raises(urllib.error.HTTPError):
        service.get(f"/c/{clinic}/entries/secret-in-a-path/?q=secret-in-a-query")
    with pytest.raises(urllib.error.HTTPError):
        service.get("/nowhere/secret-in-a-path/?secret-in-a-query")
    assert service.stop() == 0
    said = service.said().replace(service.welcome(), "")
    for value in ("secret-in", "maria@", "Maria", "Estrela", "127.0.0.1", clinic):
        assert value not in said
    routes = {line.get("route") for line in service.logged()}
    assert "welcome/<str:secret>/" in routes


# Where the keep lies


def test_a_keep_in_the_databases_folder_is_refused_unless_it_is_meant_and_nothing_is_made(tmp_path):
    (tmp_path / "data").mkdir()
    service = Service(tmp_path / "data", KEEP_BESIDE="")
    said = service.refusal()
    assert said.startswith("INDELIBLE_KEEP: the keep ")
    assert "name a folder on another disk, or set INDELIBLE_KEEP_BESIDE=yes if this is meant" in said
    assert not service.database.exists()
    (tmp_path / "there").mkdir()
    Journal.create(tmp_path / "there" / "activity.db").close()
    said_of_one = Service(tmp_path / "there", KEEP_BESIDE="").refusal()
    assert "move it to another disk and name that folder" in said_of_one  # a new one would be empty: no name is read
    link = tmp_path / "elsewhere"
    link.symlink_to(tmp_path / "data")
    assert Service(tmp_path / "data", KEEP_BESIDE="no", KEEP=str(link / "keep")).refusal() == said.replace(
        str(tmp_path / "data" / "activity.db.keep"), str(link / "keep")
    ), "a link does not hide it"


def test_with_a_keep_elsewhere_it_starts_without_a_word(tmp_path):
    (tmp_path / "data").mkdir()
    service = Service(tmp_path / "data", KEEP_BESIDE="", KEEP=str(tmp_path / "keep")).start()
    assert service.stop() == 0
    assert (tmp_path / "keep").is_dir()
    assert not service.database.with_name("activity.db.keep").exists()
