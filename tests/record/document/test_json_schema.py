"""The JSON Schema of documents says the same as the check in Python, as far as a schema can."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from indelible.catalogue import Action, find, registered
from indelible.catalogue.fields import Count, PersonalName, StaffMember
from indelible.errors import InvalidInput
from indelible.outbox.prepared import prepare
from indelible.record.json_schema import document_schema

LINES = (Path(__file__).parents[2] / "catalogue/platform.jsonl").read_text(encoding="utf-8").splitlines()
DOCUMENTS = [json.loads(line) for line in LINES]


class LampChanged(
    Action, code="lamp.changed", label="Changed lamp", category="lamps", targets=("lamp",),
    sentence="{actor} changed {target} by {watts} for {by}",
):  # fmt: skip
    watts: Count
    by: StaffMember
    maker_name: PersonalName | None = None


SCHEMA = document_schema()
WHOLE = Draft202012Validator(SCHEMA)


def validator(code: str, schema: dict[str, Any] = SCHEMA) -> Draft202012Validator:
    """The check of one action's documents alone, which is quick."""
    return Draft202012Validator({"$ref": f"#/$defs/{code}", "$defs": schema["$defs"]})


def fits(document: Any) -> bool:
    code = document.get("action") if isinstance(document, dict) else None
    known = code in SCHEMA["properties"]["action"]["enum"]
    return bool((validator(str(code)) if known else WHOLE).is_valid(document))


def refusal(document: Any) -> str:
    """What is wrong with a document by the check in Python, or nothing."""
    try:
        prepare("c_lisbon", document)
    except InvalidInput as error:
        return str(error)
    return ""


def taken(document: Any) -> bool:
    return not refusal(document)


def test_it_is_a_schema_of_draft_2020_12_and_every_reference_leads_somewhere():
    Draft202012Validator.check_schema(SCHEMA)
    text = json.dumps(SCHEMA)
    references = {part.partition('"')[0] for part in text.split('"#/$defs/')[1:]}
    assert references == set(SCHEMA["$defs"])


def test_it_has_every_action_that_a_host_may_record():
    codes = [cls.code for cls in registered() if not cls.by_journal]
    schema = document_schema()  # now, since other tests of this process may have declared actions meanwhile
    assert schema["properties"]["action"]["enum"] == codes
    assert [one["$ref"] for one in schema["oneOf"]] == [f"#/$defs/{code}" for code in codes]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one["key"])
def test_what_a_platform_sends_fits(document):
    assert WHOLE.is_valid(document)
    assert taken(document)


def altered(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The document with one thing changed: a member gone, null, added, or of each other type; wherever it is."""

    def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        if isinstance(value, dict | list):
            for name in value if isinstance(value, dict) else range(len(value)):
                yield (*path, name)
                yield from places(value[name], (*path, name))

    def changed(path: tuple[Any, ...], value: Any = ...) -> dict[str, Any]:
        made = copy.deepcopy(document)
        holder = made
        for name in path[:-1]:
            holder = holder[name]
        if value is ...:
            del holder[path[-1]]
        else:
            holder[path[-1]] = value
        return made

    for path in places(document):
        where = ".".join(map(str, path))
        yield f"{where} gone", changed(path)
        for value in (None, True, -1, 7, 1.5, "", "word", [], [1], {}, {"unknown": "x"}):
            yield f"{where} = {value!r}", changed(path, value)
        holder = document
        for name in path:
            holder = holder[name]
        if isinstance(holder, dict):
            yield f"{where}.unknown", changed((*path, "unknown"), "x")


# What a schema cannot say of these documents: whether an address exists, what amounts inside changes and objects are,
# and rules between two values, such as a voucher that pays for another service.
BEYOND = ("request.ip: must be an IPv4", "context: has sessions", "context: has a booking_service")


def beyond(where: str, reason: str) -> bool:
    return reason.startswith(BEYOND) or (
        where.startswith("context.") and "amount" in reason and ("snapshot" in where or "changes" in where)
    )


@pytest.mark.parametrize("document", DOCUMENTS[::2], ids=lambda one: one["key"])
def test_an_altered_document_fits_where_it_is_taken_and_only_there(document):
    refused = 0
    for where, changed in altered(document):
        reason = refusal(changed)
        if not reason or not beyond(where, reason):
            assert fits(changed) is (not reason), f"{where}: {reason}"
            refused += bool(reason)
    assert refused > 100


MARIA = {"kind": "staff", "id": "usr_12", "name": "Maria Fernandes"}
BASE = {"action": "booking.cancelled", "actor": MARIA, "target": {"kind": "booking", "id": "bk_1"}}
CASES: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"action": "booking.canceled"}, False),
    ({"action": "log.viewed"}, False),
    ({"action": "client.anonymized"}, False),
    ({"action": None}, False),
    ({"key": 4, "operation": 9, "target": {"kind": "booking", "id": 17}}, True),
    ({"target": {"kind": "booking", "id": True}}, False),
    ({"target": {"kind": "room", "id": "r_1"}}, False),
    ({"target": {"kind": "booking", "id": "ana@example.org"}}, False),
    ({"target": {"kind": "booking", "id": "+351912345678"}}, False),
    ({"target": {"kind": "booking", "id": " bk_1"}}, False),
    ({"target": {"kind": "booking", "id": "bk_1 "}}, False),
    ({"target": {"kind": "booking", "id": "bk 1"}}, True),
    ({"context": {"starts_at": "2026-05-04T10:00:00+02:00"}}, True),
    ({"context": {"starts_at": "2026-05-04T10:00:00-00:00"}}, False),
    ({"context": {"starts_at": "2026-05-04T10:00:00+24:00"}}, False),
    ({"occurred_at": "2026-05-04T10:00:00-00:00"}, True),
    ({"target": {"kind": "booking", "id": "x" * 255}}, True),
    ({"target": {"kind": "booking", "id": "x" * 256}}, False),
    ({"key": "outbox:1"}, False),
    ({"key": "k" * 256}, False),
    ({"key": ""}, False),
    ({"actor": {"kind": "system", "reason": "policy:late-cancel"}}, True),
    ({"actor": {"kind": "system", "reason": "because"}}, False),
    ({"actor": {"kind": "system", "reason": "job:x", "id": "s_1"}}, False),
    ({"actor": {"kind": "system", "reason": "job:x", "id": None}}, True),
    ({"actor": {"kind": "staff", "name": "Maria"}}, False),
    ({"actor": MARIA | {"reason": "job:x"}}, False),
    ({"actor": {"kind": "integration", "id": "stripe"}}, True),
    ({"actor": {"kind": "integration", "id": "stripe", "name": "Stripe"}}, False),
    ({"actor": {"kind": "agent", "id": "a_1", "name": "x" * 101}}, False),
    ({"actor": MARIA | {"name": "x" * 5000}}, True),
    ({"actor": MARIA | {"on_behalf_of": {"kind": "client", "id": "cli_1"}}}, True),
    ({"actor": MARIA | {"on_behalf_of": {"kind": "agent", "id": "a_1"}}}, False),
    ({"actor": {"kind": "client", "id": "c_1", "on_behalf_of": {"kind": "client", "id": "cli_1"}}}, False),
    ({"occurred_at": "2026-05-03T14:22:31"}, False),
    ({"occurred_at": "2026-05-03t14:22:31.123456789z"}, True),
    ({"occurred_at": "2026-05-03 14:22:31Z"}, False),
    ({"occurred_at": "2026-13-03T14:22:31Z"}, False),
    ({"occurred_at": "2026-05-03T24:00:00Z"}, False),
    ({"occurred_at": "2026-05-03T23:59:60Z"}, False),
    ({"occurred_at": "2026-05-03T14:22:31+25:00"}, False),
    ({"people": [{"role": "payer", "id": "c_2", "name": None}]}, True),
    ({"people": [{"role": "friend", "id": "c_2"}]}, False),
    ({"people": [{"id": "c_2"}]}, False),
    ({"request": {"channel": "Staff web"}}, False),
    ({"request": {"channel": "staff_web", "user_agent": "x" * 5000}}, True),
    ({"context": None}, True),
    ({"context": {"late": "yes"}}, False),
    ({"context": {"notice_minutes": 2**53}}, False),
    ({"context": {"notice_minutes": -90}}, True),
    ({"context": {"notice_minutes": None}}, True),
    ({"context": {"reason_text": "x\0y"}}, True),
    ({"context": {"fee_minor": 500, "currency": "EUR"}}, True),
    ({"context": {"fee_minor": 500}}, False),
    ({"context": {"fee_minor": 500, "currency": None}}, False),
    ({"context": {"fee_minor": None, "currency": None}}, True),
    ({"context": {"fee_minor": 500, "currency": "eur"}}, False),
    ({"context": {"fee_minor": 500, "currency": "XXX"}}, False),
]  # fmt: skip


@pytest.mark.parametrize(("change", "good"), CASES)
def test_each_rule_is_the_same_in_both(change, good):
    document = BASE | change
    assert (taken(document), fits(document)) == (good, good)


@pytest.mark.parametrize("wrong", [None, [], "booking.cancelled", 1, {}, {"action": "booking.cancelled"}])
def test_what_is_no_document_does_not_fit(wrong):
    assert not WHOLE.is_valid(wrong)


POINTS = {"action": "points.awarded", "actor": MARIA, "target": {"kind": "loyalty_account", "id": "la_1"},
          "context": {"points": 10}}  # fmt: skip


@pytest.mark.parametrize(
    ("client", "good"), [({"client": {"id": "cli_1"}}, True), ({}, False), ({"client": None}, False)]
)
def test_a_loyalty_account_has_its_client(client, good):
    assert (taken(POINTS | client), fits(POINTS | client)) == (good, good)


# Each is refused by the log and fits the schema: the list in the module's docstring.
@pytest.mark.parametrize(
    "change",
    [
        {"occurred_at": "2026-02-30T14:22:31Z"},
        {"occurred_at": "1899-12-30T00:00:00Z"},
        {"occurred_at": "2999-01-01T00:00:00Z"},
        {"request": {"ip": "203.0.113.900"}},
        {"cut": ["context.reason_text"]},
        {"actor": MARIA | {"on_behalf_of": {"kind": "staff", "id": "usr_12"}}},
        {"context": {"notice_minutes": 90.0}},
        {"target": {"kind": "booking", "id": "sk_live_" + "4" * 24}},
        {"target": {"kind": "booking", "id": "bk\u200b1"}},
        {"people": [{"role": "mentioned", "id": f"c_{n}", "name": "N"} for n in range(33)]},
        {"action": "service.deleted", "target": {"kind": "service", "id": "s_1"},
         "context": {"snapshot": {"description": "x" * 49_152}}},
        {"action": "service.deleted", "target": {"kind": "service", "id": "s_1"},
         "context": {"snapshot": {"price": 5}}},
    ],
)  # fmt: skip
def test_what_a_schema_cannot_say(change):
    document = BASE | change
    assert fits(document)
    assert not taken(document)


def test_the_actions_of_a_host_are_in_it_and_some_can_be_asked_for():
    lamp = find("lamp.changed")
    assert lamp is LampChanged
    schema = document_schema([lamp])
    assert next(iter(schema["$defs"])) == "lamp.changed"
    assert schema["properties"]["action"]["enum"] == ["lamp.changed"]
    assert "changes" not in schema["$defs"]
    document = {"action": "lamp.changed", "actor": MARIA, "target": {"kind": "lamp", "id": "l_1"},
                "context": {"watts": 40, "by": {"id": "usr_3"}}}  # fmt: skip
    check = Draft202012Validator(schema)
    assert check.is_valid(document)
    assert not check.is_valid(document | {"context": {"watts": 40}})
    assert not check.is_valid(BASE)


def test_the_log_writes_some_itself():
    with pytest.raises(InvalidInput, match="only by the log itself"):
        document_schema([cls for cls in registered() if cls.by_journal])
