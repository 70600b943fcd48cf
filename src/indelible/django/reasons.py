"""The guard's reason for what a migration changes: its own name, in its own transaction.

A data migration changes rows that nobody records one by one. With a reason the guard makes one entry for each table and
clinic, which says how many rows and why. A migration with `atomic = False` has no transaction of its own to say it in,
and its operations give their reason themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation


class GiveReason(Operation):
    """Says in a migration's transaction that what is changed from here on is changed by it."""

    reduces_to_sql = False
    reversible = True
    elidable = True

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def state_forwards(self, app_label: str, state: Any) -> None:
        pass

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        connection = schema_editor.connection
        if connection.vendor == "postgresql" and connection.in_atomic_block:
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('indelible.reason', %s, true)", [self.reason])

    database_backwards = database_forwards

    def describe(self) -> str:
        return f"Give the guard the reason {self.reason}"


def for_migrations(plan: Iterable[tuple[Migration, bool]], **_: Any) -> None:
    """Let every migration that `migrate` is about to run begin by giving its reason, forwards and backwards."""
    for migration, _backwards in plan:
        if not any(isinstance(one, GiveReason) for one in migration.operations):
            reason = GiveReason(f"migration {migration.app_label}.{migration.name}")
            migration.operations = [reason, *migration.operations, reason]  # not in place: the list is the class's
