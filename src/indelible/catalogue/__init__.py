"""The catalogue: every action that can be recorded, one class each, one module per category.

`indelible.catalogue.action` says how an action is declared, `indelible.catalogue.fields` what its context is made of.
The module of a category is imported when somebody asks for one of its actions, by code or by import.
"""

from __future__ import annotations

from . import amounts
from .action import (
    CATEGORIES,
    KINDS,
    PERSON_KINDS,
    Action,
    Field,
    category_title,
    find,
    kind_title,
    name_category,
    name_kind,
    placeholders,
    registered,
)
from .extra import Extra

__all__ = [
    "CATEGORIES",
    "KINDS",
    "PERSON_KINDS",
    "Action",
    "Extra",
    "Field",
    "amounts",
    "category_title",
    "find",
    "kind_title",
    "name_category",
    "name_kind",
    "placeholders",
    "registered",
]
