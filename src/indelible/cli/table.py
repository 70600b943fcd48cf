"""The list and one entry as a person likes to read them in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

import orjson
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..format import instant, money
from ..read.details import Detail, of_context
from ..read.second_line import line
from ..read.view import View, clock_text, late_text, time_then_text
from .terminal import errors as errors
from .terminal import printable

# Without a terminal nothing wraps early: a file or a pipe has no width of its own.
_PIPE_WIDTH = 160

# Of columns that are printed some rows at a time: a time to the second with an offset, most names.
_WHEN_WIDTH, _WHO_WIDTH = 26, 24

_COLOURS = {
    "bookings": "cyan",
    "payments": "green",
    "vouchers": "magenta",
    "services": "blue",
    "clients": "yellow",
    "account": "red",
    "loyalty": "bright_magenta",
}


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # rich would exit with 1, which is verify's code for a log that is not intact


def console() -> Console:
    return _Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False)


def entries(views: Iterable[View], zone: str, title: str) -> tuple[Table, int]:
    """Return the table of some entries, and how many there are."""
    table = Table(box=box.SIMPLE_HEAD, title=printable(title), title_justify="left", title_style="bold", padding=(0, 1))
    table.add_column("#", justify="right", style="dim", no_wrap=True)
    table.add_column(f"When ({zone})", no_wrap=True)
    table.add_column("Who", max_width=32)
    table.add_column("What", ratio=3)
    table.add_column("Context", ratio=2, style="dim")
    count = 0
    for view in views:
        count += 1
        table.add_row(*_cells(view))
    return table, count


class Flowing:
    """The same table, printed some rows at a time: columns have one width from the first row to the last."""

    def __init__(self, zone: str) -> None:
        self._zone, self._console, self._headed = zone, console(), False

    def show(self, views: Sequence[View]) -> None:
        """Print entries, below the heads where they are the first."""
        if not views:
            return
        when = f"When ({self._zone})"
        table = Table(box=None, padding=(0, 1), expand=True, show_header=not self._headed)
        table.add_column("#", justify="right", style="dim", no_wrap=True, min_width=6)
        table.add_column(when, no_wrap=True, min_width=max(len(when), _WHEN_WIDTH))
        table.add_column("Who", width=_WHO_WIDTH)
        table.add_column("What", ratio=3)
        table.add_column("Context", ratio=2, style="dim")
        for view in views:
            table.add_row(*_cells(view))
        self._console.print(table)
        self._console.file.flush()
        self._headed = True


def _cells(view: View) -> tuple[str, Text, Text, Text, Text]:
    beside = line(view)
    context = Text(printable(_context(view, beside.names)))
    return str(view.seq), _when(view), _who(view), _what(view, beside.text), context


def _when(view: View) -> Text:
    """When it happened, and below it what the clinic's clock of then showed, and that the log took it late."""
    text = Text(_clock(view.occurred_at, view.zones.present))
    if then := time_then_text(view):
        text.append(f"\n{then} then", style="dim")
    if late := late_text(view):
        text.append(f"\n{late}", style="yellow")
    return text


def _clock(us: int, zone: str) -> str:
    """An instant in a zone to the second, with the offset in an hour that comes twice."""
    shown = clock_text(us, zone)
    return shown[:16] + instant.local_time(us, 0)[5:] + shown[16:]


def _who(view: View) -> Text:
    text = Text(printable(view.who), style="bold")
    extra = view.why or view.actor.get("role") or ""
    if extra:
        text.append(f"\n{printable(extra)}", style="not bold dim")
    return text


def _what(view: View, beside: str) -> Text:
    """The sentence without the actor, who has a column, and below it the second line."""
    sentence, who = view.sentence, view.who
    for before in (f"{who}, ", f"{who} "):
        if sentence.startswith(before):
            sentence = sentence[len(before) :]
            break
    text = Text(printable(sentence[:1].upper() + sentence[1:]), style=_COLOURS.get(view.category, ""))
    if beside:
        text.append(f"\n{printable(beside)}", style="dim")
    return text


def _is_actors(view: View) -> bool:
    """Whether the client concerned acted, or is the one for whom the actor did: then the actor's column says so."""
    actor = view.members["actor"]
    principal = actor.get("on_behalf_of", {}).get("person")
    named = view.members.get("client", {}).get("person", principal)
    return actor["kind"] == "client" or (principal is not None and named == principal)


def _context(view: View, said: Set[str]) -> str:
    """What helps most beside the sentence: the client, the reason, and for sign-ins where they came from.

    `said` is what the second line prints already.
    """
    parts: list[str] = []
    known = {(view.target or {}).get("kind"), *said}
    if view.client is not None and not _is_actors(view) and "client" not in known:
        parts.append(view.client_in_words)
    in_sentence = "{amount}" in getattr(view.declared, "sentence", "")
    if view.amount_minor is not None and view.currency and not in_sentence and "amount_minor" not in said:
        parts.append(money.display(view.amount_minor, view.currency))
    context = view.context
    for name in ("reason_text", "service_name", "failure_code"):
        if name not in said and context.get(name):
            parts.append(str(context[name]))
    if view.category == "account" or view.members["actor"]["kind"] == "client":
        parts += [view.device, view.request.get("ip") or ""]
    if view.states:
        parts.append(f"({', '.join(sorted(set(view.states.values())))} values)")
    return " · ".join(part for part in parts if part)


def one(view: View, zone: str) -> Table:
    """Return every field of one entry as a two-column table."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()

    def row(name: str, value: Any) -> None:
        if value not in (None, "", {}, []):
            table.add_row(name, Text(printable(value)))

    row("what", view.sentence)
    then = f", {then} then" if (then := time_then_text(view)) else ""
    row("when", f"{_clock(view.occurred_at, zone)} in {zone}{then}")
    late = f", {late_text(view)}" if view.delay is not None and not view.imported else ""
    row("recorded", _clock(view.recorded_at, zone) + late if view.recorded_at is not None else "—")
    row("action", f"{view.label} ({view.action})")
    row("category", view.category)
    document = view.document(zone)
    for name in ("actor", "target", "client"):
        for part, value in _flat(document.get(name) or {}, name):
            row(part, "—" if value is None else value)
    for index, person in enumerate(document.get("people", [])):
        row(f"people.{index}", orjson.dumps(person).decode())
    for name, text in _said(of_context(view), "context"):
        row(name, text)
    for name, value in document.get("request", {}).items():
        row(f"request.{name}", value)
    row("device", view.device)
    row("operation", document.get("operation"))
    for path, state in view.states.items():
        row(path, f"— ({state})")
    row("entry", f"{view.seq}, {view.id}")
    if view.members.get("imported"):
        row("origin", "imported from a file")
    return table


def _flat(holder: Mapping[str, Any], around: str) -> Iterator[tuple[str, Any]]:
    """The path and the value of each member, also of those inside a member."""
    for name, value in holder.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{around}.{name}")
        else:
            yield f"{around}.{name}", value


def _said(parts: Iterable[Detail], around: str) -> Iterator[tuple[str, str]]:
    """The path and the text of each field, in words: an amount with its currency, a time on the clinic's clock."""
    for part in parts:
        path = f"{around}.{part.name}"
        if part.parts:
            yield from _said(part.parts, path)
        elif part.changed:
            yield path, f"{part.old} → {part.new}"
        elif not (part.state and part.text == "—"):  # what is gone is told below, with its state
            yield path, part.text
