"""The published vectors of the keep, docs/spec/vectors/keep-v1.json: made here by hand, reproduced by our code.

Nothing of `indelible` makes a vector: `make` follows docs/spec/keep.md, and AES-GCM of `cryptography` is all its help.

    python tests/keep/test_vectors.py      writes the file anew
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FILE = Path(__file__).resolve().parents[2] / "docs/spec/vectors/keep-v1.json"
ORIGIN = "log.example.org/c/00112233445566778899aabbccddeeff"


def u64(number: int) -> bytes:
    return number.to_bytes(8, "big")


def sealed(master: bytes, origin: str, nonce: bytes, numbers: list[int], records: bytes) -> bytes:
    plain = b"".join(map(u64, numbers)) + records
    place = b"indelible/keep/v1" + b"\0" + origin.encode("ascii")
    return b"indelible-keep-1\n" + nonce + AESGCM(master).encrypt(nonce, plain, place)


def make() -> dict[str, Any]:
    master = sha256(b"an example of a master key").digest()
    root = sha256(b"an example of a root").digest()
    new = bytes([0]) + u64(0) + root
    # The first point cut out: at each level the three other children of the node on the way to it.
    path = root
    cut: dict[int, bytes] = {}
    for level in range(1, 33):
        for child in (1, 2, 3):
            position = child << 2 * (32 - level)
            cut[position] = bytes([level]) + u64(position) + sha256(bytes([child]) + path).digest()
        path = sha256(b"\0" + path).digest()
    records = b"".join(cut[position] for position in sorted(cut))
    covers = [
        ("a new log", ORIGIN, [1, 0, 0, 0], new),
        ("the point 0 cut out", ORIGIN, [2, 41, 0, 0], records),
        ("copied", ORIGIN, [3, 41, 1780000000123456, 41], records),
        ("every number its largest", ORIGIN, [2**64 - 1] * 4, new),
        ("every point cut out", "other.example/c/" + "f" * 32, [9, 7, 1, 6], b""),
    ]
    files = []
    for number, (name, origin, numbers, cover) in enumerate(covers):
        version, up_to, copied_at, copied_up_to = numbers
        nonce = sha256(b"nonce %d" % number).digest()[:12]
        data = sealed(master, origin, nonce, numbers, cover)
        files.append(
            {
                "name": name,
                "origin": origin,
                "file": origin[-32:] + ".cover",
                "version": str(version),
                "up_to": str(up_to),
                "copied_at": str(copied_at) if copied_at else None,
                "copied_up_to": str(copied_up_to),
                "cover_hex": cover.hex() if len(cover) < 100 else None,
                "cover_sha256_hex": sha256(cover).hexdigest(),
                "nonce_hex": nonce.hex(),
                "bytes_hex": data.hex() if len(data) < 200 else None,
                "bytes_sha256_hex": sha256(data).hexdigest(),
            }
        )
    good = sealed(master, ORIGIN, bytes(12), [1, 0, 0, 0], new)
    refused = {
        "empty": b"",
        "no first line": good[17:],
        "a version that is not known": b"indelible-keep-2\n" + good[17:],
        "cut by one byte": good[:-1],
        "one byte more": good + b"\0",
        "sealed for another log": sealed(master, "log.example.org/c/" + "0" * 32, bytes(12), [1, 0, 0, 0], new),
        "sealed under another key": sealed(bytes(32), ORIGIN, bytes(12), [1, 0, 0, 0], new),
        "numbers cut short": sealed(master, ORIGIN, bytes(12), [1, 0, 0], b""),
        "half a record": sealed(master, ORIGIN, bytes(12), [1, 0, 0, 0], new[:-1]),
    }
    return {
        "about": "Vectors of docs/spec/keep.md. Made by tests/keep/test_vectors.py without the library.",
        "master_key_hex": master.hex(),
        "root_hex": root.hex(),
        "files": files,
        "refused": [{"name": name, "origin": ORIGIN, "bytes_hex": data.hex()} for name, data in refused.items()],
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(make(), indent=1) + "\n", encoding="ascii")
    raise SystemExit

import os  # noqa: E402 - the part above runs without the library

from indelible.errors import KeyUnavailable  # noqa: E402
from indelible.keep import keytree  # noqa: E402
from indelible.keep.folder import Keep, Kept  # noqa: E402
from indelible.keep.keys import MasterKey  # noqa: E402

VECTORS = json.loads(FILE.read_text(encoding="ascii"))
MASTER = MasterKey(bytes.fromhex(VECTORS["master_key_hex"]))
TREE = keytree.Cover([keytree.Node(0, 0, bytes.fromhex(VECTORS["root_hex"]))])


def named(vector):
    return vector["name"]


def records(vector) -> bytes:
    if vector["cover_hex"] is not None:
        return bytes.fromhex(vector["cover_hex"])
    return TREE.without([0]).encode()


def kept(vector) -> Kept:
    copied_at = None if vector["copied_at"] is None else int(vector["copied_at"])
    version, up_to, copied_up_to = (int(vector[name]) for name in ("version", "up_to", "copied_up_to"))
    return Kept(keytree.Cover.decode(records(vector)), version, up_to, copied_at, copied_up_to)


def test_the_file_is_what_the_specification_gives():
    assert make() == VECTORS


@pytest.mark.parametrize("vector", VECTORS["files"], ids=named)
def test_a_file_is_written_as_the_specification_gives_it(vector, tmp_path, monkeypatch):
    assert sha256(records(vector)).hexdigest() == vector["cover_sha256_hex"]
    new = kept(vector)
    keep = Keep(tmp_path / "keep", MASTER)
    keep.create()
    monkeypatch.setattr(os, "urandom", lambda size: bytes.fromhex(vector["nonce_hex"]))
    keep._take(vector["origin"], new)
    data = (tmp_path / "keep" / vector["file"]).read_bytes()
    assert sha256(data).hexdigest() == vector["bytes_sha256_hex"]
    assert vector["bytes_hex"] in (None, data.hex())


@pytest.mark.parametrize("vector", VECTORS["files"], ids=named)
def test_a_file_that_the_specification_gives_is_read(vector, tmp_path):
    keep = Keep(tmp_path, MASTER)
    data = make_bytes(vector)
    (tmp_path / vector["file"]).write_bytes(data)
    found, expected = keep.read(vector["origin"]), kept(vector)
    assert found
    assert found.cover.encode() == records(vector)
    for name in ("version", "up_to", "copied_at", "copied_up_to"):
        assert getattr(found, name) == getattr(expected, name)


def make_bytes(vector) -> bytes:
    """The bytes of a file: those of the vector, or, where they are long, made by hand and checked by their hash."""
    if vector["bytes_hex"] is not None:
        return bytes.fromhex(vector["bytes_hex"])
    numbers = [int(vector[name] or 0) for name in ("version", "up_to", "copied_at", "copied_up_to")]
    nonce = bytes.fromhex(vector["nonce_hex"])
    data = sealed(MASTER.secret, vector["origin"], nonce, numbers, records(vector))
    assert sha256(data).hexdigest() == vector["bytes_sha256_hex"]
    return data


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=named)
def test_what_is_no_cover_of_the_log_is_refused(vector, tmp_path):
    (tmp_path / f"{vector['origin'][-32:]}.cover").write_bytes(bytes.fromhex(vector["bytes_hex"]))
    with pytest.raises(KeyUnavailable):
        Keep(tmp_path, MASTER).read(vector["origin"])
