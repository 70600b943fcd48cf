"""Several processes behind one address, and several services on one database: what they know together, and who drains
and signs when the one that did is killed."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from indelible import Journal
from indelible.testing.logs import event

from .test_server import ENDS_WITHIN, STARTS_WITHIN, Service, fill, size, unsigned, until

PASSWORD = "a sentence that only I would write"
TOKEN = "a-token-of-thirty-two-characters-or-more"


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Service]]:
    """What a test starts, and ends with it."""
    made: list[Service] = []
    yield made
    for one in made:
        if one.process is not None and not one.ended():
            one.process.kill()
            one.process.wait(ENDS_WITHIN)


def begin(started: list[Service], folder: Path, **more: str) -> Service:
    folder.mkdir(exist_ok=True)
    started.append(Service(folder, METRICS_TOKEN=TOKEN, **more))
    return started[-1].start()


def second(started: list[Service], first: Service, **more: str) -> Service:
    """Another service on the first one's database, with its own port and its own lines."""
    folder = first.folder / f"service{len(started)}"
    folder.mkdir()
    made = Service(folder, METRICS_TOKEN=TOKEN, **more)
    made.database, made.accounts = first.database, first.accounts
    started.append(made)
    return made.start()


def leader(database: Path) -> int:
    """The process that holds the file locked, as the kernel says; 0 where none does."""
    inode = database.with_name(f"{database.name}.leader").stat().st_ino
    for line in Path("/proc/locks").read_text().splitlines():
        parts = line.split()
        if parts[1] == "FLOCK" and parts[5].endswith(f":{inode}"):
            return int(parts[4])
    return 0


def waiting(accounts: Path) -> int:
    with closing(sqlite3.connect(accounts)) as db:
        return int(db.execute("SELECT count(*) FROM indelible_outbox").fetchone()[0])


def metrics(service: Service) -> dict[str, float]:
    asked = urllib.request.Request(f"{service.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def fail(service: Service, times: int) -> list[str]:
    """Give a wrong password; return what the page says."""
    said = []
    for _ in range(times):
        try:
            with service.post("/account/login/", login="maria@clinic.example", password="a wrong one") as answer:
                page = answer.read().decode()
        except urllib.error.HTTPError as error:
            page = error.read().decode()
        said += re.findall(r'class="[^"]*error[^"]*"[^>]*>([^<]+)', page)
    return said


def test_wrong_passwords_at_two_services_are_counted_together(started, tmp_path):
    first = begin(started, tmp_path / "one")
    clinic = first.begin()
    first.post("/account/logout/")
    first.cookies.clear()
    other = second(started, first)
    fail(first, 3)
    fail(other, 3)
    for one in (first, other):
        one.cookies.clear()  # a device that is not known
        fail(one, 1)
        with one.post("/account/login/", login="maria@clinic.example", password=PASSWORD) as answer:
            assert answer.url.endswith("/account/login/"), "the right one comes too late"
    with Journal(first.database) as journal:
        assert until(lambda: waiting(first.accounts) == 0, 10)
        reasons = [view.context["reason_code"] for view in journal.clinic(clinic).read()
                   if view.action == "account.login_failed"]  # fmt: skip
    assert sorted(reasons) == ["locked"] * 5 + ["wrong_password"] * 5


def test_eleven_wrong_passwords_over_the_workers_of_one_service_are_held(started, tmp_path):
    service = begin(started, tmp_path / "one", WORKERS="2")
    clinic = service.begin()
    assert until(lambda: metrics(service)["indelible_workers"] == 2, STARTS_WITHIN)
    service.post("/account/logout/")
    service.cookies.clear()
    fail(service, 11)
    with Journal(service.database) as journal:
        assert until(lambda: waiting(service.accounts) == 0, 10)
        reasons = [view.context["reason_code"] for view in journal.clinic(clinic).read()
                   if view.action == "account.login_failed"]  # fmt: skip
    assert reasons.count("wrong_password") == 5
    assert reasons.count("locked") == 6


def test_a_verification_that_one_service_runs_is_seen_in_the_other(started, tmp_path):
    first = begin(started, tmp_path / "one")
    clinic = first.begin()
    fill(first.database, clinic, 20_000)
    other = second(started, first)
    other.post("/account/login/", login="maria@clinic.example", password=PASSWORD)
    page = f"/c/{clinic}/integrity/"
    with first.post(page, f"{page}verify/") as answer:
        assert "Checking every entry" in answer.read().decode()
    seen = other.get(page)
    assert "Checking every entry" in seen
    assert 'name="csrfmiddlewaretoken"' in seen
    other.post(page, f"{page}verify/")  # which begins no second one
    assert until(lambda: "Checking every entry" not in other.get(page), 120)
    assert "Nothing was changed since it was recorded." in other.get(page)
    assert "Nothing was changed since it was recorded." in first.get(page)
    with Journal(first.database) as journal:
        assert [view.action for view in journal.clinic(clinic).read("action:log.verified")] == ["log.verified"]


def test_a_verification_that_died_with_its_process_is_not_under_way_for_ever(started, tmp_path):
    first = begin(started, tmp_path / "one")
    clinic = first.begin()
    fill(first.database, clinic, 20_000)
    page = f"/c/{clinic}/integrity/"
    first.post(page, f"{page}verify/")
    (worker,) = first.workers()
    os.kill(worker, signal.SIGKILL)
    assert until(lambda: worker not in first.workers() and first.answers(), STARTS_WITHIN)
    assert until(lambda: "Verify now" in first.get(page), 60)
    first.post(page, f"{page}verify/")
    assert until(lambda: "Nothing was changed since it was recorded." in first.get(page), 120)


def test_the_leader_is_killed_and_another_service_drains_and_signs(started, tmp_path):
    first = begin(started, tmp_path / "one")
    clinic = first.begin()
    other = second(started, first)
    (mine,), (theirs,) = first.workers(), other.workers()
    assert leader(first.database) == mine
    assert first.process is not None
    first.process.send_signal(signal.SIGSTOP)  # it must not start its worker again
    os.kill(mine, signal.SIGKILL)
    assert until(lambda: leader(first.database) == theirs, 10), "another one leads"
    before = size(first.database)
    other.post("/account/login/", login="maria@clinic.example", password=PASSWORD)
    assert until(lambda: size(first.database) > before and waiting(first.accounts) == 0, 10), "it drains"
    journal = Journal(first.database)
    journal.clinic(clinic).record_document(event(1))
    journal.store.close()  # without signing
    assert until(lambda: unsigned(first.database) == 0, 10), "it signs"
    first.process.send_signal(signal.SIGCONT)


def test_a_worker_that_leads_is_killed_and_another_worker_leads(started, tmp_path):
    service = begin(started, tmp_path / "one", WORKERS="2")
    clinic = service.begin()
    before = leader(service.database)
    assert before in service.workers()
    os.kill(before, signal.SIGKILL)
    assert until(lambda: leader(service.database) not in (0, before), 10)
    with Journal(service.database) as journal:
        log = journal.clinic(clinic)
        size_before = log.reading().size
        service.post("/account/logout/")
        assert until(lambda: log.reading().size > size_before, 10)
    assert service.stop() == 0
    assert unsigned(service.database) == 0


def test_only_the_leader_drains_and_it_is_woken_by_the_others(started, tmp_path):
    """A process that does not lead has no drain of its own, and its entry is there all the same."""
    first = begin(started, tmp_path / "one")
    first.begin()
    other = second(started, first)
    with closing(sqlite3.connect(f"{first.database}.shared")) as db:
        port, word = db.execute("SELECT port, word FROM leader").fetchone()
    assert port > 0
    assert len(word) == 16
    names = [Path(f"/proc/{other.workers()[0]}/task/{task}/comm").read_text().strip()
             for task in os.listdir(f"/proc/{other.workers()[0]}/task")]  # fmt: skip
    assert not any(name.startswith("drain") for name in names)
    before = size(first.database)
    other.post("/account/login/", login="maria@clinic.example", password=PASSWORD)
    assert until(lambda: size(first.database) > before, 10)


def test_two_services_that_start_at_once_on_an_empty_folder_make_one_log(started, tmp_path):
    first, other = Service(tmp_path), Service(tmp_path)
    for one in (first, other):
        started.append(one)
        one.spawn()
    assert until(lambda: (first.answers() and other.answers()) or first.ended() or other.ended(), STARTS_WITHIN)
    assert not first.ended(), first.said()
    assert not other.ended(), other.said()
    assert "Traceback" not in first.said()
    assert first.stop() == 0
    assert other.stop() == 0


def test_metrics_are_sums_of_every_process_and_name_nobody(started, tmp_path):
    first = begin(started, tmp_path / "one")
    clinic = first.begin()
    other = second(started, first)
    name = 'indelible_http_requests_total{route="other",status="4xx"}'
    before = metrics(other).get(name, 0)
    for one in (first, other):
        with pytest.raises(urllib.error.HTTPError) as missing:
            one.get("/account/nothing/")
        missing.value.close()
    assert until(lambda: metrics(other).get(name, 0) == before + 2, 10)
    found = metrics(first)
    assert found["indelible_workers"] == 2
    assert found["indelible_drain_appended_total"] > 0
    buckets = [value for key, value in found.items()
               if key.startswith('indelible_http_request_duration_seconds_bucket{route="page"')]  # fmt: skip
    assert buckets == sorted(buckets)
    assert buckets[-1] == found['indelible_http_request_duration_seconds_count{route="page"}']
    assert clinic not in json.dumps(found)


def test_the_shared_file_may_be_deleted_or_damaged_and_the_service_goes_on(started, tmp_path):
    service = begin(started, tmp_path / "one")
    clinic = service.begin()
    shared = Path(f"{service.database}.shared")
    assert shared.stat().st_mode & 0o077 == 0
    for harm in (shared.unlink, lambda: shared.write_bytes(b"something else" * 1_000)):
        harm()
        for end in ("-wal", "-shm"):
            Path(f"{shared}{end}").unlink(missing_ok=True)
        assert "Clínica da Estrela" in service.get(f"/c/{clinic}/")
        fail(service, 1)
        assert metrics(service)['indelible_outbox_up{outbox="1"}'] == 1
    assert not [line for line in service.logged() if line["level"] == "error"]
