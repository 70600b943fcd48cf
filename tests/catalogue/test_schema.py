"""The catalogue as data: complete, plain JSON, and saying the same as the check."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from indelible.catalogue import find
from indelible.catalogue.reference import built_in, render
from indelible.catalogue.schema import context_schema, describe, type_in_words

every_action = pytest.mark.parametrize("cls", built_in(), ids=lambda cls: cls.code)


def nodes(schema: Any) -> list[dict[str, Any]]:
    """Every schema inside a schema, itself first."""
    found = [schema]
    for member in [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]:
        found += nodes(member)
    return found + (nodes(schema["items"]) if "items" in schema else [])


@every_action
def test_a_description_is_json_and_comes_back_the_same(cls):
    described = describe(cls)
    assert json.loads(json.dumps(described)) == described


@every_action
def test_the_schema_has_no_references_titles_or_defaults(cls):
    for node in nodes(context_schema(cls)):
        assert not {"$ref", "$defs", "title", "description", "default"} & set(node)


@every_action
def test_the_schema_names_the_fields_and_those_required(cls):
    schema = context_schema(cls)
    assert list(schema["properties"]) == list(cls.model_fields)
    assert set(schema.get("required", [])) == {field.name for field in cls.fields_of_context if field.required}
    assert schema["additionalProperties"] is False


@every_action
def test_every_field_says_in_words_what_it_takes(cls):
    for field in describe(cls)["fields"]:
        assert field["type"] not in ("", "object", "text", "list of text")


@pytest.mark.parametrize(("code", "field", "words"), [
    ("booking.rescheduled", "starts_at", "old and new time with an offset"),
    ("booking.rescheduled", "practitioner", "old and new staff member (id, name)"),
    ("booking.cancelled", "late", "true or false"),
    ("charge.refunded", "source", "one of staff, policy, stripe_dashboard, stripe"),
    ("charge.refunded", "amount_minor", "amount in minor units"),
    ("client.created", "fields_present", "list of words"),
])  # fmt: skip
def test_types_read_as_words(code, field, words):
    cls = find(code)
    assert cls is not None
    assert type_in_words(cls, field) == words


def test_a_personal_field_says_its_class_and_whom_it_is_about():
    cls = find("charge.refunded")
    assert cls is not None
    fields = {field["name"]: field for field in describe(cls)["fields"]}
    assert (fields["stripe_refund"]["personal"], fields["stripe_refund"]["about"]) == ("evidence", "client")
    assert (fields["charge"]["personal"], fields["charge"]["refers"]) == (None, "charge")


def test_the_reference_is_the_same_from_another_interpreter(tmp_path):
    file = tmp_path / "actions.md"
    command = [sys.executable, "-m", "indelible.catalogue.reference", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    assert file.read_text(encoding="utf-8") == render()
