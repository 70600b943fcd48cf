"""The outbox's SQL: numbered files per engine, run in order. `text` is what a host puts into its own migrations.

Each file may be run again, and so may the whole text: it brings any version up to this one, and leaves what waits.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from importlib import resources
from typing import Any

from ..catalogue import registered
from ..errors import InvalidInput, StorageFailure
from . import sqlite_source
from .dbapi import cursor_of

ENGINES = ("postgres", "sqlite")

_NUMBERED = re.compile(r"(\d{4})_[a-z0-9_]+[.]sql")
# Of two who install at the same moment both would find no schema. Any number does, if nobody else locks it.
_INSTALLING = 0x1DE11B1E


def files(engine: str) -> dict[int, str]:
    """The text of each migration, by its number, in order. Raises InvalidInput for an engine that has none."""
    if engine not in ENGINES:
        raise InvalidInput(f"must be {' or '.join(ENGINES)}", "engine")
    found = {}
    for file in resources.files(__package__).joinpath(engine).iterdir():
        if match := _NUMBERED.fullmatch(file.name):
            found[int(match[1])] = file.read_text(encoding="utf-8")
    return dict(sorted(found.items()))


def version(engine: str) -> int:
    """The outbox's version in this release."""
    return max(files(engine))


def text(engine: str, since: int = 0) -> str:
    """The SQL that brings an outbox of version `since` to this release's: migrations, then the codes of its actions.

    It neither begins nor commits: run it in one transaction.
    """
    parts = [sql for number, sql in files(engine).items() if number > since]
    if engine == "postgres":
        parts.append(actions())
    return "\n".join(parts)


def actions() -> str:
    """The SQL that tells a PostgreSQL outbox every code that a host may record, also the host's own.

    Codes are added and never taken away, so that it may be run again, and by an older release.
    """
    listed = ",\n    ".join(f"('{code}')" for code in codes())  # a code has letters, digits, dots and underscores only
    return f"INSERT INTO indelible.action (code) VALUES\n    {listed}\nON CONFLICT DO NOTHING;\n"


def codes() -> list[str]:
    """The codes that a host may record, in order."""
    return sorted(cls.code for cls in registered() if not cls.by_journal)


def install(connection: Any) -> None:
    """Make the outbox in the database of a DB-API connection, or bring it up to date, in the connection's transaction.

    Commit it. Raises StorageFailure for the outbox of a newer release.
    """
    if isinstance(connection, sqlite3.Connection):
        sqlite_source.install(connection)
        return
    with closing(cursor_of(connection)) as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock({_INSTALLING})")
        refuse_newer(installed(connection))
        cursor.execute(text("postgres"))


def installed(connection: Any) -> int:
    """The version of the outbox in the PostgreSQL database of a DB-API connection, or 0 where there is none."""
    with closing(cursor_of(connection)) as cursor:
        cursor.execute("SELECT to_regclass('indelible.version') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute("SELECT coalesce(max(version), 0) FROM indelible.version")
        return int(cursor.fetchone()[0])


def refuse_newer(found: int) -> None:
    """Raises StorageFailure where an outbox has a version that this release does not know."""
    if found > version("postgres"):
        raise StorageFailure(
            f"the outbox was made by a newer release (version {found}, this one knows {version('postgres')}); update"
        )
