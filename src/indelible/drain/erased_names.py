"""Held documents that name a person who was anonymized are emptied; what remains says why it is empty."""

from __future__ import annotations

import json
from typing import Any

from ..outbox.source import Place, Source, Waiting

# What stands in an emptied row.
EMPTIED = "anonymized: it was emptied, because the person that it named was anonymized"


def empty(source: Source, clinic: str, clients: frozenset[str]) -> int:
    """Empty the documents of a clinic that are held and name one of these clients; return how many.

    Those that are kept after they were recorded are deleted: they would not be recorded again without what they say.
    """
    places: list[Place] = [
        held.waiting.place for held in source.held(clinic) if held.reason != EMPTIED and names(held.waiting, clients)
    ]
    if places:
        source.empty(places, EMPTIED)
    recorded = [row.place for row in source.kept(clinic) if names(row, clients)]
    if recorded:
        source.discard(recorded)
    return len(places)


def names(row: Waiting, clients: frozenset[str]) -> bool:
    """Whether a document names one of these clients. One that cannot be read does where their id is in its text."""
    try:
        found = json.loads(row.document)
    except (ValueError, RecursionError):
        return any(one in row.document for one in clients)
    if not isinstance(found, dict):
        return any(one in row.document for one in clients)
    if row.erasure:
        return _id(found.get("client")) in clients
    actor = found.get("actor")
    behalf = actor.get("on_behalf_of") if isinstance(actor, dict) else None
    people = found.get("people")
    persons = [found.get("client"), *(people if isinstance(people, list) else ())]
    others = [
        one for one in (actor, behalf, found.get("target")) if isinstance(one, dict) and one.get("kind") == "client"
    ]
    return any(isinstance(one, dict) and _id(one.get("id")) in clients for one in (*persons, *others))


def _id(value: Any) -> str:
    """An id as the log keeps it: a host's number is text."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
