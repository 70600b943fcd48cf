"""Days as somebody types them, in three languages."""

from __future__ import annotations

from datetime import date

import pytest

TODAY = date(2026, 11, 30)


@pytest.fixture
def said(service):
    from django.utils import translation

    from indelible.service.web.said_days import said_days

    def days(text, language="en"):
        with translation.override(language):
            return [day.isoformat() for day in said_days(text, TODAY)]

    return days


@pytest.mark.parametrize(
    ("text", "language", "days"),
    [
        ("2026-12-05", "en", ["2026-12-05"]),
        ("5 Dec", "en", ["2026-12-05", "2025-12-05"]),
        ("5th of December", "en", ["2026-12-05", "2025-12-05"]),
        ("Dec 5", "en", ["2026-12-05", "2025-12-05"]),
        ("december 5, 2024", "en", ["2024-12-05"]),
        ("4 July", "en", ["2026-07-04", "2025-07-04"]),
        ("1 jan", "en", ["2027-01-01", "2026-01-01"]),
        ("5/12", "en", ["2026-12-05", "2025-12-05"]),
        ("5/12/24", "en", ["2024-12-05"]),
        ("5.12.2024", "en", ["2024-12-05"]),
        ("5 de dezembro", "pt", ["2026-12-05", "2025-12-05"]),
        ("5 dez. 2025", "pt", ["2025-12-05"]),
        ("1 março 2026", "pt", ["2026-03-01"]),
        ("5 Dec", "pt", ["2026-12-05", "2025-12-05"]),
        ("5 de diciembre de 2025", "es", ["2025-12-05"]),
        ("15 ene", "es", ["2027-01-15", "2026-01-15"]),
        ("today", "pt", ["2026-11-30"]),
        ("yesterday", "en", ["2026-11-29"]),
        ("29 feb", "en", []),
        ("29 feb 2024", "en", ["2024-02-29"]),
        ("31/4", "en", []),
        ("5", "en", []),
        ("30.00", "en", []),
        ("13/13", "en", []),
        ("ana 5", "en", []),
        ("0000-00-00", "en", []),
        ("5 ju", "en", []),
        ("5 jun", "en", ["2026-06-05", "2025-06-05"]),
        ("9" * 60, "en", []),
    ],
)
def test_a_day_is_known_as_it_is_written(said, text, language, days):
    assert said(text, language) == days
