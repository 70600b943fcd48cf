"""The process's one journal, on the file of Django's database."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ..journal import Journal

_lock = threading.Lock()
_open: dict[int, Journal] = {}  # by process id: SQLite's connections must not go through a fork


def sqlite_options() -> dict[str, Any]:
    """Return OPTIONS for Django's database: commits on disk before they are acknowledged, what is deleted overwritten.

    IMMEDIATE: a transaction takes the write lock when it begins, so that it cannot fail halfway for want of it.
    """
    return {
        "timeout": 30,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON",
    }


def alias() -> str:
    """The name of the database that holds the log: INDELIBLE_DATABASE_ALIAS, else `default`."""
    return str(getattr(settings, "INDELIBLE_DATABASE_ALIAS", "default"))


def database_path() -> Path:
    """Return the file of Django's database. Raises ImproperlyConfigured where it is none of SQLite's."""
    database = settings.DATABASES[alias()]
    if not database["ENGINE"].endswith("sqlite3") or not database["NAME"] or ":memory:" in str(database["NAME"]):
        raise ImproperlyConfigured(
            "indelible.django records into an SQLite file; give DATABASES one, or name it in INDELIBLE_DATABASE_ALIAS"
        )
    return Path(database["NAME"])


def journal() -> Journal:
    """Return the journal of this process, opened when it is first asked for. Raises IndelibleError."""
    with _lock:
        found = _open.get(os.getpid())
        if found is None:
            _open.clear()
            found = _open[os.getpid()] = Journal(
                database_path(),
                master_key=getattr(settings, "INDELIBLE_MASTER_KEY", None),
                head_store=getattr(settings, "INDELIBLE_HEAD_STORE", None),
            )
        return found


def close_journal() -> None:
    """Sign what is not signed and close, where this process has a journal open."""
    with _lock:
        found = _open.pop(os.getpid(), None)
    if found is not None:
        found.close()
