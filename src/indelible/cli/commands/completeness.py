"""Which changes of a host's guarded tables have an entry."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich import box
from rich.table import Table

from ...errors import InvalidInput, StorageFailure
from .. import table
from ..options import AsJson
from ..terminal import printable
from .outbox import Url, connected

if TYPE_CHECKING:
    from ...outbox.guard import Completeness, Guard

DAYS = 30


def completeness(
    url: Url,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DAY", help=f"From this day on (default: {DAYS} days).")
    ] = None,
    by_day: Annotated[bool, typer.Option("--by-day", help="One line for each day and clinic.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how many changes of a host's guarded tables have an entry. Exit code 2 where a guard does not stand."""
    from ...outbox import guard

    first = _day(since)
    with connected(url) as connection:
        counted, guards = guard.completeness(connection, first), guard.guards(connection)
    if as_json:
        print(orjson.dumps({"since": first, "completeness": list(map(asdict, counted)),
                            "guards": list(map(asdict, guards))}, option=orjson.OPT_INDENT_2).decode())  # fmt: skip
    else:
        if by_day:
            table.console().print(_days(counted))
        for line in lines(counted, guards, first):
            print(printable(line))
    if broken := [one for one in guards if not one.stands]:
        raise StorageFailure(
            f"the guard of {broken[0].table} does not stand ({broken[0].state}); run indelible.guard again"
        )


def _day(text: str | None) -> date:
    if text is None:
        return datetime.now(UTC).date() - timedelta(days=DAYS)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput("must be a day, written YYYY-MM-DD", "--since") from None


def lines(counted: list[Completeness], guards: list[Guard], first: date) -> list[str]:
    """One sentence a table."""
    if not guards and not counted:
        return ["No table of this database is guarded."]
    found = []
    for name in sorted({one.table for one in counted} | {one.table for one in guards}):
        of = [one for one in counted if one.table == name]
        changes, recorded, outside, reasoned, held = (
            sum(getattr(one, field) for one in of) for field in ("changes", "recorded", "outside", "reasoned", "held")
        )
        text = (f"{name}, since {first}: {changes:,} changes, {recorded:,} recorded by the application, "
                f"{outside:,} outside it")  # fmt: skip
        text += f", {reasoned:,} for a reason that was given" * bool(reasoned)
        text += f", {held:,} held back" * bool(held)
        unknown = sum(one.changes for one in of if one.clinic is None)
        found.append(text + f" ({unknown:,} of an unknown clinic)" * bool(unknown))
    return found


def _days(counted: list[Completeness]) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
    for heading in ("Table", "Day (UTC)", "Clinic"):
        shown.add_column(heading)
    for heading in ("Changes", "Recorded", "Outside", "Reason given", "Held back"):
        shown.add_column(heading, justify="right")
    for one in counted:
        numbers = (one.changes, one.recorded, one.outside, one.reasoned, one.held)
        shown.add_row(
            printable(one.table), str(one.day), printable(one.clinic or "unknown"), *(f"{n:,}" for n in numbers)
        )
    return shown
