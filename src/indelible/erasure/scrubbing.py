"""Scrubbing: what is sealed and has no key any more is removed from the entries of who was erased.

It is housekeeping. Who was erased is erased before it (`anonymizing.py`); this makes room, and lets everybody see that
nothing is left. It goes entry by entry in short transactions, begins anew where it was interrupted, and ends with
`log.scrubbed`, which says how many entries it was and how many values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager

from ..errors import MalformedProof
from ..format import entry
from ..keep.personal import Sealer, Unreadable, join, split
from ..record import own
from ..record.append import append
from ..stores import entries as stored
from ..stores.contract import Appending, Batch, EntryRow, PersonRow, Reference, Rows, Selection

# Entries of one transaction: some milliseconds, for which others wait.
_AT_ONCE = 200


# Opens a transaction under the clinic's head.
Begin = Callable[[], AbstractContextManager[tuple[Appending, own.At]]]


def scrub(rows: Rows, sealer: Sealer, appending: Begin) -> int:
    """Remove what is dead of everybody who was erased; return of how many people.

    Of whom the key is still in the keep nothing is removed: an erasure that was forged must destroy nothing. Raises
    StorageFailure.
    """
    sealer.refresh()
    done = 0
    for person in list(rows.persons("unscrubbed")):
        if person.erased_by is not None and sealer.is_dead(person.token):
            _scrub(rows, sealer, appending, person, person.erased_by)
            done += 1
    return done


def _scrub(rows: Rows, sealer: Sealer, appending: Begin, person: PersonRow, erased_by: int) -> None:
    theirs = Selection(up_to=rows.state().size, references=((Reference("person", person.token),),))
    entries, values, before = 0, Counter[str](), None
    while found := rows.page(theirs, before, _AT_ONCE):
        before = (found[-1].occurred_at, found[-1].seq)
        with appending() as (tx, _):
            shorter = []
            for one in found:
                now = stored.one(tx, one.seq)  # as it is under the head
                removed, left = _without(now, person.token)
                entries += bool(removed)
                values += removed
                if len(left) < len(now.sealed):
                    shorter.append((now.seq, left))
            tx.write(Batch(sealed=shorter))
    with appending() as (tx, at):
        row = next(iter(tx.persons([person.token])))
        if row.scrubbed_by is not None:
            return  # another process was first
        draft = own.scrubbed(at, erased_by, entries, values["identity"], values["network"])
        append(tx, [draft], at.clinic, sealer, at.now)
        tx.write(Batch(persons=[row._replace(scrubbed_by=at.state.size + 1)]))


def _without(found: EntryRow, token: bytes) -> tuple[Counter[str], bytes]:
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
