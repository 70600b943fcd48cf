"""Checkpoint: sign the committed head of a clinic's tree, at most once for each size.

The steps, in this order; after a crash at any of them the same steps run again and finish:

1. read the committed head, the newest checkpoint of the database, and the head store's
2. recompute the leaf hashes of the rows since the database's checkpoint from the stored bodies, and the root from them:
   what does not come to the committed head, or contradicts the head store, is not signed
3. sign, and compare-and-swap into the head store            a crash after this leaves a signed head without a row
4. write the checkpoint's row                                 the next run finds the note and writes the row
"""

from __future__ import annotations

from itertools import islice

from ..errors import MalformedProof, SigningRefused
from ..format import entry
from ..proof import checkpoint, merkle
from ..proof.checkpoint import Checkpoint
from ..proof.merkle import Frontier
from ..proof.note import Signer
from ..stores import entries
from ..stores.contract import Batch, CheckpointRow, Clinic, EntryRow, State, Store
from . import erasures
from .authenticity import believed
from .heads import HeadStore, Seen, SignedHead
from .personal import Sealer

# Leaves hashed at once: 32 bytes and a body each, so some tens of megabytes at the most.
_CHUNK = 4_096
# Stands in every body that erases somebody, and in few others.
_ERASES = b'"erases":'
# Another process that signs at the same instant makes the swap fail; it is then its turn to have been first.
_ATTEMPTS = 10

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
        last = last_checkpoint(store, clinic)
        signed = heads.get(clinic.origin)
        head = store.rows(clinic.id).state()
        if signed is None:
            signed = _first(heads, clinic, head)
        if head.size == 0 and signed.size == 0:
            return None
        erasing: set[int] = set()
        frontier = _checked(store, clinic, last, signed, head, erasing)
        if sealer is not None:
            _check_erasures(store, clinic, sealer, signed.size, erasing)
        if signed.size == head.size:
            return last_checkpoint(store, clinic)
        data = checkpoint.sign(Checkpoint(clinic.origin, head.size, head.root), signer)
        if heads.swap(clinic.origin, signed, SignedHead(head.size, head.root, data), seen):
            row = CheckpointRow(head.size, head.root, frontier.encode(), data, now)
            _write_row(store, clinic, row)
            return row
    raise SigningRefused("other processes kept signing first; try again")


def last_checkpoint(store: Store, clinic: Clinic) -> CheckpointRow | None:
    """Return the newest checkpoint of the database."""
    return next(store.rows(clinic.id).checkpoints(last=1), None)


def _write_row(store: Store, clinic: Clinic, row: CheckpointRow) -> None:
    with store.appending(clinic.id) as tx:
        tx.write(Batch(checkpoints=[row]))


def _first(heads: HeadStore, clinic: Clinic, head: State) -> SignedHead:
    """The head store does not know this log: nothing to lose where the log is empty, and a refusal where it is not."""
    if head.size:
        raise SigningRefused(_NO_HEADS)
    empty = SignedHead(0, merkle.EMPTY_ROOT, b"")
    heads.adopt(clinic.origin, empty)
    return empty


def _checked(
    store: Store, clinic: Clinic, last: CheckpointRow | None, signed: SignedHead, head: State, erasing: set[int]
) -> Frontier:
    """Recompute the tree from the last checkpoint's row to the head; finish a row that a crash left out on the way.

    Put into `erasing` which of the bodies that are not signed yet may say that somebody was erased.
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
    frontier = _walk(store, clinic, frontier, signed.size)
    if frontier.root() != signed.root:
        raise SigningRefused(_FORK)
    if signed.size and (last is None or last.size < signed.size):
        row = CheckpointRow(signed.size, signed.root, frontier.encode(), signed.note, head.recorded_at)
        _write_row(store, clinic, row)
    frontier = _walk(store, clinic, frontier, head.size, erasing)
    if frontier.root() != head.root or frontier.encode() != head.frontier:
        raise SigningRefused("the entries do not come to the committed head; nothing is signed: run `indelible verify`")
    return frontier


def _walk(store: Store, clinic: Clinic, frontier: Frontier, size: int, erasing: set[int] | None = None) -> Frontier:
    stored = store.rows(clinic.id).entries(frontier.size, size)
    while chunk := list(islice(stored, _CHUNK)):
        if chunk[-1].seq != frontier.size + len(chunk):
            break  # one is missing in between
        if erasing is not None:
            erasing.update(one.seq for one in chunk if _ERASES in one.body)
        frontier = merkle.extend(frontier, [merkle.leaf_hash(one.body) for one in chunk])
    if frontier.size != size:
        raise SigningRefused("entries are missing from the database; nothing is signed: run `indelible verify`")
    return frontier


def _check_erasures(store: Store, clinic: Clinic, sealer: Sealer, after: int, erasing: set[int]) -> None:
    """Raise SigningRefused where an entry behind a number says that it erased somebody, and is not to be believed.

    `erasing` are those whose bodies may say so: a column beside them can be changed afterwards, and what is signed is
    believed for ever.
    """
    rows = store.rows(clinic.id)
    said = {one.seq: one for one in erasures.behind(rows, after)}
    said |= {seq: entries.one(rows, seq) for seq in erasing - said.keys()}
    for seq, one in sorted(said.items()):
        if _erases(one) and believed(one, clinic, sealer) is None:
            raise SigningRefused(
                f"entry {seq} says that it erased values, and was not written with the clinic's key; nothing is "
                "signed: run `indelible verify`"
            )


def _erases(one: EntryRow) -> bool:
    try:
        return entry.erasure(entry.decode(one.body)) is not None
    except MalformedProof:
        return True  # nobody recorded it here


def signed_size(store: Store, heads: HeadStore, clinic: Clinic, least: int) -> int:
    """Return how many entries the log has that are in the tree which was signed last; 0 where they do not come to it,
    or where it has fewer than `least`.

    Reads every body up to there.
    """
    signed = heads.get(clinic.origin)
    try:
        if signed is None or signed.size < least or _walk(store, clinic, Frontier(), signed.size).root() != signed.root:
            return 0
    except SigningRefused:
        return 0
    return signed.size


def adopt(store: Store, heads: HeadStore, clinic: Clinic, signer: Signer) -> None:
    """Put the database's newest checkpoint into a head store that lost it. From here on it is trusted.

    Raises SigningRefused where that checkpoint's row is damaged, or the entries do not come to it.
    """
    last = last_checkpoint(store, clinic)
    if last is None:
        heads.adopt(clinic.origin, SignedHead(0, merkle.EMPTY_ROOT, b""))
        return
    known = checkpoint.open(last.note, signer.verifier)
    if (known.size, known.root) != (last.size, last.root):
        raise SigningRefused("the last checkpoint's row does not say what its note says; run `indelible verify`")
    if _walk(store, clinic, Frontier(), last.size).root() != last.root:
        raise SigningRefused(_FORK)
    heads.adopt(clinic.origin, SignedHead(last.size, last.root, last.note))
