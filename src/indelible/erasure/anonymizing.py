"""Erasure: anonymize a client. Keys go, bodies stay, and an entry accounts for it.

1. In one transaction, under the clinic's head: the client's row is found; where there is none, nobody is known by the
   id, which is said and nothing is written. `client.anonymized` is appended. Its `erases` names the token, the classes
   and the last entry that they went from; it holds no value of the client, not even where the client is the actor. The
   client's row is marked: from here on the id is that of somebody new.
2. It is committed and signed.
3. The two keys from which all of the client's values follow are cut out of the key tree (`keep/keytree.py`), in one
   replacement of the keep's cover. Only now it is done: nobody can open a value any more, in this database, its log
   files or any copy that was ever made of it. How many entries there are makes no difference.
4. What is sealed and dead is removed from the entries later: `scrubbing.py`.

A crash before the commit leaves everything. After it, `replay` does the third step: when the log is opened next, and
by the signer every second. Never the other way round: values would be gone, and no entry would account for it. An older
copy of the keep that was put back loses nobody and opens who was erased since, until `replay` erases them again, before
anybody reads.

What stays: the token, which stands for "the same unknown person"; what the bodies have in clear (times, amounts,
services, opaque ids of bookings); evidence values (Stripe ids), which name nobody by themselves; and HMACs of
idempotency keys and evidence ids under the clinic's look-up key. Whoever holds that key and the keep can find out that
somebody of an id was erased, by guessing the id, and not which of the erased it was, unless only one was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..catalogue.fields import opaque_id
from ..errors import Conflict, InvalidInput, KeyUnavailable, MalformedProof, NotFound, StorageFailure
from ..format import entry
from ..keep import erasures as erasing
from ..keep import signing
from ..keep.authenticity import believed
from ..keep.folder import Keep, Kept
from ..keep.heads import HeadStore
from ..keep.personal import Sealer
from ..record import own
from ..record.append import Appended, append
from ..record.document import Actor, Request, is_text
from ..stores import entries as stored
from ..stores.contract import Appending, Batch, Clinic, EntryRow, PersonRow, Rows, Store

# Another process that replaces the cover at the same instant makes the swap fail; it was then its turn to be first.
_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class Anonymized:
    """The entry that accounts for what was erased.

    `unfinished` are files that an export, bundle or backup is writing at this moment, with the values as they were:
    they are whole files soon, or gone. `merged` are the ids of other records of the same person (`read/merging.py`), of
    which nothing went: who asked for the one means these too. `older_copy` is true where a copy of the keep was made
    before, from which the values can be read until it is made again.
    """

    entry: Appended
    unfinished: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    older_copy: bool = False


def anonymize(
    tx: Appending,
    client_id: str,
    at: own.At,
    sealer: Sealer,
    *,
    requested_by: own.RequestedBy,
    actor: Actor,
    request: Request,
    key: str | None = None,
    asked_at: int | None = None,
) -> Anonymized:
    """Erase a client's values in the open transaction `tx`, of which `at` says what is so, and append the entry that
    accounts for it.

    With a `key` it is done once: where an erasure was done under it before, that one is the answer, although the client
    may have returned since. `asked_at` is when it was asked for, where that was before now. Raises NotFound where the
    log knows no client by the id: never recorded, or anonymized before; Conflict where the key was used for something
    else.
    """
    if key is not None and (before := _done_before(tx, sealer, key)):
        return before
    known = _known(tx, sealer, "client", client_id)
    if known is None:
        raise NotFound(_nobody(tx, sealer, client_id))
    erasure = entry.Erasure(known.token, entry.ERASED_CLASSES, at.state.size)
    draft = own.anonymized(at, client_id, requested_by, erasure, actor, request, key=key, asked_at=asked_at)
    tokens = {(own.ERASED.realm, own.ERASED.id): known.token}
    appended = append(tx, [draft], at.clinic, sealer, at.now, tokens=tokens)[0]
    assert isinstance(appended, Appended)  # noqa: S101 - its key was looked up, or is random
    tx.write(Batch(persons=[known._replace(erased_by=appended.seq)]))
    return Anonymized(appended)


def _done_before(tx: Appending, sealer: Sealer, key: str) -> Anonymized | None:
    """What was erased under this key, None where nothing was."""
    lookup = sealer.find("key", key)
    seq = tx.seqs("key", [lookup]).get(lookup)
    if seq is None:
        return None
    body = entry.decode(stored.one(tx, seq).body)
    if body.members["action"] != entry.ANONYMIZED:
        raise Conflict(f"key: was used before, by entry {seq}, which erases nobody; use a new key")
    return Anonymized(Appended(seq, body.id, body.recorded_at, repeated=True))


def _known(tx: Appending, sealer: Sealer, realm: str, host_id: str) -> PersonRow | None:
    """The row of who is known by an id now."""
    for _, token in sealer.tokens(realm, host_id):
        row = next(iter(tx.persons([token])), None)
        if row is None or (row.erased_by is None and sealer.is_of(token, row.sealed, realm, host_id)):
            return row
    raise AssertionError("there is always another token")


def _nobody(tx: Appending, sealer: Sealer, client_id: str) -> str:
    """Why nobody can be anonymized by an id, and what to do. The id itself is not said again: it may be a name."""
    kind, _, bare = client_id.partition("/")
    if kind == "client" and bare and _known(tx, sealer, "client", bare) is not None:
        return "no client is known by this id, but one by what stands behind client/; give the id alone"
    if any(_known(tx, sealer, realm, client_id) is not None for realm in ("staff", "support")):
        return (
            "this is the id of somebody of the staff, and the log keeps who did what: only clients are anonymized. "
            "When somebody leaves, record staff.deactivated; if the same person is a client too, give the client's id"
        )
    return (
        "no client is known by this id: none was recorded with it, or the client was anonymized before. Give the id by "
        "which your system knows the client, letter by letter, and no name, address or number"
    )


def check_id(client_id: object) -> str:
    """Return what can be the id of a client. Raises InvalidInput."""
    try:
        return opaque_id(is_text(client_id, "client"))
    except ValueError as error:
        raise InvalidInput(str(error), "client") from error


def replay(
    store: Store, keep: Keep, heads: HeadStore, clinic: Clinic, sealer: Sealer, behind: int | None = None
) -> int:
    """Cut out the keys of everybody whom the log erased and the keep still has; return how many entries that were.

    Looked at are the erasures behind those that the keep knows, or behind the seq `behind` where that is less, or
    that of a person's row which says erased and whose key is there: an older database may have erased somebody since.
    One is done where it is believed (`keep/authenticity.py`), or where it is in the tree that was signed. Raises
    KeyUnavailable and StorageFailure where the keep cannot be read or written.
    """
    rows = store.rows(clinic.id)
    for _ in range(_ATTEMPTS):
        kept = kept_of(keep, clinic)
        there = sealer.at(kept)  # whatever newer keep this process has seen: it is this one that is to lose keys
        erasures = erasing.behind(rows, min(_seen(rows, there), kept.up_to if behind is None else behind))
        if not erasures:
            return 0
        points, done, up_to, signed = set[int](), 0, kept.up_to, None
        for found in erasures:
            erasure = believed(found, clinic, there)
            if erasure is None and (said_here := _said_by(found)) is not None:
                signed = signing.signed_size(store, heads, clinic, found.seq) if signed is None else signed
                erasure = said_here if found.seq <= signed else None
            if erasure is None or erasure.token == clinic.nobody:
                continue
            person = next(iter(rows.persons([erasure.token])), None)
            theirs = there.points(erasure.token, None if person is None else person.sealed)
            done += bool(theirs)
            points |= theirs
            up_to = max(up_to, found.seq)
        if not points and up_to == kept.up_to:
            return 0
        new = replace(kept, cover=kept.cover.without(points), version=kept.version + 1, up_to=up_to)
        if keep.swap(clinic.origin, new, kept.version):
            sealer.refresh()
            return done
    raise StorageFailure("other processes kept replacing the keep's cover first; try again")


def _said_by(found: EntryRow) -> entry.Erasure | None:
    try:
        return entry.erasure(entry.decode(found.body))
    except MalformedProof:
        return None  # nobody recorded it here; verify reports it


def _seen(rows: Rows, there: Sealer) -> int:
    """Behind which seq the erasures are that the keep may not know: those behind its own, and what rows say."""
    marked = [row.erased_by for row in rows.persons("unscrubbed") if not there.is_dead(row.token)]
    return min([there.kept.up_to, *(by - 1 for by in marked if by is not None)])


def is_copy_older(kept: Kept) -> bool:
    """Whether the keep's copy is older than the last erasure: then it still opens what is erased here."""
    return kept.copied_at is not None and kept.copied_up_to < kept.up_to


def kept_of(keep: Keep, clinic: Clinic) -> Kept:
    """Return what the keep has of a clinic's log. Raises KeyUnavailable where it does not know it."""
    kept = keep.read(clinic.origin)
    if kept is None:
        raise KeyUnavailable(lost(keep, clinic))
    return kept


def lost(keep: Keep, clinic: Clinic) -> str:
    """What is said where the keep does not know a log."""
    return (
        f"the keep {keep.folder} does not know the log of clinic {clinic.id}; put its newest copy back, or, "
        "if it is lost for good, run `indelible keep renew`: entries and proofs stay, and no name in them can be read"
    )
