"""The guard, on PostgreSQL: it notices changes that no document tells of, in tables that it was asked to watch."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations

from indelible.django.installing import install, refuse


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("indelible_outbox", "0001_outbox")]
    operations: ClassVar[list[Any]] = [migrations.RunPython(install, refuse)]
