"""The outbox of a host's database from the command line."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import psycopg

from indelible.outbox import sql
from indelible.testing.postgres import postgres, server

__all__ = ["postgres", "server"]


def test_sql_is_printed_for_the_hosts_migrations(empty):
    assert empty.ok("outbox", "sql").out == sql.text("postgres")
    assert empty.ok("outbox", "sql", "--engine", "sqlite").out == sql.text("sqlite")
    assert empty.ok("outbox", "sql", "--since", str(sql.version("postgres"))).out.startswith(
        "INSERT INTO indelible.action"
    )
    assert empty.refused("outbox", "sql", "--engine", "oracle") == "engine: must be postgres or sqlite"


def test_installed_from_the_command_line_and_checked(empty, postgres):
    assert "There is no outbox here" in empty("outbox", "check", postgres).out
    empty.ok("outbox", "install", postgres)
    empty.ok("outbox", "install", postgres)
    with psycopg.connect(postgres) as host:
        assert sql.installed(host) == sql.version("postgres")
        host.execute("CREATE ROLE portal; GRANT indelible_recorder TO portal")
    try:
        result = empty("outbox", "check", postgres, "--end-user", "portal")
        assert "MEND  portal may call indelible.record" in result.out
        assert result.code == 2
    finally:
        with psycopg.connect(postgres) as host:
            host.execute("DROP ROLE portal")


def test_installed_in_a_file_that_is_there_and_in_no_other(empty):
    assert "there is no database at" in empty.refused("outbox", "install", "host.db")
    (empty.folder / "host.db").touch()
    empty.ok("outbox", "install", "host.db")
    empty.ok("outbox", "install", "sqlite:///host.db")
    with closing(sqlite3.connect(empty.folder / "host.db")) as host:
        assert host.execute("SELECT count(*) FROM indelible_outbox").fetchone() == (0,)


def test_a_database_that_is_not_there_is_one_sentence_without_the_password(empty):
    sentence = empty.refused("outbox", "install", "postgresql://maria:secret@127.0.0.1:1/clinic?connect_timeout=1")
    assert sentence.startswith("postgresql://127.0.0.1:1/clinic does not answer")
    assert "secret" not in sentence
    assert empty.refused("outbox", "check", "clinic.db").startswith("URL: must be a URL such as postgresql://")
