"""Proofs over HTTP, each checked by the library and by a second implementation of RFC 6962."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest
from tests.proof import rfc6962 as tree

from indelible.log import ClinicLog
from indelible.proof import checkpoint, merkle
from indelible.proof.note import Verifier
from indelible.proof.tlog_proof import EntryProof

from .conftest import CANCELLED, Api
from .test_reading import many

SIZE = 300  # more than one tile


@pytest.fixture
def grown(log: ClinicLog) -> ClinicLog:
    """A log with checkpoints at 7, 256 and 300 entries."""
    for size in (7, 256, SIZE):
        many_from(log, size)
        log.checkpoint()
    return log


def many_from(log: ClinicLog, size: int) -> None:
    from indelible.record import document

    log.append([log.draft(document.parse(CANCELLED | {"key": f"k{number}"})) for number in range(log.size, size)])


def leaves(log: ClinicLog) -> list[bytes]:
    return [tree.leaf(row.body) for row in log.rows.entries(0, log.size)]


def test_each_proof_leads_from_the_body_to_what_is_signed(api: Api, grown: ClinicLog) -> None:
    vkey = api.get(f"/clinics/{grown.clinic.id}/key")
    verifier = Verifier.decode(vkey.content.decode().strip())
    every = leaves(grown)
    for number in (1, 2, 7, 8, 255, 256, 257, SIZE):
        found = api.get(f"/clinics/{grown.clinic.id}/entries/{number}/proof?size={SIZE}").json
        signed = checkpoint.open(found["checkpoint"].encode(), verifier)
        body = api.get(f"/clinics/{grown.clinic.id}/entries/{number}/body")
        assert body.headers["Content-Type"] == "application/octet-stream"
        assert found["body"].encode() == body.content
        assert b64decode(found["leaf_hash"]) == tree.leaf(body.content) == every[number - 1]
        assert (found["number"], found["index"], found["size"], signed.size) == (number, number - 1, SIZE, SIZE)
        hashes = tuple(tree.unpacked(found["hashes"]))
        assert list(hashes) == tree.path(number - 1, every[:SIZE])
        assert signed.root == b64decode(found["root"]) == tree.root(every[:SIZE])
        merkle.check_inclusion(number - 1, SIZE, tree.leaf(body.content), hashes, signed.root)
        assert EntryProof.decode(found["proof"]).check(body.content, verifier) == signed


@pytest.mark.parametrize(("number", "size"), [(1, 7), (7, 7), (8, 256), (256, 256), (300, 300)])
def test_the_text_of_an_older_checkpoint_holds(api: Api, grown: ClinicLog, number: int, size: int) -> None:
    answer = api.get(f"/clinics/{grown.clinic.id}/entries/{number}/proof?size={size}", accept="text/plain")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Vary"] == "Accept"
    proof = EntryProof.decode(answer.content.decode())
    body = api.get(f"/clinics/{grown.clinic.id}/entries/{number}/body").content
    assert proof.check(body, Verifier.decode(grown.clinic.vkey)).size == size


def test_a_size_of_no_checkpoint_or_before_the_entry_is_refused(api: Api, grown: ClinicLog) -> None:
    for number, size in ((1, 8), (1, 6), (1, 10**6), (8, 7)):
        answer = api.get(f"/clinics/{grown.clinic.id}/entries/{number}/proof?size={size}")
        assert (answer.status, answer.json["field"]) == (422, "size"), (number, size)
    for bad in ("0", "-1", "x", "9" * 30):
        assert api.get(f"/clinics/{grown.clinic.id}/entries/1/proof?size={bad}").status == 422
    assert api.get(f"/clinics/{grown.clinic.id}/entries/1/proof", accept="image/png").status == 406


def test_an_entry_of_this_second_is_proven_a_second_later(api: Api, log: ClinicLog) -> None:
    many(log, 1)
    log.checkpoint()
    log.append([log.draft(_document())])
    answer = api.get(f"/clinics/{log.clinic.id}/entries/2/proof")
    assert (answer.status, answer.headers["Retry-After"]) == (404, "1")
    log._signed_at -= 2_000_000  # two seconds later
    assert api.get(f"/clinics/{log.clinic.id}/entries/2/proof").json["size"] == 2


def _document() -> Any:
    from indelible.record import document

    return document.parse(CANCELLED | {"key": "one more"})


@pytest.mark.parametrize("first", [1, 6, 7, 8, 255, 256, 257, 299, 300])
def test_the_log_only_grew(api: Api, grown: ClinicLog, first: int) -> None:
    every = leaves(grown)
    for last in sorted({first, max(first, 200), SIZE}):
        found = api.get(f"/clinics/{grown.clinic.id}/consistency?from={first}&to={last}").json
        hashes = tuple(tree.unpacked(found["hashes"]))
        old, new = b64decode(found["root_from"]), b64decode(found["root_to"])
        assert (found["from"], found["to"]) == (first, last)
        assert (old, new) == (tree.root(every[:first]), tree.root(every[:last]))
        assert list(hashes) == tree.grown(first, every[:last])
        merkle.check_consistency(first, last, old, new, hashes)


def test_consistency_that_cannot_be_proven_is_refused_by_name(api: Api, grown: ClinicLog) -> None:
    for words, field in (("from=0", "from"), ("from=8&to=7", "from"), ("from=1&to=301", "to"), ("", "from"),
                         ("from=1&to=x", "to")):  # fmt: skip
        answer = api.get(f"/clinics/{grown.clinic.id}/consistency?{words}")
        assert (answer.status, answer.json["field"]) == (422, field), words


def test_the_newest_checkpoint_is_signed_at_most_once_a_second(api: Api, log: ClinicLog) -> None:
    assert api.get(f"/clinics/{log.clinic.id}/checkpoint").status == 404  # nothing to sign
    many(log, 2)
    log._signed_at -= 2_000_000
    answer = api.get(f"/clinics/{log.clinic.id}/checkpoint")
    signed = checkpoint.open(answer.content, Verifier.decode(log.clinic.vkey))
    assert (signed.size, signed.origin) == (2, log.clinic.origin)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    log.append([log.draft(_document())])
    again = api.get(f"/clinics/{log.clinic.id}/checkpoint")
    assert again.content == answer.content
    assert api.get(f"/clinics/{log.clinic.id}/checkpoint", **{"if-none-match": answer.headers["ETag"]}).status == 304


def test_a_tree_that_is_not_what_was_signed_gives_no_proof(
    api: Api, grown: ClinicLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = type(grown.rows)
    real = rows.entries

    def changed(self: Any, after: int, up_to: int) -> Any:
        for row in real(self, after, up_to):
            yield row._replace(body=row.body + b" ") if row.seq == 290 else row

    monkeypatch.setattr(rows, "entries", changed)
    answer = api.get(f"/clinics/{grown.clinic.id}/entries/299/proof?size={SIZE}")
    assert answer.status == 503
