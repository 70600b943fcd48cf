"""Scrubbing: what is sealed and has no key any more is removed from the entries of who was erased.

It is housekeeping. Who was erased is erased before it (`erasure.py`); this makes room, and lets everybody see that
nothing is left. It goes entry by entry in short transactions, begins anew where it was interrupted, and ends with
`log.scrubbed`, which says how many entries it was and how many values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from . import drafting, entry
from .append import append
from .document import Document, System, Target
from .errors import MalformedProof
from .personal import Sealer, Unreadable, join, split
from .store import Appending, Clinic, Found, PersonRow, Store

# Entries of one transaction: some milliseconds, for which others wait.
_AT_ONCE = 200


def scrub(store: Store, clinic: Clinic, sealer: Sealer, moment: Callable[[Appending], int]) -> int:
    """Remove what is dead of everybody who was erased; return of how many people. `moment` gives the time of a record.

    Of whom the key is still in the keep nothing is removed: an erasure that was forged must destroy nothing. Raises
    StorageFailure.
    """
    sealer.refresh()
    done = 0
    for person in store.unscrubbed(clinic.id):
        if person.erased_by is not None and sealer.is_dead(person.token):
            _scrub(store, clinic, sealer, moment, person)
            done += 1
    return done


def _scrub(store: Store, clinic: Clinic, sealer: Sealer, moment: Callable[[Appending], int], person: PersonRow) -> None:
    from .catalogue.log import LogScrubbed

    seqs = store.seqs_of(clinic.id, person.token)
    entries, values = 0, Counter[str]()
    for start in range(0, len(seqs), _AT_ONCE):
        with store.appending(clinic.id) as tx:
            shorter = []
            for seq in seqs[start : start + _AT_ONCE]:
                found = tx.one(seq)
                theirs, left = _without(found, person.token)
                entries += bool(theirs)
                values += theirs
                if len(left) < len(found.sealed):
                    shorter.append((seq, left))
            tx.scrub(shorter)
    context = LogScrubbed(
        erased_by=person.erased_by, entries=entries, identity_values=values["identity"],
        network_values=values["network"],
    )  # fmt: skip
    event = Document(
        action=context.code, context=context, actor=System("job:scrub"), target=Target("log", clinic.id, clinic.name)
    )
    with store.appending(clinic.id) as tx:
        if tx.persons([person.token])[person.token].scrubbed_by is not None:
            return  # another process was first
        now = moment(tx)
        draft = drafting.draft(event, zone=tx.zone, now=now, by_journal=True)
        append(tx, [draft], clinic, sealer, now)
        tx.mark_scrubbed(person.token, tx.head.size)


def _without(found: Found, token: bytes) -> tuple[Counter[str], bytes]:
    """How many values a person has or had in an entry, by class, and what is sealed there without them."""
    values = Counter[str]()
    try:
        body = entry.decode(found.body)
        for group in body.groups:
            if body.tokens[group.owner] == token.hex() and group.personal_class in entry.ERASED_CLASSES:
                values[group.personal_class] += len(group.paths)
        parts = [
            part
            for part in split(found.sealed)
            if body.tokens[part.owner] != token.hex() or part.personal_class not in entry.ERASED_CLASSES
        ]
    except (MalformedProof, Unreadable, IndexError):  # it was changed; verify says so
        return values, found.sealed
    return values, join(parts)
