"""The app: its checks; what it tells the database at each `migrate`: reasons before, and after it the known codes."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate

from ..outbox import sql


class OutboxConfig(AppConfig):
    name = "indelible.django"
    label = "indelible_outbox"
    verbose_name = "Indelible outbox"

    def ready(self) -> None:
        from . import checks, reasons

        register(checks.check_settings)
        register(checks.check_aliases)
        register(checks.check_installed, Tags.database)
        pre_migrate.connect(reasons.for_migrations, sender=self, dispatch_uid="indelible_outbox.reasons")
        post_migrate.connect(tell_codes, sender=self, dispatch_uid="indelible_outbox.codes")


def tell_codes(using: str, **_: Any) -> None:
    """Add the codes that this release and the host declare, where the database has the outbox that checks them."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('indelible.action') IS NOT NULL")
        if cursor.fetchone()[0]:
            cursor.execute(sql.actions())
