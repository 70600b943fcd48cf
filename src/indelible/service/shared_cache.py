"""Django's cache in the file that every process shares: a code that was used in one is used in all of them.

Values are JSON: numbers, texts, and lists of them, which is what django-allauth keeps here. A process without the file
has a cache of its own (`shared_state.py`).
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

from . import shared_state
from .shared_state import digest


class SharedCache(BaseCache):
    """Django's interface (`django.core.cache.backends.base`); each call is one transaction."""

    def __init__(self, name: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        name = self._named(key, version)
        found = shared_state.shared_state().change(lambda db: _found(db, name))
        return default if found is None else json.loads(found)

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        name, row = self._named(key, version), (json.dumps(value), self._ends(timeout))
        shared_state.shared_state().change(lambda db: _put(db, name, *row))

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        name, row = self._named(key, version), (json.dumps(value), self._ends(timeout))

        def run(db: sqlite3.Connection) -> bool:
            if _found(db, name) is not None:
                return False
            _put(db, name, *row)
            return True

        return shared_state.shared_state().change(run)

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        name = self._named(key, version)

        def run(db: sqlite3.Connection) -> int | None:
            found = _found(db, name)
            if found is None:
                return None
            value = int(json.loads(found)) + delta
            db.execute("UPDATE kept SET value = ? WHERE key = ?", (json.dumps(value), name))
            return value

        value = shared_state.shared_state().change(run)
        if value is None:
            raise ValueError("nothing is kept under this key")
        return value

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        name, ends = self._named(key, version), self._ends(timeout)

        def run(db: sqlite3.Connection) -> bool:
            if _found(db, name) is None:
                return False
            db.execute("UPDATE kept SET ends = ? WHERE key = ?", (ends, name))
            return True

        return shared_state.shared_state().change(run)

    def delete(self, key: str, version: int | None = None) -> bool:
        name = self._named(key, version)
        return shared_state.shared_state().change(
            lambda db: db.execute("DELETE FROM kept WHERE key = ?", (name,)).rowcount > 0
        )

    def clear(self) -> None:
        shared_state.shared_state().clear("kept")

    def _named(self, key: str, version: int | None) -> bytes:
        return digest(self.make_key(key, version=version))

    def _ends(self, timeout: Any) -> float | None:
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return None if seconds is None else shared_state.clock() + seconds


def _found(db: sqlite3.Connection, name: bytes) -> str | None:
    row = db.execute("SELECT value, ends FROM kept WHERE key = ?", (name,)).fetchone()
    return None if row is None or (row[1] is not None and row[1] <= shared_state.clock()) else row[0]


def _put(db: sqlite3.Connection, name: bytes, value: str, ends: float | None) -> None:
    db.execute("INSERT OR REPLACE INTO kept (key, value, ends) VALUES (?, ?, ?)", (name, value, ends))
