"""The examples in other languages, each as it stands there: change and document commit together, or neither."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from indelible.outbox import sql
from indelible.outbox.postgres_source import PostgresSource
from indelible.record.typescript import declarations
from indelible.testing.node import install
from indelible.testing.postgres import connection, postgres, server

__all__ = ["connection", "postgres", "server"]

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """The command of the example with pg, in a folder with its packages."""
    folder = copied("outbox_node", tmp_path_factory)
    (folder / "indelible.d.ts").write_text(declarations(), encoding="utf-8")
    return ["node", str(install(folder) / "record.mjs")]


@pytest.fixture(scope="module")
def prisma(tmp_path_factory):
    """The command of the example with Prisma, in a folder with its packages and its generated client."""
    folder = install(copied("outbox_prisma", tmp_path_factory))
    # The client has no engine of its own. The command line would fetch one that only migrations need: name it another.
    environment = os.environ | {"PRISMA_SCHEMA_ENGINE_BINARY": "/bin/true", "CHECKPOINT_DISABLE": "1"}
    done = subprocess.run(
        ["node_modules/.bin/prisma", "generate", "--schema", "schema.prisma"],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return ["node", str(folder / "record.mjs")]


@pytest.fixture(scope="module")
def php():
    """The command of the example in PHP."""
    if shutil.which("php") is None:
        pytest.skip("php: PHP is not installed; `make test` installs it where it can")
    modules = subprocess.run(["php", "-m"], capture_output=True, text=True, timeout=60, check=True).stdout
    if "pdo_pgsql" not in modules.split():
        pytest.skip("php: PHP has no pdo_pgsql; `make test` installs it where it can")
    return ["php", str(EXAMPLES / "outbox_php" / "record.php")]


def copied(name: str, factory: pytest.TempPathFactory) -> Path:
    folder = factory.mktemp(name) / name
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("node_modules", "package-lock.json"))
    return folder


@pytest.fixture(params=["node", "prisma", "php"])
def command(request):
    """The command that runs an example, each in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def cancel(command, connection, postgres, server):
    """`cancel(booking, **environment)` runs it on a database with two bookings, as a role that may only record."""
    sql.install(connection)
    connection.execute("CREATE TABLE booking (id text PRIMARY KEY, client_id text, state text, starts_at timestamptz)")
    connection.execute(
        "INSERT INTO booking VALUES ('bk_1', 'cli_77', 'booked', '2026-05-04T09:00:00.5+02:00'), "
        "('bk_2', 'cli_77', 'booked', now())"
    )
    connection.execute("CREATE ROLE clinic_app LOGIN IN ROLE indelible_recorder")
    connection.execute("GRANT SELECT, UPDATE ON booking TO clinic_app")
    connection.commit()
    url = postgres.replace("postgres@", "clinic_app@")
    parts = urlsplit(url)
    dsn = f"pgsql:host={parts.hostname};port={parts.port};dbname={parts.path[1:]};user={parts.username}"

    def run(booking: str, **environment: Any) -> subprocess.CompletedProcess:
        return subprocess.run(
            [*command, booking], capture_output=True, text=True, timeout=60, check=False,
            env=os.environ | {"DATABASE_URL": url, "DATABASE_DSN": dsn} | environment,
        )  # fmt: skip

    yield run
    connection.rollback()
    connection.execute("DROP OWNED BY clinic_app; DROP ROLE clinic_app")
    connection.commit()


@pytest.fixture
def stored(postgres) -> Callable[[], tuple[list[str], list[dict]]]:
    """What is committed: the ids of cancelled bookings, and the documents that wait."""

    def read() -> tuple[list[str], list[dict]]:
        with psycopg.connect(postgres) as reading:
            cancelled = reading.execute("SELECT id FROM booking WHERE state = 'cancelled' ORDER BY id").fetchall()
        with closing(PostgresSource(postgres)) as source:
            return [row[0] for row in cancelled], [json.loads(row.document) for row in source.read(10)]

    return read


def test_a_booking_and_its_document_commit_together_or_not_at_all(cancel, stored):
    done = cancel("bk_1", USER_AGENT="Mozilla/5.0 ’; \\u0000")
    assert (done.stdout, done.stderr) == ("cancelled and recorded\n", "")
    assert "no such booking" in cancel("bk_9").stderr
    cancelled, (document,) = stored()
    assert cancelled == ["bk_1"]
    assert document["target"] == {"kind": "booking", "id": "bk_1"}
    assert document["client"] == {"id": "cli_77"}
    assert document["actor"] == {"kind": "staff", "id": "usr_12", "name": "Maria Fernandes"}
    assert document["request"] == {"channel": "staff_web", "user_agent": "Mozilla/5.0 ’; \\u0000"}
    assert re.fullmatch(r"2026-05-04T0[79]:00:00(\.500)?(Z|\+00:00)", document["context"]["starts_at"])


def test_what_the_outbox_refuses_rolls_the_change_back(cancel, stored, connection):
    connection.execute("DELETE FROM indelible.action")
    connection.commit()
    done = cancel("bk_1")
    assert done.returncode == 1
    assert "action: is no code of this outbox" in done.stderr
    assert stored() == ([], [])
    sql.install(connection)
    connection.commit()
    assert cancel("bk_1").returncode == 0
    assert stored()[0] == ["bk_1"]


def test_what_the_host_refuses_at_its_commit_takes_the_document_with_it(cancel, stored, connection):
    connection.execute("""
        CREATE FUNCTION full_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the day is closed'; END $$;
        CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON booking DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION full_up();
    """)
    connection.commit()
    done = cancel("bk_1")
    assert done.returncode == 1
    assert "the day is closed" in done.stderr
    assert stored() == ([], [])


def test_bytes_that_are_no_text_do_not_abort_a_booking(cancel, stored):
    assert cancel("bk_1", USER_AGENT=b"Mozilla \xff\xfe phone").returncode == 0
    _, (document,) = stored()
    assert re.fullmatch("Mozilla \ufffd+ phone", document["request"]["user_agent"])


def test_the_documents_of_the_example_are_checked_against_the_catalogue(node):
    folder = Path(node[1]).parent

    def check() -> subprocess.CompletedProcess:
        return subprocess.run(["npm", "run", "--silent", "check"], cwd=folder, capture_output=True, text=True,
                              timeout=300, check=False)  # fmt: skip

    done = check()
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    file = folder / "record.mjs"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("late: true", "laet: true"), encoding="utf-8")
    try:
        done = check()
        # Which sentence it finds for that depends on every other action that is declared.
        assert re.search(r"^record\.mjs\(\d+,\d+\): error TS\d+", done.stdout), (done.returncode, done.stderr)
    finally:
        file.write_text(text, encoding="utf-8")
