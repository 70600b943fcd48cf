"""The process's one journal, on the file of Django's database."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from ..journal import Journal


@dataclass(frozen=True, slots=True)
class _Opened:
    process: int
    path: Path
    journal: Journal


_lock = threading.Lock()
_opened: _Opened | None = None
# Journals of the process that this one was forked from. SQLite's connections must not be used here, nor closed, and a
# journal that nobody holds any more would be.
_inherited: list[_Opened] = []


def sqlite_options() -> dict[str, Any]:
    """Return OPTIONS for Django's database: commits on disk before they are acknowledged, what is deleted overwritten.

    IMMEDIATE: a transaction takes the write lock when it begins, so that it cannot fail halfway for want of it.
    """
    return {
        "timeout": 30,  # seconds
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON",
    }


def alias() -> str:
    """The name of the database that holds the log: INDELIBLE_DATABASE_ALIAS, else `default`."""
    return str(getattr(settings, "INDELIBLE_DATABASE_ALIAS", None) or "default")


def database_path() -> Path:
    """Return the file of Django's database. Raises ImproperlyConfigured where it is none of SQLite's."""
    name = alias()
    if name not in connections:
        raise ImproperlyConfigured(f"INDELIBLE_DATABASE_ALIAS: there is no {name} in DATABASES; name one that is there")
    connection = connections[name]
    file = str(connection.settings_dict["NAME"] or "")
    if connection.vendor != "sqlite":
        raise ImproperlyConfigured(
            f"DATABASES: {name} is not SQLite, and the log is kept in its file; name another in "
            "INDELIBLE_DATABASE_ALIAS"
        )
    if not file or ":memory:" in file or file.startswith("file:"):
        raise ImproperlyConfigured(
            f"DATABASES: {name} is not a file with a plain path, and the log must be in one; give it as NAME (for a "
            "test run: as NAME in TEST)"
        )
    return Path(file).resolve()


def places() -> dict[str, Any]:
    """Return what the settings say of key and head store, as Journal takes it; None leaves it to the environment."""
    return {
        "master_key": getattr(settings, "INDELIBLE_MASTER_KEY", None),
        "head_store": getattr(settings, "INDELIBLE_HEAD_STORE", None),
    }


def journal() -> Journal:
    """Return the journal of this process, opened when it is first asked for. For all threads. Raises IndelibleError."""
    global _opened
    path = database_path()
    with _lock:
        if _opened is not None and (_opened.process, _opened.path) == (os.getpid(), path):
            return _opened.journal
        if _opened is not None:
            _let_go(_opened)
            _opened = None
        _opened = _Opened(os.getpid(), path, Journal(path, **places()))
        return _opened.journal


def _let_go(opened: _Opened) -> None:
    if opened.process != os.getpid():
        _inherited.append(opened)
    else:
        opened.journal.close()  # another database than a moment ago: a test run's


def close_journal() -> None:
    """Sign what is not signed and close, where this process has a journal open. Raises SigningRefused, StorageFailure.

    For a program that ends, or is about to fork while several threads run.
    """
    global _opened
    with _lock:
        found, _opened = _opened, None
        if found is not None:
            _let_go(found)


def leave(**_: Any) -> None:
    """Close what this thread has open of the log, where Django closed its own: the thread may be about to end."""
    opened = _opened
    if opened is not None and opened.process == os.getpid() and connections[alias()].connection is None:
        opened.journal.store.leave()


def _before_fork() -> None:
    # With other threads at work their connections are left alone, and the child opens the journal anew.
    if _opened is not None and _opened.process == os.getpid() and threading.active_count() == 1:
        _opened.journal.store.close()  # which opens again when it is next used, in either process


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.Lock()  # another thread may have held it


os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)
