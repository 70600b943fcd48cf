"""What every command says to a terminal: text that is safe to print, and how far it is."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def errors() -> Console:
    """Where progress and messages go, away from the output."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


@contextmanager
def watched(what: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """Show a person at a terminal how far something is: call what this gives with how much is done (of how much)."""
    if not sys.stderr.isatty():
        yield lambda done, every=total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors(), transient=True) as progress:
        bar = progress.add_task("", total=total)
        yield lambda done, every=total: progress.update(bar, completed=done, total=every)


def printable(value: object) -> str:
    """Return text that cannot move the cursor, ring a bell or turn the line around: such characters as escapes."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(c if c == " " or c.isprintable() else _escape(c) for c in text)


def _escape(character: str) -> str:
    if character in "\n\t":
        return " "
    if unicodedata.category(character) == "Zs":
        return " "
    return character.encode("unicode_escape").decode("ascii")
