"""The log's tables, made by the same function as `indelible init` makes them; where they are, nothing happens."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import migrations
from django.db.migrations.exceptions import IrreversibleError

from indelible.django import log
from indelible.journal import Journal


def create(apps: Any, schema_editor: Any) -> None:
    """Make the log in the migration's own transaction, with a master key and a head store beside the file."""
    host = schema_editor.connection
    if host.alias != log.alias():
        return
    Journal.create_within(
        host.connection,
        log.database_path(),
        installation=getattr(settings, "INDELIBLE_INSTALLATION", None),
        **log.places(),
    )


def refuse(apps: Any, schema_editor: Any) -> None:
    raise IrreversibleError("the activity log is never dropped; remove indelible.django from INSTALLED_APPS instead")


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar[list[tuple[str, str]]] = []
    operations: ClassVar[list[Any]] = [migrations.RunPython(create, refuse)]
