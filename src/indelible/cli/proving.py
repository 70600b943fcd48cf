"""Commands that prove: verify, checkpoint."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from ..errors import IndelibleError, InvalidInput
from ..verify import Report, verify_bundle, words
from ..verify.words import read_key
from .options import AsJson, ClinicId, Database, chosen_clinic, clinic_log, journal, say
from .terminal import printable, watched

if TYPE_CHECKING:
    from ..journal import ClinicLog, Journal
    from ..store import Clinic

_EXIT = {"intact": 0, "not_intact": 1, "could_not_tell": 2}
_SHOWN = 20

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
    as_json: AsJson = False,
    database: Database = None,
    clinic: ClinicId = None,
) -> None:
    """Check every entry, value, number and signature. Exit code 0 intact, 1 not intact, 2 could not tell."""
    if file is not None and not Path(file).is_file():
        raise InvalidInput("is not there; name a bundle or a database file, or leave it out", "FILE")
    if file is not None and _is_zip(Path(file)):
        raise typer.Exit(_verify_bundle(Path(file), key, as_json))
    with journal(file or database) as opened:
        info = _chosen(opened, clinic)
        if key is not None and key.strip() != info.vkey:
            raise InvalidInput(
                "is not the key of this log; ask whoever gave you the key, and trust nothing until you know", "--key"
            )
        report = _watched(opened, info, not structure)
        if report.result == "intact" and info.closed_at is None and not structure:
            _sign_rest(opened.clinic(info.id), report)
        with suppress(BrokenPipeError):  # the exit code is the verdict, also for who reads only its first line
            if as_json:
                print(orjson.dumps(_as_json(info, report), option=orjson.OPT_INDENT_2).decode())
            else:
                _print(info, report)
    if report.result != "intact":
        raise typer.Exit(_EXIT[report.result])


def _is_zip(path: Path) -> bool:
    """Whether a file begins as a zip does; an empty zip, which is no bundle, begins otherwise."""
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def _verify_bundle(path: Path, key: str | None, as_json: bool) -> int:
    """Check a bundle and print what it shows; return the exit code."""
    with path.open("rb") as file, watched("checking entries") as progress:
        report = verify_bundle(file, read_key(key), progress)
    with suppress(BrokenPipeError):
        if as_json:
            print(orjson.dumps(words.as_json(report), option=orjson.OPT_INDENT_2).decode())
        else:
            for line in words.lines(report):
                print(printable(line))
    return _EXIT[report.result]


def _chosen(opened: Journal, clinic: str | None) -> Clinic:
    """The clinic that is meant; one that was closed can be verified, too, and one whose keep is lost."""
    return opened.info(chosen_clinic(clinic))


def _watched(opened: Journal, info: Clinic, open_values: bool) -> Report:
    """Verify, and show a person at a terminal how far it is."""
    from ..inspection import inspect, inspect_clinic  # not above: a bundle is verified without it

    with watched("checking entries", opened.store.head(info.id).size) as progress:
        if info.closed_at is not None:
            return inspect_clinic(opened, info, None, progress)
        if not open_values:
            return inspect_clinic(opened, info, None, progress, opened.signer(info).verifier)
        return inspect(opened.clinic(info.id), progress)


def _sign_rest(log: ClinicLog, report: Report) -> None:
    """Sign what was just found intact, so that it is protected from here on. A read-only database stays unsigned."""
    if report.signed_size < report.size:
        try:
            log.checkpoint()
            report.signed_size = report.size
        except IndelibleError as error:
            say(f"the last {report.size - report.signed_size} entries could not be signed: {error}")


def _as_json(info: Clinic, report: Report) -> dict[str, object]:
    return {
        "result": report.result,
        "clinic": info.id,
        "origin": info.origin,
        "vkey": info.vkey,
        "size": report.size,
        "root": report.root.hex(),
        "entries": report.entries,
        "values": report.values,
        "erased": {str(seq): by for seq, by in report.erased.items()},
        "checkpoints": report.checkpoints,
        "signed_size": report.signed_size,
        "findings": [{"seq": f.seq, "verdict": f.verdict, "what": f.what} for f in report.findings],
        "findings_left_out": report.findings_left_out,
        "doubts": report.doubts,
        "notices": report.notices,
    }


def _print(info: Clinic, report: Report) -> None:
    verdicts = {
        "intact": "INTACT: nothing was changed, removed, added or reordered",
        "not_intact": "NOT INTACT",
        "could_not_tell": "COULD NOT TELL",
    }
    print(f"{printable(info.name)}: {verdicts[report.result]}\n")
    for finding in report.findings[:_SHOWN]:
        print(f"  {finding.verdict:9}  {f'entry {finding.seq}: ' if finding.seq else ''}{printable(finding.what)}")
    more = len(report.findings) - _SHOWN + report.findings_left_out
    if more > 0:
        print(f"  … and {more} more; --json lists them")
    for doubt in [*report.doubts, *report.notices]:
        print(f"  {doubt}")
    if report.findings or report.doubts or report.notices:
        print()
    print(f"checked {report.entries} entries, {report.values} personal values, {report.checkpoints} signed checkpoints")
    if report.erased:
        by = sorted({one for seqs in report.erased.values() for one in seqs})
        print(f"{len(report.erased)} entries lost values by anonymization, accounted for by {words.numbers(by)}")
    if info.closed_at is not None:
        print("the clinic was closed: its values are sealed for good, and were not opened")
    print(f"signed up to entry {report.signed_size}; root {report.root.hex()}")
    print(f"public key {info.vkey}")
    print(
        "Not proven: that what was recorded is true, and that nobody with this log's signing key rebuilt it as a whole."
    )
    print("A checkpoint that you keep elsewhere (`indelible checkpoint`) shows the second.")


def checkpoint(database: Database = None, clinic: ClinicId = None) -> None:
    """Sign the log as it stands and print the signed checkpoint, to be kept somewhere else."""
    with clinic_log(database, clinic) as log:
        row = log.checkpoint()
        if row is None:
            say("The log is empty; there is nothing to sign yet.")
        else:
            print(row.note.decode("utf-8"), end="")
