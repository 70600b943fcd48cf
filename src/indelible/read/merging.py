"""Merged clients: the records that a clinic found to be one person, as `client.merged` tells.

Two records are of one person where an entry merged the one into the other, or both with a third. An anonymized record
is no part of that any more: nothing may lead from a name to what its entries tell.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..stores.contract import Reference, Selection
from .session import Session

# A record is merged a few times; more in one chain is a mistake of the host's, and must not take for ever.
MERGED_LIMIT = 50


def merged_with(session: Session, client_id: str) -> tuple[str, ...]:
    """Return the ids of the other records of a client, without those that are anonymized, in order."""
    found, waiting = {client_id}, [client_id]
    while waiting and len(found) <= MERGED_LIMIT:
        for other in _beside(session, waiting.pop()):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return tuple(sorted(found - {client_id}))


def _beside(session: Session, client_id: str) -> Iterator[str]:
    """The records that an entry merged with this one."""
    from ..catalogue.clients import ClientMerged

    token = session.token("client", client_id)
    if token is None:
        return
    merges = Selection(up_to=session.up_to, actions=(ClientMerged.code,), references=((Reference("person", token),),))
    for view in session.views(merges, limit=MERGED_LIMIT):
        sides = (view.target or {}).get("id"), (view.context.get("merged") or {}).get("id")
        if client_id in sides:  # else the record is there in another role
            yield from (side for side in sides if side not in (None, client_id))
