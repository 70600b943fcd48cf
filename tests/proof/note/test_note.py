"""The signed note: what is accepted, what is refused, and that nothing else is ever raised."""

from __future__ import annotations

import base64
import contextlib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indelible.errors import MalformedProof
from indelible.proof import note
from indelible.proof.note import MOST_SIGNATURES, Note, Signature, Signer, Verifier

TEXT = "one\n\nthree\n"
LOG = Signer("log.example/c/1", bytes(range(32)))
OTHER = Signer("log.example/c/1", bytes(range(1, 33)))
WITNESS = Signer("witness.example", bytes(range(2, 34)))
SIGNED = note.sign(TEXT, LOG, WITNESS)


def line_of(signer: Signer, text: str = TEXT) -> str:
    return signer.sign(text).encode() + "\n"


def assemble(text: str, *lines: str) -> bytes:
    return (text + "\n" + "".join(lines)).encode()


def test_a_note_opens_with_any_of_its_keys_and_gives_only_the_signatures_that_were_checked() -> None:
    assert note.open(SIGNED, LOG.verifier) == Note(TEXT, (LOG.sign(TEXT),))
    assert note.open(SIGNED, WITNESS.verifier, LOG.verifier) == Note(TEXT, (LOG.sign(TEXT), WITNESS.sign(TEXT)))


def test_a_note_without_a_known_signature_is_refused() -> None:
    for verifiers in ((), (OTHER.verifier,), (Verifier("another.name", LOG.verifier.public_key),)):
        with pytest.raises(MalformedProof, match="no signature by a known key"):
            note.open(SIGNED, *verifiers)


def test_a_wrong_signature_by_a_known_key_spoils_the_note_and_one_by_an_unknown_key_does_not() -> None:
    data = assemble(TEXT, line_of(LOG), line_of(WITNESS, "another text\n"))
    assert note.open(data, LOG.verifier).text == TEXT
    with pytest.raises(MalformedProof, match="does not fit"):
        note.open(data, LOG.verifier, WITNESS.verifier)


def test_a_known_key_that_signed_twice_is_refused_and_an_unknown_one_is_left_alone() -> None:
    data = assemble(TEXT, line_of(LOG), line_of(WITNESS), line_of(WITNESS))
    assert note.open(data, LOG.verifier).signatures == (LOG.sign(TEXT),)
    with pytest.raises(MalformedProof, match="more than once"):
        note.open(data, LOG.verifier, WITNESS.verifier)
    with pytest.raises(MalformedProof, match="signs a note once"):
        note.sign(TEXT, LOG, LOG)


def test_the_same_verifier_given_twice_is_refused() -> None:
    with pytest.raises(MalformedProof, match="two verifiers"):
        note.open(SIGNED, LOG.verifier, LOG.verifier)


@pytest.mark.parametrize("size", [1, 63, 65, 72])
def test_a_known_signature_of_another_length_is_refused(size: int) -> None:
    line = Signature(LOG.name, LOG.verifier.key_id, bytes(size)).encode() + "\n"
    with pytest.raises(MalformedProof, match="does not fit"):
        note.open(assemble(TEXT, line), LOG.verifier)


def test_the_signature_covers_the_text_to_its_last_newline() -> None:
    with pytest.raises(MalformedProof, match="does not fit"):
        note.open(assemble(TEXT + "\n", line_of(LOG)), LOG.verifier)


def second_spelling(line: str) -> str:
    """The same bytes in base64 with an unused bit set, which the library decodes without a word."""
    body, pad = line.rstrip("\n=").rstrip("="), line.count("=", line.rindex(" "))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    bent = body[:-1] + alphabet[alphabet.index(body[-1]) | 1] + "=" * pad
    assert pad and base64.b64decode(bent.rsplit(" ")[-1]) == base64.b64decode(line.rsplit(" ")[-1])
    return bent + "\n"


LINE = line_of(LOG)
REFUSED = {
    "nothing": b"",
    "no empty line": b"one\n" + LINE.encode(),
    "no signature": b"one\n\n",
    "no text": b"\n" + LINE.encode(),
    "last line without newline": SIGNED[:-1],
    "another character for the last newline": SIGNED[:-1] + b"x",
    "an empty line after the signatures": SIGNED + b"\n",
    "text after the signatures": SIGNED + b"more\n",
    "carriage returns": SIGNED.replace(b"\n", b"\r\n"),
    "a control character in the text": assemble("o\x01ne\n", line_of(LOG, "one\n")),
    "a tab in the text": assemble("o\tne\n", line_of(LOG, "one\n")),
    "bytes that are not UTF-8": b"\xff\n\n" + LINE.encode(),
    "a surrogate in UTF-8": b"\xed\xa0\x80\n\n" + LINE.encode(),
    "a short dash": assemble(TEXT, LINE.replace("\N{EM DASH}", "-")),
    "no dash": assemble(TEXT, LINE[2:]),
    "two spaces after the dash": assemble(TEXT, LINE.replace("\N{EM DASH} ", "\N{EM DASH}  ")),
    "two spaces before the signature": assemble(TEXT, LINE.replace("/1 ", "/1  ")),
    "a space at the end of the line": assemble(TEXT, LINE[:-1] + " \n"),
    "a space in the name": assemble(TEXT, LINE.replace("log.", "log .")),
    "a no-break space in the name": assemble(TEXT, LINE.replace("log.", "log\N{NO-BREAK SPACE}.")),
    "a line separator in the name": assemble(TEXT, LINE.replace("log.", "log\N{LINE SEPARATOR}.")),
    "a plus in the name": assemble(TEXT, LINE.replace("log.", "log+.")),
    "no name": assemble(TEXT, LINE.replace("log.example/c/1", "")),
    "no base64": assemble(TEXT, f"\N{EM DASH} {LOG.name} \n"),
    "a key id without a signature": assemble(TEXT, f"\N{EM DASH} {LOG.name} AAAAAA==\n"),
    "base64 without padding": assemble(TEXT, LINE.replace("=", "")),
    "base64 with another alphabet": assemble(TEXT, LINE, f"\N{EM DASH} {LOG.name} __-_AAAA\n"),
    "base64 in a second spelling": assemble(TEXT, second_spelling(LINE)),
    "more lines than the limit": assemble(TEXT, *[LINE] * (MOST_SIGNATURES + 1)),
    "more bytes than the limit": assemble("x" * note.LARGEST_NOTE + "\n", LINE),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_note_that_no_encoder_prints_is_refused(case: str) -> None:
    with pytest.raises(MalformedProof):
        note.decode(REFUSED[case])
    with pytest.raises(MalformedProof):
        note.open(REFUSED[case], LOG.verifier)


def test_the_limits_themselves_are_accepted() -> None:
    lines = [Signature(f"w{number}", b"1234", b"x").encode() + "\n" for number in range(MOST_SIGNATURES - 1)]
    data = assemble(TEXT, *lines, LINE)
    assert note.open(data, LOG.verifier).text == TEXT
    text = "x" * (note.LARGEST_NOTE - len(LINE.encode()) - 2) + "\n"
    largest = note.sign(text, LOG)
    assert len(largest) == note.LARGEST_NOTE
    assert note.open(largest, LOG.verifier).text == text
    with pytest.raises(MalformedProof):
        note.sign("x" + text, LOG)


@pytest.mark.parametrize("text", ["", "one", "a\r\n", "a\0\n", "\ud800\n"])
def test_a_text_that_no_note_can_hold_is_not_signed(text: str) -> None:
    with pytest.raises(MalformedProof):
        note.sign(text, LOG)


def test_a_note_is_not_made_without_a_signer() -> None:
    with pytest.raises(MalformedProof):
        note.sign(TEXT)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=[chr(c) for c in range(32)])).map(
    lambda text: text.replace("|", "\n") + "\n"
)
names = st.text("abz./-é\N{EM DASH}=", min_size=1, max_size=12)
signatures = st.builds(Signature, names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80))
notes = st.builds(Note, texts, st.lists(signatures, min_size=1, max_size=5).map(tuple))


@given(notes)
def test_what_is_encoded_is_decoded_to_the_same_note(value: Note) -> None:
    assert note.decode(note.encode(value)) == value


@given(texts, names, st.binary(min_size=32, max_size=32))
def test_what_is_signed_opens(text: str, name: str, seed: bytes) -> None:
    signer = Signer(name, seed)
    data = note.sign(text, signer)
    assert note.encode(note.open(data, Verifier.decode(signer.verifier.encode()))) == data


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A valid note with a few bytes replaced, removed, inserted or repeated."""
    data = SIGNED
    for _ in range(draw(st.integers(1, 4))):
        start, length = draw(st.integers(0, len(data))), draw(st.integers(0, 6))
        piece = draw(
            st.sampled_from([b"", b"\n", b"\n\n", b" ", b"+", b"=", "\N{EM DASH} ".encode(), b"\0", b"\xff", SIGNED])
            | st.binary(max_size=4)
        )
        data = data[:start] + piece + data[start + length :]
    return data


@given(st.one_of(st.binary(), texts.map(str.encode), mutations()))
@example(SIGNED)
@example(b"\n\n\n")
@example(b"\n\n" + LINE.encode())
def test_any_bytes_are_refused_with_malformed_proof_or_encode_to_themselves(data: bytes) -> None:
    with contextlib.suppress(MalformedProof):
        assert note.encode(note.decode(data)) == data
    with contextlib.suppress(MalformedProof):
        assert note.open(data, LOG.verifier).text == TEXT  # the only text that this key signed


def test_the_examples_of_the_fuzz_test_reach_both_ends() -> None:
    assert note.encode(note.decode(SIGNED)) == SIGNED
    with pytest.raises(MalformedProof):
        note.decode(b"\n\n\n")


@given(mutations())
def test_a_mutated_note_never_opens_to_another_text(data: bytes) -> None:
    try:
        opened = note.open(data, LOG.verifier)
    except MalformedProof:
        return
    assert opened == Note(TEXT, (LOG.sign(TEXT),))


@given(st.sampled_from([None, 3, "text", bytearray(SIGNED)]))
def test_a_note_is_bytes(value: Any) -> None:
    with pytest.raises(MalformedProof):
        note.decode(value)
