"""The hosts of the door's campaign: what one does in its own database, on SQLite and on PostgreSQL.

A host changes its table and puts a document about it into the outbox, in one transaction, for ever; it rolls back one
transaction in five. Bookings are called HOST-NUMBER, so that each says who made it, and when.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import sqlite3
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from indelible.outbox import sql, sqlite_source
from indelible.outbox.source import Source
from indelible.outbox.sqlite_source import SQLiteSource
from indelible.testing.logs import event
from indelible.testing.postgres import Server

CLINICS = ("c_lisbon", "c_porto")
_ROLLED_BACK, _KEYED = 0.2, 0.5
# Drainers get their turn, and a round's log stays small enough to be verified each time.
_PAUSE = 0.002


def document(booking: str, keyed: bool) -> str:
    return json.dumps(event(target={"kind": "booking", "id": booking}, key=booking if keyed else None))


class SQLiteHosts:
    """Hosts in one SQLite file. They commit one after the other, so all commits have one order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("CREATE TABLE change (id INTEGER PRIMARY KEY AUTOINCREMENT, clinic TEXT, booking TEXT)")
            sqlite_source.install(db)

    def source(self) -> Source:
        return SQLiteSource(self.path)

    def work(self, name: str, seed: float, pipe: int) -> None:
        """Be a host; write a byte to `pipe` for each transaction that was rolled back."""
        chance = random.Random(seed)
        db = sqlite3.connect(self.path, isolation_level=None, timeout=30)
        db.execute("PRAGMA synchronous = OFF")  # a killed process loses nothing by it
        for number in itertools.count():
            db.execute("BEGIN IMMEDIATE")
            change(db, chance.choice(CLINICS), f"{name}-{number}", chance.random() < _KEYED)
            if chance.random() < _ROLLED_BACK:
                db.execute("ROLLBACK")
                os.write(pipe, b".")
            else:
                db.execute("COMMIT")
            time.sleep(_PAUSE)

    def committed(self, clinic: str) -> list[str]:
        with closing(sqlite3.connect(self.path)) as db:
            rows = db.execute("SELECT booking FROM change WHERE clinic = ? ORDER BY id", (clinic,))
            return [booking for (booking,) in rows]

    def ordered(self, bookings: Sequence[str]) -> Any:
        return list(bookings)

    def crash(self) -> None:
        """Nothing: the database is the hosts themselves."""


def change(db: sqlite3.Connection, clinic: str, booking: str, keyed: bool) -> None:
    """What a host does in one transaction: a change, and the document that tells of it."""
    db.execute("INSERT INTO change (clinic, booking) VALUES (?, ?)", (clinic, booking))
    db.execute("INSERT INTO indelible_outbox (clinic, document) VALUES (?, ?)", (clinic, document(booking, keyed)))


class PostgresHosts:
    """Hosts in one PostgreSQL database, whose commits do not wait for the disk: a crash of the server loses some.

    Transactions overlap, so only those of one host have an order.
    """

    def __init__(self, server: Server, url: str) -> None:
        import psycopg

        self.server, self.url = server, url
        with psycopg.connect(url) as db:
            sql.install(db)
            db.execute("CREATE TABLE change (id bigserial PRIMARY KEY, clinic text, booking text)")

    def source(self) -> Source:
        from indelible.outbox.postgres_source import PostgresSource

        return PostgresSource(self.url)

    def work(self, name: str, seed: float, pipe: int) -> None:
        import psycopg

        chance = random.Random(seed)
        db = psycopg.connect(self.url)
        db.execute("SET synchronous_commit = off")
        db.commit()
        for number in itertools.count():
            clinic, booking = chance.choice(CLINICS), f"{name}-{number}"
            db.execute("INSERT INTO change (clinic, booking) VALUES (%s, %s)", (clinic, booking))
            text = document(booking, chance.random() < _KEYED)
            db.execute("SELECT indelible.record(%s, %s::json)", (clinic, text))
            if chance.random() < _ROLLED_BACK:
                db.rollback()
                os.write(pipe, b".")
            else:
                db.commit()
            time.sleep(_PAUSE)

    def committed(self, clinic: str) -> list[str]:
        import psycopg

        with psycopg.connect(self.url) as db:
            rows = db.execute("SELECT booking FROM change WHERE clinic = %s ORDER BY id", (clinic,)).fetchall()
            return [str(booking) for (booking,) in rows]

    def ordered(self, bookings: Sequence[str]) -> Any:
        by_host = defaultdict(list)
        for booking in bookings:
            by_host[booking.partition("-")[0]].append(booking)
        return dict(by_host)

    def crash(self) -> None:
        """Kill the server, as if its machine's power went, and start it again."""
        self.server.stop("immediate")
        self.server.start()


Hosts = SQLiteHosts | PostgresHosts
