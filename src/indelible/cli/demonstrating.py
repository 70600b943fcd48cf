"""The demo: a clinic with a year of life, made once and then reused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo lives; reused if it is there.")] = Path(".demo"),
    seed: Annotated[int, typer.Option(help="Another seed, another year.")] = 1,
    days: Annotated[int, typer.Option(min=1, max=3_660, help="How many days of life.")] = 365,
) -> None:
    """Fill a clinic with a year of life and show its log."""
