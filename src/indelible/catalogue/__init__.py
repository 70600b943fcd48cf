"""The catalogue: every action that can be recorded, one class each, one module per category.

`indelible.catalogue.action` says how an action is declared, `indelible.catalogue.fields` what its context is made of.
Importing this package declares the built-in actions.
"""

from __future__ import annotations

from . import account, amounts, bookings, clients, log, loyalty, outside, payments, services, settings, vouchers
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
    "account",
    "amounts",
    "bookings",
    "category_title",
    "clients",
    "find",
    "kind_title",
    "log",
    "loyalty",
    "name_category",
    "name_kind",
    "outside",
    "payments",
    "placeholders",
    "registered",
    "services",
    "settings",
    "vouchers",
]
