"""An agent, which is no person, and the person on whose behalf somebody acts: from the document to what is read."""

from __future__ import annotations

import pytest

from indelible import Agent, Client, Staff, Support
from indelible.catalogue.bookings import BookingCancelled
from indelible.errors import Conflict, InvalidInput
from indelible.format import entry
from indelible.read.story import story
from indelible.record.document import Actor, parse
from indelible.testing.logs import event

ANA = {"kind": "client", "id": "cli_77", "name": "Ana Sousa"}
ASSISTANT = {"kind": "agent", "id": "assistant_1", "name": "Booking assistant"}
FOR_ANA = ASSISTANT | {"on_behalf_of": ANA}


def recorded(log, actor, **members):
    """The view of a booking that this actor cancelled, and its body."""
    done = log.record(BookingCancelled(), actor=actor, target=("booking", "bk_1"), **members)
    return log.entry(done.seq), next(log.rows.entries(done.seq - 1, done.seq)).body


def test_the_body_has_the_agent_in_clear_and_the_person_by_token(log):
    view, body = recorded(log, Agent("assistant_1", "Booking assistant", on_behalf_of=Client("cli_77", "Ana Sousa")))
    members = entry.decode(body).members
    assert members["actor"] == ASSISTANT | {"on_behalf_of": {"kind": "client", "person": 0}}
    assert set(members["personal"][0]["paths"]) == {"actor.on_behalf_of.id", "actor.on_behalf_of.name"}
    assert b"cli_77" not in body and b"Ana" not in body
    assert view.document()["actor"] == FOR_ANA


def test_a_document_that_was_read_can_be_recorded_again(log):
    shown = log.entry(log.record_document(event(1, actor=FOR_ANA, client=None)).seq).document()
    again = {name: shown[name] for name in ("action", "actor", "target", "context", "request")}
    assert log.entry(log.record_document(again).seq).document()["actor"] == FOR_ANA


@pytest.mark.parametrize(
    ("actor", "words"),
    [
        (Agent("assistant_1", "Booking assistant", on_behalf_of=Client("cli_77", "Ana Sousa")),
         "Booking assistant, for Ana Sousa"),
        (Agent("assistant_1", on_behalf_of=Staff("usr_12", "Maria Fernandes")), "assistant_1, for Maria Fernandes"),
        (Agent("assistant_1", on_behalf_of=Client("cli_77")), "assistant_1, for cli_77"),
        (Agent(7, "{who} & {principal}", on_behalf_of=Client(8, "{actor}")), "{who} & {principal}, for {actor}"),
        (Agent("assistant_1", "Booking assistant"), "Booking assistant"),
        (Staff("usr_12", "Maria Fernandes", on_behalf_of=Client("cli_77", "Ana Sousa")),
         "Maria Fernandes, for Ana Sousa"),
        (Support("sup_1", "Rita", on_behalf_of=Staff("usr_12", "Maria Fernandes")), "Rita, for Maria Fernandes"),
    ],
)  # fmt: skip
def test_who_says_for_whom(log, actor, words):
    view, _ = recorded(log, actor)
    assert view.who == words
    comma = "," if actor.on_behalf_of else ""
    assert view.sentence == f"{words}{comma} cancelled reservation bk_1"


def test_who_was_acted_for_is_anonymous_when_anonymized_and_the_agent_stays(log):
    recorded(log, Agent("assistant_1", "Booking assistant", on_behalf_of=Client("cli_77", "Ana Sousa")))
    log.anonymize("cli_77", requested_by="client", actor=Staff("usr_12"))
    view = log.entry(1)
    assert view.who == "Booking assistant, for Anonymous client"
    assert view.client_in_words == "Anonymous client"
    assert view.document()["actor"] == ASSISTANT | {"on_behalf_of": {"kind": "client", "id": None, "name": None}}


@pytest.mark.parametrize("actor", [Agent("assistant_1", "Assistant"), Support("sup_1"), Staff("usr_12")])
def test_a_client_can_be_anonymized_by_who_acts_for_that_client_and_leaves_nothing_behind(log, actor):
    acting = Actor(actor.kind, actor.id, actor.name, on_behalf_of=Client("cli_77", "Ana Sousa"))
    recorded(log, acting)
    log.anonymize("cli_77", requested_by="client", actor=acting)
    view = log.entry(2)
    assert view.who == f"{actor.name or actor.id}, for Anonymous client"
    assert view.on_behalf_of == {"kind": "client", "id": None}
    assert view.members["actor"]["on_behalf_of"]["person"] == view.members["target"]["person"]
    assert [one.seq for one in log.read("client:cli_77")] == []
    assert log.reading().token("client", "cli_77") is None


def test_the_client_acted_for_is_the_client_concerned(log):
    view, _ = recorded(log, Agent("assistant_1", on_behalf_of=Client("cli_77", "Ana Sousa")))
    assert (view.client, view.client_in_words) == ({"id": "cli_77", "name": "Ana Sousa"}, "Ana Sousa")
    other, _ = recorded(log, Agent("assistant_1", on_behalf_of=Client("cli_77", "Ana Sousa")), client=("cli_78", "Rui"))
    assert other.client == {"id": "cli_78", "name": "Rui"}
    for_staff, _ = recorded(log, Agent("assistant_1", on_behalf_of=Staff("cli_77")))
    assert for_staff.client is None


def test_the_story_of_who_was_acted_for_has_the_entry(log):
    recorded(log, Agent("assistant_1", on_behalf_of=Client("cli_77", "Ana Sousa")))
    recorded(log, Support("sup_1", on_behalf_of=Staff("usr_9")))
    assert [one.view.seq for one in story(log.reading(), "client/cli_77").entries] == [1]
    assert [one.view.seq for one in story(log.reading(), "staff/usr_9").entries] == [2]


def test_the_same_key_with_another_agent_or_another_person_is_a_conflict(log):
    def again(**members):
        return log.record_document(event(1, key="k", client=None, actor=FOR_ANA | members))

    assert again().repeated is False
    assert again().repeated is True
    for members in ({"name": "Another"}, {"on_behalf_of": ANA | {"id": "cli_78"}}, {"on_behalf_of": None}):
        with pytest.raises(Conflict):
            again(**members)


@pytest.mark.parametrize(
    ("actor", "words"),
    [
        (Agent("a", on_behalf_of="cli_77"), "must say for whom"),  # type: ignore[arg-type]
        (Agent("a", on_behalf_of=Agent("b")), "must be client or staff"),
        (Agent("a", on_behalf_of=Staff("usr_1", role="owner")), "leave it out"),
        (Agent("a", on_behalf_of=Staff("usr_1", on_behalf_of=Client("c"))), "leave it out"),
        (Agent("a", on_behalf_of=Actor("client")), "a client has one"),
        (Staff("usr_1", on_behalf_of=Staff("usr_1", "Maria")), "is the actor"),
        (Staff(1, on_behalf_of=Staff(1)), "is the actor"),
    ],
)
def test_a_wrong_principal_is_refused_in_one_sentence_that_names_the_field(log, actor, words):
    with pytest.raises(InvalidInput, match=words) as refused:
        recorded(log, actor)
    assert str(refused.value).startswith("actor.on_behalf_of")
    assert "\n" not in str(refused.value) and log.size == 0


def test_a_null_principal_is_as_if_it_were_not_there():
    assert parse(event(actor=ASSISTANT | {"on_behalf_of": None})).actor == Agent("assistant_1", "Booking assistant")


def test_a_member_of_staff_may_act_for_a_client_of_the_same_id(log):
    view, _ = recorded(log, Staff("7", "Maria", on_behalf_of=Client("7", "Ana")))
    assert view.who == "Maria, for Ana"
