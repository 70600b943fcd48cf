"""Filters by what an entry refers to: against a look at every document, on random small logs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indelible.journal import Journal
from indelible.read import query
from indelible.read.query import Choice, Query
from indelible.record import document
from indelible.record.document import Staff
from indelible.testing.logs import Clock, event, last_connection

# One id may be used by several kinds and realms, so that mixing them up is found.
IDS = ("1", "2", "cli_7", "re_1", "ch_1", "a/b")
PEOPLE = ("client", "staff", "support")
THINGS = ("booking", "charge", "refund", "voucher")
WORDS = (*IDS, *(f"{kind}/{one}" for kind in (*PEOPLE, *THINGS, "room") for one in IDS[:4]), "unknown")

ids = st.sampled_from(IDS)


@dataclass
class Said:
    """A document, and what it refers to as (kind, id, role): kinds of people are the realms of their ids."""

    document: dict[str, Any]
    refs: set[tuple[str, str, str]] = field(default_factory=set)
    stripe: set[str] = field(default_factory=set)


@st.composite
def said(draw):
    one = Said(event(request=None, client=None, key=None))
    doc, refs = one.document, one.refs
    kind = draw(st.sampled_from((*PEOPLE, "system", "integration", "agent")))
    who = draw(ids)
    doc["actor"] = {"system": {"kind": kind, "reason": "job:x"}}.get(kind, {"kind": kind, "id": who})
    if kind in PEOPLE:
        refs.add((kind, who, "actor"))
    if kind in ("agent", "staff", "support") and draw(st.booleans()):
        whose = {"kind": draw(st.sampled_from(("client", "staff"))), "id": draw(ids)}
        if whose != doc["actor"]:
            doc["actor"]["on_behalf_of"] = whose
            refs.add((whose["kind"], whose["id"], "on_behalf_of"))
    if draw(st.booleans()):
        doc["client"] = {"id": draw(ids)}
        refs.add(("client", doc["client"]["id"], "client"))
    if draw(st.booleans()):
        doc["people"] = [{"role": "payer", "id": draw(ids)}]
        refs.add(("client", doc["people"][0]["id"], "payer"))
    if draw(st.booleans()):
        doc["operation"] = draw(ids)
        refs.add(("operation", doc["operation"], "operation"))
    what, target = draw(st.sampled_from(("booking", "charge", "refund", "client"))), draw(ids)
    doc["target"] = {"kind": what, "id": target}
    refs.add((what, target, "target"))
    doc["action"], doc["context"] = draw({"booking": bookings, "client": clients}.get(what, payments)(refs, one.stripe))
    return one


def bookings(refs, stripe):
    def made(practitioner, charge):
        refs.update({("staff", practitioner, "context.practitioner"), ("charge", charge, "context.charge")})
        return "booking.cancelled", {"practitioner": {"id": practitioner}, "charge": charge}

    return st.builds(made, ids, ids)


def clients(refs, stripe):
    return st.just(("client.created", {}))


def payments(refs, stripe):
    def made(booking, stripe_id):
        refs.add(("booking", booking, "context.booking"))
        stripe.add(stripe_id)
        money = {"amount_minor": 1, "currency": "EUR", "source": "stripe"}
        return "charge.refunded", money | {"booking": booking, "stripe_refund": stripe_id}

    return st.builds(made, ids, ids)


# The reference: a look at every document


def is_about(one, word, known, role=None):
    kind, slash, bare = word.partition("/")
    if not (slash and (kind in PEOPLE or kind in known)):
        kind, bare = None, word
    return any(
        there == bare and (kind == of if kind else of != "operation") and role in (None, part)
        for of, there, part in one.refs
    )


def has(one, key, word, known):
    if key == "target":
        return is_about(one, word, known, "target")
    if key == "client":
        return any(("client", word.removeprefix("client/"), part) in one.refs for _, _, part in one.refs)
    if key == "about":
        return is_about(one, word, known)
    if key == "operation":
        return ("operation", word, "operation") in one.refs
    return word in one.stripe or is_about(one, word, known)


KEYS = {"target": "targets", "client": "clients", "about": "abouts", "operation": "operations", "stripe": "stripes"}


def is_meant(one, wanted, known):
    for key, member in KEYS.items():
        if (words := getattr(wanted.wanted, member)) and not any(has(one, key, word, known) for word in words):
            return False
        if any(has(one, key, word, known) for word in getattr(wanted.unwanted, member)):
            return False
    actors, kinds = wanted.wanted.actors, wanted.wanted.kinds
    if actors or kinds:
        actor = one.document["actor"]
        return actor["kind"] in kinds or actor.get("id") in actors
    return True


words = st.frozensets(st.sampled_from(WORDS), max_size=2)
choices = st.builds(
    Choice, targets=words, clients=words, abouts=words, operations=words, stripes=words,
    actors=st.frozensets(ids, max_size=1), kinds=st.frozensets(st.sampled_from(query.KINDS), max_size=1),
)  # fmt: skip
few = st.one_of([st.builds(Choice, **{member: words}) for member in KEYS.values()])
queries = st.builds(
    Query, wanted=few | choices, unwanted=st.just(Choice()) | few.filter(lambda choice: not choice.actors)
)


@settings(max_examples=60)
@given(st.lists(said(), max_size=12), st.lists(queries, min_size=5, max_size=25))
def test_a_filter_finds_what_a_look_at_every_document_finds(every, wanted):
    with TemporaryDirectory() as folder:
        journal = Journal.create(Path(folder) / "a.db", installation="log.example.org", clock=Clock())
        last_connection(journal.store).execute("PRAGMA synchronous = OFF")
        log = journal.add_clinic("c", name="C", zone="Europe/Lisbon")
        log.append([log.draft(document.parse(one.document)) for one in every])
        known = set(log.rows.occurring().kinds)
        for one in wanted:
            expected = [seq for seq, said in enumerate(every, 1) if is_meant(said, one, known)]
            assert [view.seq for view in log.read(one)] == expected[::-1], query.format(one)
            assert [view.seq for view in log.read(query.format(one))] == expected[::-1]
        journal.close()


# Single facts

ANA = {"kind": "client", "id": "cli_77", "name": "Ana Sousa"}
ASSISTANT = {"kind": "agent", "id": "assistant_1", "name": "Booking assistant"}


def test_an_agent_is_found_by_id_and_by_kind_and_for_whom_it_acts_as_a_person(log):
    log.record_document(event(1, actor=ASSISTANT | {"on_behalf_of": ANA}, client=None))
    log.record_document(event(2, actor=ASSISTANT | {"on_behalf_of": {"kind": "staff", "id": "usr_9"}}, client=None))
    log.record_document(event(3, client={"id": "cli_78"}))
    assert seqs(log, "actor:assistant_1") == seqs(log, "actor:agent") == seqs(log, "actor:assistant_1 actor:agent")
    assert seqs(log, "actor:assistant_1") == [2, 1]
    assert seqs(log, "-actor:agent") == seqs(log, "-actor:assistant_1") == [3]
    assert seqs(log, "client:cli_77") == seqs(log, "about:client/cli_77") == seqs(log, "about:cli_77") == [1]
    assert seqs(log, "about:staff/usr_9") == seqs(log, "about:usr_9") == [2]
    assert seqs(log, "actor:cli_77") == seqs(log, "target:cli_77") == seqs(log, "about:agent/assistant_1") == []


def test_an_agent_is_found_by_its_name_and_by_whom_it_acts_for(log):
    log.record_document(event(1, actor=ASSISTANT | {"on_behalf_of": ANA}, client=None))
    log.record_document(event(2, client=None))
    for words in ('"booking assistant"', "assistant_1", "ana sousa", '"for ana"'):
        assert [view.seq for view in log.page(words).views] == [1], words


def seqs(log, words):
    return [view.seq for view in log.read(words)]


def payment(number, **context):
    return event(
        action="charge.refunded", actor={"kind": "integration", "id": "stripe"}, request=None, client=None,
        target={"kind": "refund", "id": f"re_{number}"},
        context={"amount_minor": 1, "currency": "EUR", "source": "stripe"} | context,
    )  # fmt: skip


@pytest.mark.parametrize("field", ["stripe_refund", "stripe_charge", "stripe_payment_intent", "stripe_event"])
def test_a_pasted_stripe_id_is_found_as_evidence(log, field):
    log.record_document(payment(1, **{field: "xx_3Nabc"}))
    log.record_document(payment(2, **{field: "xx_3Nabd"}))
    assert seqs(log, "stripe:xx_3Nabc") == [1]
    assert seqs(log, "-stripe:xx_3Nabc") == [2]
    assert seqs(log, "stripe:xx_3Nab") == []
    assert seqs(log, "about:xx_3Nabc") == []


def test_a_stripe_id_that_the_host_uses_itself_is_found_wherever_it_stands(log):
    log.record_document(payment(1, charge="ch_9"))
    log.record_document(payment(2, stripe_charge="ch_9"))
    log.record_document(payment(3) | {"target": {"kind": "charge", "id": "ch_9"}})
    assert seqs(log, "stripe:ch_9") == [3, 2, 1]


def test_an_id_in_two_roles_of_one_entry_comes_once(log):
    log.record_document(event(actor={"kind": "client", "id": "cli_7"}, client={"id": "cli_7"},
                              people=[{"role": "payer", "id": "cli_7"}]))  # fmt: skip
    for words in ("client:cli_7", "about:cli_7", "about:client/cli_7 client:cli_7"):
        assert seqs(log, words) == [1]
        assert [view.seq for view in log.page(words, limit=1).views] == [1]
        assert log.page(words, limit=1).older is None


def test_a_client_named_only_as_an_excluded_one_keeps_everybody_elses_entries(log):
    for number in (1, 2):
        log.record_document(event(number, client={"id": f"cli_{number}"}))
    assert seqs(log, "-client:cli_1") == [2]
    assert seqs(log, "-client:cli_unknown") == [2, 1]


def test_after_anonymize_the_id_finds_nothing_and_the_things_are_still_found(log):
    log.record_document(event(1, client={"id": "cli_1"}, operation="op_1"))
    log.anonymize("cli_1", requested_by="client", actor=Staff("usr_1"))
    for words in ("client:cli_1", "about:cli_1", "target:client/cli_1", "actor:cli_1"):
        assert seqs(log, words) == []
    for words in ("about:bk_1", "target:booking/bk_1", "operation:op_1"):
        assert seqs(log, words) == [1]
