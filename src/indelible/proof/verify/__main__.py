"""`python -m indelible.verify FILE.zip --key KEY`: check a bundle with nothing but the core installed."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress

from ...errors import IndelibleError
from .. import letter
from .bundle import verify_bundle
from .words import exit_code, lines, read_key


def main() -> int:
    """Check one bundle. Exit code 0 intact, 1 not intact, 2 could not tell, as with `indelible verify`."""
    parser = argparse.ArgumentParser(prog="python -m indelible.verify", description="Check a bundle, offline.")
    parser.add_argument("file", help="the bundle, a zip file")
    parser.add_argument("--key", default=os.environ.get("INDELIBLE_VKEY"), help="the log's public key as you noted it")
    parser.add_argument("--letter", help="a letter of the log that you kept, to compare with the bundle")
    options = parser.parse_args()
    try:
        found = () if options.letter is None else letter.find(_read(options.letter))
        with open(options.file, "rb") as file:
            report = verify_bundle(file, read_key(options.key))
        told = [report.compare(one) for one in found]
    except (IndelibleError, OSError) as error:
        print(f"indelible.verify: {error}", file=sys.stderr)  # noqa: T201 - as below
        return 2
    with suppress(BrokenPipeError):  # the exit code is the verdict, also for who reads only the first line
        for line in [*map(letter.sentence, told), *lines(report)]:
            print("".join(character if character.isprintable() else "?" for character in line))  # noqa: T201 - its output
    return exit_code(report, told)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(letter.LARGEST_LETTER + 1)


if __name__ == "__main__":
    sys.exit(main())
