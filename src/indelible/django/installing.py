"""What the migrations of the app do: each brings the outbox up to the SQL of this release."""

from __future__ import annotations

from typing import Any

from django.db.migrations.exceptions import IrreversibleError

from ..outbox import sql
from .transactions import VENDORS


def install(apps: Any, schema_editor: Any) -> None:
    """Make it in the migration's own transaction. Another engine's database stays as it is; a check says so."""
    host = schema_editor.connection
    if host.vendor in VENDORS:
        sql.install(host.connection)


def refuse(apps: Any, schema_editor: Any) -> None:
    raise IrreversibleError("documents may wait in the outbox, so it is not dropped; take the app out instead")
