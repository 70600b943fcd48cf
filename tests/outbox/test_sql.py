"""The outbox's SQL: installed, printed, run again, and what it leaves of a database that is there already."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from indelible.errors import InvalidInput, StorageFailure
from indelible.outbox import sql

DOCUMENT = """{"action": "booking.cancelled", "actor": {"kind": "system", "reason": "job:x"},
               "target": {"kind": "booking", "id": "bk_1"}}"""


def counts(connection):
    return connection.execute(
        "SELECT (SELECT count(*) FROM indelible.outbox), (SELECT outbox FROM indelible.identity),"
        " (SELECT max(version) FROM indelible.version)"
    ).fetchone()


def test_installing_again_leaves_what_waits_and_which_outbox_it_is(connection):
    assert sql.installed(connection) == 0
    sql.install(connection)
    assert sql.installed(connection) == sql.version("postgres")
    connection.execute("SELECT indelible.record('c_lisbon', %s::json)", [DOCUMENT])
    before = counts(connection)
    sql.install(connection)
    assert counts(connection) == before


def test_installing_is_part_of_the_transaction(connection):
    sql.install(connection)
    connection.rollback()
    assert sql.installed(connection) == 0


def test_two_who_install_at_once_make_one_outbox(postgres):
    def install(_):
        with psycopg.connect(postgres) as one:
            sql.install(one)

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(install, range(3)))
    with psycopg.connect(postgres) as one:
        assert one.execute("SELECT count(*) FROM indelible.identity").fetchone() == (1,)


def test_what_is_printed_is_what_is_installed_and_can_be_run_again_by_psql(connection, postgres, server, tmp_path):
    file = tmp_path / "0007_outbox.sql"
    file.write_text(sql.text("postgres"), encoding="utf-8")
    for _ in range(2):
        done = subprocess.run(
            [server.program("psql"), "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", postgres, "-f", file],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert sql.installed(connection) == sql.version("postgres")
    assert sql.text("postgres") == sql.text("postgres")
    assert sql.text("postgres").isascii()


def test_what_is_there_already_is_not_printed_but_new_codes_are(connection):
    assert sql.text("postgres", since=sql.version("postgres")) == sql.actions()
    sql.install(connection)
    connection.execute("DELETE FROM indelible.action WHERE code = 'booking.cancelled'")
    connection.execute("INSERT INTO indelible.action VALUES ('salon.renamed')")
    connection.execute(sql.actions())
    codes = {code for (code,) in connection.execute("SELECT code FROM indelible.action")}
    assert codes == {*sql.codes(), "salon.renamed"}


def test_a_program_that_writes_colons_for_parameters_finds_none(connection):
    """What runs migrations may take `:name` and `%s` for its own; casts and types are written so that none is seen."""
    from sqlalchemy import text

    assert text(sql.text("postgres")).compile().params == {}


def test_a_newer_outbox_is_left_alone(connection):
    sql.install(connection)
    connection.execute("INSERT INTO indelible.version (version) VALUES (999)")
    with pytest.raises(StorageFailure, match="newer release"):
        sql.install(connection)


def test_another_engine_is_refused():
    with pytest.raises(InvalidInput, match="postgres or sqlite"):
        sql.text("oracle")


def test_it_survives_a_dump_and_keeps_its_identity(connection, postgres, server):
    sql.install(connection)
    connection.execute("SELECT indelible.record('c_lisbon', %s::json)", [DOCUMENT])
    connection.commit()
    before = counts(connection)
    connection.commit()
    dump = subprocess.run([server.program("pg_dump"), "-d", postgres], capture_output=True, check=True).stdout
    with server.database() as url:
        subprocess.run(
            [server.program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url],
            input=dump, capture_output=True, check=True,
        )  # fmt: skip
        with psycopg.connect(url) as restored:
            assert counts(restored) == before
            restored.execute("SELECT indelible.record('c_lisbon', %s::json)", [DOCUMENT])
            assert counts(restored)[0] == before[0] + 1
            with pytest.raises(psycopg.errors.CheckViolation), restored.transaction():
                restored.execute("UPDATE indelible.outbox SET clinic = 'c_porto'")


@pytest.fixture
def without_drainer(server):
    """A superuser's connection to a server that has no role indelible_drainer, in a database of its own."""
    with server.database() as url, psycopg.connect(url, autocommit=True) as admin:
        there = admin.execute("SELECT FROM pg_roles WHERE rolname = 'indelible_drainer'").fetchone() is not None
        if there:
            admin.execute("ALTER ROLE indelible_drainer RENAME TO drainer_put_away")
        yield admin
        if there:
            admin.execute("ALTER ROLE drainer_put_away RENAME TO indelible_drainer")


def test_a_role_that_may_create_no_roles_installs_all_the_same_and_is_told(without_drainer, server):
    admin = without_drainer
    admin.execute("CREATE ROLE plain_owner LOGIN")
    try:
        admin.execute(f'GRANT CREATE ON DATABASE "{admin.info.dbname}" TO plain_owner')
        notices: list[str] = []
        with psycopg.connect(server.url_of(admin.info.dbname, "plain_owner")) as owner:
            owner.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
            sql.install(owner)
            owner.execute("SELECT indelible.record('c_lisbon', %s::json)", [DOCUMENT])
        assert any("role indelible_drainer is not there, and you may not create it" in text for text in notices)
    finally:
        admin.execute("DROP OWNED BY plain_owner CASCADE")
        admin.execute("DROP ROLE plain_owner")
