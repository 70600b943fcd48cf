"""Commands that prove: verify, checkpoint."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ..errors import IndelibleError, InvalidInput
from ..inspection import inspect
from ..journal import ClinicLog
from ..verify import Report
from .options import AsJson, ClinicId, Database, clinic_log, say
from .table import errors, printable

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
        str | None, typer.Argument(metavar="[FILE]", help="A database file; without it, --database.")
    ] = None,
    key: VerifyKey = None,
    as_json: AsJson = False,
    database: Database = None,
    clinic: ClinicId = None,
) -> None:
    """Check every entry, value, number and signature. Exit code 0 intact, 1 not intact, 2 could not tell."""
    if file is not None and not Path(file).is_file():
        raise InvalidInput("is not there; name a database file, or leave it out", "FILE")
    with clinic_log(file or database, clinic) as log:
        if key is not None and key != log.info.vkey:
            raise InvalidInput(
                "is not the key of this log; ask whoever gave you the key, and trust nothing until you know", "--key"
            )
        report = _watched(log)
        if report.result == "intact":
            _sign_rest(log, report)
        with suppress(BrokenPipeError):  # the exit code is the verdict, also for who reads only its first line
            if as_json:
                print(orjson.dumps(_as_json(log, report), option=orjson.OPT_INDENT_2).decode())
            else:
                _print(log, report)
    if report.result != "intact":
        raise typer.Exit(_EXIT[report.result])


def _watched(log: ClinicLog) -> Report:
    """Verify, and show a person at a terminal how far it is."""
    columns = (TextColumn("checking entries"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors(), transient=True, disable=not sys.stderr.isatty()) as progress:
        bar = progress.add_task("", total=log.size)
        return inspect(log, lambda done: progress.update(bar, completed=done))


def _sign_rest(log: ClinicLog, report: Report) -> None:
    """Sign what was just found intact, so that it is protected from here on. A read-only database stays unsigned."""
    if report.signed_size < report.size:
        try:
            log.checkpoint()
            report.signed_size = report.size
        except IndelibleError as error:
            say(f"the last {report.size - report.signed_size} entries could not be signed: {error}")


def _as_json(log: ClinicLog, report: Report) -> dict[str, object]:
    return {
        "result": report.result,
        "clinic": log.info.id,
        "origin": log.info.origin,
        "vkey": log.info.vkey,
        "size": report.size,
        "root": report.root.hex(),
        "entries": report.entries,
        "values": report.values,
        "checkpoints": report.checkpoints,
        "signed_size": report.signed_size,
        "findings": [{"seq": f.seq, "verdict": f.verdict, "what": f.what} for f in report.findings],
        "findings_left_out": report.findings_left_out,
        "doubts": report.doubts,
    }


def _print(log: ClinicLog, report: Report) -> None:
    verdicts = {
        "intact": "INTACT: nothing was changed, removed, added or reordered",
        "not_intact": "NOT INTACT",
        "could_not_tell": "COULD NOT TELL",
    }
    print(f"{printable(log.info.name)}: {verdicts[report.result]}\n")
    for finding in report.findings[:_SHOWN]:
        print(f"  {finding.verdict:9}  {f'entry {finding.seq}: ' if finding.seq else ''}{printable(finding.what)}")
    more = len(report.findings) - _SHOWN + report.findings_left_out
    if more > 0:
        print(f"  … and {more} more; --json lists them")
    for doubt in report.doubts:
        print(f"  {doubt}")
    if report.findings or report.doubts:
        print()
    print(f"checked {report.entries} entries, {report.values} personal values, {report.checkpoints} signed checkpoints")
    print(f"signed up to entry {report.signed_size}; root {report.root.hex()}")
    print(f"public key {log.info.vkey}")
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
