"""Commands that prove: verify, checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from ...errors import IndelibleError, InvalidInput, MalformedProof
from ...proof import letter
from ...proof.letter import Compared
from ...proof.verify import Report, single, verify_bundle, words
from ...proof.verify.words import read_key
from ..options import AsJson, ClinicId, Database, chosen_clinic, clinic_log, journal, say
from ..terminal import printable, watched

if TYPE_CHECKING:
    from ...journal import Journal
    from ...log import ClinicLog
    from ...stores.contract import Clinic, State

VerifyKey = Annotated[
    str | None,
    typer.Option(
        "--key", envvar="INDELIBLE_VKEY", help="The log's public key as you noted it, to compare with the database's."
    ),
]


def verify(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE]", help="A bundle, or a database with its key beside it; without it, --database."
        ),
    ] = None,
    key: VerifyKey = None,
    structure: Annotated[
        bool, typer.Option("--structure", help="Open no personal value: faster, and needs no keep.")
    ] = False,
    kept: Annotated[
        Path | None,
        typer.Option(
            "--letter", metavar="LETTER", help="A letter of the log that you kept, .eml or text, to compare with it."
        ),
    ] = None,
    proof: Annotated[
        Path | None,
        typer.Option(
            "--proof", help="Check one entry, offline: its proof as a text, or JSON that has the entry's body too."
        ),
    ] = None,
    entry: Annotated[
        Path | None, typer.Option("--entry", help="The body of that entry, where its proof is a text.")
    ] = None,
    as_json: AsJson = False,
    database: Database = None,
    clinic: ClinicId = None,
) -> None:
    """Check every entry, value, number and signature. Exit code 0 intact, 1 not intact, 2 could not tell."""
    if proof is not None or entry is not None:
        if proof is None or file is not None or kept is not None:
            raise InvalidInput("goes with --proof alone; a bundle or a log has its proofs inside", "--entry")
        _verify_entry(proof, entry, key, as_json)
        return
    if file is not None and not Path(file).is_file():
        raise InvalidInput("is not there; name a bundle or a database file, or leave it out", "FILE")
    notes = () if kept is None else _notes(kept)
    if file is not None and _is_zip(Path(file)):
        raise typer.Exit(_verify_bundle(Path(file), key, notes, as_json))
    with journal(file or database) as opened:
        info, state = _chosen(opened, clinic)
        if key is not None and key.strip() != info.vkey:
            raise InvalidInput(
                "is not the key of this log; ask whoever gave you the key, and trust nothing until you know", "--key"
            )
        letters = _compared(opened, info, notes)
        report = _watched(opened, info, state, not structure)
        if report.result == "intact" and state.closed_at is None and not structure:
            _sign_rest(opened.clinic(info.id), report)
    of = words.Verified(info.id, state.name, info.origin, info.vkey, state.closed_at is not None)
    _print(_with(letters, words.log_as_json(of, report) if as_json else words.log_lines(of, report)))
    if code := words.exit_code(report, letters):
        raise typer.Exit(code)


def _verify_entry(proof: Path, body: Path | None, key: str | None, as_json: bool) -> None:
    """Check one entry with its proof. Raises InvalidInput where nothing can be said."""
    verifier = read_key(key)
    if verifier is None:
        raise InvalidInput("is missing; a proof says nothing without the log's public key, as you noted it", "--key")
    try:
        found, data = single.read(_kept(proof, "--proof"), None if body is None else _kept(body, "--entry"))
    except MalformedProof as error:
        raise InvalidInput(str(error), "--proof") from error
    try:
        checked = single.check(found, data, verifier)
    except MalformedProof as error:
        _print({"result": "not_intact", "why": str(error)} if as_json else iter([f"NOT PROVEN: {error}"]))
        raise typer.Exit(words.EXIT_CODES["not_intact"]) from None
    _print(checked.as_json() if as_json else checked.lines())


def _kept(path: Path, option: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(single.LARGEST + 1)
    except OSError as error:
        raise InvalidInput("cannot be read; name a file", option) from error


def _notes(kept: Path) -> Sequence[bytes]:
    """The signed checkpoints of a letter. Raises InvalidInput."""
    try:
        with kept.open("rb") as file:
            return letter.find(file.read(letter.LARGEST_LETTER + 1))
    except OSError as error:
        raise InvalidInput("cannot be read; name the file of a letter", "--letter") from error
    except MalformedProof as error:
        raise InvalidInput(str(error), "--letter") from error


def _compared(opened: Journal, info: Clinic, notes: Sequence[bytes]) -> list[Compared]:
    from ...manage.witness import compare  # not above: as below

    return [compare(opened.shared, info, one) for one in notes]


def _with(letters: Sequence[Compared], told: dict[str, Any] | Iterator[str]) -> dict[str, Any] | Iterator[str]:
    """What is told, with what the letters say: first, since they were asked for."""
    if isinstance(told, dict):
        return {**told, "letters": [letter.said_as_json(one) for one in letters]} if letters else told
    return chain(map(letter.sentence, letters), told)


def _print(told: dict[str, Any] | Iterator[str]) -> None:
    """Print JSON or lines. The exit code is the verdict, also for who reads only its first line."""
    with suppress(BrokenPipeError):
        if isinstance(told, dict):
            print(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        else:
            for line in told:
                print(printable(line))


def _is_zip(path: Path) -> bool:
    """Whether a file begins as a zip does; an empty zip, which is no bundle, begins otherwise."""
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def _verify_bundle(path: Path, key: str | None, notes: Sequence[bytes], as_json: bool) -> int:
    """Check a bundle and print what it shows; return the exit code."""
    with path.open("rb") as file, watched("checking entries") as progress:
        report = verify_bundle(file, read_key(key), progress)
    letters = [report.compare(one) for one in notes]
    _print(_with(letters, words.as_json(report) if as_json else words.lines(report)))
    return words.exit_code(report, letters)


def _chosen(opened: Journal, clinic: str | None) -> tuple[Clinic, State]:
    """The clinic that is meant; one that was closed can be verified, too, and one whose keep is lost."""
    return opened.info(chosen_clinic(clinic))


def _watched(opened: Journal, info: Clinic, state: State, open_values: bool) -> Report:
    """Verify, and show a person at a terminal how far it is."""
    from ...manage.inspection import inspect, inspect_clinic  # not above: a bundle is verified without it

    with watched("checking entries", state.size) as progress:
        if state.closed_at is not None:
            return inspect_clinic(opened.shared, info, None, progress)
        if not open_values:
            return inspect_clinic(opened.shared, info, None, progress, opened.signer(info).verifier)
        return inspect(opened.clinic(info.id), progress)


def _sign_rest(log: ClinicLog, report: Report) -> None:
    """Sign what was just found intact, so that it is protected from here on. A read-only database stays unsigned."""
    if report.signed_size < report.size:
        try:
            log.checkpoint()
            report.signed_size = report.size
        except IndelibleError as error:
            say(f"the last {report.size - report.signed_size} entries could not be signed: {error}")


def checkpoint(database: Database = None, clinic: ClinicId = None) -> None:
    """Sign the log as it stands and print the signed checkpoint, to be kept somewhere else."""
    with clinic_log(database, clinic) as log:
        row = log.checkpoint()
        if row is None:
            say("The log is empty; there is nothing to sign yet.")
        else:
            print(row.note.decode("utf-8"), end="")
