"""The example of an end user who records: what the role can do through the host's function, and all that it cannot."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from indelible.outbox import sql
from indelible.outbox.grants import findings
from indelible.outbox.postgres_source import PostgresSource
from indelible.record.document import parse_json
from indelible.record.drafting import draft
from indelible.testing.postgres import connection, postgres, server

__all__ = ["connection", "postgres", "server"]

EXAMPLE = Path(__file__).parents[2] / "examples" / "supabase.sql"
ANA, EVA = "5f0c8b0e-6a3e-4a55-9f1a-3f4d2f1c0001", "5f0c8b0e-6a3e-4a55-9f1a-3f4d2f1c0002"


@pytest.fixture
def host(connection):
    """A database as Supabase sets it up, with the outbox and the example; as its owner."""
    connection.execute("CREATE ROLE anon; CREATE ROLE authenticated; CREATE ROLE authenticator LOGIN NOINHERIT")
    connection.execute(
        "GRANT anon, authenticated TO authenticator; GRANT USAGE ON SCHEMA public TO anon, authenticated"
    )
    connection.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated")
    connection.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon, authenticated")
    sql.install(connection)
    connection.execute(EXAMPLE.read_text(encoding="utf-8"))
    connection.execute(
        "INSERT INTO public.booking VALUES ('bk_1', 'c_lisbon', %(ana)s, '2026-05-04T09:00:00Z'),"
        " ('bk_2', 'c_lisbon', %(eva)s, '2026-05-04T10:00:00Z'), ('bk_3', 'c_porto', %(ana)s, '2026-05-04T11:00:00Z')",
        {"ana": ANA, "eva": EVA},
    )
    connection.commit()
    yield connection
    connection.rollback()
    connection.execute("DROP OWNED BY anon, authenticated, authenticator CASCADE")
    connection.execute("DROP ROLE anon, authenticated, authenticator")
    connection.commit()


@pytest.fixture
def ana(host, server):
    """A connection as PostgREST uses it for a client's request: one login, the user's role and claims a transaction."""
    with psycopg.connect(server.url_of(host.info.dbname, "authenticator")) as opened:
        opened.execute("SET ROLE authenticated")
        claims = {"sub": ANA, "role": "authenticated", "app_metadata": {"clinic": "c_lisbon"}}
        opened.execute("SELECT set_config('request.jwt.claims', %s, false)", [json.dumps(claims)])
        opened.commit()
        yield opened


def waiting(url: str) -> list[tuple[str, dict]]:
    with closing(PostgresSource(url)) as source:
        return [(row.clinic, json.loads(row.document)) for row in source.read(10)]


def test_a_client_cancels_a_booking_of_theirs_and_it_is_recorded_as_theirs(host, ana, postgres):
    ana.execute("SELECT public.cancel_booking('bk_1', 'train was late')")
    assert waiting(postgres) == []
    ana.commit()
    ((clinic, document),) = waiting(postgres)
    assert clinic == "c_lisbon"
    assert document["actor"] == {"kind": "client", "id": ANA}
    assert document["target"] == {"kind": "booking", "id": "bk_1"}
    draft(parse_json(json.dumps(document).encode()), now=2_000_000_000_000_000)
    assert host.execute("SELECT login, role FROM indelible.outbox").fetchone() == ("authenticator", "authenticated")


@pytest.mark.parametrize("booking", ["bk_2", "bk_3", "bk_9"])
def test_a_booking_of_another_client_or_clinic_stays_and_nothing_is_recorded(ana, postgres, booking):
    with pytest.raises(psycopg.errors.NoDataFound, match="no such booking of yours"), ana.transaction():
        ana.execute("SELECT public.cancel_booking(%s)", [booking])
    assert waiting(postgres) == []


@pytest.mark.parametrize(
    ("clinic", "change"),
    [
        ("c_porto", {}),
        ("c_lisbon", {"actor": {"kind": "staff", "id": "usr_1"}}),
        ("c_lisbon", {"key": "taken-from-somebody"}),
        ("c_lisbon", {"action": "log.viewed"}),
        ("c_lisbon", {"occurred_at": "2019-05-03T14:22:31Z"}),
    ],
)
def test_past_the_function_nothing_can_be_recorded(ana, postgres, clinic, change):
    document = {
        "action": "booking.cancelled",
        "actor": {"kind": "client", "id": ANA},
        "target": {"kind": "booking", "id": "bk_1"},
    }
    text = json.dumps(document | change)
    for statement in (
        "SELECT indelible.record(%s, %s::json)",
        "SELECT indelible.record_imported(%s, %s::json)",
        "SELECT indelible.put(%s, %s::json, false)",
        "INSERT INTO indelible.outbox (clinic, document) VALUES (%s, %s::json)",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), ana.transaction():
            ana.execute(statement, (clinic, text))
    with pytest.raises(psycopg.errors.InsufficientPrivilege), ana.transaction():
        ana.execute("SELECT * FROM indelible.outbox")
    assert waiting(postgres) == []


def test_what_a_client_writes_as_a_reason_is_a_text_and_nothing_else(ana, postgres):
    ana.execute("""SELECT public.cancel_booking('bk_1', '", "actor": {"kind": "staff"}, "key": "x')""")
    ana.commit()
    ((_, document),) = waiting(postgres)
    assert document["actor"]["kind"] == "client"
    assert "key" not in document


def test_whoever_has_not_signed_in_calls_nothing(host, ana):
    ana.execute("SET ROLE anon")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), ana.transaction():
        ana.execute("SELECT public.cancel_booking('bk_1')")


def test_the_check_finds_nothing_to_mend_until_an_end_users_role_is_given_record(host):
    def wrong() -> list[str]:
        return [text for good, text in findings(host) if not good and "fsync" not in text]

    assert wrong() == []
    host.execute("GRANT indelible_recorder TO authenticated")
    assert [text.split(",")[0] for text in wrong()] == ["authenticated may call indelible.record"]
    host.rollback()
