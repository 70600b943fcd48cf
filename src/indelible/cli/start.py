"""Where `indelible` begins: says in one sentence what is missing where the command line was not installed with it."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line. Exits with 2 where the libraries of the command line are not there."""
    try:
        from .main import main as run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("rich", "typer"):
            raise
        print("indelible: the command line is not installed; pip install 'indelible[cli]' brings it", file=sys.stderr)
        sys.exit(2)
    run()
