"""`python -m indelible.verify FILE.zip --key KEY`: check a bundle with nothing but the core installed."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress

from ...errors import IndelibleError
from .bundle import verify_bundle
from .words import EXIT_CODES, lines, read_key


def main() -> int:
    """Check one bundle. Exit code 0 intact, 1 not intact, 2 could not tell, as with `indelible verify`."""
    parser = argparse.ArgumentParser(prog="python -m indelible.verify", description="Check a bundle, offline.")
    parser.add_argument("file", help="the bundle, a zip file")
    parser.add_argument("--key", default=os.environ.get("INDELIBLE_VKEY"), help="the log's public key as you noted it")
    options = parser.parse_args()
    try:
        with open(options.file, "rb") as file:
            report = verify_bundle(file, read_key(options.key))
    except (IndelibleError, OSError) as error:
        print(f"indelible.verify: {error}", file=sys.stderr)  # noqa: T201 - as below
        return 2
    with suppress(BrokenPipeError):  # the exit code is the verdict, also for who reads only the first line
        for line in lines(report):
            print("".join(character if character.isprintable() else "?" for character in line))  # noqa: T201 - its output
    return EXIT_CODES[report.result]


if __name__ == "__main__":
    sys.exit(main())
