"""The outbox: a table in a host's own database, where documents wait for the log.

A host puts a document into it in its own transaction, so that the document commits or rolls back with the change it
tells of. The log's process takes it from there (`drain/`): append, then delete. The host never waits for the log and
needs none of its keys.

    prepared      what a host wants to record, checked whole before any SQL
    statements    the one statement that records, for each engine and driver
    dbapi         `Outbox`: records on any DB-API connection; `indelible.sqlalchemy` does the same for sessions, and
                  `indelible.django` for Django's transactions, requests and tests
    captured      `recorded`: what a block put into the outbox, for a host's tests
    source        the port by which it is drained; one of PostgreSQL and one of SQLite beside it
    guard         changes in a host's tables that no document tells of; `grants`, who may do what

The names below are loaded when they are first used: who drains needs nothing of what records, and the other way round.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .captured import recorded
    from .dbapi import Outbox

_HOME = {"Outbox": "dbapi", "recorded": "captured"}

__all__ = ["Outbox", "recorded"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
