"""What `manage.py check` says of a host's settings and databases before anything is recorded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.db import DatabaseError, connections, router
from django.utils.module_loading import import_string

from ..outbox import sql
from .context import USERS
from .transactions import VENDORS, default_alias

# Settings that may be the path of a function, and what else they may say.
_PATHS: dict[str, tuple[str, ...]] = {
    "INDELIBLE_ACTOR": tuple(USERS),
    "INDELIBLE_CLINIC": (),
    "INDELIBLE_CHANNEL": (),
    "INDELIBLE_OUTBOX_WAKE": (),
}
_APP = "indelible_outbox"


def check_settings(**_: Any) -> list[CheckMessage]:
    """The settings by which actor, clinic, channel and address are found can be used."""
    found: list[CheckMessage] = []
    proxies = getattr(settings, "INDELIBLE_TRUSTED_PROXIES", None)
    if proxies is not None and (type(proxies) is not int or proxies < 0):
        found.append(
            Error("INDELIBLE_TRUSTED_PROXIES must be an integer, 0 or more.", id="indelible_outbox.E003")
        )  # fmt: skip
    for name, words in _PATHS.items():
        path = getattr(settings, name, None)
        plain = name in ("INDELIBLE_CLINIC", "INDELIBLE_CHANNEL") and "." not in str(path)
        if not path or path in words or plain or _is_function(path):
            continue
        otherwise = "".join(f"{word}, " for word in words) + "or " * bool(words)
        found.append(Error(f"{name} must be {otherwise}the dotted path of a function.", id="indelible_outbox.E002"))
    return found


def _is_function(path: Any) -> bool:
    try:
        return callable(import_string(path))
    except (ImportError, TypeError, AttributeError):
        return False


def check_aliases(**_: Any) -> list[CheckMessage]:
    """The outbox's database is one that can hold it, and so is every other that would get one."""
    alias = default_alias()
    if alias not in connections:
        return [Error(f"INDELIBLE_OUTBOX_ALIAS: there is no {alias} in DATABASES.", id="indelible_outbox.E001")]
    found: list[CheckMessage] = []
    for name in connections:
        vendor = connections[name].vendor
        if vendor in VENDORS or not router.allow_migrate(name, _APP):
            continue
        text = f"{name} is a database of {vendor}, which cannot hold an outbox; PostgreSQL and SQLite can."
        if name == alias:
            hint = "Name another in INDELIBLE_OUTBOX_ALIAS."
            found.append(Error(text, hint=hint, id="indelible_outbox.E001"))
        else:
            hint = f"What its models record is refused. A router that keeps {_APP} out of it silences this."
            found.append(Warning(text, hint=hint, id="indelible_outbox.W001"))
    return found


def check_installed(databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """The outbox is there, and as new as this release. A warning, since `migrate` asks this before it makes it."""
    found: list[CheckMessage] = []
    for name in databases or ():
        connection = connections[name]
        if connection.vendor not in VENDORS or not router.allow_migrate(name, _APP):
            continue
        engine = "sqlite" if connection.vendor == "sqlite" else "postgres"
        if _installed(connection) < sql.version(engine):
            text = f"{name} has no outbox, or an older one."
            found.append(Warning(text, hint=f"Run `manage.py migrate --database {name}`.", id="indelible_outbox.W002"))
    return found


def _installed(connection: Any) -> int:
    """The version of a database's outbox, or 0."""
    table = "indelible_outbox_identity" if connection.vendor == "sqlite" else "indelible.version"
    where = "sqlite_master WHERE type = 'table' AND name = %s" if connection.vendor == "sqlite" else None
    try:
        with connection.cursor() as cursor:
            if where is None:
                cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
            else:
                cursor.execute(f"SELECT count(*) FROM {where}", [table])  # noqa: S608 - constant
            if not cursor.fetchone()[0]:
                return 0
            cursor.execute(f"SELECT coalesce(max(version), 0) FROM {table}")  # noqa: S608 - constant
            return int(cursor.fetchone()[0])
    except DatabaseError:
        return 0  # not there yet, or not for this role: `migrate` will say it better
