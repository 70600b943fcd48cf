"""How a clinic's first entry is recorded, way by way: text that runs as it stands, with the clinic's id in it.

The tests run each. A clinic's id comes from a host, so it is quoted as each language quotes a text.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# What is true when it runs: that a program of the clinic was connected. An entry of something that never happened could
# not be taken out again.
DOCUMENT: dict[str, Any] = {
    "action": "integration.connected",
    "actor": {"kind": "system", "reason": "command:first-entry"},
    "target": {"kind": "integration", "id": "booking-program"},
}
_JSON = json.dumps(DOCUMENT)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to record. `code` makes the text for a clinic; `before` and `after` are said around it. `needs_key` leads
    to where a key is made."""

    name: Promise | str
    before: Promise
    code: Callable[[str], str]
    after: Promise | str = ""
    needs_key: bool = False


def curl(clinic: str, bearer: str) -> str:
    """Return the command that records over HTTP. `bearer` stands between double quotes: a key, or a variable."""
    return f"""\
curl "{settings.INDELIBLE_URL}/api/v1/clinics/{quote(clinic, safe="")}/entries?wait=entry" \\
  -H "Authorization: Bearer {bearer}" \\
  -H 'Content-Type: application/json' \\
  -d {shlex.quote(_JSON)}
"""


def _http(clinic: str) -> str:
    return curl(clinic, "$INDELIBLE_KEY")


def _python(clinic: str) -> str:
    return f"""\
import os

from indelible import Journal, System
from indelible.catalogue.settings import IntegrationConnected

with Journal(os.environ.get("INDELIBLE_DATABASE", "activity.db")) as journal:
    log = journal.clinic({clinic!r})
    log.record(IntegrationConnected(), actor=System("command:first-entry"), target=("integration", "booking-program"))
"""


def _django(clinic: str) -> str:
    return f"""\
from django.db import transaction

from indelible import System
from indelible.catalogue.settings import IntegrationConnected
from indelible.django import record

with transaction.atomic():
    # What your program saves in this transaction is there together with the entry, or neither is.
    record(
        IntegrationConnected(),
        clinic={clinic!r},
        actor=System("command:first-entry"),
        target=("integration", "booking-program"),
    )
"""


def _sql_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _sql(clinic: str) -> str:
    return f"SELECT indelible.record({_sql_text(clinic)}, {_sql_text(_JSON)});\n"


def _sqlite(clinic: str) -> str:
    values = f"{_sql_text(clinic)}, {_sql_text(_JSON)}"
    return f"INSERT INTO indelible_outbox (clinic, document) VALUES ({values});\n"  # noqa: S608 - shown, never run here


def _command(clinic: str) -> str:
    return f"indelible record --clinic {shlex.quote(clinic)} {shlex.quote(_JSON)}\n"


def _import(clinic: str) -> str:
    return f"""\
cat > first.jsonl <<'END'
{_JSON}
END
indelible import --clinic {shlex.quote(clinic)} --run first first.jsonl
"""


_HERE = _("Run it on the machine of this service, with the same INDELIBLE_DATABASE.")
_SAVED = _(
    "It is saved in your own database first; `indelible drain`, or this service, takes it into the log from there."
)
_TABLE = _("The table comes from `indelible outbox sql`. `indelible drain`, or this service, takes it from there.")
WAYS: dict[str, Way] = {
    "http": Way(
        "HTTP",
        _("From any program, on any machine. INDELIBLE_KEY holds a key that may record."),
        _http,
        _("The answer comes when the entry is in the log, and has its number."),
        needs_key=True,
    ),
    "command": Way(_("Command"), _HERE, _command),
    "python": Way("Python", _HERE, _python),
    "django": Way(
        "Django",
        _("In your own project, with `indelible.django` in INSTALLED_APPS, after `manage.py migrate`."),
        _django,
        _SAVED,
    ),
    "postgresql": Way(
        _("Any language"), _("In your own PostgreSQL database, in the transaction of the change."), _sql, _TABLE
    ),
    "sqlite": Way("SQLite", _("In your own SQLite database, in the transaction of the change."), _sqlite, _TABLE),
    "file": Way(
        _("Import a file"),
        _("What happened before, one document a line. A second import doubles nothing."),
        _import,
        _HERE,
    ),
}
