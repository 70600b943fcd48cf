"""What the tests of a PostgreSQL host of their own share: its server, its outbox, and what is recorded in it."""

from __future__ import annotations

import json
import time
from typing import Any

import psycopg
import pytest

from indelible.outbox import sql
from indelible.testing.logs import event
from indelible.testing.postgres import cluster


@pytest.fixture(scope="module")
def server():
    """A server of a module's own, which is stopped, copied and put back."""
    with cluster() as made:
        yield made


@pytest.fixture
def host(postgres, clock):
    """The URL of a database with an outbox; the log's clock is as the server's."""
    clock.now = time.time_ns() // 1000
    with psycopg.connect(postgres) as db:
        sql.install(db)
    return postgres


def record(url: str, *numbers: int, clinic: str = "c_lisbon", **members: Any) -> None:
    """Commit a document each, as a host does."""
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as db:
        for number in numbers:
            db.execute("SELECT indelible.record(%s, %s::json)", (clinic, json.dumps(event(number, **members))))


def bookings(log) -> list[str]:
    """The bookings that a log tells of, in the order in which they were recorded."""
    return [view.target["id"] for view in sorted(log.read("action:booking.cancelled"), key=lambda view: view.seq)]
