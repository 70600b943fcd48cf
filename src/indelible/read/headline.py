"""The first line of a row: what happened, to what and to whom, each said once, and what is left for the second line.

    "Cancelled reservation" · "Facial, Fri 5 Dec, 10:30" · "Ana Sousa"        label · subject · people · rest
    "11 h 42 min before it began; policy asks for 24 h"                       second

Subject and rest are the first and the further clauses that the action declares as `headline` (`catalogue.clauses`). An
action without them has the name of its target, and what its sentence prints besides. People are those that no other
word of the row names: who acted stands in a column of its own, and so does the amount. The second line is `detail`
without the clauses that would say again what the first one says.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from ..catalogue import Action, clauses, placeholders
from ..catalogue.action import PERSON_KINDS
from .details import PLAIN, Speech
from .second_line import Line, Words, lines
from .view import KNOWN_BY_NAME, View

# What a row says elsewhere than in its subject.
_ELSEWHERE = frozenset({"actor", "target", "client", "amount"})


class Named(NamedTuple):
    """Something that a row names: its words, and the kind and id that a reader follows; the id is empty where it was
    erased or never known."""

    text: str
    kind: str
    id: str


class Headline(NamedTuple):
    """`subject` is what it was done to, empty where only an id is known; its `id` may be of something else than the
    target: a charge's row leads to the booking that it names."""

    subject: Named | None
    people: tuple[Named, ...]
    rest: str
    second: str


def headline(view: View, speech: Speech = PLAIN) -> Headline:
    """Return the first line of an entry beside its label, in a reader's language, and its second line."""
    cls = view.declared
    if cls is None:
        target = view.target
        said = Named(str(target.get("name") or ""), target["kind"], target.get("id") or "") if target else None
        return Headline(said if said and said.text else None, _people(view, frozenset(), speech), "", "")
    words = _Words(view, cls, speech)
    every = clauses_of(cls)
    first = words.first(every[0])
    others = [one for each in every[1:] if (one := words.first(each)) is not None]
    printed = frozenset(name for one in (first, *others) if one for name in one.names)
    subject = _leading(view, cls, first, words.context) if first and first.text else None
    taken = printed | {"client", "amount_minor"}
    left = "; ".join(
        one.text for one in lines(view, speech, words) if one.text and not (one.names and one.names <= taken)
    )
    return Headline(subject, _people(view, printed, speech), ", ".join(one.text for one in others), left)


@lru_cache(maxsize=512)
def clauses_of(cls: type[Action]) -> tuple[tuple[str, ...], ...]:
    """The alternatives of each clause of an action's headline, declared or as its sentence has them."""
    if cls.headline:
        return clauses.alternatives(cls.headline)
    named = dict.fromkeys(name.partition(".")[0] for name in placeholders(cls.sentence))
    return (("{target}",), *((f"{{{name}}}",) for name in named if name not in _ELSEWHERE))


def _leading(view: View, cls: type[Action], said: Line, context: Mapping[str, Any]) -> Named:
    """The subject with where it leads: to a thing that it names by id, or else to the target."""
    for field in cls.fields_of_context:
        if field.refers and field.name in said.names and isinstance(thing := context.get(field.name), str):
            return Named(said.text, field.refers, thing)
    target = view.target or {}
    return Named(said.text, target.get("kind", ""), target.get("id") or "")


def _people(view: View, printed: frozenset[str], speech: Speech) -> tuple[Named, ...]:
    """The target and the client concerned, where they are persons whom nothing else of the row names."""
    members, found = view.members, []
    actor = members["actor"]
    named = {actor.get("person"), actor.get("on_behalf_of", {}).get("person")} - {None}
    target = members.get("target", {})
    if target.get("kind") in PERSON_KINDS and "target" not in printed and target.get("person") not in named:
        kind = "client" if target["kind"] == "loyalty_account" else target["kind"]
        known = (view.target if kind == target["kind"] else view.client) or {}
        found.append(Named(view.target_in(speech), kind, known.get("id") or ""))
    named.add(target.get("person"))
    if view.client_role == "client" and members["client"].get("person") not in named:
        found.append(Named(view.client_in(speech), "client", (view.client or {}).get("id") or ""))
    return tuple(found)


class _Words(Words):
    """The words of a headline: the target is named also where it is a person, unless that is who acted."""

    def _target(self) -> str | None:
        target = self._view.members.get("target", {})
        if target.get("kind") not in KNOWN_BY_NAME:
            return super()._target()
        person = target.get("person")
        if person is not None and person == self._view.members["actor"].get("person"):
            return None
        return self._view.target_in(self._speech)

    def first(self, alternatives: tuple[str, ...]) -> Line | None:
        for clause in alternatives:
            if (text := self.filled(clause)) is not None:
                return Line(text, frozenset(one.name for one in clauses.placeholders(clause)))
        return None
