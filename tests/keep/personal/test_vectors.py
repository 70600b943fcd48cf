"""The published vectors of personal values, docs/spec/vectors/personal-v2.json: made here by hand, reproduced by ours.

Nothing of `indelible` makes a vector: `make` follows docs/spec/personal.md and keytree.md with hashlib, hmac and json,
and AES-256-GCM from the library `cryptography`.

    python tests/keep/personal/test_vectors.py      writes the file anew
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FILE = Path(__file__).resolve().parents[3] / "docs/spec/vectors/personal-v2.json"

Json = dict[str, Any]


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


ORIGIN = "log.example.org/c/3f0e8a3b5c7d9e1f2a4b6c8d0e2f4a6b"
ROOT, LOOKUP, NOBODY = sha(b"an example of a root"), sha(b"an example of a look-up key"), sha(b"nobody")[:16]
MAY = bytes.fromhex("019dd97b3f587c4b9cce000000000001")
IDS = [MAY, bytes.fromhex("019e7f00000070008000000000000002"), bytes.fromhex("00000000000070008000000000000000"),
       bytes.fromhex("ffffffffffff7000bfffffffffffffff")]  # fmt: skip


def point_of(kind: str, x: bytes) -> int:
    return int.from_bytes(sha(kind.encode() + b"\x00" + x)[:8], "big")


def key_at(point: int) -> bytes:
    """The key of a point of the tree of which nothing was cut out, as keytree.md has it."""
    node = ROOT
    for shift in range(62, -1, -2):
        node = sha(bytes([point >> shift & 3]) + node)
    return sha(b"\x04" + node)


def who_of(realm: str, host_id: str, n: int) -> bytes:
    parts = (b"person", realm.encode(), host_id.encode(), n.to_bytes(4, "big"))
    return mac(LOOKUP, b"\x00".join(parts))


def token_of(realm: str, host_id: str, n: int) -> bytes:
    return sha(b"token" + key_at(point_of("name", who_of(realm, host_id, n))))[:16]


ANA, MARIA = token_of("client", "cli_77", 0), token_of("staff", "usr_12", 0)


def framed(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def month_of(entry_id: bytes) -> str:
    milliseconds = int.from_bytes(entry_id[:6], "big")
    try:
        moment = datetime(1970, 1, 1) + timedelta(milliseconds=milliseconds)  # noqa: DTZ001 - UTC throughout
    except OverflowError:
        return ""
    return f"{moment.year:04}-{moment.month:02}"


def group_keys(entry_id: bytes, token: bytes, personal_class: str) -> Json:
    owner = NOBODY if personal_class == "evidence" else token
    period = personal_class.encode() + b"\x00" + month_of(entry_id).encode()
    points = point_of("person", owner), point_of("period", period)
    secret = mac(key_at(points[0]), key_at(points[1]) + token + personal_class.encode())
    return {
        "entry_id_hex": entry_id.hex(), "token_hex": token.hex(), "class": personal_class, "month": month_of(entry_id),
        "person_point": str(points[0]), "period_point": str(points[1]), "row_secret_hex": secret.hex(),
        "cipher_key_hex": mac(secret, b"seal").hex(), "seed_hex": mac(secret, entry_id).hex(),
    }  # fmt: skip


def sealed_group(entry_id: bytes, token: bytes, personal_class: str, values: Json) -> Json:
    made = group_keys(entry_id, token, personal_class)
    nonce = sha(entry_id + token + personal_class.encode())[:12]
    place = b"indelible/values/v2\x00" + framed(ORIGIN.encode()) + entry_id + token + personal_class.encode()
    plain = canonical([values[path] for path in sorted(values)])
    sealed = nonce + AESGCM(bytes.fromhex(made["cipher_key_hex"])).encrypt(nonce, plain, place)
    return made | {"values": values, "place_hex": place.hex(), "sealed_hex": sealed.hex()}


def groups() -> Iterator[Json]:
    ana = {"client.id": "cli_77", "client.name": "Ana Sousa-Nuñez, 山田"}
    yield sealed_group(MAY, ANA, "identity", ana)
    yield sealed_group(MAY, ANA, "network", {"request.ip": "203.0.113.9"})
    yield sealed_group(MAY, ANA, "evidence", {"context.stripe_charge": "ch_3PexampleA"})
    yield sealed_group(MAY, MARIA, "evidence", {"context.stripe_charge": "ch_3PexampleA"})
    yield sealed_group(MAY, NOBODY, "evidence", {"context.stripe_charge": "ch_3PexampleA"})
    yield sealed_group(MAY, NOBODY, "identity", {"key": "k", "erases": {"person": ANA.hex(), "up_to_seq": 6}})
    for entry_id in IDS[1:]:
        yield sealed_group(entry_id, MARIA, "identity", {"context.changes": [None, True, -1, {"b": 1, "a": ""}]})


def parts() -> Json:
    letters = {"evidence": b"e", "identity": b"i", "network": b"n"}
    listed, whole = [], b""
    for owner, (token, personal_class) in enumerate([(MARIA, "identity"), (ANA, "evidence"), (ANA, "network")]):
        data = bytes.fromhex(sealed_group(MAY, token, personal_class, {"a": "b"})["sealed_hex"])
        listed.append({"owner": owner, "class": personal_class, "data_hex": data.hex()})
        whole += bytes([owner]) + letters[personal_class] + framed(data)
    return {"parts": listed, "sealed_hex": whole.hex()}


def persons() -> Iterator[Json]:
    for realm, host_id, n, more in (("client", "cli_77", 0, {"name": "Ana Sousa"}), ("staff", "usr_é", 3, {})):
        token = token_of(realm, host_id, n)
        details: Json = {"realm": realm, "id": host_id, "n": n, "since": 1777810951123456, "named_at": -1} | more
        key, nonce = key_at(point_of("person", token)), sha(token)[:12]
        place = b"indelible/person/v2\x00" + framed(ORIGIN.encode()) + token
        sealed = nonce + AESGCM(mac(key, b"row")).encrypt(nonce, canonical(details), place)
        yield {"token_hex": token.hex(), "details": details, "sealed_hex": sealed.hex()}


def tokens() -> Iterator[Json]:
    for realm, host_id, n in (("client", "cli_77", 0), ("client", "cli_77", 1), ("client", "cli_77", 2**32 - 1),
                              ("staff", "cli_77", 0), ("support", "é", 0), ("staff", "usr_12", 0)):  # fmt: skip
        who = who_of(realm, host_id, n)
        yield {"realm": realm, "id": host_id, "n": n, "who_hex": who.hex(), "point": str(point_of("name", who)),
               "token_hex": token_of(realm, host_id, n).hex()}  # fmt: skip


def found() -> Iterator[Json]:
    for kind, text in (("key", "resched-99812-7"), ("evidence", '"ch_3PexampleA"'), ("key", "é")):
        yield {"kind": kind, "text": text, "found_hex": mac(LOOKUP, f"{kind}\x00{text}".encode())[:16].hex()}
    key = key_at(point_of("person", ANA))
    for kind, text in ((".network", "203.0.113.0/24"), (".device", "Safari on iPhone"), (".device", "")):
        theirs = mac(key, kind.encode())[:8] + mac(key, f"{kind}\x00{text}".encode())[:8]
        yield {"kind": kind, "text": text, "token_hex": ANA.hex(), "found_hex": theirs.hex()}


def make() -> Json:
    return {
        "about": "Vectors of docs/spec/personal.md. Made by tests/keep/personal/test_vectors.py without the library.",
        "origin": ORIGIN, "tree_root_hex": ROOT.hex(), "lookup_key_hex": LOOKUP.hex(), "nobody_hex": NOBODY.hex(),
        "tokens": [*tokens()], "groups": [*groups()], "sealed": parts(), "persons": [*persons()], "found": [*found()],
    }  # fmt: skip


if __name__ == "__main__":
    FILE.write_text(json.dumps(make(), indent=1) + "\n", encoding="ascii")
    raise SystemExit

from indelible.keep import personal  # noqa: E402 - the part above runs without the library
from indelible.keep.folder import Kept  # noqa: E402
from indelible.keep.keytree import Cover, Node, point  # noqa: E402

VECTORS = json.loads(FILE.read_text(encoding="ascii"))
KEPT = Kept(Cover([Node(0, 0, bytes.fromhex(VECTORS["tree_root_hex"]))]), 1, 0)


def of(vector: Json, name: str) -> bytes:
    return bytes.fromhex(vector[f"{name}_hex"])


SEALER = personal.Sealer(VECTORS["origin"], of(VECTORS, "lookup_key"), of(VECTORS, "nobody"), lambda: KEPT)


def test_the_file_is_what_the_specification_gives() -> None:
    assert make() == VECTORS


@pytest.mark.parametrize("vector", VECTORS["tokens"], ids=lambda vector: f"{vector['realm']}-{vector['n']}")
def test_a_token_is_reproduced(vector: Json) -> None:
    assert SEALER.token(vector["realm"], vector["id"], vector["n"]) == of(vector, "token")
    assert point("name", of(vector, "who")) == int(vector["point"])


@pytest.mark.parametrize("vector", VECTORS["groups"], ids=lambda vector: f"{vector['class']}-{vector['month']}")
def test_a_group_is_opened_and_has_its_seed(vector: Json) -> None:
    place = of(vector, "entry_id"), of(vector, "token"), vector["class"]
    opened = SEALER.open_values(*place, of(vector, "sealed"), sorted(vector["values"]))
    assert (opened.values, opened.seed) == (vector["values"], of(vector, "seed"))
    assert SEALER.place(*place) == of(vector, "place")
    owner = of(VECTORS, "nobody") if vector["class"] == "evidence" else of(vector, "token")
    assert point("person", owner) == int(vector["person_point"])


@pytest.mark.parametrize("vector", VECTORS["groups"], ids=lambda vector: f"{vector['class']}-{vector['month']}")
def test_a_group_is_sealed_to_the_same_bytes_under_the_same_nonce(
    vector: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indelible.keep.personal.os.urandom", lambda size: of(vector, "sealed")[:size])
    plain = canonical([vector["values"][path] for path in sorted(vector["values"])])
    sealed = SEALER.seal_values(of(vector, "entry_id"), of(vector, "token"), vector["class"], plain)
    assert sealed == of(vector, "sealed")


def test_the_parts_of_an_entry_are_joined_and_split() -> None:
    vector = VECTORS["sealed"]
    made = [personal.Part(one["owner"], one["class"], of(one, "data")) for one in vector["parts"]]
    assert personal.join(made) == of(vector, "sealed")
    assert personal.split(of(vector, "sealed")) == made


@pytest.mark.parametrize("vector", VECTORS["persons"], ids=lambda vector: vector["details"]["realm"])
def test_a_persons_row_is_reproduced(vector: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    token, sealed = of(vector, "token"), of(vector, "sealed")
    assert SEALER.open_person(token, sealed) == vector["details"]
    monkeypatch.setattr("indelible.keep.personal.os.urandom", lambda size: sealed[:size])
    assert SEALER.seal_person(token, vector["details"]) == sealed


@pytest.mark.parametrize("vector", VECTORS["found"], ids=lambda vector: vector["text"])
def test_what_is_found_again_is_reproduced(vector: Json) -> None:
    if "token_hex" in vector:
        whose, kind = of(vector, "token"), vector["kind"]
        assert SEALER.recognised(whose, kind, vector["text"]) == of(vector, "found")
        assert SEALER.recognised(whose, kind) == of(vector, "found")[:8]
    else:
        assert SEALER.find(vector["kind"], vector["text"]) == of(vector, "found")
