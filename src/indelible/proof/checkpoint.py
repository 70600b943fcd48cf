"""The checkpoint of C2SP (c2sp.org/tlog-checkpoint, v1.0.0): the signed head of one log.

    text   = origin LF size LF root LF
    origin = the name of the log: 1 to 255 bytes of UTF-8 without control characters below U+0020
    size   = the number of leaves in decimal digits without leading zeros, 0 to 2^63 - 1
    root   = base64 of the 32-byte root of the tree of that size (merkle.py); for size 0 it is the empty root

A checkpoint travels as a signed note (note.py) whose key name is the origin. The format allows further lines after the
root; they are refused here. This log never writes one, and not every cosigner signs them, so nothing that matters may
stand there.

Everything here raises MalformedProof, and nothing else, for bytes and texts that are not as above.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from ..errors import MalformedProof
from . import note
from .merkle import EMPTY_ROOT, HASH_SIZE, LARGEST_SIZE
from .note import Signer, Verifier, decode_base64

LARGEST_ORIGIN = 255  # bytes; an ML-DSA cosignature has one byte for the length (c2sp.org/tlog-cosignature)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log with this origin has `size` leaves and this 32-byte root."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        _check_origin(self.origin)
        if type(self.size) is not int or not 0 <= self.size <= LARGEST_SIZE:
            raise MalformedProof("the size in a checkpoint is an integer from 0 to 2^63 - 1")
        if type(self.root) is not bytes or len(self.root) != HASH_SIZE:
            raise MalformedProof("the root in a checkpoint is 32 bytes")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise MalformedProof("the checkpoint of an empty log has another root than the empty root")


def encode(checkpoint: Checkpoint) -> str:
    """Return the text of the checkpoint: three lines, each with its LF."""
    root = base64.b64encode(checkpoint.root).decode("ascii")
    return f"{checkpoint.origin}\n{checkpoint.size}\n{root}\n"


def decode(text: str) -> Checkpoint:
    """Return the checkpoint that `encode` wrote as `text`. Raises MalformedProof."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise MalformedProof("a checkpoint is three lines: origin, size and root")
    origin, size, root = lines[:3]
    return Checkpoint(origin, _decode_size(size), decode_base64(root))


def sign(checkpoint: Checkpoint, signer: Signer) -> bytes:
    """Return the checkpoint as a note signed by the log. Raises MalformedProof where the key name is not the origin."""
    if signer.name != checkpoint.origin:
        raise MalformedProof("a log signs its checkpoints with a key that bears the name of its origin")
    return note.sign(encode(checkpoint), signer)


def open(data: bytes, *verifiers: Verifier) -> Checkpoint:
    """Return the checkpoint of a note, once checked that the log signed it.

    `verifiers` are the keys of one log, all named by its origin: more than one while a new key takes over. Other lines
    of the note are left alone (see `note.open`). Raises MalformedProof where the signature of none of these keys is
    there, one of theirs is wrong, or the origin is not their name.
    """
    opened = note.open(data, *verifiers)
    checkpoint = decode(opened.text)
    if any(verifier.name != checkpoint.origin for verifier in verifiers):
        raise MalformedProof("the checkpoint is of another log than the key: its origin is not the key's name")
    return checkpoint


def _decode_size(text: str) -> int:
    # int() alone also reads signs, spaces, underscores, leading zeros and the digits of other scripts.
    if not text.isdecimal() or len(text) > len(str(LARGEST_SIZE)) or str(int(text)) != text:
        raise MalformedProof("the size in a checkpoint is decimal digits without leading zeros")
    return int(text)


def _check_origin(origin: str) -> None:
    if type(origin) is not str or not origin or any(c < " " for c in origin):
        raise MalformedProof("the origin of a checkpoint is one line that is not empty")
    try:
        size_bytes = len(origin.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise MalformedProof("the origin of a checkpoint holds whole Unicode characters only") from error
    if size_bytes > LARGEST_ORIGIN:
        raise MalformedProof(f"the origin of a checkpoint is at most {LARGEST_ORIGIN} bytes")
