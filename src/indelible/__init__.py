"""Indelible: the activity log of a clinic.

    from indelible import Journal, Staff
    from indelible.catalogue.bookings import BookingCancelled

    log = Journal("activity.db").clinic("c_lisbon")
    log.record(BookingCancelled(late=True), actor=Staff("usr_12", "Maria Fernandes"), target=("booking", "bk_99812"))

The names below are loaded when they are first used, so that `import indelible.verify` loads no keys and no catalogue.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .catalogue import Action
    from .errors import Conflict, IndelibleError, InvalidInput
    from .journal import Journal
    from .outbox import Outbox
    from .record.document import Agent, Client, Integration, Person, Request, Staff, Support, System, Target

_HOME = {
    "Action": "catalogue",
    "Agent": "record.document",
    "Client": "record.document",
    "Conflict": "errors",
    "IndelibleError": "errors",
    "Integration": "record.document",
    "InvalidInput": "errors",
    "Journal": "journal",
    "Outbox": "outbox",
    "Person": "record.document",
    "Request": "record.document",
    "Staff": "record.document",
    "Support": "record.document",
    "System": "record.document",
    "Target": "record.document",
}

__all__ = [
    "Action",
    "Agent",
    "Client",
    "Conflict",
    "IndelibleError",
    "Integration",
    "InvalidInput",
    "Journal",
    "Outbox",
    "Person",
    "Request",
    "Staff",
    "Support",
    "System",
    "Target",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
