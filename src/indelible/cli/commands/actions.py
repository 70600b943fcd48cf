"""What can be recorded: every action by category, some of them, or one with all its fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import orjson
import typer
from rich.table import Table
from rich.text import Text

from ...catalogue import Action, Field, category_title, registered
from ...catalogue.clauses import alternatives
from ...catalogue.schema import describe, type_in_words
from ...errors import InvalidInput
from ...record.json_schema import document_schema
from ...record.typescript import declarations
from .. import table
from ..options import AsJson, say
from ..terminal import printable

Wanted = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[CODE|CATEGORY|WORD]...",
        help="A code shows all fields of that action; a category or words narrow the list.",
    ),
]
AsSchema = Annotated[
    bool, typer.Option("--json-schema", help="Print one JSON Schema of the documents that record these actions.")
]
AsTypes = Annotated[
    bool, typer.Option("--typescript", help="Print type declarations of TypeScript for the same documents.")
]


def actions(
    words: Wanted = None, as_json: AsJson = False, json_schema: AsSchema = False, typescript: AsTypes = False
) -> None:
    """List the actions that can be recorded, or show one with all its fields."""
    if as_json + json_schema + typescript > 1:
        raise InvalidInput("are three forms of the same; give one of them", "--json, --json-schema, --typescript")
    found = _found(words or [])
    if json_schema:
        print(orjson.dumps(document_schema(found), option=orjson.OPT_INDENT_2).decode())
    elif typescript:
        print(declarations(found), end="")
    elif as_json:
        print(orjson.dumps([describe(cls) for cls in found], option=orjson.OPT_INDENT_2).decode())
    elif words and len(found) == 1:
        _show(found[0])
    else:
        _list(found)


def _found(words: Sequence[str]) -> list[type[Action]]:
    """The action of a code, those of a category, or those that have every word in code, label, sentence or field."""
    every = registered()
    if not words:
        return list(every)
    asked = " ".join(words).casefold()
    for exact in (
        [cls for cls in every if cls.code == asked],
        [cls for cls in every if asked in (cls.category, category_title(cls.category).casefold())],
    ):
        if exact:
            return exact
    found = [cls for cls in every if all(word in _text(cls) for word in asked.split())]
    if not found:
        raise InvalidInput("fits no action; `indelible actions` alone lists all of them", "the word")
    return found


def _text(cls: type[Action]) -> str:
    names = (field.name for field in cls.fields_of_context)
    return " ".join((cls.code, cls.label, cls.sentence, *names)).casefold()


def _list(found: Sequence[type[Action]]) -> None:
    for category in dict.fromkeys(cls.category for cls in found):
        listed = _plain(f"{category_title(category)} ({category})", "Code", "Label", "Sentence")
        for cls in found:
            if cls.category == category:
                listed.add_row(cls.code, cls.label, Text(printable(cls.sentence)))
        table.console().print(listed)
        print()
    say("`indelible actions CODE` shows all fields of one; --json has the JSON Schema of each context.")


def _show(cls: type[Action]) -> None:
    about = _plain(f"{cls.label} ({cls.code})", "", "")
    about.show_header = False
    for name, text in (
        ("category", f"{category_title(cls.category)} ({cls.category})"),
        ("target", " or ".join(cls.targets)),
        ("sentence", cls.sentence),
        ("second line", "\n".join(" or ".join(each) for each in alternatives(cls.detail)) or "–"),
        ("brief", (cls.brief if isinstance(cls.brief, str) else " or ".join(cls.brief)) or "the label"),
        ("money", "moves none" if cls.money == "none" else cls.money),
        ("version", str(cls.version)),
        ("written by", "the log itself" if cls.by_journal else "your program"),
    ):
        about.add_row(name, Text(text))
    table.console().print(about)
    print()
    fields = _plain("", "Field", "Takes", "Required", "Kept")
    for field in sorted(cls.fields_of_context, key=lambda field: not field.required):
        takes = type_in_words(cls, field.name) + (f" → {field.refers}" if field.refers else "")
        fields.add_row(field.name, takes, "yes" if field.required else "no", _kept(field))
    table.console().print(fields)


def _kept(field: Field) -> str:
    """How a field's value is kept: in clear in the body, or as a commitment to what can be erased."""
    if field.realm:
        return "personal: identity"
    if field.personal is None:
        return "in clear"
    whose = "the client" if field.personal.about == "client" else "who acted"
    return f"personal: {field.personal.personal_class}, of {whose}"


def _plain(title: str, *headings: str) -> Table:
    plain = Table(
        title=printable(title) or None, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0)
    )
    for heading in headings:
        plain.add_column(heading)
    return plain
