"""Hosts' databases with an outbox in each: a file of SQLite, and a new database of a real PostgreSQL server."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from indelible.outbox import sql
from indelible.testing.outbox import recorded
from indelible.testing.postgres import connection, postgres, server

__all__ = ["connection", "postgres", "recorded", "server"]

BOOKING = "CREATE TABLE booking (id TEXT PRIMARY KEY, state TEXT NOT NULL)"


@dataclass
class Host:
    """A host's database with a table of bookings: how to connect to it, and what is committed there."""

    engine: str
    url: str

    def connect(self) -> Any:
        if self.engine == "sqlite":
            return sqlite3.connect(self.url)
        return psycopg.connect(self.url)

    def alchemy(self, driver: str) -> str:
        """The URL that SQLAlchemy takes, with one of its drivers."""
        if self.engine == "sqlite":
            return f"sqlite+{driver}:///{self.url}"
        return self.url.replace("postgresql://", f"postgresql+{driver}://")

    def ask(self, statement: str) -> list[Any]:
        found = self.connect()
        try:
            return [tuple(row) for row in found.execute(statement).fetchall()]
        finally:
            found.close()

    def waiting(self, column: str = "action") -> list[Any]:
        """One column of the committed rows that wait."""
        table = "indelible_outbox" if self.engine == "sqlite" else "indelible.outbox"
        return [row[0] for row in self.ask(f"SELECT {column} FROM {table} ORDER BY id")]

    def bookings(self) -> list[str]:
        return [row[0] for row in self.ask("SELECT id FROM booking ORDER BY id")]


def sqlite_host(folder: Path) -> Host:
    made = sqlite3.connect(folder / "host.db")
    with made:
        made.execute("PRAGMA journal_mode = WAL")  # one may write while another reads
        made.execute(BOOKING)
        sql.install(made)
    made.close()
    return Host("sqlite", str(folder / "host.db"))


def postgres_host(url: str) -> Host:
    with psycopg.connect(url) as made:
        made.execute(BOOKING)
        sql.install(made)
    return Host("postgresql", url)


@pytest.fixture(params=["sqlite", "postgresql"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    """A host on each engine in turn."""
    if request.param == "sqlite":
        yield sqlite_host(tmp_path)
    else:
        yield postgres_host(request.getfixturevalue("postgres"))


@pytest.fixture(params=["aiosqlite", "psycopg", "asyncpg"])
def driver(request: pytest.FixtureRequest) -> str:
    """Each driver that an AsyncSession may have, in turn."""
    return str(request.param)


@pytest.fixture
def driven(driver: str, request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    """A host on the engine of `driver`."""
    return sqlite_host(tmp_path) if driver == "aiosqlite" else postgres_host(request.getfixturevalue("postgres"))
