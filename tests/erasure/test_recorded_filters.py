"""What a recorded filter keeps of a client: nothing, whatever the key and spelling, once the client is anonymized."""

from __future__ import annotations

from contextlib import closing
from dataclasses import fields
from datetime import date

import pytest

from indelible.journal import Journal
from indelible.read import query
from indelible.read.filter_names import CLOSED, WITHOUT_TEXT
from indelible.read.query import Choice, Query
from indelible.record.document import Staff
from indelible.recorder import Recorder
from indelible.testing.logs import assert_intact, event

BY = Staff("usr_9", "Rui Kept")
OTHER = {"id": "cli_78", "name": "Bruno Kept"}
STRIPE, MONEY = "cus_Ev1dence", {"amount_minor": 100, "currency": "EUR"}
# Ids that a host may use for a client, and the ways in which somebody may write them behind a key.
IDS = ["cli_planted", "client/planted", "booking/planted", "planted with spaces", 'planted"quoted', "7-planted"]
OPEN = sorted({one.name for one in fields(Choice)} - CLOSED)


def _with(choice, other):
    """A choice that takes another value too, under each key that it has."""
    members = {one.name: getattr(choice, one.name) for one in fields(choice)}
    return Choice(**{name: values | {other} if values else values for name, values in members.items()})


AROUND = {
    "alone": lambda wanted: wanted,
    "excluded": lambda wanted: Query(unwanted=wanted.wanted),
    "with another": lambda wanted: Query(wanted.wanted, Choice(clients=frozenset({"cli_78"}))),
    "or another": lambda wanted: Query(_with(wanted.wanted, "cli_78")),
    "with days and words": lambda wanted: Query(wanted.wanted, first=date(2026, 5, 1), words=("Planted Ana",)),
}  # fmt: skip
RECORD = {
    "export": lambda log, wanted: Recorder(log, BY).exported(
        log.reading(), wanted, log.checkpoint(), format="csv", profile="csv", up_to=log.size
    ),
    "view": lambda log, wanted: Recorder(log, BY).viewed(log.reading(), wanted),
}


def fill(log, client_id):
    """Three entries of a client: concerned, acting, and paying with a Stripe id of their own."""
    ana = {"id": client_id, "name": "Ana Planted"}
    log.record_document(event(1, client=ana))
    log.record_document(event(2, actor={"kind": "client"} | ana, client=OTHER))
    log.record_document(event(3, action="charge.succeeded", actor={"kind": "integration", "id": "stripe"}, client=ana,
                              target={"kind": "charge", "id": "ch_own"},
                              context=MONEY | {"stripe_charge": STRIPE}))  # fmt: skip


def left_of(log, seq):
    """All that an entry says, and all that is sealed with it."""
    view = log.entry(seq)
    return str(view.document()) + str(view.members) + str(view.values) + view.sentence


@pytest.mark.parametrize("record", RECORD.values(), ids=RECORD)
@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
@pytest.mark.parametrize("member", OPEN)
def test_no_spelling_of_a_client_s_id_outlives_the_client(journal, log, attack, member, around, record):
    recorded: dict[str, list[int]] = {}
    for number, client_id in enumerate(IDS):
        fill(log, client_id)
        for value in (client_id, f"client/{client_id}", f"booking/{client_id}"):
            wanted = around(Query(Choice(**{member: frozenset({value})})))
            recorded.setdefault(client_id, []).append(record(log, wanted).seq)
        assert log.entry(number * 6 + 4).action.startswith("log.")
    for client_id in IDS:
        log.anonymize(client_id, requested_by="client", actor=BY)
    seqs = [seq for listed in recorded.values() for seq in listed]
    assert [seq for seq in seqs if "lanted" in left_of(log, seq)] == []
    assert attack(journal, ["lanted"]) == []
    assert_intact(log)


@pytest.mark.parametrize("record", RECORD.values(), ids=RECORD)
@pytest.mark.parametrize(
    "words",
    ["stripe:cli_planted", "-stripe:cli_planted", "actor:client/planted", "operation:cli_planted",
     f"stripe:{STRIPE}", f"-stripe:{STRIPE} client:cli_78", 'about:"Ana Planted"', "target:planted@example.org",
     'client:"Ana Planted" Planted -Planted', "about:203.0.113.77 operation:+351912345678"],
)  # fmt: skip
def test_a_filter_as_it_is_typed_keeps_nothing_of_the_client(log, words, record):
    for client_id in ("cli_planted", "client/planted"):
        fill(log, client_id)
    seq = record(log, log.reading().parse(words)).seq
    for client_id in ("cli_planted", "client/planted"):
        log.anonymize(client_id, requested_by="client", actor=BY)
    again = record(
        log, log.reading().parse(words)
    ).seq  # of a client who was anonymized before nothing is written down anew
    for one in (seq, again):
        assert [text for text in ("lanted", "203.0.113.77", "351912345678", STRIPE) if text in left_of(log, one)] == []


def recorded(log, words):
    done = RECORD["export"](log, log.reading().parse(words))
    return log.entry(done.seq).context.get("filter")


def test_a_booking_with_the_id_of_a_client_is_recorded_as_the_booking(log):
    """Once the client is gone, the id in a filter can only mean the booking, and says so."""
    log.record_document(event(1, client={"id": "7", "name": "Ana Planted"}, target={"kind": "booking", "id": "7"}))
    assert recorded(log, "about:7") == "about:7"  # the client's, and goes with the client
    log.anonymize("7", requested_by="client", actor=BY)
    assert log.entry(2).context.get("filter") is None
    assert recorded(log, "about:7") == recorded(log, "about:booking/7") == "about:booking/7"
    assert recorded(log, "client:7 operation:7 actor:7") == "actor:unknown client:unknown operation:unknown"


def test_what_names_no_client_is_recorded_as_it_was_asked(log):
    log.record_document(event(1, client=OTHER, operation="op_1"))
    log.record_document(event(2, action="charge.succeeded", actor={"kind": "integration", "id": "stripe"}, client=None,
                              target={"kind": "charge", "id": "ch_1"},
                              context=MONEY | {"stripe_charge": "ch_nobodys"}))  # fmt: skip
    log.record_document(event(3, actor={"kind": "agent", "id": "assistant_1"}, client=None))
    for words in ("actor:usr_12", "actor:stripe", "actor:assistant_1", "actor:agent",
                  "actor:system", "operation:op_1", "about:booking/bk_1",
                  "target:charge/ch_1", "stripe:charge/ch_1", "stripe:ch_nobodys", "category:payments from:2026-05-01",
                  "action:charge.succeeded -actor:usr_12", "about:staff/usr_12"):  # fmt: skip
        assert recorded(log, words) == words
    assert recorded(log, "target:ch_1") == "target:charge/ch_1"
    assert recorded(log, "about:usr_12") == "about:staff/usr_12"


def test_a_filter_too_long_when_written_out_keeps_its_closed_words_alone(log):
    log.record_document(event(1, client=OTHER, target={"kind": "booking", "id": "b" * 199}))
    assert recorded(log, f"category:bookings about:{'b' * 199}") == "category:bookings about:unknown"


def test_whatever_a_filter_can_hold_is_closed_or_is_taken_for_personal():
    """A key that a filter gets one day is open, or not recorded at all, until somebody says that it is closed."""
    words = {"words", "unwanted_words", "in_text"}  # the last says how words are looked for
    assert {one.name for one in fields(Query)} == {"wanted", "unwanted", *WITHOUT_TEXT, *words}
    assert {one.name for one in fields(Choice)} >= CLOSED
    assert query.format(Query(Choice(kinds=frozenset({"client"})))) == "actor:client"


@pytest.mark.parametrize("words", ["client:client/7", "client:client/client/7", "about:client/client/7"])
def test_a_client_whose_id_begins_with_client_is_found(log, words):
    log.record_document(event(1, client={"id": "client/7", "name": "Ana"}))
    assert [view.seq for view in log.read(words)] == [1]


def test_who_is_erased_while_an_export_of_theirs_begins_does_not_come_back_with_it(journal, log, attack, monkeypatch):
    """Another process erases the client between the look at the filter and the transaction that records it."""
    fill(log, "cli_planted")
    begin = log.appending

    def appending():
        monkeypatch.undo()
        with closing(Journal(journal.places.database, clock=journal.clock)) as other:
            other.clinic().anonymize("cli_planted", requested_by="client", actor=BY)
        return begin()

    monkeypatch.setattr(log, "appending", appending)
    seq = RECORD["export"](log, log.reading().parse("client:cli_planted")).seq
    assert log.entry(seq - 1).action == "client.anonymized"
    assert "lanted" not in left_of(log, seq)
    assert log.entry(seq).context["filter"] == "client:unknown"
    assert log.reading().token("client", "cli_planted") is None
    assert attack(journal, ["lanted"]) == []
    assert_intact(log)
