"""A PostgreSQL cluster of the tests' own, and a journal verified at the end."""

from __future__ import annotations

from indelible.testing.logs import clock, journal, log
from indelible.testing.postgres import connection, postgres, server

__all__ = ["clock", "connection", "journal", "log", "postgres", "server"]
