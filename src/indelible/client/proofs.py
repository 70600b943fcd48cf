"""What is proven, checked here and not believed: by the log's key, which the caller has from somewhere else.

Everything here raises MalformedProof, and nothing else, where something is not as it must be.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import MalformedProof
from ..proof import checkpoint, merkle
from ..proof.checkpoint import Checkpoint
from ..proof.note import Verifier, decode_base64
from ..proof.tlog_proof import EntryProof


@dataclass(frozen=True, slots=True)
class Proven:
    """An entry that is in the log: the members of its `body`, and the signed `checkpoint` whose tree has it.

    Persons are tokens in there and personal values commitments (`docs/spec/entry.md`). `proof` is the text that shows
    it to anybody with the key (c2sp.org/tlog-proof), beside `data`, the body's bytes.
    """

    body: Mapping[str, Any]
    data: bytes
    checkpoint: Checkpoint
    proof: str


def entry(which: int | str, data: bytes, proof: str, verifier_key: str) -> Proven:
    """Check that the entry of this number or id has this body, and is in the tree that the holder of the key signed."""
    made = EntryProof.decode(proof)
    signed = made.check(data, Verifier.decode(verifier_key.strip()))
    try:
        body = json.loads(data)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise MalformedProof("the body is no JSON object")
    if which not in (body.get("id"), body.get("seq")) or body.get("seq") != made.index + 1:
        raise MalformedProof("the proof is of another entry than the one that was asked for")
    return Proven(body, data, signed, proof)


def opened(note: str, verifier_key: str) -> Checkpoint:
    """Return the checkpoint of a signed note, once checked that the holder of the key signed it."""
    return checkpoint.open(note.encode(), Verifier.decode(verifier_key.strip()))


def growth(earlier: str, later: str, consistency: Mapping[str, Any], verifier_key: str) -> Checkpoint:
    """Check that the log of the earlier checkpoint is the beginning of that of the later one, and return the later."""
    before, after = opened(earlier, verifier_key), opened(later, verifier_key)
    hashes = consistency.get("hashes")
    if not isinstance(hashes, list):
        raise MalformedProof("the proof has no list of hashes")
    path = [decode_base64(one) if isinstance(one, str) else b"" for one in hashes]
    merkle.check_consistency(before.size, after.size, before.root, after.root, path)
    return after
