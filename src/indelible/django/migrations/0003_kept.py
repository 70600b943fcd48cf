"""Documents that were recorded, kept for some days where the drainer is told so."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations

from indelible.django.installing import install, refuse


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("indelible_outbox", "0002_guard")]
    operations: ClassVar[list[Any]] = [migrations.RunPython(install, refuse)]
