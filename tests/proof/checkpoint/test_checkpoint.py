"""The checkpoint: strict text, and a signature by the log that it names."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indelible.errors import MalformedProof
from indelible.proof import checkpoint, note
from indelible.proof.checkpoint import Checkpoint
from indelible.proof.merkle import EMPTY_ROOT
from indelible.proof.note import Signer

ORIGIN = "log.example/c/7f3a"
LOG = Signer(ORIGIN, bytes(range(32)))
NEXT_KEY = Signer(ORIGIN, bytes(range(1, 33)))
STRANGER = Signer("another.example/c/1", bytes(range(2, 34)))
HEAD = Checkpoint(ORIGIN, 42, bytes(range(32)))
TEXT = "log.example/c/7f3a\n42\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"


def test_the_text_is_origin_size_and_root() -> None:
    assert checkpoint.encode(HEAD) == TEXT
    assert checkpoint.decode(TEXT) == HEAD


def test_a_signed_checkpoint_opens_with_the_key_of_the_log() -> None:
    data = checkpoint.sign(HEAD, LOG)
    assert data.startswith(TEXT.encode() + "\n\N{EM DASH} log.example/c/7f3a ".encode())
    assert checkpoint.open(data, LOG.verifier) == HEAD


def test_while_a_new_key_takes_over_either_or_both_open_the_checkpoint() -> None:
    data = note.sign(TEXT, LOG, NEXT_KEY)
    for verifiers in ((LOG.verifier,), (NEXT_KEY.verifier,), (LOG.verifier, NEXT_KEY.verifier)):
        assert checkpoint.open(data, *verifiers) == HEAD


def test_a_key_of_another_name_neither_signs_nor_opens() -> None:
    with pytest.raises(MalformedProof, match="name of its origin"):
        checkpoint.sign(HEAD, STRANGER)
    data = note.sign(TEXT, LOG, STRANGER)
    for verifiers in ((STRANGER.verifier,), (LOG.verifier, STRANGER.verifier)):
        with pytest.raises(MalformedProof, match="another log"):
            checkpoint.open(data, *verifiers)


def test_another_key_of_the_same_name_does_not_open() -> None:
    with pytest.raises(MalformedProof, match="no signature by a known key"):
        checkpoint.open(checkpoint.sign(HEAD, LOG), NEXT_KEY.verifier)


def test_a_signed_text_that_is_no_checkpoint_does_not_open() -> None:
    for text in ("\n", "a\n", TEXT + "extension\n", TEXT.replace("42", "042")):
        with pytest.raises(MalformedProof):
            checkpoint.open(note.sign(text, LOG), LOG.verifier)


SIZES = [
    "+5",
    " 5",
    "5 ",
    "1_0",
    "05",
    "00",
    "-0",
    "-1",
    "",
    "0x1",
    "1e3",
    "1.0",
    "٤٢",
    "4\N{SUPERSCRIPT TWO}",
    str(2**63),
]


@pytest.mark.parametrize("size", [*SIZES, "9" * 5000])
def test_a_size_in_another_spelling_or_out_of_range_is_refused(size: str) -> None:
    with pytest.raises(MalformedProof):
        checkpoint.decode(TEXT.replace("42", size))


@pytest.mark.parametrize("size", [1, 10, 2**53 + 1, 2**63 - 1])
def test_a_size_up_to_the_limit_is_read_exactly(size: int) -> None:
    assert checkpoint.decode(TEXT.replace("42", str(size))).size == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT[:-1],
        TEXT + "\n",
        TEXT + "x",
        "\n" + TEXT,
        TEXT + "Timestamp: 1689177396617352539\n",
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n42", "\x0b42", 1),
        TEXT.replace("log.example/c/7f3a", ""),
        TEXT.replace("log", "l\tog"),
        TEXT.replace("log", "\ud800"),
        TEXT.replace("log", "l" * 300),
        TEXT.replace("Hh8=", "Hh9="),  # a second spelling of the same 32 bytes
        TEXT.replace("Hh8=", "Hh8"),
        TEXT.replace("Hh8=", "Hg=="),
        TEXT.replace("Hh8=", "Hh8g"),
    ],
)
def test_a_text_that_no_encoder_prints_is_refused(text: str) -> None:
    with pytest.raises(MalformedProof):
        checkpoint.decode(text)


def test_an_empty_log_has_the_empty_root_and_no_other() -> None:
    empty = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert checkpoint.open(checkpoint.sign(empty, LOG), LOG.verifier) == empty
    with pytest.raises(MalformedProof, match="empty root"):
        Checkpoint(ORIGIN, 0, bytes(32))


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [(ORIGIN, -1, bytes(32)), (ORIGIN, 2**63, bytes(32)), (ORIGIN, True, bytes(32)), (ORIGIN, 1, bytes(31)),
     (ORIGIN, 1, "x" * 32), ("", 1, bytes(32)), ("a\nb", 1, bytes(32)), (None, 1, bytes(32))],
)  # fmt: skip
def test_no_checkpoint_is_made_of_other_values(origin: Any, size: Any, root: Any) -> None:
    with pytest.raises(MalformedProof):
        Checkpoint(origin, size, root)


origins = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=[chr(c) for c in range(32)]), min_size=1)
heads = st.builds(
    Checkpoint,
    origins.filter(lambda origin: len(origin.encode()) <= checkpoint.LARGEST_ORIGIN),
    st.integers(1, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
)


@given(heads)
def test_what_is_encoded_is_decoded_to_the_same_checkpoint(head: Checkpoint) -> None:
    assert checkpoint.decode(checkpoint.encode(head)) == head


@given(st.text(), st.integers(0, len(TEXT)), st.integers(0, 5))
@example("٤", 19, 2)
@example("\N{LINE SEPARATOR}", 18, 1)
def test_any_text_is_refused_with_malformed_proof_or_encodes_to_itself(text: str, start: int, length: int) -> None:
    for candidate in (text, TEXT[:start] + text + TEXT[start + length :]):
        with contextlib.suppress(MalformedProof):
            assert checkpoint.encode(checkpoint.decode(candidate)) == candidate


@given(st.binary(max_size=8), st.integers(0, 200), st.integers(0, 5))
@example(b"", 0, 0)
def test_a_signed_checkpoint_with_any_bytes_changed_opens_to_the_same_or_not_at_all(
    piece: bytes, start: int, length: int
) -> None:
    data = checkpoint.sign(HEAD, LOG)
    with contextlib.suppress(MalformedProof):
        assert checkpoint.open(data[:start] + piece + data[start + length :], LOG.verifier) == HEAD
