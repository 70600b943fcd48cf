"""A log's checkpoint in a letter, version 1: written so that it survives mail, found again, and compared with a log.

    block = "-----BEGIN INDELIBLE CHECKPOINT 1-----" LF note "-----END INDELIBLE CHECKPOINT 1-----" LF
    note  = the signed checkpoint, byte for byte as the log published it (checkpoint.py, note.py)

Mail programs quote with ">", wrap long lines, make of "—" something else, and keep HTML alone. None of that reaches
what is signed, because a note is a row of words: origin, size, root, and for each signature a dash, a name and base64.
`find` reads the words and puts the line ends where a note has them; what it returns is a note that `note.decode`
accepts, and nothing else. Only the signature says whether it is the one that was sent.

`find` tries, in this order, and stops at the first that holds a whole block: the bytes as text; the same without the
marks of HTML; both of each text part of the e-mail that the bytes may be; the bytes out of quoted-printable.

A letter is not secret and proves nothing by itself. In a mailbox that whoever runs the log cannot write to, it shows a
log that was rewritten as a whole: the one thing that the log itself cannot show.

`find` raises MalformedProof, and nothing else, for any bytes at all.
"""

from __future__ import annotations

import email
import html
import quopri
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from ..errors import MalformedProof
from . import checkpoint, merkle, note
from .merkle import Frontier
from .note import Verifier

LARGEST_LETTER = 1 << 20  # bytes; a letter is about 10 KB, and what is quoted below an answer seldom more
MOST_BLOCKS = 20  # different ones that are looked at: a long conversation about letters

_BEGIN, _END = "-----BEGIN INDELIBLE CHECKPOINT 1-----", "-----END INDELIBLE CHECKPOINT 1-----"
# The dashes around may be typeset, and the words wrapped.
_BEGINS = re.compile(r"BEGIN[\s>]+INDELIBLE[\s>]+CHECKPOINT[\s>]+([0-9]{1,9})(?![0-9])", re.ASCII)
_ENDS = re.compile(r"END[\s>]+INDELIBLE[\s>]+CHECKPOINT", re.ASCII)
_LARGEST_BLOCK = 1 << 16  # characters; with MOST_SIGNATURES cosignatures a note is below 30,000
_QUOTED = re.compile(r"^[ \t]*(?:[>|][ \t]*)+", re.MULTILINE)
_MARK = re.compile(r"<[^<>]{0,1000}>")
# HTML that names a character by such a number names none, and `int` refuses 5,000 digits.
_NO_CHARACTER = re.compile(r"&#[0-9]{10,};?", re.ASCII)
# What a mail program may have made of "—": other dashes, a question mark, the three bytes in a wrong character set.
_DASH = re.compile(r"[^A-Za-z0-9+/=.]{1,5}")
_SIZE = re.compile(r"[0-9]{1,19}", re.ASCII)
_ROOT_LENGTH = 44  # of 32 bytes in base64
_PART = 1 << 12  # leaf hashes at a time

# Why a letter cannot be read, each with the mend.
NONE = (
    "there is no checkpoint in it; give the whole letter, or all of it from -----BEGIN to the line -----END, with both "
    "lines"
)
DAMAGED = "the checkpoint in it was damaged on the way; give the letter as it came, saved as a file"
NEWER = "its checkpoint is of another version than 1; check it with a newer release"
LARGE = "a letter is at most 1 MiB; give the letter alone"

Outcome = Literal["same", "rewritten", "shorter", "other_log", "not_signed", "could_not_tell"]


@dataclass(frozen=True, slots=True)
class Compared:
    """What a letter's checkpoint says of a log. It covers the entries 1 to `size`; the log has `log_size`."""

    outcome: Outcome
    size: int
    log_size: int


def block(signed: bytes) -> str:
    """Return the block of a signed checkpoint, each line with its LF. Raises MalformedProof where it is none."""
    checkpoint.decode(note.decode(signed).text)
    return f"{_BEGIN}\n{signed.decode()}{_END}\n"


def find(data: bytes) -> tuple[bytes, ...]:
    """Return the signed checkpoints of a letter, each once, signatures **not checked**. Raises MalformedProof."""
    if type(data) is not bytes or len(data) > LARGEST_LETTER:
        raise MalformedProof(LARGE)
    problem = NONE
    for text in _readings(data):
        found: dict[bytes, None] = {}
        for words in _blocks(text):
            try:
                found[_note(words)] = None
            except MalformedProof as error:
                problem = NEWER if str(error) == NEWER else DAMAGED
        if found:
            return tuple(islice(found, MOST_BLOCKS))
    raise MalformedProof(problem)


def compare(signed: bytes, verifier: Verifier, size: int, root_at: Callable[[int], bytes | None]) -> Compared:
    """Return what a signed checkpoint says of the log with this key, which has `size` entries.

    `root_at` gives the root of the log's first so many entries, made of their bodies (`root_of`), or None where they
    are not known. Raises MalformedProof where `signed` is no signed checkpoint.
    """
    said = checkpoint.decode(note.decode(signed).text)
    if said.origin != verifier.name:
        return Compared("other_log", said.size, size)
    try:
        checkpoint.open(signed, verifier)
    except MalformedProof:
        return Compared("not_signed", said.size, size)
    if said.size > size:
        return Compared("shorter", said.size, size)
    root = root_at(said.size)
    if root is None:
        return Compared("could_not_tell", said.size, size)
    return Compared("same" if root == said.root else "rewritten", said.size, size)


def sentence(compared: Compared) -> str:
    """Return the outcome as a person reads it in a terminal."""
    covers = f"This letter covers entries 1 to {compared.size:,}."
    return {
        "same": f"{covers} The log still has exactly these: nothing of before was rewritten.",
        "rewritten": f"REWRITTEN: {covers[:-1]}, and the log does not have the same ones any more.",
        "shorter": f"SHORTER: {covers[:-1]}, and the log has only {compared.log_size:,} now: its last are gone.",
        "other_log": "This is not a letter of this log: it names another log as its origin.",
        "not_signed": "NOT SIGNED: it names this log, and the signature in it is not by this log's key.",
        "could_not_tell": f"{covers} It could not be told: this file does not hold all of them.",
    }[compared.outcome]


def root_of(size: int, leaf_hashes: Iterable[bytes]) -> bytes:
    """Return the root of a log's first `size` entries of these leaf hashes, in order; nothing where some are gone."""
    frontier, rest = Frontier(), iter(leaf_hashes)
    while part := list(islice(rest, _PART)):
        frontier = merkle.extend(frontier, part)
    return frontier.root() if frontier.size == size else b""


def said_as_json(compared: Compared) -> dict[str, object]:
    """Return the outcome as JSON."""
    return {"outcome": compared.outcome, "size": compared.size, "log_size": compared.log_size}


# Reading a letter


def _readings(data: bytes) -> Iterator[str]:
    """What the bytes may be as text, the plainest first."""
    yield from _with_marks_and_without(_text(data))
    for part in _parts(data):
        yield from _with_marks_and_without(part)
    yield from _with_marks_and_without(_text(quopri.decodestring(data)))


def _with_marks_and_without(text: str) -> Iterator[str]:
    yield text
    yield html.unescape(_NO_CHARACTER.sub("\ufffd", _MARK.sub(" ", text)))


def _text(data: bytes) -> str:
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    return data.decode("utf-16" if wide else "utf-8", errors="replace")


def _parts(data: bytes) -> list[str]:
    """The text parts of an e-mail, of those that are attached to it, too."""
    found = []
    try:
        for part in email.message_from_bytes(data).walk():
            if part.get_content_maintype() == "text" and isinstance(body := part.get_payload(decode=True), bytes):
                found.append(_text(body))
    except Exception:  # the library promises no list of what it raises for bytes that are no e-mail
        return found
    return found


def _blocks(text: str) -> Iterator[list[str]]:
    """The words of each block, its version first. No block is in another one, so no word is read twice."""
    every = list(islice(_BEGINS.finditer(text), 2 * MOST_BLOCKS))
    stops = [one.start() for one in every[1:]] + [len(text)]
    for begins, stop in zip(every, stops, strict=bool(every)):
        ends = _ENDS.search(text, begins.end(), min(stop, begins.end() + _LARGEST_BLOCK))
        if ends is not None:
            inside = _QUOTED.sub("", text[begins.end() : ends.start()]).split()
            # The dashes around the two lines are words here, or the ends of some.
            yield [begins[1], *(inside[1:] if inside and _DASH.fullmatch(inside[0]) else inside)]


def _note(words: list[str]) -> bytes:
    """The signed checkpoint of a block's words. Raises MalformedProof."""
    if words[0] != "1":
        raise MalformedProof(NEWER)
    words = [word for word in words[1:] if word != ">"]
    while words and re.fullmatch(r"[-\u2010-\u2015]+", words[-1]):
        words.pop()  # in front of END
    dashes = [at for at, word in enumerate(words) if _DASH.fullmatch(word)]
    if not dashes or any(set("<>&") & set(word) for word in words):  # the marks of HTML are of the mail, not of a name
        raise MalformedProof(DAMAGED)
    origin, size, root = _head(words[: dashes[0]])
    lines = [
        _line(words[begin + 1 : end], origin) for begin, end in zip(dashes, [*dashes[1:], len(words)], strict=True)
    ]
    signed = "".join([f"{origin}\n{size}\n{root}\n\n", *lines]).encode(errors="surrogatepass")
    checkpoint.decode(note.decode(signed).text)
    return signed


def _head(words: list[str]) -> tuple[str, str, str]:
    """Origin, size and root; a program that wraps at a width may have cut the first and the last."""
    for at in range(max(1, len(words) - _ROOT_LENGTH - 1), len(words)):  # further back stands no size
        word = words[at]
        if _SIZE.fullmatch(word) and len(root := "".join(words[at + 1 :])) == _ROOT_LENGTH:
            return "".join(words[:at]), word, root
    raise MalformedProof(DAMAGED)


def _line(words: list[str], origin: str) -> str:
    """A signature line, with its LF; both of its words may have been cut."""
    joined = "".join(words)
    name = origin if joined.startswith(origin) else "".join(words[:1])
    return f"\N{EM DASH} {name} {joined[len(name) :]}\n"
