"""Several threads and processes write to one file, and some of them are killed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading

import pytest

from indelible.journal import Journal
from indelible.testing.logs import assert_intact, event

# Writes `count` entries one by one, each with a key of its own, and says of each that it is on disk.
WRITER = """
import sys
from indelible.journal import Journal
from indelible.testing.logs import event
path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
log = Journal(path).clinic("c_lisbon")
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    made = log.record_document(event(number, key=f"{name}-{number}", client={"id": f"cli_{number % 7}", "name": name}))
    print(f"{made.seq} {made.id} {name}-{number}", flush=True)
"""


# Renames the clinic, and moves it, `count` times; never knowing what another one does.
RENAMER = """
import sys
from indelible.journal import Journal
from indelible.record.document import Staff
path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
log = Journal(path).clinic("c_lisbon")
print("ready", flush=True)
sys.stdin.readline()
zones = ["Europe/Madrid", "Europe/Rome", "Europe/Paris"]
for number in range(count):
    log.rename(f"{name} {number}", actor=Staff(name))
    log.set_time_zone(zones[(number + len(name)) % 3], actor=Staff(name))
"""


@pytest.fixture
def path(tmp_path):
    """A database made with the machine's clock, as the writers have it; verified at the end."""
    path = tmp_path / "activity.db"
    with Journal.create(path, installation="log.example.org") as made:
        made.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
    yield path
    with Journal(path) as made:
        made.clinic().checkpoint()
        assert_intact(made.clinic())


def writer(path, name, count, code=WRITER):
    command = [sys.executable, "-c", code, str(path), name, str(count)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def start(process):
    process.stdin.write("go\n")
    process.stdin.flush()


def acknowledged(output):
    """The whole lines that a writer printed: (seq, entry id, key)."""
    return [line.split() for line in output.splitlines(keepends=True) if line.endswith("\n")]


def test_four_processes_leave_no_gap_and_no_double(path):
    processes = [writer(path, f"w{number}", 100) for number in range(4)]
    for process in processes:
        start(process)
    lines = []
    for process in processes:
        output, errors = process.communicate()
        assert (process.returncode, errors) == (0, "")
        lines += acknowledged(output)
    assert sorted(int(seq) for seq, _, _ in lines) == list(range(1, 401))
    with Journal(path) as journal:
        log = journal.clinic()
        assert {(view.seq, view.id) for view in log.read()} == {(int(seq), made) for seq, made, _ in lines}
        assert len(list(log.rows.persons("all"))) == 8  # one member of staff and seven clients, each met once


def test_two_processes_that_rename_at_once_record_no_false_fact(path):
    processes = [writer(path, name, 40, RENAMER) for name in ("one", "other")]
    for process in processes:
        start(process)
    for process in processes:
        _, errors = process.communicate()
        assert (process.returncode, errors) == (0, "")
    with Journal(path) as journal:
        log = journal.clinic()
        entries = list(log.read())[::-1]
        names = [view.context["changes"][0] for view in entries if view.action == "settings.changed"]
        zones = [view.context["zone"] for view in entries if view.action == "clinic.time_zone_changed"]
        assert len(names) == 80
        for said, first, last in ((names, "Lisbon", log.state().name), (zones, "Europe/Lisbon", log.state().zone)):
            assert [one["old"] for one in said] == [first, *(one["new"] for one in said[:-1])]
            assert said[-1]["new"] == last


def test_what_was_acknowledged_before_a_kill_is_there_and_nothing_is_half_there(path):
    rng = random.Random(5)
    kept: dict[str, tuple[int, str]] = {}
    for round_ in range(15):
        process = writer(path, f"r{round_}", 10_000)
        start(process)
        output = "".join(process.stdout.readline() for _ in range(rng.randrange(1, 12)))
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate()
        kept |= {key: (int(seq), made) for seq, made, key in acknowledged(output + rest)}
    with Journal(path) as journal:
        log = journal.clinic()
        entries = {view.seq: view for view in log.read()}
        assert sorted(entries) == list(range(1, log.size + 1))
        assert log.size >= len(kept) >= 15
        for key, (seq, made) in kept.items():
            assert entries[seq].id == made, key
            number = int(key.split("-")[1])
            name = {"id": f"cli_{number % 7}", "name": key.split("-")[0]}
            again = log.record_document(event(number, key=key, client=name))
            assert (again.seq, again.repeated) == (seq, True)
        assert_intact(log)


def test_threads_share_one_journal(log, clock):
    failed = []

    def work(name):
        try:
            for number in range(25):
                log.record_document(event(number, key=f"{name}-{number}", client={"id": f"cli_{number}"}))
        except BaseException as error:
            failed.append(error)

    clock.advance(3600)  # so that a checkpoint falls due in the middle of it
    threads = [threading.Thread(target=work, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [view.seq for view in log.read()] == list(range(100, 0, -1))


def test_a_checkpoint_by_others_in_between_is_no_sign_of_an_older_backup(path):
    """Every process signs while the others append and sign: none may take that for a restored database."""
    code = WRITER.replace("    print(f", "    assert log.checkpoint().size >= made.seq\n    print(f")
    processes = [writer(path, f"w{number}", 40, code) for number in range(4)]
    for process in processes:
        start(process)
    results = [process.communicate() for process in processes]
    assert [errors for _, errors in results] == [""] * 4
    assert sum(len(acknowledged(output)) for output, _ in results) == 160
