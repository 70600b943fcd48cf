"""A PostgreSQL cluster of the tests' own, and a log verified at the end."""

from __future__ import annotations

from indelible.testing.logs import clock, journal, log
from indelible.testing.postgres import postgres, server

__all__ = ["clock", "journal", "log", "postgres", "server"]
