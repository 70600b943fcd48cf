"""What is counted is said as one where it is one."""

from __future__ import annotations

import re

import pytest

from indelible import catalogue
from indelible.catalogue import clauses, counted


def templates():
    """Every template of ours with the action that declares it."""
    for action in catalogue.registered():
        if action.__module__.startswith("indelible."):
            briefs = action.brief if isinstance(action.brief, tuple) else (action.brief,)
            said = (*clauses.flat(action.headline), *clauses.flat(action.detail))
            yield from ((action, text) for text in (action.sentence, *said, *briefs))


def whole_numbers(action):
    properties = action.model_json_schema()["properties"].items()
    return {name for name, schema in properties if any(
        one.get("type") == "integer" for one in schema.get("anyOf", [schema])) and not name.endswith(
        ("_minor", "_minutes", "_basis_points"))}  # fmt: skip


def test_every_template_that_counts_things_has_a_form_for_one():
    """If this fails, add the template to `catalogue/counted.py`."""
    missing = {
        text
        for action, text in templates()
        for name in re.findall(r"\{-?(\w+)\} (?:\w*s|people)\b", text)
        if name in whole_numbers(action) and text not in counted.ONE
    }
    assert missing == set()


def test_no_form_is_left_of_a_template_that_is_gone():
    assert counted.ONE.keys() <= {text for _, text in templates()}


@pytest.mark.parametrize(("several", "one"), counted.ONE.items())
def test_both_forms_name_the_same_and_the_number_is_among_it(several, one):
    names = sorted(placeholder.name for placeholder in clauses.placeholders(several))
    assert names == sorted(placeholder.name for placeholder in clauses.placeholders(one.text))
    assert one.name in names
    assert one.text != several
