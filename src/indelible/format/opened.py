"""An opened entry: its body's members with the personal values put back, in the terms of the event document.

A personal value that is not there is None, and its path is in `states` with the reason. Nothing here needs the
catalogue or a key, so that the verifier can use it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import entry, instant

# The path of the person on whose behalf the actor acted.
PRINCIPAL = "actor.on_behalf_of"


@dataclass(frozen=True, slots=True)
class Opened:
    """One entry. `values` holds the personal values by path; instants are microseconds since 1970 UTC."""

    seq: int
    occurred_at: int
    members: dict[str, Any]
    values: Mapping[str, Any]
    states: Mapping[str, str]

    @property
    def id(self) -> str:
        return str(self.members["id"])

    @property
    def action(self) -> str:
        return str(self.members["action"])

    @property
    def offset_minutes(self) -> int:
        return int(self.members["offset_minutes"])

    @property
    def zone(self) -> str:
        return str(self.members["zone"])

    @property
    def local_time(self) -> datetime:
        """When it happened, on the clock of the zone that it was recorded in, with the offset."""
        return instant.to_datetime(self.occurred_at, self.offset_minutes)

    @property
    def actor(self) -> dict[str, Any]:
        """{"kind", "id"?, "name"?, "role"?, "reason"?, "on_behalf_of"?} as in the document."""
        found = self._person_in(self.members["actor"], "actor")
        if (principal := self.on_behalf_of) is not None:
            found["on_behalf_of"] = principal
        return found

    @property
    def on_behalf_of(self) -> dict[str, Any] | None:
        """{"kind", "id", "name"?} of the person on whose behalf the actor acted."""
        holder = self.members["actor"].get("on_behalf_of")
        return None if holder is None else self._person_in(holder, PRINCIPAL)

    @property
    def target(self) -> dict[str, Any] | None:
        target = self.members.get("target")
        return None if target is None else self._person_in(target, "target")

    @property
    def client(self) -> dict[str, Any] | None:
        """{"id", "name"?} of the client concerned: named as such, or the target, or acted for, or the actor."""
        role = self.client_role
        if not role:
            return None
        found = self._person_in(self._holder(role) or {}, role)
        return {name: found[name] for name in ("id", "name") if name in found}

    @property
    def client_role(self) -> str:
        """Where the client concerned stands in the body: a path, such as client, target or actor; or nothing."""
        members = self.members
        if "client" in members:
            return "client"
        actor = members.get("actor", {})
        for path, holder in (
            ("target", members.get("target")),
            (PRINCIPAL, actor.get("on_behalf_of")),
            ("actor", actor),
        ):
            if holder is not None and holder.get("kind") == "client":
                return path
        return ""

    @property
    def people(self) -> list[dict[str, Any]]:
        listed = self.members.get("people", ())
        return [self._person_in(holder, f"people.{index}") for index, holder in enumerate(listed)]

    @property
    def context(self) -> dict[str, Any]:
        """The context as in the document: references as ids, people as {"id", "name"?}, personal values put back.

        Times are as the body has them, on the clock on which they were said.
        """
        context: dict[str, Any] = dict(self.members["context"])
        for name, value in context.items():
            if type(value) is dict:
                context[name] = self._plain(value, f"context.{name}")
        for path, value in self.values.items():
            if path.startswith("context.") and "." not in (name := path[8:]):
                context[name] = value
        for path in self.states:
            part = path.split(".")
            if part[0] == "context" and len(part) == 2:
                context[part[1]] = None
        return context

    @property
    def request(self) -> dict[str, Any]:
        request = {"channel": self.members["channel"]} if "channel" in self.members else {}
        for name in ("ip", "user_agent"):
            if f"request.{name}" in self._paths():
                request[name] = self.values.get(f"request.{name}")
        return request

    @property
    def amount_minor(self) -> int | None:
        amount = self.members["context"].get("amount_minor")
        return amount if type(amount) is int else None

    @property
    def currency(self) -> str | None:
        currency = self.members["context"].get("currency")
        return currency if self.amount_minor is not None and type(currency) is str else None

    def _holder(self, path: str) -> dict[str, Any] | None:
        """The member of the body that a path such as target or actor.on_behalf_of leads to, if there is one."""
        found: dict[str, Any] | None = self.members
        for name in path.split("."):
            found = None if found is None else found.get(name)
        return found

    def _paths(self) -> Iterable[str]:
        """Every personal path of the body, whether or not it could be opened."""
        return [*self.values, *self.states]

    def _person_in(self, holder: dict[str, Any], path: str) -> dict[str, Any]:
        if "person" not in holder:
            found = dict(holder)
        else:
            found = {name: value for name, value in holder.items() if name != "person"}
            found["id"] = self.values.get(f"{path}.id")
        if f"{path}.name" in self.values or f"{path}.name" in self.states:
            found["name"] = self.values.get(f"{path}.name")
        return found

    def _plain(self, value: Any, path: str) -> Any:
        if type(value) is not dict:
            return value
        if entry.is_holder(value):
            return value["id"] if "id" in value else self._person_in(value, path)
        if value.keys() == {"old", "new"}:
            return {side: self._plain(value[side], f"{path}.{side}") for side in ("old", "new")}
        return value

    def _is_erased(self, path: str) -> bool:
        """Whether the person at `path` was anonymized: before, or by this entry, which never held an id of theirs."""
        erases, holder = self.members.get("erases"), self._holder(path)
        if erases is not None and holder is not None and holder.get("person") == erases["person"]:
            return True
        return self.states.get(f"{path}.id") in ("erased", "left_out")
