"""Checkpoint: sign the committed head of a clinic's tree, at most once for each size.

The steps, in this order; after a crash at any of them the same steps run again and finish:

1. read the committed head, the newest checkpoint of the database, and the head store's
2. recompute the leaf hashes of the rows since the database's checkpoint from the stored bodies, and the root from them:
   what does not come to the committed head, or contradicts the head store, is not signed
3. sign, and compare-and-swap into the head store            a crash after this leaves a signed head without a row
4. write the checkpoint's row                                 the next run finds the note and writes the row
"""

from __future__ import annotations

from contextlib import suppress
from itertools import islice

from . import canonical, checkpoint, entry, merkle
from .checkpoint import Checkpoint
from .commitment import Committer, leaves
from .entry import Erasure
from .errors import InvalidInput, MalformedProof, SigningRefused
from .headstore import HeadStore, Seen, SignedHead
from .merkle import Frontier
from .note import Signer
from .personal import Sealer, Unreadable
from .store import CheckpointRow, Clinic, Head, Store

# Leaves hashed at once: 32 bytes and a body each, so some tens of megabytes at the most.
_CHUNK = 4_096
# Another process that signs at the same instant makes the swap fail; it is then its turn to have been first.
_ATTEMPTS = 10

# Only a body with this member is worth decoding here.
_ERASES = b'"erases":'

_OLDER_DATABASE = (
    "the head store has signed more entries than the database holds, so an older backup was restored; restore a newer "
    "backup, or start a new log whose first entry names the last checkpoint of this one"
)
_OLDER_HEADS = (
    "the database has a checkpoint that the head store does not know, so the head store is an older copy; put the "
    "newer head store back"
)
_NO_HEADS = (
    "the head store has no head for this log, which is not empty; put the head store back, or run `indelible adopt` if "
    "it is lost for good"
)
_DAMAGED = "the last checkpoint's row is damaged; nothing is signed: run `indelible verify`"
_FORK = (
    "the database and the head store have different entries at the same size; nothing is signed: run `indelible verify`"
)


def sign_head(
    store: Store,
    heads: HeadStore,
    clinic: Clinic,
    signer: Signer,
    now: int,
    sealer: Sealer | None = None,
    seen: Seen | None = None,
) -> CheckpointRow | None:
    """Sign the clinic's committed head if that was not done, and return its newest checkpoint; None for an empty log.

    With a `sealer`, an entry that says it erased values is signed only where it was written with the clinic's key.
    `seen` is the clock of this moment, for the head store.
    Raises SigningRefused where the stored rows, the committed head and the head store contradict each other.
    """
    for _ in range(_ATTEMPTS):
        # In this order, because other processes append and sign meanwhile: what is read later can only be larger.
        last = store.last_checkpoint(clinic.id)
        signed = heads.get(clinic.origin)
        head = store.head(clinic.id)
        if signed is None:
            signed = _first(heads, clinic, head)
        if head.size == 0 and signed.size == 0:
            return None
        erasures: dict[int, Erasure] = {}
        frontier = _checked(store, clinic, last, signed, head, erasures)
        if sealer is not None:
            for seq in erasures:
                _check_written_here(store, clinic, sealer, seq)
        if signed.size == head.size:
            return store.last_checkpoint(clinic.id)
        data = checkpoint.sign(Checkpoint(clinic.origin, head.size, head.root), signer)
        if heads.swap(clinic.origin, signed, SignedHead(head.size, head.root, data), erasures, seen):
            row = CheckpointRow(head.size, head.root, frontier.encode(), data, now)
            store.add_checkpoint(clinic.id, row)
            return row
    raise SigningRefused("other processes kept signing first; try again")


def _first(heads: HeadStore, clinic: Clinic, head: Head) -> SignedHead:
    """The head store does not know this log: nothing to lose where the log is empty, and a refusal where it is not."""
    if head.size:
        raise SigningRefused(_NO_HEADS)
    empty = SignedHead(0, merkle.EMPTY_ROOT, b"")
    heads.adopt(clinic.origin, empty)
    return empty


def _checked(
    store: Store,
    clinic: Clinic,
    last: CheckpointRow | None,
    signed: SignedHead,
    head: Head,
    erasures: dict[int, Erasure],
) -> Frontier:
    """Recompute the tree from the last checkpoint's row to the head; finish a row that a crash left out on the way.

    Puts what the entries behind the signed head erase into `erasures`, by the entry's seq.
    """
    if signed.size > head.size:
        raise SigningRefused(_OLDER_DATABASE)
    if last is not None and last.size > signed.size:
        raise SigningRefused(_OLDER_HEADS)
    try:
        frontier = Frontier() if last is None else Frontier.decode(last.size, last.frontier)
    except MalformedProof as error:
        raise SigningRefused(_DAMAGED) from error
    if last is not None and frontier.root() != last.root:
        raise SigningRefused(_DAMAGED)
    frontier = _walk(store, clinic, frontier, signed.size, {})
    if frontier.root() != signed.root:
        raise SigningRefused(_FORK)
    if signed.size and (last is None or last.size < signed.size):
        store.add_checkpoint(
            clinic.id, CheckpointRow(signed.size, signed.root, frontier.encode(), signed.note, head.recorded_at)
        )
    frontier = _walk(store, clinic, frontier, head.size, erasures)
    if frontier.root() != head.root or frontier.encode() != head.frontier:
        raise SigningRefused("the entries do not come to the committed head; nothing is signed: run `indelible verify`")
    return frontier


def _walk(store: Store, clinic: Clinic, frontier: Frontier, size: int, erasures: dict[int, Erasure]) -> Frontier:
    rows = store.leaves(clinic.id, frontier.size, size)
    while chunk := list(islice(rows, _CHUNK)):
        hashes = []
        for seq, (body, leaf) in enumerate(chunk, frontier.size + 1):
            if merkle.leaf_hash(body) != leaf:
                raise SigningRefused(
                    f"entry {seq} was changed in the database; nothing is signed: run `indelible verify`"
                )
            hashes.append(leaf)
            if _ERASES in body and (erased := entry.erasure(entry.decode(body))) is not None:
                erasures[seq] = erased
        frontier = merkle.extend(frontier, hashes)
    if frontier.size != size:
        raise SigningRefused("entries are missing from the database; nothing is signed: run `indelible verify`")
    return frontier


def _check_written_here(store: Store, clinic: Clinic, sealer: Sealer, seq: int) -> None:
    """Raise SigningRefused where an erasing entry has no sealed value at `key` that fits its commitment.

    Whoever can write the database can append an entry, but cannot seal a value.
    """
    body = entry.decode(store.one(clinic.id, seq).body)
    group = next((group for group in body.groups if "key" in group.paths), None)
    for row in store.personal(clinic.id, [seq]):
        with suppress(Unreadable, InvalidInput):
            opened = sealer.open_values(
                bytes.fromhex(body.id.replace("-", "")), row.token, row.personal_class, row.sealed
            )
            if group is None or group.paths != tuple(sorted(opened.values)):
                continue
            values = [(path, canonical.encode_checked(opened.values[path])) for path in group.paths]
            made = Committer(clinic.origin, body.id).commit(group.personal_class, leaves(opened.seed, values))
            if made == group.commitment and row.personal_class == group.personal_class:
                return
    raise SigningRefused(
        f"entry {seq} says that it erased values, and was not written with the clinic's key; nothing is signed: run "
        "`indelible verify`"
    )


def adopt(store: Store, heads: HeadStore, clinic: Clinic, signer: Signer) -> None:
    """Put the database's newest checkpoint into a head store that lost it. From here on it is trusted.

    Raises SigningRefused where that checkpoint's row is damaged, or the entries do not come to it.
    """
    last = store.last_checkpoint(clinic.id)
    if last is None:
        heads.adopt(clinic.origin, SignedHead(0, merkle.EMPTY_ROOT, b""))
        return
    known = checkpoint.open(last.note, signer.verifier)
    if (known.size, known.root) != (last.size, last.root):
        raise SigningRefused("the last checkpoint's row does not say what its note says; run `indelible verify`")
    erasures: dict[int, Erasure] = {}
    if _walk(store, clinic, Frontier(), last.size, erasures).root() != last.root:
        raise SigningRefused(_FORK)
    heads.adopt(clinic.origin, SignedHead(last.size, last.root, last.note), erasures)
