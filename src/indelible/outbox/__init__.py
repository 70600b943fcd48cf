"""The outbox: a table in a host's own database where its documents wait for the log.

A host puts a document there in the transaction of the change that it tells of, so that both are committed or neither.
The log's own process takes it from there. The host needs no key of ours, and never waits for the log.

    prepared      what a host wants to record, checked whole before any SQL
    statements    the one statement that records, for each engine and driver
    dbapi         `Outbox`: records on any DB-API connection
    captured      `recorded`: what a block put into the outbox, for a host's tests

`indelible.sqlalchemy` does the same for sessions of SQLAlchemy.
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
