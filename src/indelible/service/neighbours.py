"""Whose tables are in a database file beside the log's: looked at before anything is written.

The service keeps its accounts in Django tables in the log's file. Another Django project has tables of the same names
there (`django_migrations`, `auth_…`), and says in the first of them what was done in its file: the service would take
that for its own, and each would spoil the other's.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ..errors import InvalidInput, StorageFailure

# Apps of the service's own (settings.INSTALLED_APPS), as django_migrations names them.
_OURS = frozenset({"account", "auth", "contenttypes", "indelible", "mfa", "service", "sessions", "usersessions"})
_PREFIXES = tuple(f"{name}_" for name in ("account", "auth", "django", "mfa", "service", "usersessions"))


def check(database: Path) -> None:
    """Raise InvalidInput where the file holds another Django project's tables. Writes nothing, not even beside it."""
    if not database.is_file() or database.stat().st_size == 0:
        return
    # A log that is not empty is read as any reader would; without one, SQLite would make its files only to look.
    wal = database.with_name(f"{database.name}-wal")
    how = "mode=ro" if wal.exists() and wal.stat().st_size else "immutable=1"
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?{how}", uri=True)) as db:
            tables = {str(name) for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if _are_another_projects(db, tables):
                raise InvalidInput(
                    "holds the tables of another Django project, which would not survive the service's; give the log a "
                    "file of its own: docs/howto/django.md says how, also for a log that is there",
                    str(database),
                )
    except sqlite3.Error as error:
        if "not a database" not in str(error):  # which whoever opens the log says better
            raise StorageFailure(f"the database file cannot be read ({error}); check its permissions") from error


def _are_another_projects(db: sqlite3.Connection, tables: set[str]) -> bool:
    if "django_migrations" not in tables:
        return any(name.startswith(_PREFIXES) for name in tables)
    apps = {str(app) for (app,) in db.execute("SELECT DISTINCT app FROM django_migrations")}
    if apps and (not apps <= _OURS or "service" not in apps):
        return True
    columns = {str(row[1]) for row in db.execute("SELECT * FROM pragma_table_info('service_user')")}
    return bool(apps) and "public_id" not in columns
