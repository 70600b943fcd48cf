"""Opening what is sealed of an entry, group by group: what a body names, what is stored beside it, what has a key."""

from __future__ import annotations

from collections.abc import Collection

from ..format import entry
from .personal import Dead, OpenedGroup, Sealer, Unreadable, split


def openings(
    sealer: Sealer, body: entry.Body, sealed: bytes, *, needed: Collection[str] = ()
) -> dict[int, OpenedGroup]:
    """Return what opens of an entry's groups, by their place in the body.

    What is dead, gone or changed is not there. Raises Unreadable where something of a class in `needed` was changed or
    is of no group, or where the sealed bytes are no parts at all and any class is needed.
    """
    places = {(group.owner, group.personal_class): place for place, group in enumerate(body.groups)}
    entry_id, found = entry.id_bytes(body.id), {}
    try:
        parts = split(sealed)
    except Unreadable:
        if needed:
            raise
        return {}
    for owner, personal_class, data in parts:
        place = places.get((owner, personal_class))
        try:
            if place is None:
                raise Unreadable
            token, paths = bytes.fromhex(body.tokens[owner]), body.groups[place].paths
            found[place] = sealer.open_values(entry_id, token, personal_class, data, paths)
        except Dead:
            continue
        except Unreadable:
            if personal_class in needed:
                raise
    return found
