"""`python -m indelible.verify FILE.zip --key KEY`: check a bundle with nothing but the core installed.

`--proof ANSWER.json`, or `--proof PROOF --entry BODY`, checks one entry in its place."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from contextlib import suppress

from ...errors import IndelibleError, InvalidInput, MalformedProof
from .. import letter
from . import single
from .bundle import verify_bundle
from .words import exit_code, lines, read_key


def main() -> int:
    """Check one bundle. Exit code 0 intact, 1 not intact, 2 could not tell, as with `indelible verify`."""
    parser = argparse.ArgumentParser(prog="python -m indelible.verify", description="Check a bundle, offline.")
    parser.add_argument("file", nargs="?", help="the bundle, a zip file")
    parser.add_argument("--key", default=os.environ.get("INDELIBLE_VKEY"), help="the log's public key as you noted it")
    parser.add_argument("--letter", help="a letter of the log that you kept, to compare with the bundle")
    parser.add_argument("--proof", help="the proof of one entry, as a text or as JSON with its body")
    parser.add_argument("--entry", help="the body of that entry, where the proof is a text")
    options = parser.parse_args()
    if (options.file is None) == (options.proof is None):
        parser.error("give a bundle, or the --proof of an entry")
    if options.proof is not None:
        return _check_entry(options.proof, options.entry, options.key)
    try:
        found = () if options.letter is None else letter.find(_read(options.letter))
        with open(options.file, "rb") as file:
            report = verify_bundle(file, read_key(options.key))
        told = [report.compare(one) for one in found]
    except (IndelibleError, OSError) as error:
        print(f"indelible.verify: {error}", file=sys.stderr)  # noqa: T201 - as below
        return 2
    _print([*map(letter.sentence, told), *lines(report)])
    return exit_code(report, told)


def _check_entry(proof: str, body: str | None, key: str | None) -> int:
    """Check one entry: exit code 0 where it is in the log, 1 where the proof does not hold, 2 where nothing can be
    said."""
    try:
        verifier = read_key(key)
        if verifier is None:
            raise InvalidInput("is missing; a proof says nothing without the log's public key", "--key")
        found, data = single.read(_read(proof), None if body is None else _read(body))
    except (IndelibleError, OSError) as error:
        print(f"indelible.verify: {error}", file=sys.stderr)  # noqa: T201 - as below
        return 2
    try:
        _print(single.check(found, data, verifier).lines())
    except MalformedProof as error:
        _print([f"NOT PROVEN: {error}"])
        return 1
    return 0


def _print(lines: Iterable[str]) -> None:
    with suppress(BrokenPipeError):  # the exit code is the verdict, also for who reads only the first line
        for line in lines:
            print("".join(character if character.isprintable() else "?" for character in line))  # noqa: T201 - its output


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(letter.LARGEST_LETTER + 1)


if __name__ == "__main__":
    sys.exit(main())
