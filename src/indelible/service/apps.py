"""The service as a Django app. Its label is not `indelible`: tables with that prefix are the log's."""

from __future__ import annotations

from django.apps import AppConfig


class ServiceConfig(AppConfig):
    name = "indelible.service"
    label = "service"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import (
            same_file,
            signals,  # noqa: F401 - connects what accounts do to the log
        )

        same_file.watch()
