"""Whether an entry that says it erased somebody is to be believed.

Whoever can write the database can append an entry, and an erasure that was forged would destroy for ever what it names.
So an erasing entry has a sealed value of its own, at `erases`, which says again whom, what and up to where: nobody
seals it without the clinic's keys. It belongs to "nobody", whose key is never cut out, and is bound to the entry's id
and place, so that none can be taken from another entry.
"""

from __future__ import annotations

from typing import Any

from . import canonical, entry
from .commitment import Committer, leaves
from .errors import InvalidInput, MalformedProof
from .personal import Sealer, Unreadable, split
from .store import Clinic, Found

# The path of the sealed value.
PATH = "erases"


def said(erasure: entry.Erasure) -> dict[str, Any]:
    """Return the value that an erasing entry seals at `erases`."""
    return {"person": erasure.token.hex(), "classes": list(erasure.classes), "up_to_seq": erasure.up_to_seq}


def sealed_by_nobody(found: Found, clinic: Clinic, sealer: Sealer, path: str) -> tuple[entry.Body, Any] | None:
    """Return the body of a stored entry and the sealed value of "nobody" at a path, with which it is believed.

    None where there is none, or where it does not open to what the body commits to.
    """
    try:
        body = entry.decode(found.body)
        group = next(group for group in body.groups if path in group.paths)
        token = bytes.fromhex(body.tokens[group.owner])
        if body.seq != found.seq or token != clinic.nobody:
            return None
        mine = (group.owner, group.personal_class)
        data = next(part.data for part in split(found.sealed) if (part.owner, part.personal_class) == mine)
        opened = sealer.open_values(
            bytes.fromhex(body.id.replace("-", "")), token, group.personal_class, data, group.paths
        )
        values = [(one, canonical.encode_checked(opened.values[one])) for one in group.paths]
    except (MalformedProof, Unreadable, InvalidInput, StopIteration):
        return None
    made = Committer(clinic.origin, body.id).commit(group.personal_class, leaves(opened.seed, values))
    return (body, opened.values[path]) if made == group.commitment else None


def believed(found: Found, clinic: Clinic, sealer: Sealer) -> entry.Erasure | None:
    """Return what a stored entry erased; None where it erases nobody, or was not written with the clinic's keys."""
    sealed = sealed_by_nobody(found, clinic, sealer, PATH)
    if sealed is None:
        return None
    body, value = sealed
    erasure = entry.erasure(body)
    return erasure if erasure is not None and value == said(erasure) else None
