"""The spool: what is recorded while the service is away is sent when it is back, once, in order, or held and told."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.client.conftest import AT_ONCE, KEY

from indelible.client import Client, Conflict, InvalidInput, NotAllowed, NotFound, Receipt, Refused, SpoolFull
from indelible.client.sending import Trouble
from indelible.client.spool import LIMIT, Held, Spool, Standing
from indelible.errors import StorageFailure
from indelible.format import instant
from indelible.testing.logs import event

ENOUGH = 30.0  # seconds that a busy machine may take; nothing waits that long


def opened(server: Any, spool: Path, clinic: str | None = "c_lisbon", **more: Any) -> Client:
    return Client(server.url, KEY, clinic=clinic, spool=spool, retry=AT_ONCE, timeout=ENOUGH, **more)


def test_it_returns_when_the_document_is_on_the_disk_and_sends_it(server, spool):
    client = opened(server, spool)
    assert client.record(event(key="k1")) == Receipt("spooled", "k1")
    assert client.close(ENOUGH) == Standing(0, 0)
    assert server.keys_of() == ["k1"]


def test_what_is_recorded_while_the_service_is_away_is_sent_in_order_when_it_is_back(server, spool):
    server.stop()
    client = opened(server, spool)
    for number in range(450):
        assert client.record(event(number, key=f"k{number}")).status == "spooled"
    assert client.spool.standing() == Standing(450, 0)
    assert client.close(0) == Standing(450, 0)
    server.start()
    assert opened(server, spool).close(ENOUGH) == Standing(0, 0)
    assert server.keys_of() == [f"k{number}" for number in range(450)]


def test_a_sender_that_found_nobody_goes_on_by_itself_when_the_service_is_back(server, spool):
    server.failures.extend([(503, {"Retry-After": "0"}), "lost", (429, {})])
    with opened(server, spool) as client:
        client.record(event(key="k1"))
        assert client.close(ENOUGH) == Standing(0, 0)
    assert server.keys_of() == ["k1"]


def test_a_refused_document_is_held_and_told_and_does_not_block_those_behind_it(server, spool):
    refusal = {"status": 422, "detail": "actor: is unknown", "field": "actor", "pointer": "/actor"}
    server.refuses = lambda one: refusal if one["key"] == "k1" else None
    told: list[Trouble] = []
    client = opened(server, spool, on_problem=told.append)
    for number in range(3):
        client.record(event(number, key=f"k{number}"))
    with pytest.raises(Refused, match="actor: is unknown"):
        client.record(event(1, key="k1"), wait="entry")
    (held,) = client.spool.held()
    assert (held.key, held.clinic, json.loads(held.document)["target"]["id"]) == ("k1", "c_lisbon", "bk_1")
    assert isinstance(held.problem, Refused)
    assert (held.problem.field, held.problem.pointer, held.problem.status) == ("actor", "/actor", 422)
    assert {(one.clinic, one.key) for one in told} == {("c_lisbon", "k1")}
    server.refuses = lambda one: None
    client.spool.retry(held.id)
    assert client.close(ENOUGH) == Standing(0, 0)
    assert server.keys_of() == ["k0", "k2", "k1"]


def test_a_held_document_can_be_discarded_and_another_id_is_not_found(server, spool):
    server.refuses = lambda _: {"status": 422}
    client = opened(server, spool)
    client.record(event(key="k1"))
    with pytest.raises(Refused):
        client.record(event(key="k1"), wait="entry")
    (held,) = client.spool.held()
    with pytest.raises(NotFound):
        client.spool.retry(held.id + 1)
    client.spool.discard(held.id)
    with pytest.raises(NotFound):
        client.spool.discard(held.id)
    assert client.close() == Standing(0, 0)
    assert server.taken == {"c_lisbon": {}}


def test_a_request_that_is_too_large_as_a_whole_is_sent_one_by_one(server, spool):
    server.stop()
    client = opened(server, spool)
    for number in range(3):
        client.record(event(number, key=f"k{number}"))
    client.close(0)
    server.most = 1
    server.start()
    assert opened(server, spool).close(ENOUGH) == Standing(0, 0)
    assert server.keys_of() == ["k0", "k1", "k2"]


@pytest.mark.parametrize(("status", "kind"), [(401, NotAllowed), (403, NotAllowed), (404, NotFound), (301, Refused),
                                              (400, Refused)])  # fmt: skip
def test_what_is_no_documents_fault_holds_none_and_is_told_once(server, spool, status, kind):
    told: list[Trouble] = []
    once = threading.Event()
    server.failures.extend([(status, {})])

    def tell(trouble: Trouble) -> None:
        told.append(trouble)
        once.set()

    client = opened(server, spool, None, on_problem=tell)
    client.of("c_lisbon").record(event(key="k1"))
    assert once.wait(ENOUGH)
    client.of("c_porto").record(event(key="k1"))
    assert client.of("c_porto").record(event(key="k2"), wait="entry").status == "existing"
    assert client.spool.standing("c_lisbon") == Standing(1, 0)
    assert [(type(one.problem), one.clinic, one.key) for one in told] == [(kind, "c_lisbon", None)]
    assert client.close(0) == Standing(1, 0)
    assert opened(server, spool).close(ENOUGH) == Standing(0, 0)  # as with a new key, or an address put right


def test_a_clinic_that_sends_too_much_waits_and_another_one_does_not(server, spool):
    client = opened(server, spool, None)
    server.failures.append((429, {"Retry-After": "3600"}))
    client.of("c_lisbon").record(event(key="k1"))
    assert client.of("c_porto").record(event(key="k2"), wait="entry").status == "existing"
    assert client.spool.standing("c_lisbon") == Standing(1, 0)
    client.close(0)
    server.failures.append((429, {"Retry-After": "0"}))
    assert opened(server, spool).close(ENOUGH) == Standing(0, 0)


def test_a_document_that_only_has_to_wait_is_not_held(server, spool):
    refusals, both = [{"status": 404}, {"status": 503}], threading.Event()

    def refuse(one: Any) -> Any:
        if one["key"] != "k1" or not refusals:
            return None
        answer = refusals.pop()
        if not refusals:
            both.set()
        return answer

    server.refuses = refuse
    server.stop()
    client = opened(server, spool)
    for number in range(3):
        client.record(event(number, key=f"k{number}"))
    client.close(0)
    server.start()
    waiting = opened(server, spool)
    assert both.wait(ENOUGH)
    left = waiting.close(1.0)
    assert left is not None
    assert left.held == 0
    assert opened(server, spool).close(ENOUGH) == Standing(0, 0)
    assert sorted(server.keys_of()) == ["k0", "k1", "k2"]


def test_what_is_acknowledged_was_flushed_to_the_disk(server, spool):
    client = opened(server, spool)
    with client.spool._reading() as db:
        modes = [
            db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode", "secure_delete")
        ]
    assert modes == [2, "wal", 1]  # FULL: each commit is flushed
    client.close()


def test_to_wait_for_the_entry_gives_its_receipt(server, spool):
    with opened(server, spool) as client:
        assert client.record(event(key="k1"), wait="entry") == Receipt("existing", "k1")
    assert [path.partition("?")[2] for _, path in server.asked] == ["", "wait=entry"]


def test_the_same_again_is_put_once_and_another_under_its_key_is_a_conflict(server, spool):
    server.stop()
    client = opened(server, spool)
    client.record(event(1, key="k1"))
    client.record(event(1, key="k1"))
    with pytest.raises(Conflict):
        client.record(event(2, key="k1"))
    with pytest.raises(Conflict):
        client.record_many([event(3, key="k3"), event(2, key="k1")])
    assert client.close(0) == Standing(1, 0)


def test_a_document_without_a_time_is_sent_with_the_one_at_which_it_was_recorded(server, spool):
    server.stop()
    before = time.time_ns() // 1000
    client = opened(server, spool)
    client.record(event(key="k1"))
    found = client.spool.find("c_lisbon", "k1")
    assert found is not None
    client.close(0)
    server.start()
    opened(server, spool).close(ENOUGH)
    said = instant.parse_canonical(server.taken["c_lisbon"]["k1"]["occurred_at"])
    assert before <= said == found.at <= time.time_ns() // 1000


def test_the_same_document_put_again_after_it_was_sent_is_no_conflict_for_its_time(server, spool):
    client = opened(server, spool)
    for _ in range(2):
        client.record(event(key="k1"), wait="entry")
    assert client.close(ENOUGH) == Standing(0, 0)


def test_where_this_machines_clock_is_wrong_the_service_says_when_it_was(server, spool):
    server.refuses = lambda one: {"status": 422, "field": "occurred_at"} if "occurred_at" in one else None
    client = opened(server, spool)
    client.record(event(key="k1"))
    assert client.record(event(key="k1"), wait="entry").status == "existing"
    assert "occurred_at" not in server.taken["c_lisbon"]["k1"]
    with pytest.raises(Refused):  # a time that the host gave is the host's to put right
        client.record(event(key="k2", occurred_at="2036-05-03T12:22:31Z"), wait="entry")
    assert client.close(ENOUGH) == Standing(0, 1)


def test_a_full_spool_refuses_and_keeps_what_it_has(server, spool):
    server.stop()
    client = opened(server, spool, spool_limit=1024 * 1024)
    taken = 0
    with pytest.raises(SpoolFull):
        while taken < 1000:
            client.record(event(taken, key=f"k{taken}", context={"late": True, "reason_text": "x" * 4000}))
            taken += 1
    assert 100 < taken < 300
    assert client.close(0) == Standing(taken, 0)
    assert sum(file.stat().st_size for file in spool.iterdir()) < 8 * 1024 * 1024
    server.start()
    again = opened(server, spool, spool_limit=1024 * 1024)
    assert again.spool.standing().waiting <= taken
    assert again.record(event(key="last"), wait="entry").status == "existing"  # there is room again
    again.close(ENOUGH)
    assert server.keys_of() == [f"k{number}" for number in range(taken)] + ["last"]


def test_the_files_are_their_owners_and_hold_nothing_of_what_was_sent(server, spool):
    before = os.umask(0)
    try:
        client = opened(server, spool)
        client.record(event(key="k1", client={"id": "cli_77", "name": "Ana Planted Sousa"}), wait="entry")
        assert {stat.S_IMODE(file.stat().st_mode) for file in spool.iterdir()} == {0o600}
        assert stat.S_IMODE(spool.stat().st_mode) == 0o700
        client.close(ENOUGH)
    finally:
        os.umask(before)
    assert all(b"Planted" not in file.read_bytes() for file in spool.iterdir())


def test_a_file_that_is_no_spool_is_left_alone(server, tmp_path):
    for made in ("other.db", "text.txt"):
        path = tmp_path / made
        if made == "other.db":
            with closing(sqlite3.connect(path)) as db:
                db.execute("CREATE TABLE booking (id TEXT)")
        else:
            path.write_text("Dear diary, " * 1000)
        before = path.read_bytes()
        with pytest.raises(StorageFailure):
            opened(server, path)
        assert path.read_bytes() == before
    with pytest.raises(StorageFailure):
        opened(server, tmp_path / "text.txt" / "spool")
    with pytest.raises(InvalidInput, match="spool_limit"):
        opened(server, tmp_path / "s", spool_limit=0)


def test_a_file_may_be_named_in_the_place_of_a_folder(server, tmp_path):
    opened(server, tmp_path / "deep" / "my.spool").close()
    assert (tmp_path / "deep" / "my.spool").is_file()


def test_a_closed_spool_records_nothing_more(server, spool):
    client = opened(server, spool)
    client.close()
    with pytest.raises(StorageFailure, match="closed"):
        client.record(event())


def test_one_sends_at_a_time(spool):
    first, second = Spool(spool, LIMIT), Spool(spool, LIMIT)
    with first.sending() as mine:
        assert mine
        with second.sending() as also:
            assert not also
    with second.sending() as mine:
        assert mine
    first.close()
    second.close()


def test_while_another_process_sends_this_one_only_puts(server, spool):
    other = Spool(spool, LIMIT)
    client = opened(server, spool)
    with other.sending() as mine:
        assert mine
        client.record(event(key="k1"))
        assert client.close(1.0) == Standing(1, 0)
    other.close()
    assert server.asked == []
    assert opened(server, spool).close(ENOUGH) == Standing(0, 0)


WRITER = """
import sys
from indelible.client import Client
from indelible.testing.logs import event
url, key, spool, name = sys.argv[1:]
client = Client(url, key, clinic="c_lisbon", spool=spool)
number = 0
while True:
    client.record(event(number, key=f"{name}-{number}"))
    sys.stdout.write(f"{name}-{number}\\n")
    sys.stdout.flush()
    number += 1
"""


def test_processes_that_share_a_spool_and_are_killed_lose_nothing_double_nothing_and_keep_their_order(server, spool):
    acknowledged: dict[str, list[str]] = {}
    for round in range(3):
        writers = {
            f"r{round}w{who}": subprocess.Popen(
                [sys.executable, "-c", WRITER, server.url, KEY, str(spool), f"r{round}w{who}"], stdout=subprocess.PIPE
            )
            for who in range(2)
        }
        for name, writer in writers.items():
            assert writer.stdout is not None
            acknowledged[name] = [writer.stdout.readline().decode().strip() for _ in range(20)]
        for name, writer in writers.items():
            writer.send_signal(signal.SIGKILL)
            rest, _ = writer.communicate()
            acknowledged[name] += [line.decode() for line in rest.splitlines(keepends=True) if line.endswith(b"\n")]
            acknowledged[name] = [line.strip() for line in acknowledged[name]]
    assert opened(server, spool).close(ENOUGH) == Standing(0, 0)
    for name, keys in acknowledged.items():
        there = [key for key in server.keys_of() if key.startswith(f"{name}-")]
        assert there[: len(keys)] == keys
        assert len(there) - len(keys) in (0, 1)  # the last may be on the disk and not acknowledged


FORKER = """
import os, sys
from indelible.client import Client
from indelible.testing.logs import event
url, key, spool = sys.argv[1:]
client = Client(url, key, clinic="c_lisbon", spool=spool)
client.record(event(0, key="parent"), wait="entry")
if os.fork() == 0:
    client.record(event(1, key="child"))
    left = client.close(30)
    os._exit(0 if left.waiting == 0 else 3)
_, status = os.wait()
client.record(event(2, key="after"))
left = client.close(30)
sys.exit(os.waitstatus_to_exitcode(status) or left.waiting)
"""


def test_a_client_that_was_made_before_a_fork_sends_in_parent_and_child(server, spool):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKER, server.url, KEY, str(spool)], timeout=120, check=False
    )
    assert done.returncode == 0
    assert server.keys_of() == ["parent", "child", "after"]


def test_a_callback_that_fails_stops_nothing(server, spool):
    def failing(_: Trouble) -> None:
        raise RuntimeError("the host's own")

    server.refuses = lambda one: {"status": 422} if one["key"] == "k0" else None
    client = opened(server, spool, on_problem=failing)
    client.record(event(0, key="k0"))
    client.record(event(1, key="k1"), wait="entry")
    assert server.keys_of() == ["k1"]
    assert isinstance(client.spool.find("c_lisbon", "k0"), Held)
    client.close()
