"""The demo's year, made once for all tests that look at it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from indelible import demo

__all__ = ["year"]

START = date(2025, 3, 3)


@pytest.fixture(scope="session")
def year() -> list[dict[str, Any]]:
    return list(demo.make_documents(1, start=START))
