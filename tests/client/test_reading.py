"""Reading, managing, files and proofs, against a small server; the awaited client beside the blocking one."""

from __future__ import annotations

import asyncio
import inspect
import io
from typing import Any

import pytest
from tests.client.conftest import AT_ONCE, KEY

from indelible.client import AsyncClient, Client, InvalidInput, NotFound, Receipt, Refused, Unavailable
from indelible.client.spool import Standing
from indelible.errors import MalformedProof
from indelible.testing.logs import event

OF = "GET /clinics/c_lisbon"
METHODS = sorted(name for name, found in vars(Client).items() if inspect.isfunction(found) and name[0] != "_")


def pages(asked: dict[str, str]) -> dict[str, Any]:
    """Three pages of two entries."""
    first = int(asked.get("after", "6"))
    numbers = range(first, first - 2, -1)
    entries = [{"number": number, "q": asked.get("q")} for number in numbers]
    return {"entries": entries, "older": str(first - 2) if first > 2 else None, "up_to": 6}


def test_entries_are_those_of_all_pages_in_order(client, server):
    server.answers[f"{OF}/entries"] = pages
    assert [one["number"] for one in client.entries("client:cli_77")] == [6, 5, 4, 3, 2, 1]
    assert {one["q"] for one in client.entries("client:cli_77")} == {"client:cli_77"}
    assert [page.up_to for page in client.pages()] == [6, 6, 6]


def test_a_page_is_asked_for_when_it_is_needed(client, server):
    server.answers[f"{OF}/entries"] = pages
    assert next(client.entries())["number"] == 6
    assert len(server.asked) == 1


def test_ids_are_parts_of_an_address_whatever_is_in_them(client, server):
    for id in ("a/b", "a?b#c", "a b", "ü", "%2e"):
        with pytest.raises(NotFound):
            client.story("booking", id)
    assert [path for _, path in server.asked] == [
        f"/api/v1/clinics/c_lisbon/stories/booking/{part}"
        for part in ("a%2Fb", "a%3Fb%23c", "a%20b", "%C3%BC", "%252e")
    ]
    for id in ("..", ".", ""):
        with pytest.raises(InvalidInput):
            client.story("booking", id)


def test_what_manages_sends_what_it_was_given(client, server):
    server.answers["PUT /clinics/c_new"] = {"id": "c_new"}
    server.answers["POST /clinics/c_lisbon/viewer"] = {"url": "https://log.example/v/1", "expires_at": "x"}
    server.answers["POST /clinics/c_lisbon/clients/cli_77/anonymize"] = {"number": 7}
    client.put_clinic("c_new", name="New", zone="Europe/Lisbon", owner={"email": "o@example.org", "name": "O"})
    assert client.viewer(role="viewer", user={"id": "usr_1", "name": "M"}, minutes=5) == "https://log.example/v/1"
    assert client.anonymize("cli_77", requested_by="client", key="k") == {"number": 7}
    assert server.bodies == [
        {"name": "New", "zone": "Europe/Lisbon", "owner": {"email": "o@example.org", "name": "O"}},
        {"role": "viewer", "user": {"id": "usr_1", "name": "M"}, "minutes": 5},
        {"requested_by": "client", "key": "k"},
    ]


def test_to_anonymize_is_tried_again_under_one_key_and_to_make_an_api_key_is_not(client, server):
    server.answers["POST /clinics/c_lisbon/clients/cli_77/anonymize"] = {"number": 7}
    server.failures.append((504, {}))
    client.anonymize("cli_77", requested_by="client")
    assert len(server.asked) == 2
    server.failures.append((504, {}))
    with pytest.raises(Unavailable):  # whether one was made is not known, and its secret is lost
        client.add_key(name="host", scopes=["record"])
    assert len(server.asked) == 3


def test_an_export_is_written_as_it_comes_and_has_its_name_when_it_is_whole(client, server, tmp_path):
    content = b"number,action\n" * 100_000
    server.answers[f"{OF}/export"] = lambda asked: content if asked["format"] == "csv" else None
    client.export(tmp_path / "activity.csv")
    assert (tmp_path / "activity.csv").read_bytes() == content
    stream = io.BytesIO()
    client.export(stream, "category:bookings")
    assert stream.getvalue() == content
    with pytest.raises(NotFound):
        client.export(tmp_path / "none.xlsx", format="xlsx")
    with pytest.raises(InvalidInput, match="format"):
        client.export(tmp_path / "none.doc", format="doc")
    assert [file.name for file in tmp_path.iterdir()] == ["activity.csv"]


def test_an_export_that_breaks_off_leaves_the_former_file_and_is_not_begun_again(client, server, tmp_path):
    (tmp_path / "activity.csv").write_bytes(b"the former one")
    server.failures.append("broken off")
    with pytest.raises(Unavailable):
        client.export(tmp_path / "activity.csv")
    assert len(server.asked) == 1
    assert (tmp_path / "activity.csv").read_bytes() == b"the former one"
    assert [file.name for file in tmp_path.iterdir()] == ["activity.csv"]


def test_a_proof_that_is_none_is_malformed(client, server):
    server.answers |= {
        f"{OF}/entries/1/body": b'{"seq":1,"id":"x"}',
        f"{OF}/entries/1/proof": b"c2sp.org/tlog-proof@v1\n",
    }
    with pytest.raises(MalformedProof):
        client.prove(1, "log.example/c/x+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")


def test_nothing_shows_the_key(client):
    assert KEY not in repr(client) + repr(vars(client))


def test_both_clients_have_the_same_methods_with_the_same_parameters():
    assert (
        sorted(name for name, found in vars(AsyncClient).items() if inspect.isfunction(found) and name[0] != "_")
        == METHODS
    )
    for name in METHODS:
        one, other = inspect.signature(getattr(Client, name)), inspect.signature(getattr(AsyncClient, name))
        assert one.parameters == other.parameters, name
        assert inspect.getdoc(getattr(Client, name)) == inspect.getdoc(getattr(AsyncClient, name))
    assert inspect.signature(Client).parameters == inspect.signature(AsyncClient).parameters


def test_the_awaited_client_records_reads_and_tries_again(server):
    async def work() -> None:
        async with AsyncClient(server.url, KEY, clinic="c_lisbon", retry=AT_ONCE) as client:
            server.failures.extend(["lost", (503, {})])
            assert await client.record(event(key="k1")) == Receipt("existing", "k1")
            found = await client.record_many([event(2, key="k2"), event(3, key="k1")])
            assert [type(one).__name__ for one in found] == ["Receipt", "Conflict"]
            server.answers[f"{OF}/entries"] = pages
            assert [one["number"] async for one in client.entries()] == [6, 5, 4, 3, 2, 1]
            server.answers[f"{OF}/export"] = b"x,y\n"
            stream = io.BytesIO()
            await client.of("c_lisbon").export(stream)
            assert stream.getvalue() == b"x,y\n"
            server.failures.append((422, {}))
            with pytest.raises(Refused):
                await client.record(event())
            server.stop()
            with pytest.raises(Unavailable):
                await client.entry(1)

    asyncio.run(work())
    assert server.keys_of() == ["k1", "k2"]


def test_the_awaited_client_has_a_spool_as_well(server, spool):
    async def work() -> None:
        client = AsyncClient(server.url, KEY, clinic="c_lisbon", spool=spool, retry=AT_ONCE)
        assert await client.record(event(key="k1")) == Receipt("spooled", "k1")
        assert await client.record(event(2, key="k2"), wait="entry") == Receipt("existing", "k2")
        assert await client.close(30) == Standing(0, 0)

    asyncio.run(work())
    assert server.keys_of() == ["k1", "k2"]
