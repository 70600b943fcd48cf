"""The catalogue as data: what `indelible actions --json` prints, one object per action.

    {"code", "label", "category", "targets": [kind], "sentence",
     "detail": [[clause, or its alternatives]], "brief": text or [alternatives], "version",
     "money": "in" | "in_undone" | "out" | "out_undone" | "none", "by_journal",
     "fields": [{"name", "type": in words, "required", "personal": class or null, "about": "client" | "actor" or null,
                 "refers": kind or null, "person": "staff" | "client" or null, "changed"}],
     "schema": JSON Schema (2020-12) of the context}

The schema is narrower than the check in one thing: it does not offer null for an optional field, which the check takes
as absent. It is wider where a rule cannot be said in it: ids that look like e-mail addresses, dates that do not exist,
the offset -00:00, an amount without a currency, money without its unit inside changes and objects, a secret.
"""

from __future__ import annotations

import types
import typing
from typing import Annotated, Any, Literal, Union

from .action import Action, Field
from .clauses import alternatives
from .fields import Changed, Kind

# What pydantic adds for readers of Python classes; ours reads the table of fields.
_NOISE = frozenset({"title", "description", "default", "$defs"})


def describe(cls: type[Action]) -> dict[str, Any]:
    """Return the description of an action class, a JSON value as the module's docstring gives it."""
    return {
        "code": cls.code,
        "label": cls.label,
        "category": cls.category,
        "targets": list(cls.targets),
        "sentence": cls.sentence,
        "detail": [list(each) for each in alternatives(cls.detail)],
        "brief": list(cls.brief) if isinstance(cls.brief, tuple) else cls.brief,
        "version": cls.version,
        "money": cls.money,
        "by_journal": cls.by_journal,
        "fields": [_field(cls, field) for field in cls.fields_of_context],
        "schema": context_schema(cls),
    }


def _field(cls: type[Action], field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "type": type_in_words(cls, field.name),
        "required": field.required,
        "personal": field.personal.personal_class if field.personal else None,
        "about": field.personal.about if field.personal else None,
        "refers": field.refers,
        "person": field.realm,
        "changed": field.changed,
    }


def type_in_words(cls: type[Action], name: str) -> str:
    """Return what a context field takes, such as "id", "amount in minor units" or "old and new time with an offset"."""
    info = cls.model_fields[name]
    return _words(info.annotation, info.metadata)


def _words(annotation: Any, metadata: typing.Sequence[Any] = ()) -> str:
    for mark in metadata:
        if isinstance(mark, Kind):
            return mark.words
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _words(parts[0], annotation.__metadata__)
    if origin in (Union, types.UnionType):
        return " or ".join(_words(part) for part in parts if part is not type(None))
    if origin is Literal:
        return "one of " + ", ".join(str(part) for part in parts)
    if origin is list:
        return "list of " + _words(parts[0])
    if isinstance(annotation, type) and issubclass(annotation, Changed):
        new = annotation.model_fields["new"]
        return "old and new " + _words(new.annotation, new.metadata)
    return {bool: "true or false", int: "whole number", str: "text"}.get(annotation, "object")


def context_schema(cls: type[Action], *, nulls: bool = False) -> dict[str, Any]:
    """Return the JSON Schema of an action's context, without references and without pydantic's titles.

    With `nulls` an optional field offers null, too.
    """
    schema = cls.model_json_schema()
    tidy: dict[str, Any] = _tidy(schema, schema.get("$defs", {}), nulls)
    return tidy


def _tidy(node: Any, definitions: dict[str, Any], nulls: bool) -> Any:
    if isinstance(node, list):
        return [_tidy(member, definitions, nulls) for member in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _tidy(definitions[node["$ref"].rpartition("/")[2]], definitions, nulls)
    tidy: dict[str, Any] = {}
    for name, member in node.items():
        if name == "properties":  # its members are names of fields, one of which may be called title
            tidy[name] = {field: _tidy(schema, definitions, nulls) for field, schema in member.items()}
        elif name == "anyOf":
            choices = [_tidy(choice, definitions, nulls) for choice in member if nulls or choice != {"type": "null"}]
            tidy |= choices[0] if len(choices) == 1 else {"anyOf": choices}
        elif name not in _NOISE:
            tidy[name] = _tidy(member, definitions, nulls)
    return tidy
