"""A checkpoint is found in whatever mail programs make of a letter, and compared with a log in words."""

from __future__ import annotations

import base64
import html
import quopri
import textwrap
from email.message import EmailMessage
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indelible.errors import MalformedProof
from indelible.proof import checkpoint, letter, merkle, note
from indelible.proof.checkpoint import Checkpoint
from indelible.proof.note import Signer

ORIGIN = "log.clinic-of-a-long-name.example.org/c/0123456789abcdef0123456789abcdef"
SIGNER = Signer(ORIGIN, bytes(range(32)))
LEAVES = [sha256(str(number).encode()).digest() for number in range(300)]


def signed(size: int = 200, signer: Signer = SIGNER) -> bytes:
    root = merkle.extend(merkle.Frontier(), LEAVES[:size]).root()
    return checkpoint.sign(Checkpoint(signer.name, size, root), signer)


NOTE = signed()
LETTER = f"Nothing unusual — this week.\n\n{letter.block(NOTE)}\nKeep this letter.\n"


def mail(charset: str = "utf-8", cte: str = "quoted-printable", as_html: bool = False) -> bytes:
    message = EmailMessage()
    message["Subject"] = "Letter"
    body = f"<p>Hello</p><pre>{html.escape(LETTER)}</pre>" if as_html else LETTER
    message.set_content(body, subtype="html" if as_html else "plain", charset=charset, cte=cte)
    return message.as_bytes()


MANGLED = {
    "as it is": LETTER.encode(),
    "with CRLF": LETTER.replace("\n", "\r\n").encode(),
    "with a byte order mark": b"\xef\xbb\xbf" + LETTER.encode(),
    "as UTF-16": LETTER.encode("utf-16"),
    "quoted": "".join(f"> {line}\n" for line in LETTER.splitlines()).encode(),
    "quoted three times": "".join(f"> >> {line}\n" for line in LETTER.splitlines()).encode(),
    "indented": textwrap.indent(LETTER, "    ").encode(),
    "wrapped at 72": "\n".join(textwrap.fill(one, 72) for one in LETTER.splitlines()).encode(),
    "cut at 60": "\n".join(
        line[at : at + 60] for line in LETTER.splitlines() for at in range(0, len(line) or 1, 60)
    ).encode(),
    "quoted and cut at 60": "\n".join(
        f"> {line[at : at + 60]}" for line in LETTER.splitlines() for at in range(0, len(line) or 1, 60)
    ).encode(),
    "in one line": " ".join(LETTER.split()).encode(),
    "with two hyphens for the dash": LETTER.replace("—", "--").encode(),
    "in a character set that has no dash": LETTER.encode("ascii", errors="replace"),
    "in Windows's character set": LETTER.encode("cp1252"),
    "in UTF-8 read as Windows's": LETTER.encode().decode("cp1252").encode(),
    "quoted-printable, pasted": quopri.encodestring(LETTER.encode()),
    "an e-mail, quoted-printable": mail(),
    "an e-mail, base64": mail(cte="base64"),
    "an e-mail, 8bit": mail(cte="8bit"),
    "an e-mail of HTML alone": mail(as_html=True),
    "an e-mail of HTML in base64": mail(as_html=True, cte="base64"),
    "HTML, copied": f"<div>{html.escape(LETTER)}</div>".replace("\n", "<br>\n").replace("—", "&mdash;").encode(),
    "HTML with a mark in each word": LETTER.replace(ORIGIN[:20], f"{ORIGIN[:20]}<wbr>").encode(),
}


@pytest.mark.parametrize("how", MANGLED)
def test_the_note_comes_out_byte_for_byte(how):
    assert letter.find(MANGLED[how]) == (NOTE,)


def test_a_letter_that_was_forwarded_as_an_attachment_is_found():
    outer = EmailMessage()
    outer.set_content("See below")
    inner = EmailMessage()
    inner.set_content(LETTER, cte="base64")
    outer.add_attachment(inner)
    assert letter.find(outer.as_bytes()) == (NOTE,)


def test_a_conversation_with_two_letters_has_both_and_text_and_html_of_one_count_once():
    other = signed(100)
    both = f"{LETTER}\n> {letter.block(other)}\n{LETTER}"
    assert letter.find(both.encode()) == (NOTE, other)


def test_cosignatures_of_others_are_kept():
    witness = Signer("witness.example.org/w", bytes(32))
    text = note.decode(NOTE).text
    cosigned = note.sign(text, SIGNER, witness)
    assert letter.find("\n".join(textwrap.wrap(letter.block(cosigned), 70)).encode()) == (cosigned,)


@pytest.mark.parametrize(("data", "says"), [
    (b"", "no checkpoint in it"),
    (b"Dear owner, nothing unusual.", "no checkpoint in it"),
    (LETTER.split("-----END")[0].encode(), "no checkpoint in it"),
    (LETTER.replace("200", "2oo").encode(), "damaged"),
    (LETTER.replace("\n200\n", "\n0200\n").encode(), "damaged"),
    (LETTER.replace("CHECKPOINT 1", "CHECKPOINT 2").encode(), "newer release"),
    (b"x" * (letter.LARGEST_LETTER + 1), "1 MiB"),
])  # fmt: skip
def test_what_is_no_letter_is_refused_in_a_sentence_with_the_mend(data, says):
    with pytest.raises(MalformedProof, match=says):
        letter.find(data)


@given(st.one_of(st.binary(max_size=400), st.text(max_size=400).map(lambda text: text.encode(errors="surrogatepass"))))
def test_any_bytes_lead_to_notes_or_to_the_one_error(data):
    for text in (data, LETTER.encode()[:200] + data + LETTER.encode()[200:], b"Content-Type: multipart/x\n\n" + data):
        try:
            found = letter.find(text)
        except MalformedProof:
            continue
        assert all(note.encode(note.decode(one)) == one for one in found)


def test_a_letter_built_to_take_long_does_not(monkeypatch):
    tried: list[list[str]] = []
    read = letter._note

    def counted(words: list[str]) -> bytes:
        tried.append(words)
        return read(words)

    monkeypatch.setattr(letter, "_note", counted)
    with pytest.raises(MalformedProof, match="damaged"):
        letter.find(b"BEGIN INDELIBLE CHECKPOINT 1 END INDELIBLE CHECKPOINT " * 15_000)
    assert len(tried) <= 6 * 2 * letter.MOST_BLOCKS


# Compared


def compare(found: bytes = NOTE, leaves: list[bytes] = LEAVES, signer: Signer = SIGNER) -> letter.Compared:
    return letter.compare(found, signer.verifier, len(leaves), lambda size: letter.root_of(size, leaves[:size]))


def test_a_log_that_went_on_still_has_the_letters_entries():
    found = compare()
    assert found == letter.Compared("same", 200, 300)
    assert letter.sentence(found) == (
        "This letter covers entries 1 to 200. The log still has exactly these: nothing of before was rewritten."
    )


@pytest.mark.parametrize("at", [0, 1, 127, 199])
def test_one_entry_that_was_changed_is_a_rewritten_log(at):
    changed = [*LEAVES]
    changed[at] = sha256(b"another").digest()
    assert compare(leaves=changed).outcome == "rewritten"
    assert letter.sentence(compare(leaves=changed)).startswith("REWRITTEN: This letter covers entries 1 to 200,")


def test_what_was_changed_behind_the_letter_is_not_the_letters_to_tell():
    changed = [*LEAVES]
    changed[200] = sha256(b"another").digest()
    assert compare(leaves=changed).outcome == "same"


def test_entries_that_are_gone_from_the_middle_are_a_rewritten_log():
    assert (
        letter.compare(NOTE, SIGNER.verifier, 300, lambda size: letter.root_of(size, LEAVES[1:size])).outcome
        == "rewritten"
    )


def test_a_shorter_log_is_told_and_not_searched():
    assert compare(leaves=LEAVES[:199]) == letter.Compared("shorter", 200, 199)
    assert "only 199" in letter.sentence(compare(leaves=LEAVES[:199]))


def test_a_letter_of_another_log_is_none_of_this_one():
    assert compare(signed(200, Signer("other.example/c/1", bytes(32)))).outcome == "other_log"


def test_a_letter_that_names_this_log_and_is_signed_by_another_key_is_not_signed():
    assert compare(signed(200, Signer(ORIGIN, bytes(32)))).outcome == "not_signed"


def test_a_letter_whose_size_was_edited_is_not_signed():
    assert compare(NOTE.replace(b"\n200\n", b"\n199\n")).outcome == "not_signed"


def test_entries_that_are_not_known_leave_it_open():
    assert letter.compare(NOTE, SIGNER.verifier, 300, lambda size: None).outcome == "could_not_tell"


def test_a_block_is_made_of_a_signed_checkpoint_alone():
    with pytest.raises(MalformedProof):
        letter.block(base64.b64encode(NOTE))


@pytest.mark.parametrize("digits", [9, 10, 5_000])
def test_html_that_names_no_character_is_no_letter(digits):
    with pytest.raises(MalformedProof, match="no checkpoint"):
        letter.find(b"&#" + b"1" * digits + b";")


@pytest.mark.parametrize("inside", [b"1 " * 29_000 + b"- x", b"- " * 29_000, b"> " * 29_000, b"<" * 58_000])
def test_a_file_made_to_be_slow_is_read_once(inside):
    """Forty beginnings with one end, and within them nothing but what may be a size, a dash or a quotation."""
    with pytest.raises(MalformedProof):
        letter.find(b"BEGIN INDELIBLE CHECKPOINT 1 " * 40 + inside + b" END INDELIBLE CHECKPOINT")


def test_a_beginning_that_was_cut_off_does_not_hide_the_block_behind_it():
    cut = b"-----BEGIN INDELIBLE CHECKPOINT 1-----\nand so on\n\n"
    assert letter.find(cut + letter.block(NOTE).encode()) == (NOTE,)
