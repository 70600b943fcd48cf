"""The demo: a clinic with a year of life, made once and then reused; shown here or in the browser.

No other command needs the demo, so it is imported where the command runs.
"""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn
from urllib.parse import urlencode

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from .. import table
from ..options import say
from .serve import become, require

if TYPE_CHECKING:
    from ...demo import Built, Use

_SHOWN = 25


def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo lives; reused if it is there.")] = Path(".demo"),
    seed: Annotated[int, typer.Option(help="Another seed, another year.")] = 1,
    days: Annotated[int, typer.Option(min=1, max=3_660, help="How many days of life.")] = 365,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Open its pages to the browser.")] = False,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Port of the pages (default: a free one).")
    ] = None,
) -> None:
    """Fill a clinic with a year of life and show its log, here or in the browser."""
    from ... import demo as year

    if serve:
        require()
    started = time.monotonic()
    columns = (TextColumn("recording a year"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=table.errors(), transient=True) as progress:
        bar = progress.add_task("", total=None)
        built = year.build(
            folder, seed=seed, days=days, progress=lambda done, every: progress.update(bar, completed=done, total=every)
        )
    if serve:
        _serve(built, port or _free_port())
    took = f"recorded in {time.monotonic() - started:.0f} s" if built.added else "there already"
    with year.reopen(folder) as journal:
        log = journal.clinic(built.clinic_id)
        shown, count = table.entries(
            log.read(limit=_SHOWN), log.state().zone, f"{log.state().name}: the newest entries"
        )
        table.console().print(shown)
        say(f"The newest {count} of {log.size} entries, {took}.")
    _say_uses(built)


def _serve(built: Built, port: int) -> NoReturn:
    """Say what to look for and where, then become the service, which says its address and who can sign in."""
    say("Five things to look for, each with its page:")
    for number, use in enumerate(built.uses, 1):
        say(f"\n{number}. {use.title}: {use.first_day} to {use.last_day}")
        if use.planted:
            say(f"   {use.question}\n   http://localhost:{port}/c/{built.clinic_id}/{_page(use)}")
        else:
            say(f"   {_not_planted(use, built)}")
    become("indelible.service.run.demo", [str(built.database.parent), str(port)], {})


def _page(use: Use) -> str:
    """The page that answers a use, below the clinic's address."""
    verb, _, subject = use.commands[0].partition(" ")
    if verb == "story":
        return f"story/{subject}/"
    return ("export/" if verb == "export" else "") + "?" + urlencode({"q": use.query}, safe=":/")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _not_planted(use: Use, built: Built) -> str:
    return f"not in this demo, which ends before; it needs --days {(use.last_day - built.start).days + 1}"


def _say_uses(built: Built) -> None:
    """What to look for in the demo, with the command that finds each."""
    program = Path(sys.argv[0])
    command = program if not program.is_absolute() else Path("indelible")
    say("\nFive things to look for, each with the command that finds it:")
    say(f"  export INDELIBLE_DATABASE={built.database}")
    for number, use in enumerate(built.uses, 1):
        say(f"\n{number}. {use.title}: {use.first_day} to {use.last_day}")
        if use.planted:
            say(f"   {use.question}\n   {command} {use.commands[0]}")
        else:
            say(f"   {_not_planted(use, built)}")
    say(f"\nWhether the log is intact: {command} verify")
    say(f"The same log in the browser, with you as its owner: {command} serve")
