"""Who acts in a log, by name: what a list of people to choose from shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..stores.contract import Selection
from .session import Session

# More than this many names are a list that nobody reads; a filter takes any id.
MOST = 200


@dataclass(frozen=True, slots=True)
class Acting:
    """One that a list can be narrowed to. `id` is what the filter takes after `actor:`."""

    kind: str
    id: str
    name: str

    @property
    def value(self) -> str:
        """What `about:` takes."""
        return f"{self.kind}/{self.id}"


def acting(session: Session) -> Sequence[Acting]:
    """Return the staff, support, integrations and agents that did something in a log, by name."""
    actors = session.actors(MOST)
    people = session.people([ref for kind, ref in actors if kind in ("staff", "support")])
    found = []
    for kind, ref in actors:
        if kind == "integration":
            found.append(Acting(kind, ref.decode(), ref.decode()))
        elif kind == "agent":
            found.append(Acting(kind, ref.decode(), _name_of_agent(session, ref)))
        elif (person := people.get(ref)) is not None:
            found.append(Acting(kind, person["id"], person.get("name") or person["id"]))
    return sorted(found, key=lambda one: one.name.casefold())


def _name_of_agent(session: Session, ref: bytes) -> str:
    """The name that an agent has in its newest entry, or its id."""
    newest = next(session.views(Selection(up_to=session.up_to, actors=(("agent", ref),)), limit=1), None)
    return (newest and newest.actor.get("name")) or ref.decode()
