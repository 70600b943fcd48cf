"""What cannot be recorded is held, neither lost nor silent: for now, or until somebody corrects it."""

from __future__ import annotations

import json

import pytest
from tests.outbox.conftest import AT

from indelible import Journal, Staff
from indelible.catalogue import find
from indelible.drain import refusals
from indelible.drain.passes import Drained, drain_all, drain_once
from indelible.manage.lifetime import close_clinic
from indelible.testing.logs import assert_intact, event


def words(source):
    return [(held.reason.partition(":")[0], held.final) for held in source.held()]


def told(log):
    return [(view.context["reason"], view.context["documents"]) for view in log.read("action:log.held")]


@pytest.mark.parametrize(
    ("document", "word", "final"),
    [
        (event(1, action="booking.teleported"), "unknown_action", False),
        (event(1, v=2), "newer_version", False),
        ({"sealed": "AAAA"}, "newer_version", False),
        (event(1, actor=None), "invalid", True),
        (event(1, context={"late": "Ana Sousa"}), "invalid", True),
        (event(1, action="log.viewed", target=None, client=None, context=None), "invalid", True),
        (event(1, key="outbox:mine"), "invalid", True),
        (event(1, client={"id": "cli_77", "name": "Ana\x00Sousa"}), "invalid", True),
        (event(1, occurred_at="2030-01-01T00:00:00Z"), "invalid", True),
        ([1], "invalid", True),
        ('{"text": "\\ud800"}', "invalid", True),
        ("1" * 5_000, "invalid", True),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else None,
)
def test_each_is_held_for_its_reason_without_a_value_and_the_rest_is_recorded(
    journal, log, host, source, document, word, final
):
    host.events(7)
    key = host.put(document)
    host.events(8)
    assert drain_once(journal, source) == Drained(3, 2, 0, 1)
    assert words(source) == [(word, final)]
    (held,) = source.held()
    assert (held.waiting.key, held.waiting.clinic) == (key, "c_lisbon")
    assert "Ana" not in held.reason
    assert told(log) == [(word, 1)]
    assert host.waiting() == 0


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"client": "cli_77"},
        {"client": "ana@example.org", "requested_by": "client"},
        {"client": "cli_77", "requested_by": "Ana"},
        {"client": "cli_77", "requested_by": "client", "actor": {"kind": "staff"}},
        {"client": "cli_77", "requested_by": "client", "actor": 7},
        {"client": 7, "requested_by": []},
        [],
    ],
)
def test_an_erasure_that_says_not_what_is_to_be_erased_is_held(journal, log, host, source, order):
    host.events(1)
    host.put(order, erasure=1)
    assert drain_once(journal, source) == Drained(2, 1, 0, 1)
    assert words(source) == [("invalid", True)]
    assert len(list(log.read("client:cli_77"))) == 1


def test_a_key_that_was_used_for_another_document_is_a_conflict(journal, log, host, source):
    host.put(event(1, key="k"))
    host.put(event(2, key="k"))
    host.put({"client": "cli_77", "requested_by": "staff", "key": "k"}, erasure=1)
    assert drain_once(journal, source) == Drained(3, 1, 0, 2)
    assert words(source) == [("conflict", True)] * 2
    assert told(log) == [("conflict", 2)]
    assert len(list(log.read("client:cli_77"))) == 1


def test_a_clinic_that_is_not_known_holds_up_nobody_and_is_recorded_when_it_is(journal, log, host, source):
    host.events(1, clinic="c_porto")
    host.events(2)
    assert drain_all(journal, source) == Drained(2, 1, 0, 1)
    assert words(source) == [("unknown_clinic", False)]
    assert drain_all(journal, source) == Drained()
    porto = journal.add_clinic("c_porto", name="Porto", zone="Europe/Lisbon")
    assert drain_all(journal, source) == Drained(1, 1, 0, 0)
    assert porto.entry(1).occurred_at == AT
    assert list(source.held()) == []


@pytest.mark.parametrize("seen_open", [False, True], ids=["before", "at this moment"])
def test_what_is_of_a_closed_clinic_is_held_finally(tmp_path, clock, host, source, monkeypatch, seen_open):
    with Journal.create(tmp_path / "other.db", clock=clock) as journal:  # the fixture's clinics are all verified
        porto, lisbon = (
            journal.add_clinic(clinic, name="Name", zone="Europe/Lisbon") for clinic in ("c_porto", "c_lisbon")
        )
        host.events(1, clinic="c_porto")
        drain_once(journal, source)
        before = journal.clinics()
        close_clinic(journal, porto.clinic.id, tmp_path / "final.zip", actor=Staff("usr_1"))
        if seen_open:  # what the drainer saw of the clinics is older than the closing
            answers = [before]
            now = journal.clinics
            monkeypatch.setattr(journal, "clinics", lambda only=None: answers.pop() if answers else now(only))
        host.events(2, clinic="c_porto")
        host.events(3)
        assert drain_once(journal, source) == Drained(2, 1, 0, 1)
        assert words(source) == [("closed", True)]
        lisbon.checkpoint()
        assert_intact(lisbon)


def test_a_code_that_a_later_release_knows_is_tried_again(journal, log, host, source, monkeypatch):
    host.put(event(1, action="booking.teleported"))
    drain_all(journal, source)
    assert refusals.release(journal, source) == 0
    monkeypatch.setattr(refusals, "find", lambda code: find("booking.cancelled"))
    assert refusals.release(journal, source) == 1
    monkeypatch.undo()
    drain_once(journal, source)
    assert words(source) == [("unknown_action", False)]


def test_a_corrected_document_is_recorded_under_the_key_and_the_time_of_its_row(journal, log, host, source):
    key = host.put(event(1, actor=None))
    drain_once(journal, source)
    source.retry(key, json.dumps(event(1)))
    assert drain_once(journal, source) == Drained(1, 1, 0, 0)
    (view,) = log.read("action:booking.cancelled")
    assert view.occurred_at == AT
    assert view.values["key"] == f"outbox:{key}"


def test_the_log_says_it_once_a_reason_and_day(journal, log, clock, host, source):
    for number in range(3):
        host.put(event(number, actor=None))
        host.put(event(number, action="booking.teleported"))
        drain_once(journal, source)
    assert sorted(told(log)) == [("invalid", 1), ("unknown_action", 1)]
    clock.advance(86_400)
    host.put(event(9, actor=None))
    drain_once(journal, source)
    assert sorted(told(log)) == [("invalid", 1), ("invalid", 1), ("unknown_action", 1)]
    sentence = next(iter(log.read("action:log.held"))).sentence
    assert "could not be recorded: invalid" in sentence
