"""One entry, checked with its proof and the log's key, offline: what the HTTP interface gives for it.

    proof = the text of a proof (`proof/tlog_proof.py`), with the entry's body beside it
          | a JSON object with the members `proof` and `body`, both texts; others are read over

What the body says is believed only when the proof holds, and then it says its own number, id, action and time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import MalformedProof
from ...format import entry, instant
from ...format.entry import Body
from ..checkpoint import Checkpoint
from ..note import Verifier, fingerprint
from ..tlog_proof import EntryProof

# A body is at most 64 KiB, and every byte of it may be written as six in JSON.
LARGEST = 1_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Single:
    """An entry that is in the tree of a checkpoint which the log's key signed."""

    body: Body
    signed: Checkpoint
    verifier: Verifier

    def lines(self) -> Iterator[str]:
        """Yield what a person should read, line by line."""
        body, vkey = self.body, self.verifier.encode()
        yield f"entry {body.seq}: IN THE LOG, as it was recorded"
        yield ""
        yield f"log          {self.signed.origin}"
        yield f"entry        {body.id}, {body.action}"
        yield f"occurred at  {instant.format(body.occurred_at)}, as whoever recorded it says"
        yield f"recorded at  {instant.format(body.recorded_at)}, by the log's clock"
        yield f"signed head  of {self.signed.size} entries; root {self.signed.root.hex()}"
        yield f"public key   {vkey}"
        yield f"fingerprint  {fingerprint(vkey)}"
        yield (
            "Not proven: that what was recorded is true, what the personal values are, which the entry only commits "
            "to, and that nobody with the log's signing key rebuilt it as a whole."
        )

    def as_json(self) -> dict[str, object]:
        """Return the same as JSON."""
        return {
            "result": "intact",
            "number": self.body.seq,
            "id": self.body.id,
            "action": self.body.action,
            "occurred_at": instant.format(self.body.occurred_at),
            "recorded_at": instant.format(self.body.recorded_at),
            "origin": self.signed.origin,
            "size": self.signed.size,
            "root": self.signed.root.hex(),
            "vkey": self.verifier.encode(),
            "fingerprint": fingerprint(self.verifier.encode()),
        }


def read(proof: bytes, body: bytes | None = None) -> tuple[EntryProof, bytes]:
    """Return the proof and the body in what was kept. Raises MalformedProof for what is neither form of it."""
    if max(len(proof), len(body or b"")) > LARGEST:
        raise MalformedProof("this is larger than the proof of an entry")
    try:
        text = proof.decode()
        if body is not None:
            return EntryProof.decode(text), body
        members = json.loads(text) if text.lstrip()[:1] == "{" else None
        if members is None:
            raise MalformedProof("the entry's body is missing; give it, or the whole answer as JSON")
        found, said = members.get("proof"), members.get("body")
        if not isinstance(found, str) or not isinstance(said, str):
            raise MalformedProof("this has no members proof and body")
        return EntryProof.decode(found), said.encode()
    except (ValueError, RecursionError) as error:
        raise MalformedProof("this is no proof of an entry") from error


def check(proof: EntryProof, body: bytes, verifier: Verifier) -> Single:
    """Return the entry that a proof shows to be in the log of a key. Raises MalformedProof where it does not."""
    signed = proof.check(body, verifier)
    if signed.origin != verifier.name:
        raise MalformedProof("the checkpoint is of another log than the key")
    decoded = entry.decode(body)
    if decoded.seq != proof.index + 1:
        raise MalformedProof("the entry has another number than its place in the log")
    return Single(decoded, signed, verifier)
