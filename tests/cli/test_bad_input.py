"""Bad documents and bad databases: one sentence that names the field, no personal value in it, and nothing lost."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from sqlite3 import connect

import pytest

from indelible.testing.logs import event

EMAIL, NAME, PHONE = "ana.sousa@example.org", "Ana Sousa", "+351912345678"
STAFF = {"kind": "staff", "id": "usr_12"}


def paid(**context):
    return event(
        action="charge.succeeded",
        target={"kind": "charge", "id": "ch_1"},
        context={"amount_minor": 100, "currency": "EUR"} | context,
    )


def cancelled(**context):
    return event(context=context)


BAD = [
    ("the document is not JSON", '{"action": "booking.cancelled", "name": "Ana Sousa'),
    ("the document is not JSON", "Ana Sousa, ana.sousa@example.org"),
    ("the document is not JSON", ""),
    ("the document must be a JSON object", f'"{EMAIL}"'),
    ("the document must be a JSON object", f'["{EMAIL}"]'),
    ("the same member twice", f'{{"action": "{EMAIL}", "action": "{EMAIL}"}}'),
    ("NaN", '{"action": NaN}'),
    ("action: is not an action", event(action="booking.canceled")),
    ("action: is not an action", event(action=EMAIL)),
    ("action: must be text", event(action=1)),
    ("action: is missing", event(action=None)),
    ("action: log.exported is written only by the log itself", event(action="log.exported")),
    ("action: client.anonymized is written only by the log itself", event(action="client.anonymized")),
    ("actor: is missing", event(actor=None)),
    ("actor.kind: must be one of", event(actor={"kind": NAME, "id": "usr_12"})),
    ("actor.id: is missing", event(actor={"kind": "staff"})),
    ("actor.id: looks like an e-mail", event(actor={"kind": "staff", "id": EMAIL})),
    ("actor.id: looks like an e-mail", event(actor={"kind": "staff", "id": PHONE})),
    ("actor.reason: must say why", event(actor={"kind": "system", "reason": f"because {NAME} said so"})),
    ("actor.reason: does not belong", event(actor=STAFF | {"reason": NAME})),
    ("actor.name: must be text", event(actor=STAFF | {"name": [NAME]})),
    ("actor: must be an object", event(actor=NAME)),
    ("target.id: looks like an e-mail", event(target={"kind": "booking", "id": EMAIL})),
    ("target.kind: must be booking", event(target={"kind": NAME, "id": "bk_1"})),
    ("target: is missing", event(target=None)),
    ("client.id: looks like an e-mail", event(client={"id": EMAIL, "name": NAME})),
    ("client.id: looks like an e-mail", event(client={"id": PHONE})),
    ("client.id: is missing", event(client={"name": NAME})),
    ("people.0.role: must be one of", event(people=[{"role": NAME, "id": "cli_1"}])),
    ("people.0.id: looks like an e-mail", event(people=[{"role": "payer", "id": EMAIL}])),
    ("people: must be a list", event(people={"role": "payer", "id": EMAIL})),
    ("context.reason_txt: is not a field here; did you mean reason_text?", cancelled(reason_txt=NAME)),
    ("is not a field here", event() | {EMAIL: NAME}),
    ("context.late: must be true or false", cancelled(late=NAME)),
    ("context.notice_minutes: must be an integer", cancelled(notice_minutes=NAME)),
    ("context.starts_at: is not an RFC 3339 time", cancelled(starts_at=NAME)),
    ("context.starts_at: ", cancelled(starts_at=f"2026-05-03T14:22:31 {EMAIL}")),
    ("context.confirmation: must be one of", cancelled(confirmation=EMAIL)),
    ("context.reason_text: must be text", cancelled(reason_text=[EMAIL])),
    ("context.reason_code: ", cancelled(reason_code=EMAIL)),
    ("context.practitioner.id: looks like an e-mail", cancelled(practitioner={"id": EMAIL, "name": NAME})),
    ("context.practitioner: must be an object", cancelled(practitioner=NAME)),
    ("context.charge: looks like an e-mail", cancelled(charge=EMAIL)),
    ("context: must be an object", event(context=NAME)),
    ("context.amount_minor: is a floating-point number", paid(amount_minor=45.5)),
    ("context.amount_minor: is a floating-point number", paid(amount_minor=45.0)),
    ("context.amount_minor: must be an integer", paid(amount_minor="45 for Ana Sousa")),
    ("context.amount_minor: is negative", paid(amount_minor=-1)),
    ("context.amount_minor: ", paid(amount_minor=2**53)),
    ("context.currency: ", paid(currency=NAME)),
    (
        "context.amount_minor: is missing",
        event(action="charge.succeeded", target={"kind": "charge", "id": "c"}, context={}),
    ),
    ("occurred_at: ", event(occurred_at="2026-05-03T14:22:31")),
    ("occurred_at: ", event(occurred_at=f"on Sunday, says {NAME}")),
    ("occurred_at: must be text", event(occurred_at=1_777_810_951)),
    ("occurred_at: is more than 5 minutes ahead", event(occurred_at="2999-01-01T00:00:00Z")),
    ("occurred_at: ", event(occurred_at="2026-02-30T00:00:00Z")),
    ("request.ip: must be an IPv4", event(request={"ip": EMAIL})),
    ("request.ip: must be an IPv4", event(request={"ip": "fe80::1%Ana Sousa"})),
    ("request.channel: must be a short word", event(request={"channel": NAME})),
    ("operation: looks like an e-mail", event(operation=EMAIL)),
    ("key: must be", event(key=EMAIL)),
    ("actor.name: holds a NUL", event(actor=STAFF | {"name": "Ana\x00 Sousa"})),
    ("context.reason_text: holds a NUL", cancelled(reason_text="Ana\x00 Sousa")),
    ("target.id: holds a control", event(target={"kind": "booking", "id": "Ana\x00 Sousa"})),
    ("actor.name: holds a lone surrogate", event(actor=STAFF | {"name": "Ana\ud800 Sousa"})),
    ("context.reason_text: holds a lone surrogate", cancelled(reason_text="Ana\udfff Sousa")),
    ("target.id: holds a control", event(target={"kind": "booking", "id": "Ana\udfff Sousa"})),
    ("is not a field here", event() | {"\ud800 Ana Sousa": 1}),
    ("the document is nested too deeply", "[" * 20_000),
    ("the document has more than 49152 bytes", " " * 50_000),
    ("more digits", '{"action": ' + "7" * 5_000 + "}"),
]


@pytest.mark.parametrize(
    ("says", "document"), BAD, ids=[f"{number}-{says[:30]}" for number, (says, _) in enumerate(BAD)]
)
def test_a_bad_document_is_one_sentence_without_a_personal_value(cli, says, document):
    data = (document if isinstance(document, str) else json.dumps(document)).encode()
    line = cli.refused("record", "-", stdin=data)
    assert says in line
    for planted in (EMAIL, NAME, PHONE, "sousa@", "912345678"):
        assert planted not in line
    assert cli.ok("list", "--json").out == ""


def test_bytes_that_are_not_utf_8(cli):
    assert cli.refused("record", "-", stdin=b'{"action": "\xff"}').startswith(
        "the document is not UTF-8 text (byte 13)"
    )


def test_a_document_may_be_an_argument(cli):
    assert cli.ok("record", json.dumps(event())).out.startswith("entry 1  ")
    recorded = json.loads(cli.ok("record", json.dumps(event(key="k")), "--json").out)
    again = json.loads(cli.ok("record", json.dumps(event(key="k")), "--json").out)
    assert (recorded["seq"], recorded["repeated"], again) == (2, False, recorded | {"repeated": True})


def test_a_key_with_another_document_is_refused_by_its_entry(cli):
    cli.ok("record", json.dumps(event(key="k")))
    line = cli.refused("record", json.dumps(event(2, key="k", client={"id": "cli_9", "name": NAME})))
    assert line.startswith("key: was used before, by entry 1")
    assert NAME not in line


# Databases and keys


COMMANDS = [
    ("list",),
    ("verify",),
    ("show", "1"),
    ("record", json.dumps(event())),
    ("import", "-"),
    ("export",),
    ("checkpoint",),
    ("clinic", "list"),
    ("clinic", "set-time-zone", "UTC"),
    ("adopt",),
]


@pytest.fixture
def recorded(cli):
    cli.record(event())
    return cli


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_database(empty, command):
    assert empty.refused(*command) == "there is no database at activity.db; `indelible init` makes one"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_file_that_is_no_database(recorded, command):
    (recorded.folder / "activity.db").write_bytes(b"not a database, but long enough to have a header" * 30)
    assert recorded.refused(*command) == "the file is not an SQLite database"


def test_an_sqlite_database_of_somebody_else(recorded):
    (recorded.folder / "activity.db").unlink()
    recorded.sql("CREATE TABLE guest (name TEXT)")
    assert "is a database without an activity log" in recorded.refused("list")


def test_a_newer_schema(recorded):
    recorded.sql("UPDATE indelible_schema SET version = 99")
    assert "was made by a newer Indelible (schema 99; this one knows 1)" in recorded.refused("list")
    recorded.sql("UPDATE indelible_schema SET version = 1")
    assert len(recorded.ok("list", "--json").lines) == 1


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_lost_master_key(recorded, command):
    (recorded.folder / "activity.db.key").unlink()
    assert recorded.refused(*command).startswith("the master key is not at activity.db.key; put it back")


def test_a_wrong_master_key_is_not_shown(recorded):
    wrong = "indelible-master-key-1:" + "ab" * 32
    (recorded.folder / "activity.db.key").write_text(wrong + "\n")
    line = recorded.refused("list")
    assert "is not the one that this database was made with" in line
    assert "abab" not in line


@pytest.mark.parametrize("text", ["", "ab" * 32, "indelible-master-key-1:xyz", "indelible-master-key-1:" + "ab" * 31])
def test_a_key_file_that_holds_no_key_is_not_shown(recorded, text):
    (recorded.folder / "activity.db.key").write_text(text)
    line = recorded.refused("list")
    assert "does not hold a master key" in line
    assert "abab" not in line


def test_a_key_in_the_environment_that_is_no_key_is_not_shown(recorded, monkeypatch):
    monkeypatch.setenv("INDELIBLE_MASTER_KEY", "ab" * 32)
    assert "abab" not in recorded.refused("list")


def test_a_key_file_that_others_may_read(recorded):
    (recorded.folder / "activity.db.key").chmod(0o644)
    assert recorded.refused("list").endswith("run: chmod 600 activity.db.key")


def test_a_damaged_database_is_one_sentence(recorded):
    recorded.record(*(event(number) for number in range(100)))
    with closing(connect(recorded.folder / "activity.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = recorded.folder / "activity.db"
    data = bytearray(path.read_bytes())
    data[8_192:] = bytes(len(data) - 8_192)
    path.write_bytes(data)
    recorded.refused("verify")


def test_an_entry_whose_body_was_broken_is_named(recorded):
    recorded.sql("DROP TRIGGER indelible_entry_no_update")
    recorded.sql("UPDATE indelible_entry SET body = x'7b'")
    assert recorded.refused("list") == "entry 1 cannot be read: its body was changed; run indelible verify"


def test_a_full_disk_for_the_database(cli, monkeypatch):
    """The page limit of SQLite is a full disk to it."""
    from indelible.stores.sqlite import connection as sqlite

    unlimited = sqlite.connect

    def limited(path):
        connection = unlimited(path)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 4}")
        return connection

    lines = "".join(json.dumps(event(number)) + "\n" for number in range(200)).encode()
    monkeypatch.setattr(sqlite, "connect", limited)
    assert cli.refused("import", "-", stdin=lines).startswith("the disk is full; nothing of this was recorded")
    monkeypatch.setattr(sqlite, "connect", unlimited)
    assert cli.ok("list", "--json").out == ""
    assert cli.ok("import", "-", stdin=lines).out == "200 recorded, 0 there already, 0 refused\n"
    assert cli.ok("verify").code == 0


# The command line itself


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("frobnicate",), "No such command 'frobnicate'"),
        (("lsit",), "Did you mean 'list'"),
        (("list", "--limt", "3"), "--limt"),
        (("list", "--limit", "x"), "--limit"),
        (("list", "--limit", "-1"), "--limit"),
        (("show",), "ENTRY"),
        (("import",), "FILE"),
        (("export", "--format", "ods"), "--format"),
        (("record", "a", "b"), "unexpected"),
        (("verify", "--nope"), "--nope"),
        (("list", "actor:x", "--jsn"), "--jsn"),
        (("clinic", "add", "c"), "--name"),
        (("--nope", "list"), "--nope"),
    ],
)
def test_a_mistyped_command_is_one_line(cli, command, says):
    assert says in cli.refused(*command)


@pytest.mark.parametrize("command", [(), ("clinic",)])
def test_without_a_command_there_is_help_and_exit_2(cli, command):
    result = cli(*command)
    assert result.code == 2
    assert "Usage" in result.out + result.err
    assert result.err.endswith("indelible: say which command\n")


@pytest.mark.parametrize("command", [(), ("list",), ("import",), ("verify",), ("clinic", "add")])
def test_help_is_output_and_exit_0(cli, command):
    result = cli.ok(*command, "--help")
    assert "Usage" in result.out
    assert result.err == ""


@pytest.mark.parametrize("name", ["x\x1b[31mred", "a\nb", "\u202egnp.db"])
def test_a_path_cannot_control_the_terminal_through_an_error(empty, name):
    line = empty.refused("--database", name, "list")
    assert "\x1b" not in line
    assert "\u202e" not in line


def test_a_lost_head_store_is_mended_by_adopt_and_not_twice(recorded):
    (recorded.folder / "activity.db.keep" / "heads").unlink()
    assert recorded("verify").code == 2
    assert recorded.refused("checkpoint").startswith("the head store has no head for this log")
    recorded.ok("adopt")
    assert recorded.ok("verify").code == 0
    assert recorded.refused("adopt").startswith("the head store already has a head")


def test_a_restored_backup_is_not_signed(recorded):
    shutil.copy(recorded.folder / "activity.db", recorded.folder / "backup.db")
    recorded.record(event(2))
    shutil.copy(recorded.folder / "backup.db", recorded.folder / "activity.db")
    for path in recorded.folder.glob("activity.db-*"):
        path.unlink()
    assert "an older backup was restored" in recorded.refused("checkpoint")
    assert recorded("verify").code == 1


def test_a_secret_is_refused_by_record_and_by_import_and_is_not_shown(cli):
    changes = [{"field": "smtp_password", "old": None, "new": "hunter2"}]
    told = {"action": "settings.changed", "actor": STAFF, "target": {"kind": "clinic", "id": "c_lisbon"},
            "context": {"section": "mail", "changes": changes}}  # fmt: skip
    said = cli.refused("record", json.dumps(told))
    assert said.startswith(
        "context.changes.0: smtp_password is a secret by its name, and a log keeps none; say only that"
    )
    lines = cli("import", "-", stdin=json.dumps(told).encode())
    assert lines.code == 2
    assert "hunter2" not in said + lines.out + lines.err
    assert cli.ok("list", "--json").lines == []


def test_the_name_of_a_file_in_the_place_of_a_document_is_said(cli):
    (cli.folder / "doc.json").write_text("{}")
    assert "`indelible record - < FILE`" in cli.refused("record", "doc.json")
    assert "`indelible record - < FILE`" in cli.refused("record", "not-there.json")


def test_a_name_in_the_place_of_an_id_is_said(cli):
    cli.record(event(1))
    assert "indelible list maria" in cli("list", "actor:maria").err
    assert "indelible list ana" in cli("list", "client:ana").err
    assert "id" not in cli("list", "actor:usr_12 from:2030-01-01").err.replace("incident", "")


def test_the_release_is_said(cli):
    assert cli.ok("--version").out.startswith("indelible 0.")
