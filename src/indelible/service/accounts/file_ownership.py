"""Whether the file of the accounts is theirs alone: looked at before anything is written.

The service keeps its accounts in Django tables. Another Django project has tables of the same names
(`django_migrations`, `auth_…`), and says in the first of them what was done in its file: the service would take that
for its own, and each would spoil the other's. The log's own file holds the log and nothing else.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ...errors import InvalidInput, StorageFailure

# Apps of the service's own (settings.INSTALLED_APPS), as django_migrations names them.
_OURS = frozenset({"account", "auth", "contenttypes", "indelible_outbox", "mfa", "service", "sessions", "usersessions"})
_PREFIXES = tuple(f"{name}_" for name in ("account", "auth", "django", "mfa", "service", "usersessions"))


def check(accounts: Path, log: Path) -> None:
    """Raise InvalidInput where the file is the log's, or another project's. Writes nothing, not even beside it."""
    if accounts.resolve() == log.resolve():
        raise InvalidInput("must be another file than the log's", "INDELIBLE_ACCOUNTS")
    if not accounts.is_file() or accounts.stat().st_size == 0:
        return
    # A write-ahead log is read as any reader would; without one, SQLite would make its files only to look.
    wal = accounts.with_name(f"{accounts.name}-wal")
    how = "mode=ro" if wal.exists() and wal.stat().st_size else "immutable=1"
    try:
        with closing(sqlite3.connect(f"{accounts.resolve().as_uri()}?{how}", uri=True)) as db:
            tables = {str(name) for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if _are_another_projects(db, tables):
                raise InvalidInput(
                    "holds the tables of another project, which would not survive the service's; give the accounts a "
                    "file of their own",
                    str(accounts),
                )
    except sqlite3.Error as error:
        raise StorageFailure(f"the accounts cannot be read ({error}); check the permissions of their file") from error


def _are_another_projects(db: sqlite3.Connection, tables: set[str]) -> bool:
    if "django_migrations" not in tables:
        return any(name.startswith(_PREFIXES) for name in tables)
    apps = {str(app) for (app,) in db.execute("SELECT DISTINCT app FROM django_migrations")}
    if apps and (not apps <= _OURS or "service" not in apps):
        return True
    columns = {str(row[1]) for row in db.execute("SELECT * FROM pragma_table_info('service_user')")}
    return bool(apps) and "public_id" not in columns
