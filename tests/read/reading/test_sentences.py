"""A sentence in its parts: in English they are the sentence, and in another language each stands where it belongs."""

from __future__ import annotations

import pytest

from indelible import catalogue
from indelible.read.view import ENGLISH, Part, View, Wording
from indelible.record.document import Staff
from indelible.testing.logs import event

STARTS = {"old": "2026-05-04T08:00:00.000000Z", "new": "2026-05-05T09:30:00.000000Z"}
# What the sentences print, besides who and what.
PRINTED = {
    "amount_minor": 2500, "currency": "EUR", "source": "stripe_dashboard", "starts_at": STARTS, "points": 40,
    "section": "online_booking", "role": {"old": "front_desk", "new": "manager"}, "up_to_seq": 12, "size": 9,
    "rows": 240, "table": "bookings",
    "zone": {"old": "Europe/Lisbon", "new": "Atlantic/Azores"}, "result": "not_intact",
}  # fmt: skip


def made(action, **members):
    """Return a view of an action with everything that its sentence prints."""
    fields = {field.name for field in action.fields_of_context if field.required} | {"currency"}
    return View(1, 0, {
        "id": "0", "action": action.code, "zone": "Europe/Lisbon", "offset_minutes": 60, "personal": [],
        "actor": {"kind": "staff", "id": "usr_1", "name": "Maria"}, "target": {"kind": action.targets[0], "id": "x_1"},
        "context": {name: value for name, value in PRINTED.items() if name in fields},
    } | members, {}, {})  # fmt: skip


def parts(view, **words):
    return list(view.sentence_in(Wording(**words)))


@pytest.mark.parametrize("action", catalogue.registered(), ids=lambda one: one.code)
def test_the_parts_in_english_are_the_sentence(action):
    view = made(action)
    found = list(view.sentence_in(ENGLISH))
    assert "".join(part.text for part in found) == view.sentence
    assert [part.name for part in found if part.name] == list(catalogue.placeholders(action.sentence))
    assert all(part.text for part in found)


def test_a_translation_may_put_the_parts_in_another_order(log):
    done = log.record_document(event(action="booking.rescheduled", context={"starts_at": STARTS}))
    template = "{target}: {starts_at.new}, not {starts_at.old} ({actor})"
    found = parts(log.entry(done.seq), translate=lambda text: template if "{actor}" in text else text)
    assert found == [
        Part("target", "bk_1"), Part("", ": "), Part("starts_at.new", "2026-05-05 10:30"), Part("", ", not "),
        Part("starts_at.old", "2026-05-04 09:00"), Part("", " ("), Part("actor", "Maria Fernandes"), Part("", ")"),
    ]  # fmt: skip


def test_words_amounts_and_times_are_the_readers_and_names_are_not():
    view = made(catalogue.find("charge.refunded"))
    found = dict(parts(view, translate=lambda text: text if "{" in text else f"<{text}>",
                       money=lambda minor, currency: f"{minor} of {currency}"))  # fmt: skip
    assert (found["actor"], found["amount"], found["source"]) == ("Maria", "2500 of EUR", "<Stripe dashboard>")
    moved = made(catalogue.find("booking.rescheduled"))
    found = dict(parts(moved, moment=lambda said, zones: f"{said.us // 1_000_000} in {zones.recorded}"))
    assert found["starts_at.old"] == "1777881600 in Europe/Lisbon"


def test_whoever_was_anonymized_is_so_in_the_readers_language(log):
    done = log.record_document(event(action="client.edited", target={"kind": "client", "id": "cli_77", "name": "Ana"},
                                     client=None, context={}))  # fmt: skip
    log.anonymize("cli_77", requested_by="client", actor=Staff("usr_1"))
    portuguese = {"Anonymous client": "Cliente anónimo"}
    view = log.entry(done.seq)
    assert dict(parts(view, translate=lambda text: portuguese.get(text, text)))["target"] == "Cliente anónimo"
    assert view.client_in(Wording(translate=lambda text: portuguese.get(text, text))) == "Cliente anónimo"


def test_the_system_and_its_reason_are_in_the_readers_language(log):
    done = log.record_document(event(actor={"kind": "system", "reason": "policy:late-cancel"}, request=None))
    said = {"System": "Sistema", "policy": "política", "late cancellation": "cancelamento tardio"}
    wording = Wording(translate=lambda text: said.get(text, text))
    view = log.entry(done.seq)
    assert (view.who_in(wording), view.why_in(wording)) == ("Sistema", "política: cancelamento tardio")


def test_braces_in_a_value_are_not_a_placeholder():
    view = made(
        catalogue.find("account.logged_in"), actor={"kind": "staff", "id": "usr_1", "name": "{target} {0} {x.y}"}
    )
    assert parts(view)[0] == Part("actor", "{target} {0} {x.y}")


def test_an_action_that_nothing_declares_is_one_part():
    members = {"id": "0", "action": "robot.swept", "zone": "UTC", "offset_minutes": 0, "personal": [], "context": {},
               "actor": {"kind": "staff", "id": "usr_1", "name": "Maria"},
               "target": {"kind": "robot", "id": "r"}}  # fmt: skip
    view = View(1, 0, members, {}, {})
    assert parts(view) == [Part("", view.sentence)] == [Part("", "Maria: robot.swept (robot)")]
