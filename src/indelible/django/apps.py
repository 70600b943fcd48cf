"""The app. Its label is the prefix of the log's tables."""

from __future__ import annotations

from django.apps import AppConfig


class IndelibleConfig(AppConfig):
    name = "indelible.django"
    label = "indelible"
    verbose_name = "Indelible"
