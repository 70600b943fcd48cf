"""`indelible anonymize`: what it says, what it leaves, and what it refuses."""

from __future__ import annotations

import json
from contextlib import closing
from sqlite3 import connect

import pytest

from indelible.outbox import sqlite_source
from indelible.testing.logs import event

ANA = {"id": "cli_77", "name": "Ana Sousa"}
PAID = event(action="charge.succeeded", actor={"kind": "client"} | ANA, client=None,
             target={"kind": "charge", "id": "ch_1"},
             context={"amount_minor": 100, "currency": "EUR", "stripe_charge": "ch_3N"})  # fmt: skip


def anonymize(cli, *arguments, client="cli_77"):
    return cli.ok("anonymize", client, "--requested-by", "client", *arguments)


def test_it_says_what_went_what_was_kept_and_which_entry_accounts_for_it(cli):
    cli.record(event(1), PAID)
    lines = anonymize(cli).out.splitlines()
    assert lines == [
        "Erased, in this database and in every copy of it; entry 3 accounts for it.",
        "Nobody has the keys of the client's names, ids, texts, IP addresses and devices any more.",
        "Evidence values (Stripe ids) stay; by themselves they name nobody.",
    ]


def test_what_was_sealed_is_removed_and_an_entry_says_how_much_it_was(cli):
    cli.record(event(1), PAID)
    anonymize(cli)
    (entry,) = cli.ok("list", "action:log.scrubbed", "--json").lines
    assert entry["seq"] == 4
    assert entry["context"] == {"erased_by": 3, "entries": 2, "identity_values": 6, "network_values": 2}
    with closing(connect(cli.folder / "activity.db")) as db:
        left = [len(sealed) for (sealed,) in db.execute("SELECT sealed FROM indelible_entry ORDER BY seq LIMIT 2")]
    assert 0 < left[1] < left[0], "the first has its actor's values, the second nothing but the Stripe id"


def test_afterwards_the_list_shows_an_anonymous_client_and_verify_accounts_for_what_is_gone(cli):
    cli.record(event(1), PAID)
    anonymize(cli)
    shown = cli.ok("list").out
    assert "Anonymous client" in " ".join(shown.split())
    assert "Ana" not in shown
    assert "cli_77" not in cli.ok("list", "--json").out
    assert "No entry fits" in cli.ok("list", "Sousa").err
    assert cli.ok("verify").code == 0


def test_the_entry_names_who_did_it_and_who_asked(cli):
    cli.record(event(1))
    cli.ok("anonymize", "cli_77", "--requested-by", "staff", "--as", "usr_9", "--as-name", "Rui Alves")
    (entry,) = cli.ok("list", "action:client.anonymized", "--json").lines
    assert entry["actor"] == {"kind": "staff", "id": "usr_9", "name": "Rui Alves"}
    assert entry["context"]["requested_by"] == "staff"
    assert entry["erases"] == {"classes": ["identity", "network"], "up_to_seq": 1}


@pytest.mark.parametrize(
    ("client", "words"),
    [("cli_nobody", "no client is known by this id"), ("usr_12", "record staff.deactivated")],
)
def test_an_id_by_which_no_client_is_known_is_refused_and_changes_nothing(cli, client, words):
    cli.record(event(1))
    assert words in cli.refused("anonymize", client, "--requested-by", "client")
    assert len(cli.ok("list", "--json").lines) == 1


def test_the_second_time_nobody_is_known_by_the_id(cli):
    cli.record(event(1))
    anonymize(cli)
    assert "was anonymized before" in cli.refused("anonymize", "cli_77", "--requested-by", "client")
    assert len(cli.ok("list", "--json").lines) == 3


@pytest.mark.parametrize(
    "arguments", [("cli_77",), ("cli_77", "--requested-by", "somebody"), ("--requested-by", "client")]
)
def test_who_and_on_whose_wish_must_be_said(cli, arguments):
    cli.record(event(1))
    cli.refused("anonymize", *arguments)
    assert len(cli.ok("list", "--json").lines) == 1


def test_it_waits_for_no_reader_and_a_copy_of_before_is_erased_with_the_rest(cli, monkeypatch):
    monkeypatch.setattr("indelible.stores.sqlite.connection.BUSY_SECONDS", 0.05)
    cli.record(event(1), event(2, client={"id": "cli_78", "name": "Rui Alves"}))
    cli.ok("backup", "before.db")
    with closing(connect(cli.folder / "activity.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM indelible_entry").fetchone()
        anonymize(cli)
        reader.execute("COMMIT")
    monkeypatch.setenv("INDELIBLE_MASTER_KEY", "activity.db.key")
    monkeypatch.setenv("INDELIBLE_KEEP", "activity.db.keep")
    before = cli.ok("--database", "before.db", "list", "--json").out
    assert "Rui Alves" in before
    assert "Ana" not in before
    assert "cli_77" not in before


def test_a_copy_of_the_keep_that_was_made_before_is_named(cli):
    cli.record(event(1), event(2, client={"id": "cli_78", "name": "Rui Alves"}))
    cli.ok("keep", "copy", "copy")
    done = cli("anonymize", "cli_77", "--requested-by", "client")
    assert done.code == 2
    assert "A copy of the keep was made before, and can still open the values: run `indelible keep copy" in done.err
    cli.ok("keep", "copy", "copy")
    done = cli("anonymize", "cli_78", "--requested-by", "client")
    assert done.code == 2, "and again for the next one"


def test_a_record_that_was_merged_with_it_is_named_and_stays(cli):
    cli.record(event(1), event(2, client={"id": "cli_78", "name": "A. Sousa"}),
               event(action="client.merged", client=None, target={"kind": "client"} | ANA,
                     context={"merged": {"id": "cli_78", "name": "A. Sousa"}}))  # fmt: skip
    said = anonymize(cli).err
    assert "anonymize cli_78 too" in said
    assert "cli_78" in cli.ok("list", "--json").out


# Outboxes


@pytest.fixture
def host(cli, monkeypatch):
    """A host's file with an outbox, in which a document of the client waits and another one is held."""
    monkeypatch.delenv("INDELIBLE_OUTBOXES", raising=False)
    with closing(connect("host.db", isolation_level=None)) as db:
        sqlite_source.install(db)
        for document in (event(1), event(2, actor=None)):
            db.execute(
                "INSERT INTO indelible_outbox (clinic, document) VALUES ('c_lisbon', ?)", (json.dumps(document),)
            )


def test_what_waits_in_a_hosts_outbox_goes_too_and_what_is_held_there_is_emptied(cli, host):
    done = anonymize(cli, "--outbox", "host.db")
    assert "entry 3 accounts for it" in done.out
    assert "Emptied 1 held documents that named the client." in done.err
    assert "anonymized: it was emptied" in cli.ok("outbox", "held", "host.db").out


def test_outboxes_are_those_of_the_environment_and_one_out_of_reach_is_named(cli, host, monkeypatch):
    monkeypatch.setenv("INDELIBLE_OUTBOXES", "host.db nowhere.db")
    done = cli("anonymize", "cli_77", "--requested-by", "client")
    assert done.code == 2
    assert "entry 3 accounts for it" in done.out
    assert "May still name the client, so run this command again when it can be reached: nowhere.db: " in done.err


def test_a_known_database_that_nobody_named_is_said(cli, host):
    cli.ok("drain", "host.db", "--once")
    done = cli("anonymize", "cli_77", "--requested-by", "client")
    assert done.code == 2
    assert "1 further of the databases that this log is drained from may still name the client" in done.err
    assert "Emptied 1" in cli("anonymize", "cli_77", "--requested-by", "client", "--outbox", "host.db").err
