"""The outbox, made by the SQL that `indelible outbox sql` prints; where it is, it is brought up to date."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations
from django.db.migrations.exceptions import IrreversibleError

from indelible.outbox import sql
from indelible.outbox.django.transactions import VENDORS


def install(apps: Any, schema_editor: Any) -> None:
    """Make it in the migration's own transaction. Another engine's database stays as it is; a check says so."""
    host = schema_editor.connection
    if host.vendor in VENDORS:
        sql.install(host.connection)


def refuse(apps: Any, schema_editor: Any) -> None:
    raise IrreversibleError("documents may wait in the outbox, so it is not dropped; take the app out instead")


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar[list[tuple[str, str]]] = []
    operations: ClassVar[list[Any]] = [migrations.RunPython(install, refuse)]
