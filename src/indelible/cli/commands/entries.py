"""Commands that take entries out: the list, one entry, an export."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import orjson
import typer

from ...errors import InvalidInput, InvalidQuery
from ...export.formats import Format, format_of
from ...format import instant
from ...read import story as stories
from ...read.query import Query, in_words, point_at
from ...read.searching import LookedUp
from ...read.selecting import IN_CLEAR
from ...read.session import PAGE_LIMIT, Cursor, Page, Session
from ...stores import entries as stored
from ...stores.contract import Selection
from .. import table
from ..options import AsId, AsJson, AsName, ClinicId, Database, actor, check_words, clinic_log, say
from ..terminal import printable

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="QUERY",
        help="actor: action: category: target: client: about: operation: stripe: from: to: ip:, or an id, a name, "
        "or text; - for not.",
    ),
]


def parse(session: Session, words: list[str]) -> Query:
    """Return the Query of the command's words. An error counts to the word, and shows it to a person at a terminal."""
    check_words(words)
    try:
        return session.parse(words)
    except InvalidQuery as error:
        if sys.stderr.isatty():
            say(point_at(words, error))
        number = len(" ".join(words)[: error.position].split()) + 1
        raise InvalidQuery(f"filter, word {number}: {error}", error.position) from error


def list_entries(
    words: Words = None,
    limit: Annotated[int, typer.Option(min=0, help="Newest entries shown; 0 for all.")] = 50,
    older: Annotated[
        str | None, typer.Option(metavar="PLACE", help="Go on behind a page: the place that it ended with.")
    ] = None,
    as_json: AsJson = False,
    database: Database = None,
    clinic: ClinicId = None,
) -> None:
    """List entries, newest first. Days are the clinic's."""
    after = None if older is None else Cursor.decode(older)
    with clinic_log(database, clinic) as log:
        session = log.reading()
        wanted = parse(session, words or [])
        page = session.page(wanted, after=after, limit=limit) if 0 < limit <= PAGE_LIMIT else None
        if page is None and after is not None:
            raise InvalidInput(f"goes with a --limit of 1 to {PAGE_LIMIT}", "--older")
        views = iter(page.views) if page else session.read(wanted, limit=limit or None)
        if as_json:
            for view in views:
                sys.stdout.buffer.write(orjson.dumps(view.document(session.zone), option=orjson.OPT_APPEND_NEWLINE))
            sys.stdout.flush()
        else:
            title = f"{session.name} — {in_words(session.resolve(wanted), session.zone)}"
            shown, count = table.entries(views, session.zone, title)
            if count:
                table.console().print(shown)
            say(_how_many(session, wanted, count, page))
            if not count:
                _say_unknown(session, wanted)
        _say_looked_up(page.looked_up if page else session.seek(wanted).looked_up)
        if page is not None:
            _say_where(session, page, limit)


def _how_many(session: Session, wanted: Query, count: int, page: Page | None) -> str:
    if session.size == 0:
        return "Nothing has been recorded in this log yet; `indelible record` or `indelible import` begins it."
    if count == 0 and page is not None and page.older is not None:
        return "Nothing found yet: older entries were not searched."
    if count == 0:
        free = bool(wanted.words or wanted.unwanted_words)
        also = " What was erased when a client was anonymized can no longer be found." if free else ""
        return f"No entry fits this filter; take a word of it away.{also}"
    return f"{count} of {session.size} entries, newest first."


def _say_unknown(session: Session, wanted: Query) -> None:
    """Which id of the filter nobody has: a name is often typed there."""
    for host_id in sorted(wanted.wanted.actors):
        in_clear = Selection(up_to=session.up_to, actors=tuple((kind, host_id.encode()) for kind in sorted(IN_CLEAR)))
        is_known = any(session.token(realm, host_id) for realm in ("staff", "client", "support"))
        if not is_known and next(session.views(in_clear, limit=1), None) is None:
            say(f"Nobody acted under the id {printable(host_id)}. To look for a name, leave out the key: "
                f"indelible list {printable(host_id)}")  # fmt: skip
    for host_id in sorted(wanted.wanted.clients):
        if session.token("client", host_id.removeprefix("client/")) is None:
            say(f"No client has the id {printable(host_id)}. To look for a name, leave out the key: "
                f"indelible list {printable(host_id)}")  # fmt: skip


def _say_looked_up(looked_up: Sequence[LookedUp]) -> None:
    """Which words were not searched for in the texts."""
    for words, people in looked_up:
        what = f"the name of {people} {'person' if people == 1 else 'people'}" if people else "the id of something"
        say(f"“{' '.join(words)}” is {what} here: the entries that refer to it. in:text searches every text too.")


def _say_where(session: Session, page: Page, limit: int) -> None:
    """How far back free words were looked for, and how to go on."""
    if page.searched_to is not None:
        minutes = instant.offset_minutes(page.searched_to, instant.zone(session.zone))
        day = instant.local_date(page.searched_to, minutes)
        what = f"back to {day}" if page.older else "all there are"
        say(f"Looked for the text in {page.searched} entries, {what}.")
    if page.older is not None:
        more = "There are more" if len(page.views) == limit else "There may be more"
        say(f"{more}: --older {page.older.encode()} goes on, --limit 0 shows all of them.")


def story(
    subject: Annotated[
        str,
        typer.Argument(metavar="SUBJECT", help="kind/id, such as booking/bk_1, client/cli_7, service/srv_2; or an id."),
    ],
    as_json: AsJson = False,
    database: Database = None,
    clinic: ClinicId = None,
) -> None:
    """Tell all that happened to one booking, voucher, service, client or colleague, oldest first."""
    with clinic_log(database, clinic) as log:
        session = log.reading()
        told = stories.story(session, subject)
        if as_json:
            for one in told.entries:
                line = one.view.document(session.zone) | {"belongs_as": one.why}
                sys.stdout.buffer.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            sys.stdout.flush()
            return
        views = [one.view for one in told.entries]
        shown, count = table.entries(views, session.zone, f"{session.name} — the story of {subject}")
        table.console().print(shown)
        beside = [str(one.view.seq) for one in told.entries if one.why != "itself"]
        say(
            f"{count} {'entry' if count == 1 else 'entries, oldest first'}."
            + ("" if told.whole else f" Only the newest {count}: there are more.")
        )
        if beside:
            belongs = "a payment of it, of the same click, or of a record merged with it"
            say(f"Not about it by name, but {belongs}: {', '.join(beside[:30])}")


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
        session = log.reading()
        view = session.entry(int(which) if which.isascii() and which.isdecimal() and len(which) < 19 else which)
        if raw:
            sys.stdout.buffer.write(stored.one(log.rows, view.seq).body)
            sys.stdout.flush()
        elif as_json:
            print(orjson.dumps(view.document(session.zone)).decode())
        else:
            table.console().print(table.one(view, session.zone))


def export(
    words: Words = None,
    output: Annotated[
        str,
        typer.Option(
            help="File to write, a folder (then the name says clinic, filter and days), or - for standard output."
        ),
    ] = "-",
    format: Annotated[
        Format | None,
        typer.Option(
            help="xlsx is a workbook: ids stay as they are, dates are dates; csv opens in a spreadsheet too (BOM), but "
            "Excel turns ids such as 0012345 or 1E5 into numbers; csv-data is for programs (no BOM); jsonl has one "
            "JSON object a line. Without it, the file's name says: .xlsx, .jsonl, else csv."
        ),
    ] = None,
    database: Database = None,
    clinic: ClinicId = None,
    as_id: AsId = None,
    as_name: AsName = None,
) -> None:
    """Export the filtered list. The export is itself recorded before the first byte is written."""
    from ...export import run  # not above: the list needs none of it

    with clinic_log(database, clinic) as log:
        wanted = parse(log.reading(), words or [])
        by = actor(as_id, as_name, "export")
        format = format or format_of(output)
        if format == "xlsx" and output == "-" and sys.stdout.isatty():
            raise InvalidInput("a workbook is not for a terminal; name a file", "--output")
        target = sys.stdout.buffer if output == "-" else Path(output)
        manifest = run.export(log, wanted, target, format=format, actor=by)
        written = manifest.written
        rows = f"{written.rows} row{'' if written.rows == 1 else 's'}"
        say(f"{rows}, up to entry {manifest.up_to_seq}, SHA-256 {written.sha256}")
        if output != "-":
            where = Path(output) / manifest.name if Path(output).is_dir() else output
            say(f"written to {where}, with its manifest beside it")
