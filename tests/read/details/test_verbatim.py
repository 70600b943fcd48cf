"""What somebody sent is shown as it was sent: only the words of a declared list are said in words and translated."""

from __future__ import annotations

from typing import Annotated

import pytest

from indelible import catalogue
from indelible.catalogue import Action, vocabulary
from indelible.catalogue.fields import Changed, Currency, Day, Id, Minor, Name, Text, Vocabulary, Word
from indelible.read.details import Speech, details, snapshot
from indelible.read.view import View, Wording
from indelible.testing.logs import event

RoomState = Annotated[Word, Vocabulary(frozenset({"in_use", "clean"}))]
RECORDED = [one for one in catalogue.registered() if not one.by_journal]
# Texts that look like words of ours, times and days: a surname, a code, a name, a number of a thing.
SENT = ("none", "costa_reis", "terminal", "yes", "2026-05-04", "2026-05-04T08:00:00.000000Z")


def mark(text):
    return f"<{text}>"


def view_of(action, context, name="none"):
    members = {"id": "x", "action": action.code, "zone": "Europe/Lisbon", "offset_minutes": 60, "context": context,
               "personal": [], "actor": {"kind": "staff", "id": "none", "name": name, "role": name},
               "target": {"kind": action.targets[0], "id": name, "name": name}}  # fmt: skip
    return View(1, 0, members, {}, {})


def shown(view):
    """Every text of the details, in a language that marks what it says itself."""

    def flat(parts):
        for one in parts:
            yield from (text for text in (one.text, one.old, one.new) if text)
            yield from flat(one.parts)

    return list(flat(details(view, Speech(translate=mark))))


def texts_of(action):
    """The fields that take any text, with whether they say it before and after, or in a list."""
    for name, schema in action.model_json_schema()["properties"].items():
        field = next(one for one in action.fields_of_context if one.name == name)
        free = any(one.get("type") == "string" and "enum" not in one and "pattern" not in one and "format" not in one
                   for one in schema.get("anyOf", [schema]))  # fmt: skip
        if free and not field.timed:
            yield field


@pytest.mark.parametrize("text", SENT)
@pytest.mark.parametrize("action", RECORDED, ids=lambda one: one.code)
def test_a_text_of_any_field_is_shown_as_it_was_sent(action, text):
    for field in texts_of(action):
        assert text not in field.words, field.name
        assert text in shown(view_of(action, {field.name: text})), field.name


@pytest.mark.parametrize("action", RECORDED, ids=lambda one: one.code)
def test_the_words_of_a_declared_list_are_said_in_words_and_translated(action):
    for field in action.fields_of_context:
        for word in field.words:
            value = {"old": word, "new": word} if field.changed else word
            assert mark(vocabulary.said(word)) in shown(view_of(action, {field.name: value})), field.name


def test_there_are_such_lists():
    words = {field.name: field.words for action in RECORDED for field in action.fields_of_context if field.words}
    assert {"source", "method", "decline_code", "reason_code", "role", "section"} <= words.keys()
    assert "insufficient_funds" in words["decline_code"]


@pytest.mark.parametrize("action", catalogue.registered(), ids=lambda one: one.code)
def test_a_sentence_says_names_ids_and_codes_as_they_were_sent(action):
    context = {"amount_minor": 1, "currency": "EUR"}
    for field in action.fields_of_context:
        if field.required and field.name not in context:
            context[field.name] = {"old": "none", "new": "costa_reis"} if field.changed else "costa_reis"
    parts = view_of(action, context, name="costa_reis").sentence_in(
        Wording(translate=lambda text: text if "{" in text else mark(text))
    )
    for part in parts:
        if part.name and part.name != "amount":
            assert part.text in ("none", "costa_reis"), part


def test_changes_and_snapshots_are_the_hosts_words(log):
    kept = {"surname": "none", "room": "costa_reis", "tags": ["staff", "no_show"], "price_minor": None}
    done = log.record_document(event(action="service.deleted", target={"kind": "service", "id": "s", "name": "none"},
                                     client=None, context={"snapshot": kept}))  # fmt: skip
    said = [one.text for one in snapshot(log.entry(done.seq), Speech(translate=mark))]
    assert sorted(said) == ["costa_reis", "none", "staff, no_show", "—"]
    changes = [{"field": "surname", "old": "none", "new": "costa_reis"}]
    done = log.record_document(event(action="client.edited", target={"kind": "client", "id": "c", "name": "none"},
                                     client=None, context={"changes": changes}))  # fmt: skip
    assert shown(log.entry(done.seq))[-2:] == ["none", "costa_reis"]


def test_an_action_that_nothing_declares_has_no_words_of_its_own():
    class Gone(Action):
        pass

    Gone.code, Gone.targets = "robot.swept", ("robot",)
    assert "very_well" in shown(view_of(Gone, {"how_well": "very_well"}))


def test_why_the_system_acted_is_in_words_only_where_it_is_a_reason_that_is_known():
    action = catalogue.find("booking.cancelled")

    def why(reason):
        members = view_of(action, {}).members | {"actor": {"kind": "system", "reason": reason}}
        return View(1, 0, members, {}, {}).why_in(Wording(translate=mark))

    assert why("policy:late-cancel") == "<policy>: <late cancellation>"
    assert why("policy:none") == "<policy> “none”"
    assert why("costa:costa-reis_7") == "costa “costa-reis_7”"


def test_a_host_declares_lists_of_its_own_and_its_other_texts_stay():
    class RoomCleaned(
        Action, code="room.cleaned_well", label="Cleaned", category="services", targets=("room",),
        sentence="{actor} cleaned {state.old} {by}",
    ):  # fmt: skip
        state: Changed[RoomState]
        by: Name
        note: Text | None = None
        crate: Id | None = None
        day: Day | None = None

    context = {"state": {"old": "in_use", "new": "costa_reis"}, "by": "in_use", "note": "in_use", "crate": "2026-05-04",
               "day": "2026-05-04"}  # fmt: skip
    view = view_of(RoomCleaned, context)
    said = shown(view)
    assert said[1:] == ["<in use>", "costa_reis", "in_use", "in_use", "2026-05-04", "2026-05-04"]
    assert view.sentence == "none cleaned in use in_use"


def test_amounts_in_a_sentence_are_money():
    class RoomPriced(
        Action, code="room.priced_anew", label="Priced", category="services", targets=("room",),
        sentence="{actor} priced from {rate_minor.old} to {rate_minor.new}, fee {fee_minor}",
    ):  # fmt: skip
        rate_minor: Changed[Minor]
        fee_minor: Minor
        currency: Changed[Currency]

    context = {"rate_minor": {"old": 3000, "new": 2900}, "fee_minor": 5, "currency": {"old": "EUR", "new": "JPY"}}
    view = view_of(RoomPriced, context)
    assert view.sentence == "none priced from 30.00 EUR to 2900 JPY, fee 5 JPY"
    assert [text for text in shown(view) if "EUR" in text or "JPY" in text] == [
        "30.00 EUR", "2900 JPY", "5 JPY", "EUR", "JPY"
    ]  # fmt: skip
