"""Brings the log's own tables to the schema of this release, in the host's database: the databases that are drained."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations

from indelible.django import log
from indelible.stores import sqlite


def upgrade(apps: Any, schema_editor: Any) -> None:
    """Bring the log to this release's schema in the migration's own transaction; a new one has it already."""
    host = schema_editor.connection
    if host.alias == log.alias():
        sqlite.upgrade_within(host.connection, log.database_path())


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("indelible", "0002_late_entries")]
    operations: ClassVar[list[Any]] = [migrations.RunPython(upgrade, migrations.RunPython.noop)]
