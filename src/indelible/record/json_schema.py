"""The event document as one JSON Schema (2020-12): an object that is one of the actions' documents, by its `action`.

    {"$schema", "title", "description", "type": "object", "required": ["action", "actor"],
     "properties": {"action": {"enum": [code]}},
     "oneOf": [{"$ref": "#/$defs/CODE"}],
     "$defs": {CODE: the document of an action, and the parts that several have: id, actor, currency, ...}}

Each of `oneOf` has another constant as its `action`, so at most one fits. An optional member may be null, which is as
if it were not there. An id may be an integer.

A document that a host may put into an outbox fits the schema. One that fits is still refused, and the schema is wider,
where a rule cannot be said in it:

- a whole number written 1.0, which a schema takes for an integer; two members of the same name
- a day, a time or an address that does not exist; a time before 1900 or in the future
- money without its unit inside changes and objects; a secret; JSON nested too deeply; the size of a document
- rules between two values, such as the sessions of a voucher that are left and used
- control characters beyond ASCII's in an id or a word
- a path of `cut` that the document does not have; somebody who acts on behalf of themselves
- more than 64 personal values
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ..catalogue import Action, Field, placeholders, registered
from ..catalogue.fields import EMAIL_LIMIT, ID_LIMIT, LIST_LIMIT, WHOLE_BASIS_POINTS, WORD_LIMIT
from ..catalogue.schema import context_schema, type_in_words
from ..errors import InvalidInput
from ..format import canonical, entry, money
from .document import ACTOR_KINDS, PEOPLE_ROLES

Schema = dict[str, Any]

_NULL: Schema = {"type": "null"}
_CONTROL = r"\u0000-\u001f\u007f"
# Printable, without @; an id has no space around it either, and does not begin as a telephone number does.
_WORD_PATTERN = rf"^[^@{_CONTROL}]+$"
_ID_PATTERN = rf"^[^@+\s{_CONTROL}]([^@{_CONTROL}]*[^@\s{_CONTROL}])?$"
_OFFSET = "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_DAY_PATTERN = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME_PATTERN = rf"^{_DAY_PATTERN}[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{{1,9}})?{_OFFSET}$"


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, _NULL]}


def _object(required: Sequence[str] = (), **members: Schema) -> Schema:
    """An object with these members and no other; those not required may be null."""
    nullable = [
        name for name, schema in members.items() if name not in required and schema not in (_NULL, _ref("json"))
    ]
    properties = {name: _or_null(schema) if name in nullable else schema for name, schema in members.items()}
    made: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return made | ({"required": list(required)} if required else {})


_INTEGER: Schema = {"type": "integer", "minimum": -canonical.LARGEST_INTEGER, "maximum": canonical.LARGEST_INTEGER}
_TEXT: Schema = {"type": "string"}
_HOST_ID: Schema = {
    "anyOf": [
        {"type": "string", "minLength": 1, "maxLength": ID_LIMIT, "pattern": _ID_PATTERN},
        {"type": "integer"},
    ]
}
_KEY: Schema = {
    "anyOf": [
        {"type": "string", "minLength": 1, "maxLength": ID_LIMIT, "pattern": _WORD_PATTERN,
         "not": {"pattern": "^outbox:"}},
        {"type": "integer"},
    ]
}  # fmt: skip
_PERSON = _object(("id",), id=_ref("id"), name=_ref("text"))

# What stands for itself in a document, by name, with what it is.
_PARTS: dict[str, Schema] = {
    "id": _HOST_ID | {"description": "An opaque id of your system. It names nothing about a person."},
    "word": {"type": "string", "minLength": 1, "maxLength": WORD_LIMIT, "pattern": _WORD_PATTERN,
             "description": "A label or a code from a list that you keep, in clear for ever."},
    "text": _TEXT | {"description": "Text of any length; what is too long is cut, and marked as cut."},
    "email": {"type": "string", "minLength": 1, "maxLength": EMAIL_LIMIT},
    "count": _INTEGER | {"minimum": 0, "description": "How many, or an amount in the currency's minor unit."},
    "integer": dict(_INTEGER),
    "basis_points": {"type": "integer", "minimum": 0, "maximum": WHOLE_BASIS_POINTS,
                     "description": "Hundredths of a percent: half is 5000."},
    "currency": {"enum": sorted(money.EXPONENTS), "description": "A currency's code of ISO 4217, in capital letters."},
    "time": {"type": "string", "format": "date-time", "pattern": _TIME_PATTERN,
             "description": "A time of RFC 3339 with its offset, such as 2026-05-03T14:22:31+02:00."},
    "planned_time": {"type": "string", "format": "date-time", "pattern": _TIME_PATTERN, "not": {"pattern": "-00:00$"},
                     "description": "A time as RFC 3339 has it, with the offset of the clock on which it was said: it "
                                    "is kept and shown on that clock. In UTC it is shown on the clinic's."},
    "day": {"type": "string", "format": "date", "pattern": f"^{_DAY_PATTERN}$", "description": "YYYY-MM-DD."},
    "json": {"anyOf": [_NULL, {"type": "boolean"}, _TEXT, _INTEGER, {"type": "array", "items": _ref("json")},
                       _ref("json_object")],
             "description": "JSON without floating-point numbers."},
    "json_object": {"type": "object", "additionalProperties": _ref("json"),
                    "description": "An object without floating-point numbers."},
    "someone": _PERSON | {"description": "A person: your id, and perhaps the name."},
    "words": {"type": "array", "items": _ref("word"), "maxItems": LIST_LIMIT},
    "changes": {"type": "array", "minItems": 1, "description": "Fields that changed, each before and after.",
                "items": _object(("field",), field=_ref("word"), old=_ref("json"), new=_ref("json"),
                                 currency=_ref("currency"))},
    "key": _KEY | {"description": "The same key and document again is one entry; with another document it is refused."},
    "request": _object(
        channel={"type": "string", "pattern": "^[a-z][a-z0-9_]{0,99}$"},
        ip={"anyOf": [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}]},
        user_agent=_ref("text"),
    ) | {"description": "Where it came from, such as staff_web, client_app or webhook."},
    "cut": {"type": "array", "items": _TEXT,
            "description": "Paths of values that you have shortened, such as request.user_agent."},
    "people": {"type": "array", "items": _object(("role", "id"), role={"enum": list(PEOPLE_ROLES)}, id=_ref("id"),
                                                 name=_ref("text")),
               "description": "Further people that it concerns."},
    "principal": _object(("kind", "id"), kind={"enum": list(entry.PRINCIPALS)}, id=_ref("id"), name=_ref("text"))
    | {"description": "On whose behalf somebody acts."},
}  # fmt: skip


def _actor() -> Schema:
    """Who did it; what belongs to one kind of actor is null or absent on the others."""
    takes: dict[str, dict[str, Schema]] = {
        "system": {"reason": {"type": "string", "maxLength": WORD_LIMIT,
                              "pattern": "^[a-z][a-z0-9_-]*:[A-Za-z0-9][A-Za-z0-9._-]*$",
                              "description": "Why the system acted, such as policy:late-cancel."}},
        "integration": {"id": _ref("id")},
        "staff": {"id": _ref("id"), "name": _ref("text"), "role": _ref("word")},
        "client": {"id": _ref("id"), "name": _ref("text")},
        "support": {"id": _ref("id"), "name": _ref("text")},
        "agent": {"id": _ref("id"), "name": _ref("word")},
    }  # fmt: skip
    choices = []
    for kind in ACTOR_KINDS:
        members = takes[kind] | ({"on_behalf_of": _ref("principal")} if kind in entry.DEPUTIES else {})
        others = {name: _NULL for name in ("id", "name", "role", "reason", "on_behalf_of") if name not in members}
        needed = ("kind", "reason" if kind == "system" else "id")
        choices.append(_object(needed, kind={"const": kind}, **members, **others))
    return {"oneOf": choices, "description": "Who did it."}


def document_schema(actions: Iterable[type[Action]] | None = None) -> Schema:
    """Return the JSON Schema of the event document, for these actions or for all that a host may record.

    Raises InvalidInput where all of them are written by the log itself.
    """
    found = [cls for cls in (registered() if actions is None else actions) if not cls.by_journal]
    if not found:
        raise InvalidInput("is written only by the log itself; no document of a host has it", "the action")
    definitions = {cls.code: _document(cls) for cls in found} | {"actor": _actor()} | _PARTS
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Event document",
        "description": "What a host records: one document of one action, version 1.",
        "type": "object",
        "required": ["action", "actor"],
        "properties": {"action": {"enum": [cls.code for cls in found]}},
        "oneOf": [_ref(cls.code) for cls in found],
        "$defs": {name: definitions[name] for name in _reached(definitions, [cls.code for cls in found])},
    }


def _reached(definitions: dict[str, Schema], first: Sequence[str]) -> list[str]:
    """The names of definitions that these use, directly or not; actions first."""
    found = dict.fromkeys(first)
    waiting = list(first)
    while waiting:
        for name in _names(definitions[waiting.pop()]):
            if name not in found:
                found[name] = None
                waiting.append(name)
    return [*first, *(name for name in definitions if name in found and name not in first)]


def _names(node: Any) -> Iterable[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"].removeprefix("#/$defs/")
        for member in node.values():
            yield from _names(member)
    elif isinstance(node, list):
        for member in node:
            yield from _names(member)


def _document(cls: type[Action]) -> Schema:
    """The document of one action: every member that a document may have, its own target and its own context."""
    context = _context(cls)
    required = ["action", "actor"]
    if "target" in placeholders(cls.sentence):
        required.append("target")
    if "required" in context:
        required.append("context")
    made = _object(
        required,
        action={"const": cls.code},
        occurred_at=_ref("time") | {"description": "When it happened; absent where it happens now."},
        actor=_ref("actor"),
        target=_target(cls),
        client=_ref("someone") | {"description": "The client concerned, where it is neither actor nor target."},
        people=_ref("people"),
        context=context,
        request=_ref("request"),
        operation=_ref("id") | {"description": "What ties together the entries of one click."},
        key=_ref("key"),
        cut=_ref("cut"),
        returned={
            "type": "boolean",
            "description": "True where a client who was anonymized is there again, whenever it happened.",
        },
    )
    made = Schema(title=cls.label, description=_meaning(cls)) | made
    if "loyalty_account" in cls.targets:
        made["if"] = _with(target=_with(kind={"const": "loyalty_account"}))
        made["then"] = {"anyOf": _CLIENT_KNOWN}
    return made


def _with(**members: Schema) -> Schema:
    """An object that has these members, and perhaps others."""
    return {"type": "object", "required": list(members), "properties": members}


# A loyalty account belongs to a client: the one who is named, who acts, or on whose behalf somebody acts.
_CLIENT_KNOWN = [
    _with(client={"type": "object"}),
    _with(actor=_with(kind={"const": "client"})),
    _with(actor=_with(on_behalf_of=_with(kind={"const": "client"}))),
]


def _meaning(cls: type[Action]) -> str:
    moves = {
        "in": " Money came in.",
        "in_undone": " Money that had come in is taken back.",
        "out": " Money went out.",
        "out_undone": " Money that had gone out came back.",
    }
    return f"{cls.sentence}.{moves.get(cls.money, '')}"


def _target(cls: type[Action]) -> Schema:
    kinds = set(cls.targets)
    if cls.every_kind:
        kinds.update(kind for other in registered() for kind in other.targets)
    kind: Schema = (
        {"const": cls.targets[0]} if len(kinds) == 1 else {"enum": [*cls.targets, *sorted(kinds - {*cls.targets})]}
    )
    return _object(("kind", "id"), kind=kind, id=_ref("id"), name=_ref("text"))


def _context(cls: type[Action]) -> Schema:
    context: Schema = context_schema(cls, nulls=True)
    for field in cls.fields_of_context:
        place = context["properties"]
        place[field.name] = _shared(place[field.name]) | {"description": _takes(cls, field)}
    amounts = [name for name in cls.amounts if "currency" not in context.get("required", [])]
    if amounts:
        context["allOf"] = [
            {"if": {"required": [name], "properties": {name: {"type": "integer"}}},
             "then": {"required": ["currency"], "properties": {"currency": {"type": "string"}}}}
            for name in amounts
        ]  # fmt: skip
    return context


def _takes(cls: type[Action], field: Field) -> str:
    """What a field takes and how it is kept, in words."""
    text = type_in_words(cls, field.name)
    if field.refers:
        text += f" of a {field.refers}"
    if field.personal:
        text += f". Personal ({field.personal.personal_class})"
    return f"{text[0].upper()}{text[1:]}."


# What pydantic says of our types, and the part that it is.
_KNOWN: dict[str, str] = {}


def _know(name: str, schema: Schema) -> None:
    _KNOWN[json.dumps(schema, sort_keys=True)] = name


_know("id", {"type": "string", "minLength": 1, "maxLength": ID_LIMIT})
_know("word", {"type": "string", "minLength": 1, "maxLength": WORD_LIMIT})
_know("email", {"type": "string", "minLength": 1, "maxLength": EMAIL_LIMIT})
_know("text", _TEXT)
_know("count", _INTEGER | {"minimum": 0})
_know("integer", _INTEGER)
_know("basis_points", {"type": "integer", "minimum": 0, "maximum": WHOLE_BASIS_POINTS})
_know("currency", {"type": "string", "pattern": "^[A-Z]{3}$"})
_know("planned_time", {"type": "string", "format": "date-time"})
_know("day", {"type": "string", "format": "date"})
_know("json", {})
_know("json_object", {"type": "object", "additionalProperties": True})
# These are found by what is inside them, which is a part by then.
_know("someone", _PERSON)
_know("words", {"type": "array", "items": _ref("word")})
_know("changes", {"type": "array", "items": _PARTS["changes"]["items"]})


def _shared(schema: Schema) -> Schema:
    """A schema of pydantic's with every part that has a name replaced by it, from the inside to the outside."""
    made: Schema = {}
    for name, member in schema.items():
        if name == "properties":
            made[name] = {field: _shared(inner) for field, inner in member.items()}
        elif name in ("items", "additionalProperties") and isinstance(member, dict):
            made[name] = _shared(member)
        elif name in ("anyOf", "oneOf", "allOf"):
            made[name] = [_shared(inner) for inner in member]
        else:
            made[name] = member
    if "enum" in made:
        made.pop("type", None)
    known = _KNOWN.get(json.dumps(made, sort_keys=True))
    if known is not None:
        return _ref(known)
    if made.get("anyOf") == [{"$ref": "#/$defs/json"}, _NULL]:
        return _ref("json")
    return made
