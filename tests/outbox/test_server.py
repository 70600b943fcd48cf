"""The tests' own PostgreSQL: a real server, new databases, nothing left of one in another."""

from __future__ import annotations

import psycopg


def test_each_test_has_a_database_of_its_own_on_a_real_server(connection, server):
    connection.execute("CREATE TABLE made (id int)")
    connection.commit()
    version = connection.execute("SHOW server_version_num").fetchone()[0]
    assert int(version) >= 150_000
    with server.database() as url, psycopg.connect(url) as other:
        assert other.execute("SELECT to_regclass('made')").fetchone() == (None,)
