"""The integrity page: what is on its way into the log, what is held, and how much of what changed was recorded."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from indelible.drain.health import COUNT_BOUND, Health
from indelible.outbox import guard, sql, sqlite_source
from indelible.outbox.guard import Guard, Total
from indelible.service.web.outbox_status import told
from indelible.testing.logs import event
from indelible.testing.postgres import connection, postgres, server

__all__ = ["connection", "postgres", "server"]

STANDS = Guard("booking", "booking", "record", "in order")


def test_outboxes_are_put_together_and_the_age_is_the_oldests():
    found = told(
        [
            Health("accounts", waiting=1, age_seconds=2.0, held={("invalid", True): 1}),
            Health("a", waiting=COUNT_BOUND + 1, age_seconds=61.0, held={("invalid", True): 2, ("x", False): 1}),
            Health("b", problem="does not answer", answers=False),
        ],
        2,
    )
    assert (found.hosts, found.silent, found.waiting, found.more) == (2, 1, COUNT_BOUND + 1, True)
    assert (found.age_seconds, found.slow) == (61.0, True)
    assert [count for count, _ in found.held] == [3, 1]


def test_a_table_is_shown_while_it_is_guarded_or_was_changed():
    totals = (Total("booking", 3, 2, 1, 0, 0), Total("sold", 0, 0, 0, 0, 0), Total("was", 4, 4, 0, 0, 0))
    broken = replace(STANDS, table="item", state="trigger missing")
    (booking, item, was) = told([Health("a", totals=totals, guards=(STANDS, broken))], 1).tables
    assert (booking.name, booking.changes, booking.outside, booking.stands) == ("booking", 3, 1, True)
    assert (item.name, item.changes, item.stands) == ("item", 0, False)
    assert (was.name, was.mode, was.stands) == ("was", "", True)


def test_the_meter_is_full_only_where_every_change_has_an_entry():
    totals = (Total("booking", 100_000, 99_999, 1, 0, 0), Total("charge", 10, 9, 0, 1, 0))
    found = told([Health("a", totals=totals)], 1)
    assert (found.changes, found.with_entry, found.outside, found.still_held) == (100_010, 100_009, 1, 0)
    assert found.with_entry_share == "99.0"
    assert told([Health("a", totals=totals[1:])], 1).with_entry_share == "100.0"
    assert told([], 0).with_entry_share == "100"


# The page


class Page(NamedTuple):
    clinic: str
    get: Callable[..., str]

    def __call__(self, *outboxes, **how) -> str:
        return self.get(*outboxes, **how)


class Host(NamedTuple):
    path: Path
    put: Callable[..., None]

    def __call__(self, clinic, **how) -> None:
        self.put(clinic, **how)


@pytest.fixture
def page(service, monkeypatch):
    """The integrity page of a new clinic: its text in a language, with further outboxes in the environment."""
    from django.conf import settings

    from indelible.service import outbox_probe
    from indelible.service.web import outbox_status

    before = settings.ENVIRONMENT
    log = service.clinic()
    browser = service.client(service.user("owner", log))

    def page(*outboxes, language="en", within=10.0, part=False):
        settings.ENVIRONMENT = replace(before, outboxes=tuple(map(str, outboxes)))
        monkeypatch.setattr(outbox_status, "probe", outbox_probe.Probe(within=within))  # which remembers nothing yet
        headers = {"Accept-Language": language} | ({"HX-Request": "true", "HX-Target": "check"} if part else {})
        answer = browser.get(f"/c/{log.clinic.id}/integrity/", headers=headers)
        assert answer.status_code == 200
        return " ".join(answer.content.decode().split())

    yield Page(log.clinic.id, page)
    settings.ENVIRONMENT = before


@pytest.fixture
def host(tmp_path):
    """A host's SQLite file; puts documents into its outbox, or among those that are held."""
    path = tmp_path / "host.db"
    with closing(sqlite3.connect(path)) as db:
        sqlite_source.install(db)
        db.commit()

    def put(clinic, seconds=0, held=None):
        with closing(sqlite3.connect(path)) as db, db:
            db.execute(
                "INSERT INTO indelible_outbox (clinic, document, at) VALUES (?, ?,"
                " CAST((julianday('now') - 2440587.5) * 86400 - ? AS INTEGER) * 1000000)",
                (clinic, json.dumps(event(1)), seconds),
            )
            if held is not None:
                db.execute(
                    "INSERT INTO indelible_outbox_held SELECT *, ?, 1, at FROM indelible_outbox", (f"{held}: why",)
                )
                db.execute("DELETE FROM indelible_outbox")

    return Host(path, put)


def test_where_no_host_is_drained_nothing_waits_and_nobody_looks(page):
    text = page()
    assert "Nothing waits: all that was handed over is in the log." in text
    assert "Nobody looks: no reservation system’s database is connected" in text
    assert "table by table" not in text


def test_what_waits_and_what_is_held_of_this_clinic_is_shown_and_nothing_of_another(page, host):
    host("c_elsewhere", held="conflict")
    host(page.clinic, held="invalid")
    host("c_elsewhere", seconds=9_000)
    host(page.clinic, seconds=120)
    host(page.clinic, seconds=5)
    text = page(host.path)
    assert "2 documents wait, the oldest for 2 minutes. It should take a second: tell whoever runs the service." in text
    assert "<strong>One document</strong>: not written as the log needs it" in text
    assert "another event" not in text
    assert "Ana" not in text
    assert "It is not set up to look" in text
    assert "2 documentos esperam, o mais antigo há 2 minutos." in page(host.path, language="pt")


def test_the_completeness_of_this_clinic_is_told_with_what_is_only_counted(page, connection, postgres):
    sql.install(connection)
    connection.execute("CREATE TABLE bookings (id text PRIMARY KEY, clinic_id text)")
    connection.execute("CREATE TABLE items (id text PRIMARY KEY, clinic_id text)")
    guard.install(connection, "bookings", "booking", "id", clinic="clinic_id")
    guard.install(connection, "items", "booking", "id", clinic="clinic_id", mode="count")
    connection.commit()
    mine = page.clinic
    for number in range(3):
        document = {"action": "booking.edited", "actor": {"kind": "staff", "id": "usr_1"},
                    "target": {"kind": "booking", "id": str(number)}}  # fmt: skip
        connection.execute("INSERT INTO bookings VALUES (%s, %s)", (str(number), mine))
        if number:
            connection.execute("SELECT indelible.record(%s, %s)", (mine, json.dumps(document)))
        connection.commit()
    connection.execute("INSERT INTO items VALUES ('1', %s), ('2', 'c_elsewhere')", (mine,))
    connection.commit()
    text = page(postgres)
    assert "Of 4 changes in the reservation system in the last 30 days, <strong>2</strong> have an entry." in text
    assert "2 changes were made outside the application." in text
    assert 'aria-label="2 of 4 changes have an entry"' in text
    assert '<rect class="recorded" width="50.0%"' in text
    assert "3 changes, 2 recorded by the application, 1 outside it" in text
    assert "?q=action:record.changed_outside" in text
    assert "1 change, 0 recorded by the application, 1 outside it" in text
    assert "These are only counted" in text
    assert "This is not watched" not in text
    connection.execute("ALTER TABLE items DISABLE TRIGGER USER")
    connection.commit()
    assert text.count("3 changes") == 1
    text = page(postgres, language="pt")
    assert "3 alterações, 2 registadas pela aplicação, 1 fora dela" in text
    assert "Isto não está a ser vigiado" in text


def test_a_database_that_does_not_answer_is_said_and_the_page_is_there(page, host, tmp_path):
    host(page.clinic)
    text = page("postgresql://u:secret@127.0.0.1:1/x", host.path)
    assert "One database that the log takes documents from does not answer as it should." in text
    assert "One document waits" in text
    assert "secret" not in text
    assert "Signed up to now" in text


def test_the_part_that_is_asked_for_each_second_looks_at_no_outbox(page, monkeypatch):
    def never(*given):
        raise AssertionError

    monkeypatch.setattr("indelible.service.web.outbox_status.told", never)
    assert "Verify now" in page(part=True)
