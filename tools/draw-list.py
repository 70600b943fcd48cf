"""Draw docs/pictures/list.svg: the demo's list as the terminal shows it. Run after `make demo`."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from indelible.cli import table
from indelible.demo import folder


def main() -> None:
    words = sys.argv[1:] or [
        "category:bookings",
        "category:payments",
        "category:vouchers",
        "-action:charge.succeeded",
        "-action:booking.created",
    ]
    with folder.reopen(Path(".demo")) as journal:
        log = journal.clinic()
        shown, _ = table.entries(log.read(words, limit=16), log.info.zone, log.info.name)
    console = Console(record=True, width=150, file=io.StringIO(), highlight=False, force_terminal=True)
    console.print(shown)
    svg = console.export_svg(title=f"indelible list {' '.join(words)}", theme=MONOKAI)
    # No font from elsewhere: a reader's own monospace will do, and a picture must not call home.
    while "@font-face" in svg:
        start = svg.index("@font-face")
        end = svg.index("}", start) + 1
        svg = svg[:start] + svg[end:]
    Path("docs/pictures/list.svg").write_text(svg.replace("Fira Code", "DejaVu Sans Mono"), encoding="utf-8")


if __name__ == "__main__":
    main()
