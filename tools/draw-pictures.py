"""Draw docs/pictures/list.svg and story.svg: the demo as the terminal shows it. Run after `make demo`."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.terminal_theme import MONOKAI

from indelible.cli import table
from indelible.demo import folder
from indelible.read import story

_WORDS = [
    "category:bookings",
    "category:payments",
    "category:vouchers",
    "-action:charge.succeeded",
    "-action:booking.created",
]
_SUBJECT = "booking/bk_148271"  # the first of the five uses


def main() -> None:
    with folder.reopen(Path(".demo")) as journal:
        log = journal.clinic()
        shown, _ = table.entries(log.read(_WORDS, limit=16), log.state().zone, log.state().name)
        _draw(shown, f"indelible list {' '.join(_WORDS)}", "list.svg")
        told = [one.view for one in story.story(log.reading(), _SUBJECT).entries]
        shown, _ = table.entries(told, log.state().zone, f"{log.state().name} — the story of {_SUBJECT}")
        _draw(shown, f"indelible story {_SUBJECT}", "story.svg")


def _draw(shown: Table, title: str, name: str) -> None:
    console = Console(record=True, width=150, file=io.StringIO(), highlight=False, force_terminal=True)
    console.print(shown)
    svg = console.export_svg(title=title, theme=MONOKAI)
    # No font from elsewhere: a reader's own monospace will do, and a picture must not call home.
    while "@font-face" in svg:
        start = svg.index("@font-face")
        end = svg.index("}", start) + 1
        svg = svg[:start] + svg[end:]
    Path("docs/pictures", name).write_text(svg.replace("Fira Code", "DejaVu Sans Mono"), encoding="utf-8")


if __name__ == "__main__":
    main()
