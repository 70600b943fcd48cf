"""`indelible actions`: all by category, some by a word, one with its fields. And the second line in the list."""

from __future__ import annotations

import json

import pytest

from indelible.catalogue import Action, registered
from indelible.catalogue.fields import Amount, Count, Currency, Id, PersonalName, PersonalText
from indelible.testing.logs import event


class PoolHeated(
    Action, code="pool.heated", label="Heated pool", category="pools", targets=("pool",),
    sentence="{actor} heated {target} to {degrees}",
    detail=("{service_name}", ("{?warm}warm enough", "of {wanted} wanted"), "paid {amount}", "for {client}"),
    brief="heated {target}",
):  # fmt: skip
    degrees: Count
    wanted: Count | None = None
    warm: bool | None = None
    service_name: PersonalName | None = None
    reason_text: PersonalText | None = None
    stripe_heater: Id | None = None
    amount_minor: Amount | None = None
    currency: Currency | None = None


def codes(out):
    return [line.split()[0] for line in out.splitlines() if "." in line.partition(" ")[0]]


def test_all_are_listed_by_category_with_label_and_sentence(empty):
    done = empty.ok("actions")
    categories = dict.fromkeys(cls.category for cls in registered())
    assert codes(done.out) == [cls.code for one in categories for cls in registered() if cls.category == one]
    lines = done.out.splitlines()
    assert [line.strip() for line in lines if "(services)" in line] == ["Services and schedule (services)"]
    for cls in registered():
        (line,) = (line for line in lines if line.split()[:1] == [cls.code])
        assert cls.label in line
        assert cls.sentence in line
    assert "`indelible actions CODE`" in done.err


@pytest.mark.parametrize(("words", "found"), [
    (("category", "vouchers"), None),
    (("pools",), ["pool.heated"]),
    (("HEATED", "pool"), ["pool.heated"]),
    (("stripe_heater",), ["pool.heated"]),
    (("vouchers",), "vouchers"),
    (("Services", "and", "schedule"), "services"),
])  # fmt: skip
def test_a_category_or_words_narrow(empty, words, found):
    if found is None:
        assert "fits no action" in empty.refused("actions", *words)
        return
    expected = found if isinstance(found, list) else [cls.code for cls in registered() if cls.category == found]
    described = json.loads(empty.ok("actions", "--json", *words).out)
    assert [one["code"] for one in described] == expected
    if len(expected) > 1:
        assert codes(empty.ok("actions", *words).out) == expected


def test_one_code_shows_all_its_fields(empty):
    lines = [" ".join(line.split()) for line in empty.ok("actions", "pool.heated").out.splitlines()]
    assert lines == [
        "Heated pool (pool.heated)",
        "category Pools (pools)",
        "target pool",
        "sentence {actor} heated {target} to {degrees}",
        "second line {service_name}",
        "{?warm}warm enough or of {wanted} wanted",
        "paid {amount}",
        "for {client}",
        "brief heated {target}",
        "money moves none",
        "version 1",
        "written by your program",
        "",
        "Field Takes Required Kept",
        "degrees count yes in clear",
        "wanted count no in clear",
        "warm true or false no in clear",
        "service_name name, cut at 200 characters no personal: identity, of the client",
        "reason_text text, cut at 4000 characters no personal: identity, of the client",
        "stripe_heater id no in clear",
        "amount_minor amount in minor units no in clear",
        "currency currency code no in clear",
    ]


def test_one_schema_of_the_documents_and_their_types_have_a_hosts_actions_too(empty):
    schema = json.loads(empty.ok("actions", "--json-schema").out)
    assert "pool.heated" in schema["$defs"]
    assert schema["properties"]["action"]["enum"] == [cls.code for cls in registered() if not cls.by_journal]
    assert json.loads(empty.ok("actions", "--json-schema", "pools").out)["oneOf"] == [{"$ref": "#/$defs/pool.heated"}]
    types = empty.ok("actions", "--typescript", "pools").out
    assert "export type Document =\n  | PoolHeated;\n" in types
    assert "export interface BookingCreated" in empty.ok("actions", "--typescript").out


def test_one_form_at_a_time_and_none_of_what_no_host_records(empty):
    assert "give one of them" in empty.refused("actions", "--json", "--typescript")
    assert "only by the log itself" in empty.refused("actions", "--json-schema", "log.viewed")


def test_what_the_log_writes_itself_is_said(empty):
    assert "the log itself" in empty.ok("actions", "log.exported").out


def test_the_list_has_the_second_line_and_does_not_say_it_twice(cli):
    context = {"degrees": 30, "wanted": 32, "service_name": "Facial", "reason_text": "cold", "amount_minor": 500,
               "currency": "EUR"}  # fmt: skip
    cli.record(event(action="pool.heated", target={"kind": "pool", "id": "p_1"}, context=context))
    out = cli.ok("list").out
    assert "Heated p_1 to 30" in out
    assert "Facial; of 32 wanted; paid 5.00 EUR; for Ana Sousa" in out
    assert [out.count(word) for word in ("Facial", "5.00 EUR", "Ana Sousa", "cold")] == [1, 1, 1, 1]


def test_a_second_line_cannot_move_the_cursor(cli):
    context = {"degrees": 30, "service_name": "\x1b[2Jgone"}
    cli.record(event(action="pool.heated", target={"kind": "pool", "id": "p_1"}, context=context))
    assert "\x1b" not in cli.ok("list").out
