"""Recording in SQL: what `indelible.record` takes, what it refuses in one sentence, and what it mends."""

from __future__ import annotations

import json
import re

import psycopg
import pytest

from indelible.catalogue import registered
from indelible.outbox import sql

DOCUMENT = {
    "action": "booking.cancelled",
    "actor": {"kind": "staff", "id": "usr_12", "name": "Maria Fernandes"},
    "target": {"kind": "booking", "id": "bk_1"},
}


@pytest.fixture
def host(connection):
    """A connection to a database with an outbox, as superuser."""
    sql.install(connection)
    connection.commit()
    return connection


@pytest.fixture(scope="module")
def refusing(server):
    """A connection to an outbox that nothing gets into, for all those tests together."""
    with server.database() as url, psycopg.connect(url) as opened:
        sql.install(opened)
        opened.commit()
        yield opened
        assert opened.execute("SELECT count(*) FROM indelible.outbox").fetchone() == (0,)


def record(host, document, clinic="c_lisbon", function="record"):
    """Record a document, a dict or JSON text, and return its row."""
    text = document if isinstance(document, str) else json.dumps(document)
    with host.transaction():
        key = host.execute(f"SELECT indelible.{function}(%s, %s::json)", (clinic, text)).fetchone()[0]
    return host.execute("SELECT to_jsonb(o) FROM indelible.outbox o WHERE key = %s", [key]).fetchone()[0]


def refusal(host, document, **where) -> str:
    """The sentence of a refusal, which holds no value of the document and is of a class that drivers know."""
    with pytest.raises(psycopg.Error) as refused:
        record(host, document, **where)
    assert (refused.value.sqlstate or "")[:2] in ("22", "23")
    message = refused.value.diag.message_primary or ""
    assert "Maria" not in message
    assert "\n" not in message
    return message


def test_a_document_commits_or_rolls_back_with_the_change_it_tells_of(host):
    host.execute("CREATE TABLE booking (id text)")
    host.commit()
    for end in (host.rollback, host.commit):
        host.execute("INSERT INTO booking VALUES ('bk_1')")
        host.execute("SELECT indelible.record('c_lisbon', %s::json)", [json.dumps(DOCUMENT)])
        end()
        counts = host.execute(
            "SELECT (SELECT count(*) FROM booking), (SELECT count(*) FROM indelible.outbox)"
        ).fetchone()
        host.commit()
        assert counts == ((0, 0) if end == host.rollback else (1, 1))


def test_the_row_says_what_it_is_about_and_who_was_connected(host):
    row = record(host, DOCUMENT)
    assert (row["clinic"], row["action"], row["target_kind"], row["target_id"]) == (
        "c_lisbon", "booking.cancelled", "booking", "bk_1"
    )  # fmt: skip
    assert (row["login"], row["role"]) == ("postgres", "none")
    assert row["document"] == DOCUMENT
    assert (row["imported"], row["erasure"]) == (False, False)


def test_numbers_as_ids_and_null_members_are_taken_as_hosts_have_them(host):
    row = record(host, DOCUMENT | {"target": {"kind": "booking", "id": 17}, "client": None, "key": 4, "operation": 9})
    assert row["target_id"] == "17"


def test_every_action_that_a_host_may_record_is_known_and_none_that_only_the_log_writes(host):
    known = {code for (code,) in host.execute("SELECT code FROM indelible.action")}
    assert known == {cls.code for cls in registered() if not cls.by_journal}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"action": "booking.canceled"}, "action: is no code of this outbox"),
        ({"action": "log.viewed"}, "action: is written only by the log itself"),
        ({"action": "client.anonymized"}, "to erase a client call indelible.anonymize"),
        ({"action": "clinic.closed"}, "action: is written only by the log itself"),
        ({"action": None}, "action: is missing"),
        ({"action": 1}, "action: must be text"),
        ({"actor": None}, "actor: is missing"),
        ({"actor": "Maria"}, "actor: must be an object"),
        ({"actor": {"id": "usr_12", "name": "Maria"}}, "actor.kind: must be staff, "),
        ({"actor": {"kind": "Maria", "id": "usr_12"}}, "actor.kind: must be staff, "),
        ({"actor": {"kind": "staff", "name": "Maria"}}, "actor.id: must be the opaque id"),
        ({"actor": {"kind": "system"}}, "actor.reason: must say why"),
        ({"target": {"kind": "booking"}}, "target: must be an object with kind and id"),
        ({"target": ["booking", "bk_1"]}, "target: must be an object with kind and id"),
        ({"client": {"name": "Maria"}}, "client: must be an object with an id"),
        ({"context": []}, "context: must be an object"),
        ({"request": "web"}, "request: must be an object"),
        ({"people": {}}, "people: must be a list"),
        ({"returned": "yes"}, "returned: must be true"),
        ({"cut": "request.user_agent"}, "cut: must be a list"),
        ({"operation": True}, "operation: must be an id"),
        ({"key": ""}, "key: must be text of 1 to 255"),
        ({"key": "k" * 256}, "key: must be text of 1 to 255"),
        ({"key": "outbox:0b0f"}, "key: must not begin with outbox:"),
        ({"tagret": {"kind": "booking", "id": "bk_1"}}, "document: has an unknown member; it takes action, "),
        ({"occurred_at": "2026-05-03T14:22:31"}, "occurred_at: must be a time with an offset"),
        ({"occurred_at": "2026-02-30T14:22:31Z"}, "occurred_at: must be a time with an offset"),
        ({"occurred_at": "yesterday"}, "occurred_at: must be a time with an offset"),
        ({"occurred_at": 1_777_811_551}, "occurred_at: must be a time with an offset"),
        ({"occurred_at": "2999-01-01T00:00:00Z"}, "occurred_at: is more than five minutes ahead"),
        ({"context": {"reason_text": "x" * 49_152}}, "document: must be a JSON object of at most 49152 bytes"),
        ({"target": {"kind": "booking", "id": "bk_1\0"}}, "document: holds NUL or half of a character where"),
        ({"action": "booking.cancelled\ud800"}, "document: holds NUL or half of a character where"),
        ({"na\0me": 1}, "document: holds NUL or half of a character where"),
    ],
)
def test_a_wrong_document_is_refused_by_the_field(refusing, change, message):
    assert message in refusal(refusing, DOCUMENT | change)


def test_a_document_of_ten_megabytes_is_refused_before_anybody_looks_inside(refusing):
    for large in (
        DOCUMENT | {"context": {"reason_text": "x" * 10_000_000}},
        DOCUMENT | {"context": {"x": [[]] * 2_500_000}},
    ):
        assert refusal(refusing, large).startswith("document: must be a JSON object of at most 49152 bytes")


@pytest.mark.parametrize("text", ["[]", "null", "1", '"booking.cancelled"', "true", '"\\u0000"'])
def test_what_is_no_object_is_refused(refusing, text):
    assert refusal(refusing, text).startswith("document: must be a JSON object")


def test_a_member_that_is_there_twice_is_refused_whichever_of_them_is_read(refusing):
    twice = json.dumps(DOCUMENT)[:-1] + ', "action": "booking.completed"}'
    assert refusal(refusing, twice) == "document: has the same member twice; keep one of them"
    with_nothing = json.dumps(DOCUMENT)[:-1] + ', "action": null}'
    assert refusal(refusing, with_nothing) == "document: has the same member twice; keep one of them"


def test_a_number_that_no_field_takes_is_refused_in_a_sentence(refusing):
    endless = json.dumps(DOCUMENT | {"context": {"late": "?"}}).replace('"?"', "1e999999")
    assert refusal(refusing, endless).startswith("document: holds a number with more digits than any field takes")


def test_the_id_of_a_target_is_kept_as_the_number_is_written(host):
    large = json.dumps(DOCUMENT | {"target": {"kind": "booking", "id": 7}}).replace("7}", "12345678901234567890}")
    assert record(host, large)["target_id"] == "12345678901234567890"


@pytest.mark.parametrize("clinic", ["", None, "Clínica", "c lisbon", "-c", "c" * 65, "c_lisbon\n"])
def test_a_clinic_is_named_as_the_log_names_it(refusing, clinic):
    assert refusal(refusing, DOCUMENT, clinic=clinic).startswith("clinic: must be 1 to 64 letters")


def test_a_user_agent_that_no_text_can_hold_does_not_abort_a_booking_and_is_marked_as_cut(host):
    agent = "Mozilla\0/5.0 \ud83d phone \udc00\ud800 \U0001f600 C:\\u0000 \\\0"
    row = record(host, DOCUMENT | {"request": {"user_agent": agent, "channel": "client_app"}})
    assert row["document"]["request"] == {
        "user_agent": "Mozilla/5.0  phone  \U0001f600 C:\\u0000 \\", "channel": "client_app"
    }  # fmt: skip
    assert row["document"]["cut"] == ["request.user_agent"]
    assert {name: row["document"][name] for name in DOCUMENT} == DOCUMENT


def test_names_and_texts_are_mended_too_beside_what_was_cut_before(host):
    document = DOCUMENT | {
        "actor": {"kind": "agent", "id": "a_1", "on_behalf_of": {"kind": "client", "id": "c_1", "name": "Ana\0"}},
        "people": [{"role": "payer", "id": "c_2", "name": "Rui"}, {"role": "payer", "id": "c_3", "name": "\ud800Eva"}],
        "context": {"reason_text": "late\0", "changes": {"note": {"old": None, "new": ["\udfff!"]}}, "late": True},
        "cut": ["target.name"],
    }
    told = record(host, document)["document"]
    assert told["actor"]["on_behalf_of"]["name"] == "Ana"
    assert [person["name"] for person in told["people"]] == ["Rui", "Eva"]
    assert told["context"] == {"reason_text": "late", "changes": {"note": {"old": None, "new": ["!"]}}, "late": True}
    assert sorted(told["cut"]) == [
        "actor.on_behalf_of.name", "context.changes", "context.reason_text", "people.1.name", "target.name"
    ]  # fmt: skip


def test_what_is_whole_is_kept_letter_by_letter(host):
    text = json.dumps(DOCUMENT | {"context": {"reason_text": "\\u0000 \U0001f600 \\\\ud800 é"}}, indent=1)
    record(host, text)
    assert host.execute("SELECT document::text FROM indelible.outbox").fetchone()[0] == text


def test_history_says_when_it_happened_and_is_marked(host):
    dated = DOCUMENT | {"occurred_at": "2019-05-03t14:22:31.123456789+02:00"}
    assert record(host, dated, function="record_imported")["imported"] is True
    assert refusal(host, DOCUMENT, function="record_imported").startswith("occurred_at: is missing")


def test_an_erasure_waits_in_the_hosts_transaction(host):
    key = host.execute("SELECT indelible.anonymize('c_lisbon', 'cli_77', 'client', key => 'erase-1')").fetchone()[0]
    row = host.execute(
        "SELECT action, target_kind, target_id, document, erasure FROM indelible.outbox WHERE key = %s", [key]
    ).fetchone()
    assert row == (
        "client.anonymized", "client", "cli_77",
        {"client": "cli_77", "requested_by": "client", "key": "erase-1"}, True,
    )  # fmt: skip
    host.commit()
    for arguments, message in (
        ("'c_lisbon', 'ana@example.org', 'client'", "client: must be the opaque id"),
        ("'c_lisbon', NULL, 'client'", "client: must be the opaque id"),
        ("'c_lisbon', 'cli_77', 'owner'", "requested_by: must be client, staff or retention_rule"),
        ("'c lisbon', 'cli_77', 'client'", "clinic: must be 1 to 64"),
        ("'c_lisbon', 'cli_77', 'staff', 'outbox:1'", "key: must not begin with outbox:"),
        ("'c_lisbon', 'cli_77', 'staff', NULL, '{\"kind\": \"staff\"}'", "actor.id: must be"),
    ):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=re.escape(message)), host.transaction():
            host.execute(f"SELECT indelible.anonymize({arguments})")


def test_a_document_in_the_outbox_is_never_changed_also_where_a_session_replicates(host):
    record(host, DOCUMENT)
    for role in ("origin", "replica"):
        with pytest.raises(psycopg.errors.CheckViolation, match="is never changed"), host.transaction():
            host.execute(f"SET LOCAL session_replication_role = {role}")
            host.execute("UPDATE indelible.outbox SET clinic = 'c_porto'")


def test_a_role_that_may_record_may_do_nothing_else(host, server):
    host.execute("CREATE ROLE clinic_app LOGIN IN ROLE indelible_recorder")
    host.commit()
    try:
        with psycopg.connect(server.url_of(host.info.dbname, "clinic_app"), autocommit=True) as app:
            app.execute("SELECT indelible.record('c_lisbon', %s::json)", [json.dumps(DOCUMENT)])
            for statement in (
                "SELECT * FROM indelible.outbox",
                "SELECT * FROM indelible.held",
                "INSERT INTO indelible.outbox (clinic, document) VALUES ('c_lisbon', '{}')",
                "DELETE FROM indelible.outbox",
                "INSERT INTO indelible.action VALUES ('log.viewed')",
                "SELECT indelible.put('c_lisbon', '{}', false)",
                "SELECT indelible.record_imported('c_lisbon', '{}')",
                "SELECT indelible.anonymize('c_lisbon', 'cli_77', 'client')",
                "SELECT indelible.retry(gen_random_uuid())",
                "SELECT indelible.unbind()",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    app.execute(statement)
        login, role = host.execute("SELECT login, role FROM indelible.outbox").fetchone()
        assert (login, role) == ("clinic_app", "none")
    finally:
        host.rollback()
        host.execute("DROP ROLE clinic_app")
        host.commit()


def test_functions_of_the_callers_own_schema_are_not_used_instead_of_the_servers(host):
    host.execute("CREATE SCHEMA evil")
    host.execute(
        "CREATE FUNCTION evil.starts_with(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';"
        "CREATE FUNCTION evil.length(text) RETURNS int LANGUAGE sql AS 'SELECT 1';"
    )
    host.execute("SET search_path = evil, pg_catalog, public")
    host.commit()
    assert "key: must not begin with outbox:" in refusal(host, DOCUMENT | {"key": "outbox:1"})


def test_a_trigger_of_a_host_records_in_plain_sql(host):
    host.execute("""
        CREATE TABLE booking (id text PRIMARY KEY, clinic text, status text);
        CREATE FUNCTION booking_told() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM indelible.record(NEW.clinic, json_build_object(
                'action', 'booking.cancelled',
                'actor', json_build_object('kind', 'system', 'reason', 'job:unpaid'),
                'target', json_build_object('kind', 'booking', 'id', NEW.id)));
            RETURN NEW;
        END $$;
        CREATE TRIGGER told AFTER UPDATE OF status ON booking FOR EACH ROW EXECUTE FUNCTION booking_told();
        INSERT INTO booking VALUES ('bk_7', 'c_lisbon', 'booked');
        UPDATE booking SET status = 'cancelled';
    """)
    assert host.execute("SELECT clinic, target_id FROM indelible.outbox").fetchall() == [("c_lisbon", "bk_7")]
