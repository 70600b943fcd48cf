"""The client against the real service, as a process that is also killed."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator

import pytest

from indelible import Journal, Staff
from indelible.catalogue.bookings import BookingCancelled
from indelible.client import AsyncClient, Client, Conflict, NotAllowed, NotFound, Receipt, Refused
from indelible.client.spool import Standing
from indelible.errors import MalformedProof
from indelible.proof.note import Verifier
from indelible.proof.tlog_proof import EntryProof
from indelible.testing.logs import assert_intact, event
from indelible.testing.serving import Served

ENOUGH = 60.0


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    made = Served(tmp_path_factory.mktemp("service"), "c_lisbon", "c_porto").start()
    yield made
    made.kill()
    with Journal(made.database) as journal:
        for clinic, _ in journal.clinics():
            assert_intact(journal.clinic(clinic.id))


@pytest.fixture(scope="module")
def key(served):
    return served.key("record read export", "c_lisbon")


@pytest.fixture
def client(served, key) -> Iterator[Client]:
    with Client(served.url, key, clinic="c_lisbon") as made:
        yield made


def test_an_action_is_recorded_once_and_read_again(client):
    said = {"actor": Staff("usr_12", "Maria Fernandes"), "target": ("booking", "bk_1"), "key": "once"}
    receipt = client.record(BookingCancelled(late=True), **said, wait="entry")
    assert receipt.status == "recorded"
    assert client.record(BookingCancelled(late=True), **said, wait="entry") == Receipt(
        "existing", "once", receipt.id, receipt.number, receipt.recorded_at
    )
    with pytest.raises(Conflict):
        client.record(BookingCancelled(late=False), **said)
    for which in (receipt.number, receipt.id):
        assert client.entry(which)["label"] == "Cancelled reservation"
    assert client.whereabouts("once")["number"] == receipt.number
    assert client.story("booking", "bk_1")["entries"]


def test_what_is_refused_says_where(client):
    with pytest.raises(Refused) as refused:
        client.record(event(context={"late": "yes"}))
    assert (refused.value.field, refused.value.pointer) == ("context.late", "/context/late")
    found = client.record_many([event(1), event(2, actor=None), event(3)])
    assert [type(one) for one in found] == [Receipt, Refused, Receipt]
    with pytest.raises(Refused) as refused:
        client.record_many([event(1), event(2, actor=None)], atomic=True)
    assert [(one["index"], one["pointer"]) for one in refused.value.problems] == [(1, "/1/actor")]


def test_a_key_opens_its_clinic_for_what_it_is_for(served, client):
    with pytest.raises(NotFound):
        client.of("c_porto").record(event())
    with Client(served.url, served.key("read", "c_lisbon"), clinic="c_lisbon") as reader, pytest.raises(NotAllowed):
        reader.record(event())
    with Client(served.url, "ind_test_0123456789ab_" + "x" * 43, clinic="c_lisbon") as nobody:
        with pytest.raises(NotAllowed) as refused:
            nobody.entry(1)
        assert refused.value.status == 401


def test_a_receipt_with_its_proof_is_checked_without_the_service(client):
    receipt = client.record(event(key="proven"), wait="checkpoint")
    vkey = client.verifier_key()
    proven = client.prove(receipt.number, vkey)
    assert (proven.body["id"], proven.body["action"]) == (receipt.id, "booking.cancelled")
    assert EntryProof.decode(receipt.proof).check(proven.data, Verifier.decode(vkey.strip())).size >= receipt.number
    with pytest.raises(MalformedProof):
        EntryProof.decode(receipt.proof).check(proven.data + b" ", Verifier.decode(vkey.strip()))


def test_the_log_is_shown_to_have_only_grown(client):
    client.record(event(), wait="checkpoint")
    vkey, earlier = client.verifier_key(), client.checkpoint()
    client.record(event(), wait="checkpoint")
    later = client.grown(earlier, vkey)
    assert int(later.split("\n")[1]) > int(earlier.split("\n")[1])
    assert client.grown(later, vkey)
    root = earlier.split("\n")[2]
    with pytest.raises(MalformedProof):
        client.grown(earlier.replace(root, "A" + root[1:] if root[0] != "A" else "B" + root[1:]), vkey)


def test_a_list_is_of_one_moment_and_a_file_has_it_all(client, tmp_path):
    client.record_many([event(number, key=f"list-{number}") for number in range(7)], wait="entry")
    seen = []
    for page in client.pages("action:booking.cancelled", page=3):
        seen.append(page)
        if len(seen) == 1:
            client.record(event(), wait="entry")
    numbers = [entry["seq"] for page in seen for entry in page.entries]
    assert len({page.up_to for page in seen}) == 1
    assert max(numbers) <= seen[0].up_to
    assert len(numbers) == len(set(numbers)) >= 7
    client.export(tmp_path / "all.jsonl", "action:booking.cancelled", format="jsonl")
    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert set(numbers) <= {line.get("seq") for line in lines}
    stream = io.BytesIO()
    client.export(stream, format="bundle")
    assert stream.getvalue()[:2] == b"PK"
    assert client.completeness()["entries"] >= max(numbers)


def test_what_was_recorded_while_the_service_was_killed_is_there_when_it_is_back(served, key, client, tmp_path):
    with Client(served.url, key, clinic="c_lisbon", spool=tmp_path / "spool") as spooled:
        for number in range(50):
            spooled.record(event(number, key=f"spool-{number}"))
            if number == 20:
                served.kill()
        assert spooled.spool.standing().waiting >= 29
        served.start()
        assert spooled.close(ENOUGH) == Standing(0, 0)
    client.record(event(), wait="entry")  # behind them
    numbers = [client.whereabouts(f"spool-{number}")["number"] for number in range(50)]
    assert numbers == sorted(set(numbers))


async def _awaited(url: str, key: str) -> tuple[Receipt, list[int]]:
    async with AsyncClient(url, key, clinic="c_lisbon") as client:
        receipt = await client.record(event(key="awaited"), wait="checkpoint")
        assert receipt.number is not None
        await client.prove(receipt.number, await client.verifier_key())
        return receipt, [int(entry["seq"]) async for entry in client.entries("action:booking.cancelled")]


def test_the_awaited_client_does_the_same(served, key):
    receipt, numbers = asyncio.run(_awaited(served.url, key))
    assert receipt.number in numbers
