"""The proof of one entry in one text, and its published vectors, docs/spec/vectors/tlog-proof-v1.json.

Nothing of `indelible` makes a vector: `make` follows docs/spec/tlog-proof.md, RFC 6962 and C2SP's signed note with
hashlib and an Ed25519 of another house.

    python -m tests.proof.tlog_proof.test_tlog_proof      writes the file anew
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.proof import rfc6962

from indelible.errors import MalformedProof
from indelible.format import entry
from indelible.proof.note import Verifier
from indelible.proof.tlog_proof import HEADER, EntryProof
from indelible.proof.verify import single

SPEC = Path(__file__).resolve().parents[3] / "docs/spec/vectors"
FILE = SPEC / "tlog-proof-v1.json"
ORIGIN = "log.clinic.example/c/426a76de108b3adc28640b2a5d87a022"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def signer() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"an example of a seed").digest())


def key_id() -> bytes:
    return hashlib.sha256(ORIGIN.encode() + b"\n\x01" + signer().public_key().public_bytes_raw()).digest()[:4]


def signed(size: int, root: bytes) -> str:
    text = f"{ORIGIN}\n{size}\n{b64(root)}\n"
    return f"{text}\n— {ORIGIN} {b64(key_id() + signer().sign(text.encode()))}\n"


def one(index: int, bodies: list[bytes]) -> dict[str, Any]:
    leaves = [rfc6962.leaf(body) for body in bodies]
    hashes = "".join(f"{b64(one)}\n" for one in rfc6962.path(index, leaves))
    note = signed(len(leaves), rfc6962.root(leaves))
    return {
        "index": index,
        "size": len(leaves),
        "body": b64(bodies[index]),
        "proof": f"c2sp.org/tlog-proof@v1\nindex {index}\n{hashes}\n{note}",
    }


def make() -> dict[str, Any]:
    bodies = [json.dumps({"an": "example", "of": number}).encode() for number in range(70)]
    places = [(0, 1), (0, 2), (1, 2), (2, 3), (0, 7), (6, 7), (5, 8), (63, 64), (64, 65), (0, 70), (41, 70), (69, 70)]
    public = b64(b"\x01" + signer().public_key().public_bytes_raw())
    return {
        "vkey": f"{ORIGIN}+{key_id().hex()}+{public}",
        "proofs": [one(index, bodies[:size]) for index, size in places],
    }


VECTORS = json.loads(FILE.read_text()) if FILE.exists() else make()
KEY = Verifier.decode(VECTORS["vkey"])


def test_the_file_is_what_other_code_makes() -> None:
    assert make() == VECTORS
    assert VECTORS["proofs"]


@pytest.mark.parametrize("vector", VECTORS["proofs"], ids=lambda one: f"{one['index']} of {one['size']}")
def test_a_vector_is_read_written_and_believed(vector: dict[str, Any]) -> None:
    proof = EntryProof.decode(vector["proof"])
    assert proof.encode() == vector["proof"]
    assert proof.check(base64.b64decode(vector["body"]), KEY).size == vector["size"]
    with pytest.raises(MalformedProof):
        proof.check(base64.b64decode(vector["body"]) + b" ", KEY)


def test_no_other_index_key_note_or_hash_is_believed() -> None:
    vector = next(one for one in VECTORS["proofs"] if (one["index"], one["size"]) == (41, 70))
    body, proof = base64.b64decode(vector["body"]), EntryProof.decode(vector["proof"])
    other = next(one for one in VECTORS["proofs"] if one["size"] == 65)
    for changed in (
        EntryProof(40, proof.hashes, proof.note),
        EntryProof(41, proof.hashes[:-1], proof.note),
        EntryProof(41, (*proof.hashes, proof.hashes[0]), proof.note),
        EntryProof(41, (proof.hashes[1], proof.hashes[0], *proof.hashes[2:]), proof.note),
        EntryProof(41, proof.hashes, EntryProof.decode(other["proof"]).note),
        EntryProof(41, proof.hashes, proof.note.replace(b"\n70\n", b"\n71\n")),
    ):
        with pytest.raises(MalformedProof):
            changed.check(body, KEY)
    stranger = Ed25519PrivateKey.from_private_bytes(b"s" * 32).public_key().public_bytes_raw()
    with pytest.raises(MalformedProof):
        proof.check(body, Verifier(ORIGIN, stranger))


def lines(*replaced: tuple[str, str]) -> str:
    text = str(VECTORS["proofs"][3]["proof"])
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new, 1)
    return text


@pytest.mark.parametrize(
    "text",
    [
        "", "\n\n", HEADER, f"{HEADER}\n\n", f"{HEADER}\nindex 0\n", "x" * 20_001,
        lines(("@v1", "@v2")), lines(("index 2", "index 02")), lines(("index 2", "index -2")),
        lines(("index 2", "index  2")), lines(("index 2", "Index 2")), lines(("index 2", "index \uff12")),
        lines(("index 2", "index 2 ")), lines(("index 2", "index 1_0")), lines(("index 2\n", "")),
        lines(("index 2\n", "index 2\r\n")), lines(("index 2\n", "index 2\nAAAA\n")),
        lines(("index 2\n", f"index 2\n{b64(b'h' * 31)}\n")), lines(("index 2\n", f"index 2\n{b64(b'h' * 32)[:-1]}\n")),
        lines(("index 2\n", "index 2\n" + f"{b64(b'h' * 32)}\n" * 64)), lines(("index 2", "extra\nindex 2")),
        lines(("index 2", "extra *\nindex 2")), lines(("index 2", "extra AA==\nextra AA==\nindex 2")),
        lines(("index 2", "index 2\nextra AA==")), "\ud800" + lines(), lines() + "\ud800",
    ],
)  # fmt: skip
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(MalformedProof):
        EntryProof.decode(text)


def test_what_nobody_signed_is_read_over() -> None:
    assert EntryProof.decode(lines(("index 2", "extra AAEC\nindex 2"))) == EntryProof.decode(lines())


def test_an_entry_says_what_it_is_only_with_a_proof_that_holds() -> None:
    bodies = [bytes.fromhex(case["body_hex"]) for case in json.loads((SPEC / "entry-v1.json").read_text())["bodies"]]
    body = bodies[0]
    at = entry.decode(body).seq - 1
    assert at < 100
    kept = one(at, [b"another"] * at + [body, *bodies])
    text, answer = (
        kept["proof"].encode(),
        json.dumps({"proof": kept["proof"], "body": body.decode(), "more": 1}).encode(),
    )
    for read in (single.read(text, body), single.read(answer)):
        found = single.check(*read, KEY)
        assert (found.body.seq, found.signed.origin) == (at + 1, ORIGIN)
        assert found.as_json()["result"] == "intact"
    moved = one(at + 1, [b"another"] * (at + 1) + [body])
    with pytest.raises(MalformedProof, match="another number"):
        single.check(*single.read(moved["proof"].encode(), body), KEY)
    for kept_as in (
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"proof": 1, "body": ""}',
        b"\xff",
        text,
        b'{"a":' * 100_000,
        b" " * 10**6,
    ):
        with pytest.raises(MalformedProof):
            single.read(kept_as)


if __name__ == "__main__":
    FILE.write_text(json.dumps(make(), indent=1) + "\n")
