"""Proofs of single entries, for whoever keeps them beside what they recorded."""

from __future__ import annotations

from typing import Any

from ...errors import InvalidInput, MalformedProof, NotFound
from ...log import ClinicLog
from ...proof import tiles
from ...proof.tlog_proof import EntryProof
from ...stores import proofs
from ...stores.contract import CheckpointRow


def newest(log: ClinicLog) -> CheckpointRow | None:
    """Return the newest checkpoint, signed now where that is due: at most once a second."""
    log.sign_when_due()
    return next(log.rows.checkpoints(1), None)


def signed_at(log: ClinicLog, size: int) -> CheckpointRow:
    """Return the checkpoint of a size. Raises InvalidInput where none was signed of it."""
    found = next(log.rows.checkpoints(1, size), None)
    if found is not None and found.size == size:
        return found
    other = "there is none before it" if found is None else f"the one before it is of {found.size} entries"
    raise InvalidInput(f"is of no checkpoint; {other}", "size")


def prover(log: ClinicLog, signed: CheckpointRow) -> tiles.Prover:
    """Return the prover of a checkpoint's tree. Raises MalformedProof where the stored tree has another root."""
    found = proofs.prover(log.rows, signed.size)
    if found.root() != signed.root:
        raise MalformedProof("the tree has another root than its checkpoint; run indelible verify")
    return found


def entry_proof(log: ClinicLog, seq: int, signed: CheckpointRow | None = None) -> EntryProof:
    """Return the proof of an entry in a checkpoint, or in the newest. Raises NotFound where it is not in it (yet)."""
    signed = signed or next(log.rows.checkpoints(1), None)
    if signed is None or not 0 < seq <= signed.size:
        raise NotFound(f"entry {seq} is in no checkpoint yet; ask again in a second")
    return EntryProof(seq - 1, prover(log, signed).inclusion(seq - 1), signed.note)


class Proofs:
    """The proofs of one answer: those of a log are all in one checkpoint, whose tree is read once."""

    def __init__(self) -> None:
        self._trees: dict[ClinicLog, tuple[CheckpointRow, tiles.Prover] | None] = {}

    def member(self, log: ClinicLog, seq: int) -> dict[str, Any]:
        """Return the member `proof` of an entry; nothing where it is in no checkpoint yet. Raises MalformedProof."""
        if log not in self._trees:
            signed = next(log.rows.checkpoints(1), None)
            self._trees[log] = None if signed is None else (signed, prover(log, signed))
        tree = self._trees[log]
        if tree is None or not 0 < seq <= tree[0].size:
            return {}
        signed, found = tree
        return {"proof": EntryProof(seq - 1, found.inclusion(seq - 1), signed.note).encode()}
