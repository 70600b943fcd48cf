"""What a crash, a standby and a restored copy do to an outbox, on a server of the test's own."""

from __future__ import annotations

import json
from contextlib import closing

import psycopg
import pytest

from indelible.errors import StorageFailure
from indelible.outbox import sql
from indelible.outbox.postgres_source import PostgresSource
from indelible.outbox.source import Unreachable
from indelible.testing.postgres import cluster

DOCUMENT = json.dumps(
    {
        "action": "booking.cancelled",
        "actor": {"kind": "system", "reason": "job:unpaid"},
        "target": {"kind": "booking", "id": "bk_1"},
    }
)


@pytest.fixture
def own():
    """A server of the test's own with an outbox in its first database."""
    with cluster() as server:
        with psycopg.connect(server.url) as host:
            sql.install(host)
        yield server


def test_nothing_is_handed_out_that_a_crash_of_the_server_loses(own):
    with closing(PostgresSource(own.url)) as source:
        for _ in range(3):
            with psycopg.connect(own.url) as host:
                host.execute("SET synchronous_commit = off")
                host.execute("SELECT indelible.record('c_lisbon', %s::json) FROM generate_series(1, 20)", [DOCUMENT])
            seen = source.read(1_000)
            identity = source.identity()
            own.stop("immediate")
            with pytest.raises(Unreachable):
                source.read(1)
            own.start()
            assert source.read(1_000)[: len(seen)] == seen
            assert source.identity().xid >= identity.xid


def test_a_standby_is_never_drained_and_a_promoted_one_is_the_same_outbox(own):
    with psycopg.connect(own.url) as host:
        host.execute("SELECT indelible.record('c_lisbon', %s::json)", [DOCUMENT])
    with closing(PostgresSource(own.url)) as source:
        original, rows = source.identity(), source.read(10)
    copy = own.folder / "copy"
    own.run("pg_basebackup", "-h", str(own.folder), "-p", str(own.port), "-U", "postgres", "-D", str(copy), "-R", "-c",
            "fast")  # fmt: skip
    own.stop()
    (own.folder / "data").rename(own.folder / "old")
    copy.rename(own.folder / "data")
    own.start()
    with closing(PostgresSource(own.url)) as source:
        for ask in (source.identity, lambda: source.read(10)):
            with pytest.raises(StorageFailure, match="is a standby, which is never drained"):
                ask()
        own.run("pg_ctl", "-D", str(own.folder / "data"), "-w", "promote")
        assert source.identity()[:2] == original[:2]
        assert source.read(10) == rows
