"""A log as `indelible.testing` makes it."""

from __future__ import annotations

from indelible.testing.logs import clock, journal, log

__all__ = ["clock", "journal", "log"]
