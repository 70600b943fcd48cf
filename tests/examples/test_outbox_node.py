"""The example in JavaScript: change and document commit together, or neither."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import closing

import pytest

from indelible.outbox import sql
from indelible.outbox.postgres_source import PostgresSource


@pytest.fixture
def cancel(node_host, connection, postgres):
    """`cancel(booking, **environment)` runs the example on a database with two bookings, as a role that may record."""
    sql.install(connection)
    connection.execute("CREATE TABLE booking (id text PRIMARY KEY, client_id text, state text, starts_at timestamptz)")
    connection.execute(
        "INSERT INTO booking VALUES ('bk_1', 'cli_77', 'booked', now()), ('bk_2', 'cli_77', 'booked', now())"
    )
    connection.commit()

    def run(booking: str, **environment: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["node", "record.mjs", booking], cwd=node_host, capture_output=True, text=True, timeout=60, check=False,
            env=os.environ | {"DATABASE_URL": postgres} | environment,
        )  # fmt: skip

    return run


def test_a_booking_and_its_document_commit_together_or_not_at_all(cancel, connection, postgres):
    assert cancel("bk_1", USER_AGENT="Mozilla/5.0").stdout == "cancelled and recorded\n"
    assert "no such booking" in cancel("bk_9").stderr
    states = connection.execute("SELECT id, state FROM booking ORDER BY id").fetchall()
    assert states == [("bk_1", "cancelled"), ("bk_2", "booked")]
    with closing(PostgresSource(postgres)) as source:
        (document,) = [json.loads(row.document) for row in source.read(10)]
    assert document["target"] == {"kind": "booking", "id": "bk_1"}
    assert document["actor"] == {"kind": "staff", "id": "usr_12", "name": "Maria Fernandes"}


def test_what_the_outbox_refuses_rolls_the_change_back(cancel, connection):
    connection.execute("DELETE FROM indelible.action")
    connection.commit()
    assert cancel("bk_1").stderr.startswith("action: is no code of this outbox")
    assert connection.execute("SELECT count(*) FROM booking WHERE state = 'cancelled'").fetchone() == (0,)
