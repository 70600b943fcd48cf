"""Commitments: the layout, and that nothing of their input is interchangeable."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indelible.format import commitment
from indelible.format.commitment import Committer

SEED = bytes(range(32))
ID = "01890a5d-ac96-774b-bcce-b302099a8057"


VALUES = [("actor.id", b'"usr_1"'), ("actor.name", b'"Ana"')]


def framed(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def by_hand(origin: str, entry_id: str, personal_class: str, seed: bytes, values: list[tuple[str, bytes]]) -> bytes:
    stream = hashlib.shake_256(b"indelible/salts/v1\0" + seed).digest(32 * len(values))
    leaves = b"".join(
        hashlib.sha256(framed(stream[32 * n : 32 * n + 32], path.encode(), value)).digest()
        for n, (path, value) in enumerate(values)
    )
    start = b"indelible/personal/v1\0" + framed(origin.encode(), entry_id.encode(), personal_class.encode())
    return hashlib.sha256(start + leaves).digest()


def made(origin: str = "o", entry_id: str = ID, personal_class: str = "identity", seed: bytes = SEED,
         values: list[tuple[str, bytes]] = VALUES) -> str:  # fmt: skip
    return Committer(origin, entry_id).commit(personal_class, commitment.leaves(seed, values))


def in_base64url(digest: bytes) -> str:
    return urlsafe_b64encode(digest).decode().rstrip("=")


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(TEXTS, st.binary(), min_size=1, max_size=8), st.binary(min_size=32, max_size=32))
def test_a_commitment_is_the_hash_that_the_format_describes(values, seed):
    listed = sorted(values.items())
    assert made("log.example.org/c/1", seed=seed, values=listed) == in_base64url(
        by_hand("log.example.org/c/1", ID, "identity", seed, listed)
    )


def test_a_committer_can_be_used_again_and_gives_the_same():
    committer, leaves = Committer("o", ID), commitment.leaves(SEED, VALUES)
    first = committer.commit("identity", leaves)
    committer.commit("network", leaves)
    assert committer.commit("identity", leaves) == first


def test_moving_a_byte_from_one_part_to_the_next_changes_the_commitment():
    commitments = {
        made("ab", values=[("c", b"d")]),
        made("a", f"b{ID}", values=[("c", b"d")]),
        made("ab", f"{ID}i", "dentity", values=[("c", b"d")]),
        made("ab", values=[("cd", b"")]),
        made("ab", values=[("", b"cd")]),
        made("ab", values=[("c", b""), ("d", b"")]),
        made("ab", values=[("c", b"d"), ("", b"")]),
    }
    assert len(commitments) == 7


@pytest.mark.parametrize("changed", ["origin", "entry_id", "personal_class", "seed", "values"])
def test_every_part_is_bound(changed):
    parts: dict[str, Any] = {"origin": "o", "entry_id": ID, "personal_class": "identity", "seed": SEED}
    other: dict[str, Any] = {"values": VALUES[:1]} if changed == "values" else {
        changed: parts[changed] + ("x" if isinstance(parts[changed], str) else b"x")}  # fmt: skip
    assert made(**parts) != made(**parts | other)


@pytest.mark.parametrize("changed", [0, 1])
def test_every_value_and_every_path_is_bound(changed):
    path, value = VALUES[changed]
    for other in ((path + "x", value), (path, value + b" ")):
        assert made(values=[*VALUES[:changed], other, *VALUES[changed + 1 :]]) != made()


def test_salts_say_nothing_of_each_other_and_a_longer_group_begins_as_a_shorter_one():
    three = commitment.salts(SEED, 3)
    assert len({*three}) == 3
    assert commitment.salts(SEED, 2) == three[:2]
    assert commitment.salts(SEED, 0) == []
    assert {*commitment.salts(SEED + b"x", 3)}.isdisjoint(three)


@given(st.binary(min_size=32, max_size=32))
def test_a_digest_is_written_in_base64url_without_padding(digest):
    assert commitment.encode(digest) == in_base64url(digest)
    assert commitment.is_commitment(commitment.encode(digest))


@given(st.text(max_size=50) | st.text(alphabet="ABCabcQw019-_+/=\n ", min_size=42, max_size=44))
def test_a_commitment_is_what_some_digest_is_written_as_and_nothing_else(text):
    try:
        digest = urlsafe_b64decode(text.encode("ascii") + b"=")
    except ValueError:
        digest = b""
    assert commitment.is_commitment(text) == (len(digest) == 32 and in_base64url(digest) == text)


@pytest.mark.parametrize("last", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
def test_the_last_character_has_no_bit_that_belongs_to_no_byte(last):
    text = "A" * 42 + last
    assert commitment.is_commitment(text) == (in_base64url(urlsafe_b64decode(text + "=")) == text)


@pytest.mark.parametrize(
    "text",
    ["A" * 42, "A" * 44, "A" * 43 + "=", "A" * 42 + "+", "A" * 42 + "\n", "A" * 43 + "\n", "é" * 43, "", "٣" * 43],
)
def test_another_spelling_is_no_commitment(text):
    assert not commitment.is_commitment(text)
