"""The app. Its label is the prefix of the log's tables."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register
from django.core.signals import request_finished


class IndelibleConfig(AppConfig):
    name = "indelible.django"
    label = "indelible"
    verbose_name = "Indelible"

    def ready(self) -> None:
        from . import checks, log

        register(checks.check_database)
        register(checks.check_request_settings)
        # Connected after Django's own receiver, which closes the host's connection where it is not kept.
        request_finished.connect(log.leave, dispatch_uid="indelible.leave")
