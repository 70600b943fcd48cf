"""Every field of every action, in words: labelled, and with nothing of how it is stored."""

from __future__ import annotations

import re

import pytest

from indelible import catalogue
from indelible.read.details import PLAIN, STATES, Detail, Speech, details, kind_label, label, snapshot
from indelible.read.view import View
from indelible.record.document import Staff
from indelible.testing.logs import event

# A text that a host sends: shown as it is, though it looks like a word of ours.
SENT = "some_word"
# A word as the log stores it.
STORED = re.compile(r"[a-z]+_[a-z0-9_]+")
RECORDED = [one for one in catalogue.registered() if not one.by_journal]
AT = "2026-05-04T08:00:00.000000Z"  # 09:00 in Lisbon


def sample(schema, definitions):
    """Return a value that a field's JSON Schema takes."""
    if "anyOf" in schema:
        return sample(schema["anyOf"][0], definitions)
    if "$ref" in schema:
        return sample(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    for given in ("const", "enum"):
        if given in schema:
            return schema[given] if given == "const" else schema[given][0]
    kind = schema.get("type")
    if kind == "object" and "properties" in schema:
        members = schema["properties"]
        names = {"id": "usr-3", "name": "Rita Alves"} if members.keys() == {"id", "name"} else {}
        return names or {name: sample(one, definitions) for name, one in members.items()}
    if kind == "array":
        return [sample(schema["items"], definitions)]
    if kind == "string":
        by_form = {"date-time": AT, "date": "2026-05-04"}
        return "EUR" if "pattern" in schema else by_form.get(schema.get("format", ""), SENT)
    # A field of a change takes any JSON; it has no type.
    return {"integer": 1230, "boolean": True, "object": {"name": "Facial", "price_minor": 5500, "currency": "EUR"}}.get(
        kind, SENT
    )


def full_context(action):
    schema = action.model_json_schema()
    context = {name: sample(one, schema.get("$defs", {})) for name, one in schema["properties"].items()}
    if "sessions_total" in context:
        context["sessions_total"] *= 10  # what is used and what is left are together no more
    return context


def view_of(action, context):
    members = {"id": "x", "action": action, "actor": {"kind": "staff"}, "zone": "Europe/Lisbon", "offset_minutes": 60,
               "context": context, "personal": []}  # fmt: skip
    return View(1, 0, members, {}, {})


def flat(parts):
    for one in parts:
        yield one
        yield from flat(one.parts)


def of(view, **speech):
    return {one.label: one for one in details(view, Speech(**speech))}


@pytest.fixture
def recorded(log):
    """Record an action of the code with this context, and return its view."""

    def record(code, context, **members):
        action = catalogue.find(code)
        assert action is not None
        target = {"kind": action.targets[0], "id": "id-1"}
        done = log.record_document(event(action=code, context=context, **{"target": target} | members))
        return log.entry(done.seq)

    return record


@pytest.mark.parametrize("action", RECORDED, ids=lambda one: one.code)
def test_every_field_is_labelled_and_said_in_words(recorded, action):
    context = full_context(action)
    view = recorded(action.code, context)
    assert view.context.keys() == context.keys()
    shown = list(details(view))
    for name in context.keys() - {"currency"}:
        assert label(name) in {one.label for one in shown}, name
    for one in flat(shown):
        assert one.label, one
        for text in (one.label, one.text, one.old, one.new):
            assert not STORED.search(text.replace(SENT, "")), one
            assert AT not in text, one
        assert one.text or one.changed or one.parts, one


@pytest.mark.parametrize("action", (RECORDED), ids=lambda one: one.code)
def test_every_amount_has_its_currency_and_every_time_is_the_clinics(recorded, action):
    context = full_context(action)
    shown = of(recorded(action.code, context))
    for name, value in context.items():
        one = shown.get(label(name))
        if name.endswith("_minor"):
            assert (one.text or one.new) == "12.30 EUR"
        elif value == AT:
            assert one.text == "2026-05-04 09:00"
        elif value == {"old": AT, "new": AT}:
            assert (one.old, one.new, one.changed) == ("2026-05-04 09:00", "2026-05-04 09:00", True)


@pytest.mark.parametrize("action", (catalogue.registered()), ids=lambda one: one.code)
def test_every_label_of_an_action_differs_from_its_others(action):
    labels = [label(name) for name in action.model_fields]
    assert len(labels) == len(set(labels))
    assert all(text[0].isupper() and "_" not in text for text in labels)
    assert all("_" not in kind_label(kind) for kind in action.targets)


def test_a_change_shows_both_sides(recorded):
    changes = [
        {"field": "price_minor", "old": 5000, "new": 5500, "currency": "EUR"},
        {"field": "online_bookable", "old": None, "new": True},
    ]
    shown = of(recorded("service.edited", {"changes": changes}, client=None))
    price, online = shown["Changes"].parts
    assert (price.label, online.label) == ("Price", "Can be booked online")
    assert (price.old, price.new, price.changed) == ("50.00 EUR", "55.00 EUR", True)
    assert (online.old, online.new, online.changed) == ("—", "yes", True)


def test_a_length_of_time_is_in_days_hours_and_minutes(recorded):
    for minutes, text in ((90, "1 h 30 min"), (1500, "1 day 1 h"), (4320, "3 days"), (-20, "-20 min"), (0, "0 min")):
        assert of(recorded("booking.cancelled", {"notice_minutes": minutes}))["Notice"].text == text


def test_a_tax_rate_is_in_per_cent(recorded):
    for points, text in ((2300, "23 %"), (650, "6.5 %"), (5, "0.05 %")):
        shown = of(recorded("service.created", {"tax_rate_basis_points": points}, client=None))
        assert shown["Tax rate"].text == text


def test_what_was_erased_says_so(log, recorded):
    view = recorded("booking.cancelled", {"reason_text": "train was late"})
    assert of(view)["Reason given"].text == "train was late"
    log.anonymize("cli_77", requested_by="client", actor=Staff("usr_1"))
    shown = of(log.entry(view.seq))
    assert (shown["Reason given"].text, shown["Reason given"].state) == ("—", STATES["erased"])
    assert (shown["Client"].text, shown["Client"].state, shown["Client"].id) == ("—", STATES["erased"], "")
    assert of(log.entry(view.seq), translate=str.upper)["REASON GIVEN"].state == STATES["erased"].upper()


def test_what_has_a_story_says_of_what_kind_it_is_and_which(recorded):
    somebody = {"id": "usr_3", "name": "Rita Alves"}
    shown = of(recorded("booking.cancelled", {"charge": "ch_5", "practitioner": somebody}))
    assert (shown["Charge"].kind, shown["Charge"].id) == ("charge", "ch_5")
    practitioner = shown["Practitioner"]
    assert (practitioner.kind, practitioner.id, practitioner.text) == ("staff", "usr_3", "Rita Alves")
    assert (shown["Client"].kind, shown["Client"].id, shown["Client"].text) == ("client", "cli_77", "Ana Sousa")


def test_a_snapshot_has_every_field_of_what_was_deleted(recorded):
    kept = {
        "name": "Facial",
        "price_minor": 5500,
        "currency": "EUR",
        "steps": {"first": {"minutes": 10}},
        "tags": ["a b"],
    }
    view = recorded("service.deleted", {"snapshot": kept}, client=None)
    shown = {one.label: one for one in snapshot(view)}
    assert shown.keys() == {"Name", "Price", "Steps", "Tags"}
    assert (shown["Price"].text, shown["Tags"].text) == ("55.00 EUR", "a b")
    assert shown["Steps"].parts[0].parts == (Detail("Minutes", "10"),)
    assert snapshot(recorded("booking.cancelled", {})) == ()


def test_a_snapshot_deeper_than_is_laid_out_is_still_said(recorded):
    deep = {"a": {"b": {"c": {"d": {"e": {"f": "the deepest"}}}}}}
    view = recorded("service.deleted", {"snapshot": deep}, client=None)
    assert any("the deepest" in one.text for one in flat(snapshot(view)))


def test_a_readers_language_says_labels_words_amounts_and_days(recorded):
    speech = {"translate": lambda text: f"<{text}>", "money": lambda minor, currency: f"{currency}/{minor}",
              "moment": lambda at, zones: f"{zones.recorded}@{at.us}",
              "day": lambda day: f"{day:%d.%m.%Y}"}  # fmt: skip
    shown = of(
        recorded("charge.refunded", {"amount_minor": 250, "currency": "EUR", "source": "stripe_dashboard"}), **speech
    )
    assert (shown["<Amount>"].text, shown["<Source>"].text) == ("EUR/250", "<Stripe dashboard>")
    shown = of(recorded("voucher.expired", {"expires_on": "2026-05-04"}), **speech)
    assert shown["<Expires on>"].text == "04.05.2026"
    rate = recorded("service.created", {"tax_rate_basis_points": 650}, client=None)
    assert of(rate, number=lambda value: f"{value}".replace(".", ","))["Tax rate"].text == "6,5 %"
    shown = of(recorded("booking.created", {"starts_at": AT}), **speech)
    assert shown["<Begins>"].text == "Europe/Lisbon@1777881600000000"


def test_an_entry_of_an_action_that_nothing_declares_is_said_all_the_same():
    shown = of(view_of("robot.swept", {"floor_count": 2, "how_well": "very_well"}))
    assert {name: one.text for name, one in shown.items()} == {"Floor count": "2", "How well": "very_well"}


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-04 08:00:00.000000Z",
        pytest.param("ch_3enahikTcJHJmYGu1bjO5EIZ"),
        pytest.param("2026-05-04T08:00:00.0x0000Z"),
    ],
)
def test_text_as_long_as_an_instant_that_is_none_stays_text(text):
    assert of(view_of("charge.failed", {"stripe_charge": text}))["Stripe charge"].text == text


def test_plain_speech_is_english():
    assert PLAIN.translate("late cancel") == "late cancel"
