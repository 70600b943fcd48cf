"""The app: its checks, and the codes that a host may record, told to the database after each `migrate`."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db import connections
from django.db.models.signals import post_migrate

from .. import sql


class OutboxConfig(AppConfig):
    name = "indelible.outbox.django"
    label = "indelible_outbox"
    verbose_name = "Indelible outbox"

    def ready(self) -> None:
        from . import checks

        register(checks.check_settings)
        register(checks.check_aliases)
        register(checks.check_installed, Tags.database)
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
