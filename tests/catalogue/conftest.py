"""Values for contexts, made from the types of the fields; and the log of those tests that record."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, Literal, Union

import pytest
from pydantic import BaseModel

from indelible.catalogue import Action
from indelible.catalogue.fields import Kind

__all__ = ["context_of"]

_BY_KIND = {
    "id": "x_1",
    "word": "reception",
    "count": 3,
    "whole number": -3,
    "minutes": 90,
    "basis points, hundredths of a percent": 5000,
    "amount in minor units": 1250,
    "currency code": "EUR",
    "time with an offset": "2026-05-03T14:22:31+02:00",
    "date": "2026-05-03",
    "e-mail address": "ana@example.org",
    "JSON without floats": {"room": [1, None]},
    "object without floats": {"name": "Facial"},
}


# So many that what is used of them and what is left, three each, are no more.
_SESSIONS = {"sessions_total": 10}


def _value(annotation: Any, metadata: typing.Sequence[Any] = ()) -> Any:
    kind = next((mark.words for mark in metadata if isinstance(mark, Kind)), "")
    if kind in _BY_KIND:
        return _BY_KIND[kind]
    if kind.startswith(("name", "text")):
        return "Ana Sousa"
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _value(parts[0], annotation.__metadata__)
    if origin in (Union, types.UnionType):
        return _value(parts[0])
    if origin is Literal:
        return parts[0]
    if origin is list:
        return [_value(parts[0])]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {name: _value(field.annotation, field.metadata) for name, field in annotation.model_fields.items()}
    return {bool: True}[annotation]


def _context(cls: type[Action], *, optional: bool) -> dict[str, Any]:
    return {
        name: _SESSIONS.get(name) or _value(field.annotation, field.metadata)
        for name, field in cls.model_fields.items()
        if optional or field.is_required()
    }


@pytest.fixture(scope="session")
def context_of() -> Callable[..., dict[str, Any]]:
    """`context_of(cls, optional=...)`: a valid context as a document has it, with the required or with all fields."""
    return _context
