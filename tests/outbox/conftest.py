"""A PostgreSQL cluster of the tests' own, a journal verified at the end, and a host's SQLite file with an outbox."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from indelible.outbox import sqlite_source
from indelible.outbox.sqlite_source import SQLiteSource
from indelible.testing.logs import START, event
from indelible.testing.postgres import connection, postgres, server

__all__ = ["connection", "postgres", "server"]

# A second before the clock of the journal.
AT = START - 1_000_000


class Host:
    """A host's own database: a change and its document commit together."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("CREATE TABLE booking (id INTEGER PRIMARY KEY)")
        sqlite_source.install(self.db)

    def put(self, document: Any, clinic: str = "c_lisbon", *, at: int = AT, **columns: Any) -> str:
        """Put a document into the outbox, in the transaction that is under way if one is; return the row's key."""
        text = document if isinstance(document, str) else json.dumps(document)
        row = {"clinic": clinic, "document": text, "at": at, **columns}
        names, places = ", ".join(row), ", ".join("?" * len(row))
        made = self.db.execute(
            f"INSERT INTO indelible_outbox ({names}) VALUES ({places}) RETURNING key", tuple(row.values())
        ).fetchone()
        return str(made[0])

    def events(self, *numbers: int, clinic: str = "c_lisbon", **columns: Any) -> None:
        for number in numbers:
            self.put(event(number), clinic, **columns)

    def waiting(self) -> int:
        return int(self.db.execute("SELECT count(*) FROM indelible_outbox").fetchone()[0])


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path / "host.db")
    yield made
    made.db.close()


@pytest.fixture
def source(host: Host) -> Iterator[SQLiteSource]:
    opened = SQLiteSource(host.path)
    yield opened
    opened.close()
