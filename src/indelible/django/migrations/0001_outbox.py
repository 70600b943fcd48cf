"""The outbox, made by the SQL that `indelible outbox sql` prints; where it is, it is brought up to date."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations

from indelible.django.installing import install, refuse


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar[list[tuple[str, str]]] = []
    operations: ClassVar[list[Any]] = [migrations.RunPython(install, refuse)]
