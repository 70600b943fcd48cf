"""The first line of a row: what happened is said by the label, and each name once."""

from __future__ import annotations

import pytest

from indelible.catalogue import registered
from indelible.read.headline import Named, headline

MARIA = {"kind": "staff", "id": "usr_1", "name": "Maria"}
ANA = {"id": "cli_1", "name": "Ana Sousa"}
AT = "2026-05-04T09:00:00+01:00"


@pytest.fixture
def said(log):
    """Record a document and return its headline."""

    def record(action, *, actor=MARIA, target=("booking", "bk_1"), client=ANA, context=None, name=None):
        document = {"action": action, "actor": actor, "context": context or {}}
        document["target"] = {"kind": target[0], "id": target[1]} | ({"name": name} if name else {})
        if client:
            document["client"] = client
        made = log.record_document(document)
        return headline(log.entry(made.seq))

    return record


def test_a_booking_is_named_by_its_service_and_time_and_leads_to_itself(said):
    line = said("booking.cancelled", context={"service_name": "Facial", "starts_at": AT, "notice_minutes": 90})
    assert line.subject == Named("Facial, 2026-05-04 09:00", "booking", "bk_1")
    assert line.people == (Named("Ana Sousa", "client", "cli_1"),)
    assert line.second == "1 h 30 min before it began"


def test_what_the_sentence_says_of_a_change_is_not_lost(said):
    moved = {"old": AT, "new": "2026-05-05T10:00:00+01:00"}
    line = said("booking.rescheduled", context={"service_name": "Facial", "starts_at": moved})
    assert line.subject is not None
    assert line.subject.text == "Facial, 2026-05-04 09:00 → 2026-05-05 10:00"


def test_who_acted_is_not_said_a_second_time(said):
    client = {"kind": "client", **ANA}
    line = said("booking.cancelled", actor=client, client=None)
    assert (line.subject, line.people) == (None, ())
    own = said(
        "account.logged_in", target=("staff", "usr_1"), name="Maria", client=None, context={"method": "password"}
    )
    assert (own.subject, own.people) == (None, ())
    other = said("account.locked", target=("staff", "usr_2"), name="Rui", client=None)
    assert other.subject == Named("Rui", "staff", "usr_2")


def test_a_charge_leads_to_the_booking_that_it_names(said):
    money = {"amount_minor": 3_000, "currency": "EUR", "source": "staff", "booking": "bk_7"}
    line = said("charge.refunded", target=("charge", "ch_1"), context=money)
    assert line.subject == Named("reservation bk_7", "booking", "bk_7")
    assert line.rest == "source: staff"


def test_points_name_the_client_whose_they_are(said):
    line = said("points.awarded", target=("client", "cli_1"), name="Ana Sousa", client=None, context={"points": 20})
    assert line.subject is not None
    assert line.subject.text == "20 points"
    assert line.people == (Named("Ana Sousa", "client", "cli_1"),)


def test_an_anonymized_client_is_said_and_leads_nowhere(log, said):
    from indelible import System

    said("booking.completed", context={"service_name": "Facial"})
    log.anonymize("cli_1", requested_by="client", actor=System("command:test"))
    line = headline(log.entry(1))
    assert line.people == (Named("Anonymous client", "client", ""),)
    assert line.subject is None


@pytest.mark.parametrize("cls", registered(), ids=lambda cls: cls.code)
def test_what_a_sentence_prints_a_row_has_a_place_for(cls):
    """Nothing that the sentence says is left out of the row: actor, target, client and amount stand in places of their
    own, and everything else is in a clause of the first or second line."""
    from indelible.catalogue import clauses, placeholders
    from indelible.read.headline import clauses_of

    every = [*clauses.flat(cls.detail), *(clause for each in clauses_of(cls) for clause in each)]
    said = {one.name for clause in every for one in clauses.placeholders(clause)}
    printed = {name.partition(".")[0] for name in placeholders(cls.sentence)}
    assert printed - said - {"actor", "target", "client", "amount"} <= LEFT_OUT.get(cls.code, set())


# What a row can do without: the panel and the story have it.
LEFT_OUT = {"log.exported": {"up_to_seq"}}
