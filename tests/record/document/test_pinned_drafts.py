"""What a document becomes is pinned: the demo's documents, with the drafts that were made of them once.

A line of pinned_drafts.jsonl is {"document", "stem", "persons", "values"}; of a stem the id is left out, which is
random. Each line has a member, in its action, that no line before it has.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from indelible.catalogue import find
from indelible.record import document, drafting

PINNED = [json.loads(line) for line in Path(__file__).with_name("pinned_drafts.jsonl").read_text().splitlines()]
NOW = 1_780_000_000_000_000


def draft_of(line: dict[str, Any]) -> drafting.Draft:
    return drafting.draft(document.parse(line["document"]), now=NOW)


def said(draft: drafting.Draft) -> dict[str, Any]:
    return {
        "stem": {name: member for name, member in draft.stem.items() if name != "id"},
        "persons": [list(person) for person in draft.persons],
        "values": [[*value[:3], value.data.decode()] for value in draft.values],
    }


@pytest.mark.parametrize("line", PINNED, ids=lambda line: line["document"]["action"])
def test_a_document_becomes_the_draft_that_it_always_became(line):
    assert said(draft_of(line)) == {name: line[name] for name in ("stem", "persons", "values")}


def test_an_action_made_in_python_becomes_the_same_draft():
    for line in PINNED:
        event = document.parse(line["document"])
        cls = find(event.action)
        assert cls is not None
        made = drafting.draft(
            document.of_action(
                cls(**line["document"]["context"]),
                actor=event.actor,
                target=event.target,
                client=event.client,
                people=event.people,
                request=event.request,
                operation=event.operation,
                key=event.key,
            ),
            now=NOW,
        )
        assert said(made)["values"] == line["values"]
        assert made.stem["context"] == line["stem"]["context"]
        assert made.stem["actor"] == line["stem"]["actor"]
