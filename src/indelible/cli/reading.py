"""Commands that take entries out: the list, one entry, an export; and what can be recorded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import orjson
import typer
from rich.table import Table

from .. import wiring
from ..catalogue import CATEGORIES, registered
from ..catalogue.schema import describe
from ..errors import InvalidQuery
from ..export.csv_file import PROFILES
from ..journal import ClinicLog
from ..query import Query, in_words, point_at
from . import table
from .options import AsId, AsJson, AsName, ClinicId, Database, actor, check_words, clinic_log, say

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="QUERY", help="Filter: actor:ID action:CODE category:NAME from:DAY to:DAY, -word for not."),
]


def parse(log: ClinicLog, words: list[str]) -> Query:
    """Return the Query of the command's words. An error counts to the word, and shows it to a person at a terminal."""
    check_words(words)
    try:
        return log.parse(words)
    except InvalidQuery as error:
        if sys.stderr.isatty():
            say(point_at(words, error))
        number = len(" ".join(words)[: error.position].split()) + 1
        raise InvalidQuery(f"filter, word {number}: {error}", error.position) from error


def list_entries(
    words: Words = None,
    limit: Annotated[int, typer.Option(min=0, help="Newest entries shown; 0 for all.")] = 50,
    as_json: AsJson = False,
    database: Database = None,
    clinic: ClinicId = None,
) -> None:
    """List entries, newest first. Days are the clinic's."""
    with clinic_log(database, clinic) as log:
        wanted = parse(log, words or [])
        views = log.read(wanted, limit=limit or None)
        if as_json:
            for view in views:
                sys.stdout.buffer.write(orjson.dumps(view.document(), option=orjson.OPT_APPEND_NEWLINE))
            sys.stdout.flush()
            return
        title = f"{log.info.name} — {in_words(wanted, log.info.zone)}"
        shown, count = table.entries(views, log.info.zone, title)
        if count:
            table.console().print(shown)
        say(_how_many(log, count, limit))


def _how_many(log: ClinicLog, count: int, limit: int) -> str:
    if log.size == 0:
        return "Nothing has been recorded in this log yet; `indelible record` or `indelible import` begins it."
    if count == 0:
        return "No entry fits this filter; take a word of it away."
    more = " There may be more: --limit 0 shows all." if count == limit else ""
    return f"{count} of {log.size} entries, newest first.{more}"


def show(
    which: Annotated[str, typer.Argument(metavar="ENTRY", help="The entry's number or its id.")],
    raw: Annotated[
        bool, typer.Option("--raw", help="Print the body, exactly the bytes that the proof covers.")
    ] = False,
    as_json: AsJson = False,
    database: Database = None,
    clinic: ClinicId = None,
) -> None:
    """Show one entry with every field."""
    with clinic_log(database, clinic) as log:
        view = log.entry(int(which) if which.isascii() and which.isdecimal() and len(which) < 19 else which)
        if raw:
            sys.stdout.buffer.write(log.store.one(log.info.id, view.seq).body)
            sys.stdout.flush()
        elif as_json:
            print(orjson.dumps(view.document()).decode())
        else:
            table.console().print(table.one(view, log.info.zone))


def export(
    words: Words = None,
    output: Annotated[str, typer.Option(help="File to write, or - for standard output.")] = "-",
    format: Annotated[
        Literal["csv", "csv-data"],
        typer.Option(help="csv opens in a spreadsheet (BOM); csv-data is for programs (no BOM)."),
    ] = "csv",
    database: Database = None,
    clinic: ClinicId = None,
    as_id: AsId = None,
    as_name: AsName = None,
) -> None:
    """Export the filtered list. The export is itself recorded before the first byte is written."""
    with clinic_log(database, clinic) as log:
        wanted = parse(log, words or [])
        by = actor(as_id, as_name, "export")
        target = sys.stdout.buffer if output == "-" else Path(output)
        manifest = wiring.export_csv(log, wanted, target, profile=PROFILES[format], actor=by)
        written = manifest.written
        rows = f"{written.rows} row{'' if written.rows == 1 else 's'}"
        say(f"{rows}, up to entry {manifest.up_to_seq}, SHA-256 {written.sha256}")
        if output != "-":
            say(f"written to {output}, with its manifest beside it")


def actions(as_json: AsJson = False) -> None:
    """List every action that can be recorded."""
    if as_json:
        print(orjson.dumps([describe(cls) for cls in registered()], option=orjson.OPT_INDENT_2).decode())
        return
    for category, title in CATEGORIES.items():
        listed = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
        for heading in ("Code", "Label", "Target", "Context (required first)"):
            listed.add_column(heading)
        for cls in registered():
            if cls.category == category:
                fields = sorted(cls.fields_of_context, key=lambda field: not field.required)
                names = ", ".join(field.name + ("" if field.required else "?") for field in fields)
                listed.add_row(cls.code, cls.label, " or ".join(cls.targets), names)
        table.console().print(listed)
    print("`indelible actions --json` has the JSON Schema of each context.")
