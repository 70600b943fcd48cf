"""The reference of actions, docs/actions.md, written from the classes.

    python -m indelible.catalogue.reference [FILE]      writes FILE, or docs/actions.md below the current directory

The text depends on the built-in actions alone: not on the clock, the machine, or what a host declares.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from . import CATEGORIES, Action, registered
from .action import is_built_in
from .clauses import alternatives
from .schema import type_in_words

_INTRODUCTION = """\
# Actions

What the log can record. This file is written from the classes in `src/indelible/catalogue/` by `make catalogue`; change
the classes, not the file. `indelible actions --json` prints the same with a JSON Schema for each context.

A code never changes once released. In a context, **bold** marks a required field: it is what the sentence prints. An
entry needs no other. *Italics* mark a personal value, by its class (identity, network, evidence): a body holds only a
commitment to it. A person in a context (a staff member, a client) enters a body as a random token, id and name being
personal values of class identity. `→` says what an id refers to, so that the thing's story finds the entry.

Below a sentence stand the clauses (·) of the row's second line: each is shown where everything that it names is there.

No JSON, id or word holds a secret: [what counts as one](spec/secrets.md), and how to record that it changed.

Money counts as in, out, or not at all (–); `out_undone` takes back what counted as out before. The amount that counts
is always `amount_minor` with `currency`. [howto/money.md](howto/money.md) says which entry a host sends for what.
"""


def built_in() -> tuple[type[Action], ...]:
    """Return the actions that come with Indelible, in reading order, without those that a host has declared."""
    return tuple(filter(is_built_in, registered()))


def render() -> str:
    """Return the text of docs/actions.md."""
    actions = built_in()
    sections = [f"{_INTRODUCTION}\n{len(actions)} actions.\n"]
    for category, title in CATEGORIES.items():
        rows = [_row(cls) for cls in actions if cls.category == category]
        if rows:
            head = ["| Code | Label | Target | Sentence | Money | Context |", "|---|---|---|---|---|---|"]
            sections.append("\n".join([f"## {title}", "", *head, *rows]) + "\n")
    return "\n".join(sections)


def _row(cls: type[Action]) -> str:
    cells = [
        f"`{cls.code}`" + (" (written by the log itself)" if cls.by_journal else ""),
        cls.label,
        ", ".join(cls.targets),
        "<br>".join((cls.sentence, *map(_clause, alternatives(cls.detail)))),
        "–" if cls.money == "none" else cls.money,
        "<br>".join(_field(cls, name) for name in cls.model_fields) or "–",
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _clause(each: Sequence[str]) -> str:
    return "· " + " *or* ".join(each)


def _field(cls: type[Action], name: str) -> str:
    field = next(field for field in cls.fields_of_context if field.name == name)
    text = f"**`{name}`**" if field.required else f"`{name}`"
    text += f" {type_in_words(cls, name)}"
    if field.refers:
        text += f" → {field.refers}"
    if field.personal:
        text += f", *{field.personal.personal_class}*"
    return text


def main() -> None:
    file = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/actions.md")
    file.write_text(render(), encoding="utf-8", newline="\n")
    sys.stdout.write(f"wrote {file}\n")


if __name__ == "__main__":
    main()
