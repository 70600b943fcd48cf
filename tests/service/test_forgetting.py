"""Anonymizing on the pages: what waits in the outboxes is drained first, and what is held there is emptied."""

from __future__ import annotations

import json
import logging
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from indelible.outbox import sqlite_source
from indelible.testing.logs import event


@pytest.fixture
def outboxes(service):
    """Names further outboxes in the environment."""
    from django.conf import settings

    before = settings.ENVIRONMENT

    def names(*paths):
        settings.ENVIRONMENT = replace(before, outboxes=tuple(map(str, paths)))

    yield names
    settings.ENVIRONMENT = before


@pytest.fixture
def clinic(service, tmp_path, outboxes):
    """A clinic, and a host's file with a document of it that waits and one that is held."""
    from indelible.service.shared_journal import journal
    from indelible.stores.contract import SourceRow

    log = service.clinic()
    path = tmp_path / "host.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        sqlite_source.install(db)
        for document in (event(1), event(2, actor=None)):
            row = (log.clinic.id, json.dumps(document))
            db.execute("INSERT INTO indelible_outbox (clinic, document) VALUES (?, ?)", row)
    with closing(sqlite_source.SQLiteSource(path)) as source:
        journal().store.keep_source(SourceRow(*source.identity()))
    outboxes(path)
    log.record_document(event(3))
    return log, path


def held(path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [document for (document,) in db.execute("SELECT document FROM indelible_outbox_held")]


def warnings(answer) -> str:
    return " ".join(str(one) for one in answer.context["messages"])


def anonymize(service, log):
    browser = service.client(service.user("owner", log))
    address = f"/c/{log.clinic.id}/story/client/cli_77/anonymize/"
    return browser.post(address, {"requested_by": "client", "sure": "on"}, follow=True)


def test_what_waits_goes_with_the_rest_and_what_is_held_is_emptied(service, clinic):
    log, path = clinic
    answer = anonymize(service, log)
    assert "The client was anonymized." in warnings(answer)
    assert held(path) == ["{}"]
    (entry,) = log.read("action:client.anonymized")
    assert entry.members["erases"]["up_to_seq"] == entry.seq - 1 >= 2
    assert "Ana" not in str([view.client for view in log.read("")])


def test_an_outbox_out_of_reach_is_said_to_who_asked(service, clinic, outboxes):
    log, path = clinic
    outboxes(path, "postgresql://u:secret@127.0.0.1:1/x")
    answer = anonymize(service, log)
    assert "could not be looked into, and may still name the client" in warnings(answer)
    assert "secret" not in answer.content.decode()
    assert held(path) == ["{}"]


def test_the_clients_own_button_does_the_same_and_logs_what_could_not_be_reached(service, clinic, outboxes, caplog):
    from indelible.service.web.pages.story import sign

    log, path = clinic
    outboxes(path, "postgresql://u:secret@127.0.0.1:1/x")
    with caplog.at_level(logging.ERROR, "indelible.forgetting"):
        assert service.client().post(f"/forget/{sign(log.reading(), 'cli_77')}/").status_code == 200
    assert held(path) == ["{}"]
    assert "127.0.0.1:1/x does not answer" in caplog.text
    assert "secret" not in caplog.text
    assert "cli_77" not in caplog.text
