"""The published vectors of the key tree, docs/spec/vectors/keytree-v1.json: made here by hand, reproduced by our code.

Nothing of `indelible` makes a vector: `make` follows docs/spec/keytree.md with hashlib and recursion alone.

    python tests/keep/keytree/test_vectors.py      writes the file anew
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).resolve().parents[3] / "docs/spec/vectors/keytree-v1.json"
LAST = 2**64 - 1


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def digits(point: int) -> list[int]:
    """The way to a point: 32 digits to the base 4, the highest first."""
    text = f"{point:064b}"
    return [int(text[at : at + 2], 2) for at in range(0, 64, 2)]


def node_at(root: bytes, way: list[int]) -> bytes:
    return sha(bytes([way[-1]]) + node_at(root, way[:-1])) if way else root


def key_of(root: bytes, point: int) -> bytes:
    return sha(b"\4" + node_at(root, digits(point)))


def cover_of(root: bytes, gone: set[tuple[int, ...]], way: tuple[int, ...] = ()) -> list[tuple[int, int, bytes]]:
    """By the definition: a node is in the cover where nothing below it is gone, and something below its parent is."""
    if not any(each[: len(way)] == way for each in gone):
        position = int("".join(f"{digit:02b}" for digit in way).ljust(64, "0") or "0", 2)
        return [(len(way), position, node_at(root, list(way)))]
    if len(way) == 32:
        return []
    return [found for digit in range(4) for found in cover_of(root, gone, (*way, digit))]


def records(nodes: list[tuple[int, int, bytes]]) -> bytes:
    return b"".join(bytes([level]) + position.to_bytes(8, "big") + secret for level, position, secret in nodes)


def make() -> dict[str, Any]:
    root = sha(b"an example of a root")
    points = [0, 1, 3, 4, LAST, LAST - 1, 2**63, 2**62 - 1, int.from_bytes(sha(b"some point")[:8], "big")]
    cut = [[], [0], [LAST], [0, 1], [0, 1, 2, 3], [points[-1]], points, [2**63 + n for n in range(16)]]
    hashed = [("name", b"cli_77"), ("person", bytes(range(16))), ("period", b"identity\0" + b"2026-05"), ("name", b"")]
    covers = []
    for each in cut:
        nodes = cover_of(root, {tuple(digits(point)) for point in each})
        digest = sha(records(nodes)).hex()
        covers.append({"without": [str(point) for point in each], "nodes": len(nodes), "sha256_hex": digest})
    named = []
    for kind, x in hashed:
        point = int.from_bytes(sha(kind.encode() + b"\0" + x)[:8], "big")
        named.append({"type": kind, "x_hex": x.hex(), "point": str(point)})
    return {
        "about": "Vectors of docs/spec/keytree.md. Made by tests/keep/keytree/test_vectors.py without the library.",
        "points": named,
        "root_hex": root.hex(),
        "keys": [{"point": str(point), "key_hex": key_of(root, point).hex()} for point in points],
        "covers": covers,
        "whole_cover_hex": records(cover_of(root, {tuple(digits(0))})).hex(),
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(make(), indent=1) + "\n", encoding="ascii")
    raise SystemExit

from indelible.keep import keytree  # noqa: E402 - the part above runs without the library

VECTORS = json.loads(FILE.read_text(encoding="ascii"))
TREE = keytree.Cover([keytree.Node(0, 0, bytes.fromhex(VECTORS["root_hex"]))])


def test_the_file_is_what_the_specification_gives():
    assert make() == VECTORS


@pytest.mark.parametrize("vector", VECTORS["points"], ids=lambda vector: vector["type"])
def test_a_point_is_reproduced(vector):
    assert str(keytree.point(vector["type"], bytes.fromhex(vector["x_hex"]))) == vector["point"]


@pytest.mark.parametrize("vector", VECTORS["keys"], ids=lambda vector: vector["point"])
def test_a_key_is_reproduced(vector):
    key = TREE.key(int(vector["point"]))
    assert key is not None
    assert key.hex() == vector["key_hex"]


@pytest.mark.parametrize("vector", VECTORS["covers"], ids=lambda vector: f"{len(vector['without'])}-{vector['nodes']}")
def test_a_cover_is_reproduced(vector):
    cover = TREE.without(map(int, vector["without"]))
    assert len(cover) == vector["nodes"]
    assert hashlib.sha256(cover.encode()).hexdigest() == vector["sha256_hex"]


def test_a_whole_cover_is_reproduced():
    assert TREE.without([0]).encode().hex() == VECTORS["whole_cover_hex"]
