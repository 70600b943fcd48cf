"""The example in JavaScript: change and document commit together, or neither."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from indelible.outbox import sql
from indelible.outbox.postgres_source import PostgresSource
from indelible.testing.postgres import connection, postgres, server

__all__ = ["connection", "postgres", "server"]

EXAMPLE = Path(__file__).parents[2] / "examples" / "outbox_node"


@pytest.fixture(scope="module")
def example(tmp_path_factory) -> Path:
    """The example's folder with its one dependency."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node: Node and npm are not installed")
    folder = tmp_path_factory.mktemp("node") / "outbox_node"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules"))
    done = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"],
        cwd=folder, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("node: npm cannot install pg here")
    return folder


@pytest.fixture
def cancel(example, connection, postgres):
    """`cancel(booking, **environment)` runs the example on a database with two bookings, as a role that may record."""
    sql.install(connection)
    connection.execute("CREATE TABLE booking (id text PRIMARY KEY, clinic text, status text, starts_at timestamptz)")
    connection.execute(
        "INSERT INTO booking VALUES ('bk_1', 'c_lisbon', 'booked', now()), ('bk_2', 'c_lisbon', 'booked', now())"
    )
    connection.commit()

    def run(booking: str, **environment: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["node", "record.mjs", booking], cwd=example, capture_output=True, text=True, timeout=60, check=False,
            env=os.environ | {"DATABASE_URL": postgres} | environment,
        )  # fmt: skip

    return run


def test_a_booking_and_its_document_commit_together_or_not_at_all(cancel, connection, postgres):
    assert cancel("bk_1", USER_AGENT="Mozilla/5.0").stdout == "cancelled and recorded\n"
    assert "no such booking" in cancel("bk_9").stderr
    statuses = connection.execute("SELECT id, status FROM booking ORDER BY id").fetchall()
    assert statuses == [("bk_1", "cancelled"), ("bk_2", "booked")]
    with closing(PostgresSource(postgres)) as source:
        (document,) = [json.loads(row.document) for row in source.read(10)]
    assert document["target"] == {"kind": "booking", "id": "bk_1"}
    assert document["actor"] == {"kind": "staff", "id": "usr_12", "name": "Maria Fernandes"}


def test_what_the_outbox_refuses_rolls_the_change_back(cancel, connection):
    connection.execute("DELETE FROM indelible.action")
    connection.commit()
    assert cancel("bk_1").stderr.startswith("action: is no code of this outbox")
    assert connection.execute("SELECT count(*) FROM booking WHERE status = 'cancelled'").fetchone() == (0,)
