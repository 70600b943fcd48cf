"""What a row says beside its sentence: the second line, and its name among the other entries of a click.

    second_line(view, speech)     "Facial; 11 h 42 min before it began; policy asks for 24 h"
    brief(view, speech)           "refunded 30.00 EUR"

The second line is made of the clauses that the action declares (`catalogue.clauses`) and that fit the entry: where what
a clause names was never recorded, was erased or cannot be read, the clause is left out. It says values as the details
of an entry do, only shorter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ..catalogue import Action, Field, amounts, clauses
from ..catalogue.clauses import Placeholder
from .details import PLAIN, Detail, Said, Speech
from .view import KNOWN_BY_NAME, View

# Of a text, so much that a row stays a row; the details have all of it. What is cut ends in "…".
TEXT_LIMIT = 120
# Of a list of changes: who edits ten fields is told so, and opens the entry.
CHANGES_LIMIT = 3
# What was deleted, as the field is called that holds it whole; and what a line says of it.
SNAPSHOT = "snapshot"
_ON_A_PRICE_LIST = ("duration_minutes", "price_minor", "description")
# From so many minutes on days are what a person counts in: 72 hours.
_DAYS_FROM = 3 * 24 * 60
# What would break the line; a space that must not break, in an amount, stays.
_BREAKS = re.compile(r"[ \t\r\n\v\f\x85\u2028\u2029]+")
MORE = "and {count} more"


class Line(NamedTuple):
    """The second line, or empty, and the names of what it prints: fields, and `client`."""

    text: str
    names: frozenset[str]


def second_line(view: View, speech: Speech = PLAIN) -> str:
    """Return the second line of an entry in a reader's language; empty where no clause fits."""
    return line(view, speech).text


def line(view: View, speech: Speech = PLAIN) -> Line:
    """Return the second line with the names of what it prints."""
    found = list(lines(view, speech))
    names = frozenset(name for one in found for name in one.names)
    return Line("; ".join(one.text for one in found), names)


def lines(view: View, speech: Speech = PLAIN, words: Words | None = None) -> Iterator[Line]:
    """Yield the clauses of the second line that fit, each with the names of what it prints; `words` are those of the
    entry, where somebody has them already."""
    cls = view.declared
    if cls is None or not cls.detail:
        return
    words = words or Words(view, cls, speech)
    for alternatives in clauses.alternatives(cls.detail):
        for clause in alternatives:
            if (text := words.filled(clause)) is not None:
                names = (one for one in clauses.placeholders(clause) if one.name != SNAPSHOT)  # it has more
                yield Line(text, frozenset(map(_field_of, names)))
                break


def _field_of(one: Placeholder) -> str:
    return "amount_minor" if one.name == "amount" else one.name


def filled(view: View, alternatives: Sequence[str], speech: Speech = PLAIN) -> str:
    """Return the first of some clauses that fits an entry, whose action has the fields that they name; else nothing."""
    cls = view.declared
    if cls is None:
        return ""
    words = Words(view, cls, speech)
    return next((text for clause in alternatives if (text := words.filled(clause))), "")


def brief(view: View, speech: Speech = PLAIN) -> str:
    """Return how an entry is named among others of its click: its brief, or else its label with a small letter."""
    cls = view.declared
    if cls is None:
        return view.label
    if isinstance(cls.brief, tuple):
        words = Words(view, cls, speech)
        return next((text for clause in cls.brief if (text := words.filled(clause)) is not None), _label(cls, speech))
    if not cls.brief:
        return _label(cls, speech)
    return "".join(part.text for part in view.told(cls.brief, speech))


def _label(cls: type[Action], speech: Speech) -> str:
    return _small(speech.translate(cls.label))


def _small(text: str) -> str:
    """A text as it stands within a sentence: "SMS reminders" stays."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


class _InALine(Said):
    """Says a value within a line."""

    __slots__ = ()

    def text(self, name: str, value: Any) -> str:
        if amounts.is_changes(value):
            return self._few(value)
        if name == SNAPSHOT and isinstance(value, dict):
            return self._offered(value)
        text = _BREAKS.sub(" ", super().text(name, value)).strip()
        return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1].rstrip() + "…"

    def minutes(self, value: int) -> str:
        days, rest = divmod(abs(value), 24 * 60)
        hours, minutes = divmod(rest, 60)
        sign = "-" if value < 0 else ""
        if abs(value) >= _DAYS_FROM:
            return sign + self.days(days) + (f" {hours} h" if hours else "")
        hours += 24 * days
        parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
        return sign + (" ".join(part for part in parts if part) or "0 min")

    def _offered(self, snapshot: Mapping[str, Any]) -> str:
        """What was deleted, in so many words as tell one service from another; nothing where none of them is there."""
        inside = replace(self, currency=amounts.nearest(snapshot, self.currency))
        return ", ".join(inside.text(name, snapshot[name]) for name in _ON_A_PRICE_LIST if snapshot.get(name))

    def _few(self, changes: Sequence[Mapping[str, Any]]) -> str:
        said = [self._change(one) for one in self.changes(changes)]
        if len(said) > CHANGES_LIMIT:
            left = self.speech.number(len(said) - CHANGES_LIMIT)
            said[CHANGES_LIMIT:] = [self.speech.translate(MORE).format(count=left)]
        return ", ".join(said)

    def _change(self, one: Detail) -> str:
        return f"{_small(one.label)} " + (f"{one.old} → {one.new}" if one.changed else one.text)


class Words:
    """The words for the placeholders of one entry's clauses."""

    def __init__(self, view: View, cls: type[Action], speech: Speech) -> None:
        self._view, self._speech, self._context = view, speech, view.context
        self._fields = {field.name: field for field in cls.fields_of_context}
        self._said = _InALine(speech, view.zones, self._context.get("currency"), action=view.action)

    @property
    def context(self) -> Mapping[str, Any]:
        """The entry's context, opened."""
        return self._context

    def filled(self, clause: str) -> str | None:
        """Return a clause in the reader's language, or None where it does not fit this entry."""
        said: dict[Placeholder, str] = {}
        for one in clauses.placeholders(clause):
            text = self._word(one)
            if text is None:
                return None
            said[one] = text
        return "".join(self._pieces(clause, said)).strip()

    def _pieces(self, clause: str, said: Mapping[Placeholder, str]) -> Iterator[str]:
        for before, placeholder in clauses.parse(self._speech.phrase(clause, self._view)):
            yield before
            if placeholder is not None:
                yield said[placeholder]

    def _word(self, one: Placeholder) -> str | None:
        if one.name in clauses.AROUND and one.name not in self._fields:
            return self._client() if one.name == "client" else self._target()
        name = "amount_minor" if one.name == "amount" else one.name
        value, currency = self._context.get(name), self._said.currency
        if self._is_gone(name):
            return None
        if one.side:
            value = value.get(one.side) if isinstance(value, dict) else None
            currency = amounts.both(currency)[one.side == "new"]
        if one.mark == "?":
            return "" if value is True else None
        if one.mark == "-":
            if type(value) is not int or value >= 0:
                return None
            value = -value
        return self._text(self._fields[name], value, currency)

    def _is_gone(self, name: str) -> bool:
        """Whether something of a field was erased or cannot be read."""
        path = f"context.{name}"
        return any(state == path or state.startswith(f"{path}.") for state in self._view.states)

    def _text(self, field: Field, value: Any, currency: Any) -> str | None:
        if isinstance(value, dict) and value.keys() == {"old", "new"} and field.changed:
            if value["old"] == value["new"]:
                return None
            sides = zip((value["old"], value["new"]), amounts.both(currency), strict=True)
            return " → ".join(self._text(field, side, code) or "—" for side, code in sides)
        if field.realm and isinstance(value, dict):
            value = value.get("name") or value.get("id")
        if value is None or value in ("", [], {}):
            return None
        timed = field.timed or field.open
        said = _InALine(self._speech, self._said.zones, currency, field.words, timed, self._said.action)
        return said.text(field.name, value) or None

    def _target(self) -> str | None:
        """The name of the target, where the sentence says its id."""
        target = self._view.target or {}
        return None if target.get("kind") in KNOWN_BY_NAME else target.get("name")

    def _client(self) -> str | None:
        """The client concerned, where no other word of the row names them."""
        members, client = self._view.members, self._view.client
        if self._view.client_role != "client" or client is None:
            return None
        person = members["client"].get("person")
        actor = members["actor"]
        others = (actor, actor.get("on_behalf_of", {}), members.get("target", {}))
        if any(other.get("person") == person for other in others):
            return None
        return client.get("name") or client.get("id")
