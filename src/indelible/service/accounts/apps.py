"""The accounts as a Django app. Its label, `service`, begins the names of its tables; `indelible_` begins the log's."""

from __future__ import annotations

from django.apps import AppConfig


class ServiceConfig(AppConfig):
    name = "indelible.service.accounts"
    label = "service"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import database_file

        database_file.watch()
