"""What `manage.py check` says of a host's settings before anything is recorded."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.utils.module_loading import import_string

from . import log
from .context import USERS

_HINT = 'Use "OPTIONS": indelible.django.sqlite_options().'
# What the log's safety asks of Django's connection, and what happens without it.
_PRAGMAS = (
    (r"journal_mode = (wal)\b", "journal_mode = WAL", "readers and writers wait for each other"),
    (r"synchronous = (full|extra|2|3)\b", "synchronous = FULL", "a power cut can lose what was committed last"),
    (r"secure_delete = (on|1|true|yes)\b", "secure_delete = ON", "values that the host deletes stay in the file"),
)


def check_database(**_: Any) -> list[CheckMessage]:
    """The log's database is a file of SQLite, opened in a way that is safe for it."""
    try:
        log.database_path()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="indelible.E001")]
    options = connections[log.alias()].settings_dict.get("OPTIONS", {})
    found: list[CheckMessage] = []
    if str(options.get("transaction_mode") or "").upper() not in ("IMMEDIATE", "EXCLUSIVE"):
        found.append(
            Warning(
                "transaction_mode is not IMMEDIATE: a transaction that reads and then records fails when another "
                "process wrote in between.",
                hint=_HINT,
                id="indelible.W001",
            )
        )
    commands = re.sub(r"\s*=\s*", " = ", options.get("init_command", "").lower())
    for pattern, pragma, otherwise in _PRAGMAS:
        if not re.search(pattern, commands):
            found.append(Warning(f"init_command does not set {pragma}: {otherwise}.", hint=_HINT, id="indelible.W002"))
    return found


def check_request_settings(**_: Any) -> list[CheckMessage]:
    """The settings by which the middleware finds address, actor and clinic can be used."""
    found: list[CheckMessage] = []
    proxies = getattr(settings, "INDELIBLE_TRUSTED_PROXIES", None)
    if proxies is not None and (type(proxies) is not int or proxies < 0):
        found.append(Error("INDELIBLE_TRUSTED_PROXIES must be an integer, 0 or more.", id="indelible.E002"))
    for name in ("INDELIBLE_ACTOR", "INDELIBLE_CLINIC"):
        path = getattr(settings, name, None)
        if not path or (name == "INDELIBLE_CLINIC" and "." not in str(path)):
            continue
        if name == "INDELIBLE_ACTOR" and path in USERS:
            continue
        try:
            usable = callable(import_string(path))
        except ImportError:
            usable = False
        if not usable:
            words = "staff, client or " * (name == "INDELIBLE_ACTOR")
            found.append(Error(f"{name} must be {words}the dotted path of a function (request).", id="indelible.E003"))
    return found
