"""What the check of an outbox finds: who may call what, what is missing, and where documents leave."""

from __future__ import annotations

import pytest

from indelible.outbox import sql
from indelible.outbox.grants import findings


@pytest.fixture
def host(connection):
    """A connection to a database with an outbox, as superuser; a test's roles go with the rollback."""
    sql.install(connection)
    yield connection
    connection.rollback()


def wrong(connection, *end_users: str) -> list[str]:
    """What is to be mended; the tests' server does not wait for its disk, which is left out."""
    return [text for good, text in findings(connection, end_users) if not good and "fsync" not in text]


def test_a_new_outbox_has_nothing_to_mend(host):
    assert wrong(host) == []
    assert any("nobody may record" in text for _, text in findings(host))


def test_a_server_may_record_and_is_named(host):
    host.execute("CREATE ROLE clinic_app LOGIN IN ROLE indelible_recorder")
    assert wrong(host) == []
    assert any(text.startswith("clinic_app may record") for _, text in findings(host))


@pytest.mark.parametrize("role", ["authenticated", "anon", "web_anon"])
def test_an_end_users_role_that_may_record_is_named_also_through_another_role(host, role):
    host.execute(f"CREATE ROLE {role}; CREATE ROLE staff_role; GRANT indelible_recorder TO staff_role")
    assert wrong(host) == []
    host.execute(f"GRANT staff_role TO {role}")
    (found,) = wrong(host)
    assert found.startswith(f"{role} may call indelible.record, and so every user of the host")


def test_a_hosts_own_name_for_end_users_is_heeded(host):
    host.execute("CREATE ROLE portal IN ROLE indelible_recorder")
    assert wrong(host) == []
    assert [text.split(",")[0] for text in wrong(host, "portal")] == ["portal may call indelible.record"]


def test_everybody_is_nobody_that_should_record(host):
    host.execute("GRANT EXECUTE ON FUNCTION indelible.record_imported(text, json) TO PUBLIC")
    host.execute("GRANT USAGE ON SCHEMA indelible TO PUBLIC")
    found = wrong(host)
    assert any(text.startswith("PUBLIC may call indelible.record_imported") for text in found)
    assert any("open to PUBLIC" in text for text in found)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DROP TRIGGER outbox_refuses_update ON indelible.outbox", "is gone"),
        ("ALTER TABLE indelible.outbox DISABLE TRIGGER outbox_refuses_update", "is disabled"),
        ("ALTER TABLE indelible.outbox ENABLE TRIGGER outbox_refuses_update", "is disabled"),
        ("ALTER FUNCTION indelible.record(text, json) RESET search_path", "record is not as it was made"),
        ("ALTER FUNCTION indelible.retry(uuid, json) SECURITY INVOKER", "retry is not as it was made"),
        ("DELETE FROM indelible.action WHERE code = 'booking.cancelled'", "Of this release's actions 1 cannot"),
        ("CREATE ROLE app; GRANT INSERT ON indelible.outbox TO app", "app has rights on indelible.outbox"),
        ("CREATE PUBLICATION everything FOR ALL TABLES", "The publication everything streams waiting documents"),
        ("CREATE ROLE authenticator; ALTER ROLE authenticator SET pgrst.db_schemas = 'public, indelible'",
         "PostgREST offers the schema indelible"),
        ("DROP OWNED BY indelible_drainer; ALTER ROLE indelible_drainer RENAME TO gone", "indelible_drainer is not"),
        ("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC", "may not call pg_control_system"),
        ("INSERT INTO indelible.version VALUES (999)", "which this release does not know"),
        ("DROP SCHEMA indelible CASCADE", "There is no outbox here"),
    ],
)  # fmt: skip
def test_what_was_changed_is_found(host, statement, message):
    host.execute(statement)
    (found,) = wrong(host)
    assert message in found
