"""Whether an entry that says it erased somebody is to be believed.

Whoever can write the database can append an entry, and an erasure that was forged would destroy for ever what it names.
So an erasing entry has a sealed value of its own, at `erases`, which says again whom, what and up to where: nobody
seals it without the clinic's keys. It belongs to "nobody", whose key is never cut out, and is bound to the entry's id
and place, so that none can be taken from another entry.
"""

from __future__ import annotations

from typing import Any

from ..errors import InvalidInput, MalformedProof
from ..format import canonical, entry
from ..format.commitment import Committer, leaves
from ..stores.contract import Clinic, EntryRow
from .opening import openings
from .personal import Sealer

# The paths of the sealed values: of an erasing entry, and of the one that says that a keep was lost.
ERASES, RENEWED = "erases", "renewed"


def said_erased(erasure: entry.Erasure) -> dict[str, Any]:
    """Return the value that an erasing entry seals at `erases`."""
    return {"person": erasure.token.hex(), "classes": list(erasure.classes), "up_to_seq": erasure.up_to_seq}


def said_lost(up_to: int) -> dict[str, Any]:
    """Return the value that `log.keep_renewed` seals at `renewed`: the last number whose values are lost."""
    return {"up_to_seq": up_to}


def sealed_by_nobody(found: EntryRow, clinic: Clinic, sealer: Sealer, path: str) -> tuple[entry.Body, Any] | None:
    """Return the body of a stored entry and the sealed value of "nobody" at a path, with which it is believed.

    None where there is none, or where it does not open to what the body commits to.
    """
    try:
        body = entry.decode(found.body)
        place, group = next((place, group) for place, group in enumerate(body.groups) if path in group.paths)
        token = bytes.fromhex(body.tokens[group.owner])
        if body.seq != found.seq or token != clinic.nobody:
            return None
        opened = openings(sealer, body, found.sealed)[place]
        values = [(one, canonical.encode_checked(opened.values[one])) for one in group.paths]
    except (MalformedProof, InvalidInput, StopIteration, KeyError):
        return None
    made = Committer(clinic.origin, body.id).commit(group.personal_class, leaves(opened.seed, values))
    return (body, opened.values[path]) if made == group.commitment else None


def believed(found: EntryRow, clinic: Clinic, sealer: Sealer) -> entry.Erasure | None:
    """Return what a stored entry erased; None where it erases nobody, or was not written with the clinic's keys."""
    sealed = sealed_by_nobody(found, clinic, sealer, ERASES)
    if sealed is None:
        return None
    body, value = sealed
    erasure = entry.erasure(body)
    return erasure if erasure is not None and value == said_erased(erasure) else None
