"""The clauses of an action's second line: what is between their braces, and which of it an action can print.

    clause      = words and placeholders     "{sessions_left} of {sessions_total} sessions left"
    placeholder = {field}                    a field in words: an amount with its currency, a time, a name
                  {field.old} {field.new}    the sides of a field that changed
                  {-field}                   a number without its sign, where it is negative
                  {?field}                   nothing, where the field is true
                  {amount}                   amount_minor with its currency
                  {client}                   the client concerned, who is neither actor nor target
                  {target}                   the name of what is known by its id, such as a booking's

A clause is printed where everything that it names is there. A tuple of clauses is alternatives, of which the first that
fits is printed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache
from string import Formatter
from typing import NamedTuple

# One clause, or alternatives.
Detail = tuple[str | tuple[str, ...], ...]


# What a clause can name that is no field: who and what the entry is about.
AROUND = frozenset({"client", "target"})


class Placeholder(NamedTuple):
    """What stands between two braces. `mark` is "-", "?" or empty; `side` "old", "new" or empty."""

    mark: str
    name: str
    side: str

    def __str__(self) -> str:
        return f"{self.mark}{self.name}{'.' if self.side else ''}{self.side}"


class Piece(NamedTuple):
    """Words, and the placeholder that follows them; None at the end of a clause."""

    before: str
    placeholder: Placeholder | None


@lru_cache(maxsize=4096)  # each clause of each action in each language, once
def parse(clause: str) -> tuple[Piece, ...]:
    """Return a clause in its pieces. Raises ValueError where its braces are no placeholders."""
    pieces = []
    for before, name, spec, conversion in Formatter().parse(clause):
        if name is not None and (not name or spec or conversion):
            raise ValueError("has braces without a field's name alone between them")
        pieces.append(Piece(before, None if name is None else _placeholder(name)))
    return tuple(pieces)


def _placeholder(text: str) -> Placeholder:
    mark = text[0] if text[0] in "-?" else ""
    name, _, side = text.removeprefix(mark).partition(".")
    return Placeholder(mark, name, side)


def placeholders(clause: str) -> tuple[Placeholder, ...]:
    """The placeholders of a clause, in order. Raises ValueError."""
    return tuple(piece.placeholder for piece in parse(clause) if piece.placeholder is not None)


def alternatives(detail: Detail) -> tuple[tuple[str, ...], ...]:
    """Return each clause as the tuple of its alternatives, most of them of one."""
    return tuple((one,) if isinstance(one, str) else one for one in detail)


def flat(detail: Detail) -> tuple[str, ...]:
    """Return every clause, and every alternative: the message ids."""
    return tuple(clause for each in alternatives(detail) for clause in each)


class Printable(NamedTuple):
    """What an action's clauses can name: its fields, and which of them change, are numbers, are true or false."""

    fields: Collection[str]
    changed: Collection[str]
    numbers: Collection[str]
    flags: Collection[str]


def check(detail: object, printable: Printable, wrong: Callable[[str], Exception]) -> None:
    """Check a declaration's clauses. Raises what `wrong` makes of the end of a sentence that begins with its name."""
    if not isinstance(detail, tuple) or not all(map(_is_clause, detail)):
        raise wrong('has a detail that is no tuple of clauses; write detail=("{field} in words",)')
    for clause in flat(detail):
        try:
            named = placeholders(clause)
        except ValueError as error:
            raise wrong(f"has the clause {clause!r}, whose braces are no placeholders; write {{field}}") from error
        for one in named:
            if reason := _refused(one, printable):
                raise wrong(f"has a clause that prints {{{one}}}, {reason}")


def _is_clause(one: object) -> bool:
    """Whether this is a clause, or alternatives: each a text."""
    every = one if isinstance(one, tuple) else (one,)
    return bool(every) and all(isinstance(text, str) and text.strip() for text in every)


def _refused(one: Placeholder, printable: Printable) -> str:
    """Why a placeholder cannot be printed, or nothing."""
    if one.name in AROUND and not (one.mark or one.side) and one.name not in printable.fields:
        return ""
    name = "amount_minor" if one.name == "amount" else one.name
    if name not in printable.fields:
        return "which is no field of it"
    if one.side and one.side not in ("old", "new"):
        return "and a field has no parts but old and new"
    if one.side and name not in printable.changed:
        return "and that field does not change: it has no old and new"
    if one.mark == "-" and (name not in printable.numbers or (name in printable.changed and not one.side)):
        return "and that field is no number"
    if one.mark == "?" and (name not in printable.flags or name in printable.changed):
        return "and that field is not true or false"
    return ""
