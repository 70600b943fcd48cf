"""`manage.py check` says what in the settings is unsafe for the log, and what cannot work."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.django.conftest import Host


def test_the_settings_of_the_how_to_pass(host: Host) -> None:
    assert "no issues" in host.manage("check")


@pytest.mark.parametrize(
    ("settings", "found", "words"),
    [
        ('DATABASES["default"]["OPTIONS"].pop("transaction_mode")', ["W001"], "not IMMEDIATE"),
        ('DATABASES["default"]["OPTIONS"]["transaction_mode"] = "exclusive"', [], ""),
        ('DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE"}', ["W002"] * 3, "secure_delete = ON"),
        (
            'DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=wal;PRAGMA synchronous=NORMAL;"'
            '"PRAGMA secure_delete=1"',
            ["W002"],
            "synchronous = FULL",
        ),
        ('DATABASES["default"]["NAME"] = ":memory:"', ["E001"], "not a file with a plain path"),
        ('DATABASES["default"]["NAME"] = "file:clinic.db?mode=rw"', ["E001"], "not a file with a plain path"),
        ('DATABASES["default"]["ENGINE"] = "django.db.backends.dummy"', ["E001"], "is not SQLite"),
        ('INDELIBLE_DATABASE_ALIAS = "logs"', ["E001"], "there is no logs in DATABASES"),
        ("INDELIBLE_TRUSTED_PROXIES = -1", ["E002"], "0 or more"),
        ('INDELIBLE_TRUSTED_PROXIES = "1"', ["E002"], "0 or more"),
        ('INDELIBLE_ACTOR = "client"', [], ""),
        ('INDELIBLE_ACTOR = "clients"', ["E003"], "staff, client or the dotted path"),
        ('INDELIBLE_ACTOR = "bookings.views.nobody"', ["E003"], "INDELIBLE_ACTOR must be"),
        ('INDELIBLE_ACTOR = "bookings.views.cancel"', [], ""),
        ('INDELIBLE_CLINIC = "bookings.nowhere.clinic"', ["E003"], "INDELIBLE_CLINIC must be"),
    ],
)
def test_what_is_wrong_is_named(host: Host, settings: str, found: list[str], words: str) -> None:
    host.settings(settings)
    said = host.manage("check", code=1 if any(one.startswith("E") for one in found) else 0)
    assert re.findall(r"\(indelible\.(\w+)\)", said) == found
    assert words in said
