"""What was wrong with a value, in one sentence that names the field and the mend, and holds no value."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from decimal import Decimal

from pydantic import ValidationError

from ..errors import InvalidInput
from .amounts import WrongAmount
from .fields import WORD_LIMIT


def in_one_sentence(code: str, fields: Sequence[str], error: ValidationError) -> InvalidInput:
    """Return the first of pydantic's errors as one sentence that names the field; it holds no value."""
    first = error.errors(include_url=False, include_input=True)[0]
    kind, place = first["type"], [shown(part) for part in first["loc"]]
    field = ".".join(["context", *place])
    if kind == "missing":
        return InvalidInput(f"is missing; {code} needs it", field)
    if kind == "extra_forbidden":
        known = tuple(fields) if len(place) == 1 else ("the fields of its type",)
        return InvalidInput(unknown(place[-1], known), field)
    if kind == "value_error":
        found = first["ctx"]["error"]
        if isinstance(found, WrongAmount):
            return InvalidInput(found.message, ".".join(["context", *map(shown, found.path)]))
        return InvalidInput(str(found), field)
    if kind == "int_type" and isinstance(first["input"], Decimal):
        return InvalidInput(
            "is a Decimal; send minor units, as indelible.format.money.minor(price, currency) gives", field
        )
    if kind == "int_type" and isinstance(first["input"], float):
        return InvalidInput("is a floating-point number; send an integer (money in minor units)", field)
    words = _EXPECTED.get(kind)
    if words is None and kind in ("literal_error", "enum"):
        words = f"must be one of {first['ctx']['expected']}"
    return InvalidInput(words or "has the wrong type or form; `indelible actions --json` has the schema", field)


_EXPECTED: dict[str, str] = {
    "int_type": "must be an integer",
    "string_type": "must be text",
    "string_unicode": "holds a lone surrogate, half of a character; send whole Unicode text",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}


def shown(name: object) -> str:
    """A member's name as an error may show it: names come from the host's program; short and printable."""
    text = str(name)[:WORD_LIMIT]
    return text if text.isascii() and text.isprintable() and "@" not in text else "(a member)"


def unknown(name: str, known: tuple[str, ...]) -> str:
    """Return the sentence for a member that is none of the known ones, with the nearest of them."""
    near = difflib.get_close_matches(name, known, 1)
    return (
        f"is not a field here; did you mean {near[0]}?"
        if near
        else f"is not a field here; there are {', '.join(known)}"
    )
