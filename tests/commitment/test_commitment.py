"""Commitments: the layout, and that nothing of their input is interchangeable."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indelible import commitment
from indelible.commitment import Committer

SEED = bytes(range(32))
ID = "01890a5d-ac96-774b-bcce-b302099a8057"


def by_hand(origin: str, entry_id: str, path: str, seed: bytes, value: bytes) -> bytes:
    salt = hmac.new(seed, path.encode(), hashlib.sha256).digest()
    parts = [origin.encode(), entry_id.encode(), path.encode(), salt, value]
    return hashlib.sha256(
        b"indelible/personal/v1\0" + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    ).digest()


def in_base64url(digest: bytes) -> str:
    return urlsafe_b64encode(digest).decode().rstrip("=")


@given(st.text(st.characters(exclude_categories=["Cs"])), st.binary(min_size=32, max_size=32), st.binary())
def test_a_commitment_is_the_hash_that_the_format_describes(path, seed, value):
    made = Committer("log.example.org/c/1", ID).commit(seed, path, value)
    assert made == in_base64url(by_hand("log.example.org/c/1", ID, path, seed, value))


def test_a_committer_can_be_used_again_and_gives_the_same():
    committer = Committer("o", ID)
    first = committer.commit(SEED, "actor.name", b'"Ana"')
    committer.commit(SEED, "client.name", b'"Bo"')
    assert committer.commit(SEED, "actor.name", b'"Ana"') == first


def test_moving_a_byte_from_one_part_to_the_next_changes_the_commitment():
    commitments = {
        Committer("ab", ID).commit(SEED, "c", b"d"),
        Committer("a", f"b{ID}").commit(SEED, "c", b"d"),
        Committer("ab", f"{ID}c").commit(SEED, "", b"d"),
        Committer("ab", ID).commit(SEED, "cd", b""),
        Committer("ab", ID).commit(SEED, "", b"cd"),
    }
    assert len(commitments) == 5


@pytest.mark.parametrize("changed", ["origin", "id", "seed", "path", "value"])
def test_every_part_is_bound(changed):
    parts: dict[str, Any] = {"origin": "o", "id": ID, "seed": SEED, "path": "actor.name", "value": b'"Ana"'}
    other = parts | {changed: parts[changed] + ("x" if isinstance(parts[changed], str) else b"x")}
    made = [Committer(p["origin"], p["id"]).commit(p["seed"], p["path"], p["value"]) for p in (parts, other)]
    assert made[0] != made[1]


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
