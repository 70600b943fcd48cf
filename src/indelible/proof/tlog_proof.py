"""The proof of one entry in one text (c2sp.org/tlog-proof@v1, which has no release yet): offline, with the log's key.

    c2sp.org/tlog-proof@v1
    index 41                        leaf index, decimal: the entry's number less one
    <base64 of a hash>              the inclusion proof, leaf side first, a line each
                                    an empty line
    <the signed checkpoint>         a signed note (`note.py`); its size is the tree's

A line `extra <base64>` may stand before the index; it is read over, as nothing signs it. Everything here raises
MalformedProof, and nothing else, for texts that are not as above.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from ..errors import MalformedProof
from . import checkpoint, merkle
from .checkpoint import Checkpoint
from .merkle import HASH_SIZE
from .note import Verifier, decode_base64

HEADER = "c2sp.org/tlog-proof@v1"
# A tree of so many leaves that nobody fills it has proofs of no more hashes.
_MOST_HASHES = 63
_LONGEST = 20_000  # bytes
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,17})", re.ASCII)


@dataclass(frozen=True, slots=True)
class EntryProof:
    """That the leaf at `index` is in the tree of a signed checkpoint: `hashes` of 32 bytes, the `note` as signed."""

    index: int
    hashes: tuple[bytes, ...]
    note: bytes

    def encode(self) -> str:
        """Return the text of the proof."""
        lines = [HEADER, f"index {self.index}", *(base64.b64encode(one).decode() for one in self.hashes)]
        return "\n".join(lines) + "\n\n" + self.note.decode()

    @classmethod
    def decode(cls, text: str) -> EntryProof:
        """Return the proof in a text that `encode` wrote. Raises MalformedProof.

        Its hashes and its note say nothing until `check` has compared them with a body and a key."""
        if len(text) > _LONGEST:
            raise MalformedProof("the proof is too long")
        head, separator, note = text.partition("\n\n")
        lines = head.split("\n")
        if not separator or lines.pop(0) != HEADER:
            raise MalformedProof("the proof does not begin as one of version 1")
        if lines and lines[0].startswith("extra "):
            decode_base64(lines.pop(0).removeprefix("extra "))
        match = _INDEX.fullmatch(lines[0]) if lines else None
        if match is None or len(lines) - 1 > _MOST_HASHES:
            raise MalformedProof("the proof has no index, or too many hashes")
        try:
            return cls(int(match[1]), tuple(map(_hash, lines[1:])), note.encode())
        except UnicodeEncodeError as error:
            raise MalformedProof("the proof is no text") from error

    def check(self, body: bytes, verifier: Verifier) -> Checkpoint:
        """Return the checkpoint that has the entry of this body, as the holder of the key signed it. Raises
        MalformedProof."""
        signed = checkpoint.open(self.note, verifier)
        merkle.check_inclusion(self.index, signed.size, merkle.leaf_hash(body), self.hashes, signed.root)
        return signed


def _hash(line: str) -> bytes:
    found = decode_base64(line)
    if len(found) != HASH_SIZE:
        raise MalformedProof("a hash of the proof is 32 bytes in base64")
    return found
