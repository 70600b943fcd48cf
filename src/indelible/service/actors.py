"""The people picker: who acts in a log, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..journal import ClinicLog
from ..personal import Unreadable
from ..store import Selection

# More than this many names are a list that nobody reads; the box takes any id.
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


def acting(log: ClinicLog) -> Sequence[Acting]:
    """Return the staff, support, integrations and agents that did something in this log, by name."""
    store, clinic_id = log.store, log.info.id
    found = [Acting("integration", ref.decode(), ref.decode()) for ref in store.actors(clinic_id, "integration", MOST)]
    found += [Acting("agent", ref.decode(), _name_of_agent(log, ref)) for ref in store.actors(clinic_id, "agent", MOST)]
    for kind in ("staff", "support"):
        for row in store.persons(clinic_id, store.actors(clinic_id, kind, MOST)):
            try:
                person = log.sealer.open_person(row.token, row.sealed)
            except Unreadable:
                continue
            found.append(Acting(kind, person["id"], person.get("name") or person["id"]))
    return sorted(found, key=lambda one: one.name.casefold())


def _name_of_agent(log: ClinicLog, ref: bytes) -> str:
    """The name that an agent has in its newest entry, or its id."""
    newest = next(log.views(Selection(up_to=log.size, actors=(("agent", ref),)), limit=1), None)
    return (newest and newest.actor.get("name")) or ref.decode()
