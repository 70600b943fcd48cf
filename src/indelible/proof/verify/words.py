"""The report of a log or of a bundle in words, for an auditor who has never heard of us; and as JSON, for a program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import InvalidInput, MalformedProof
from ..letter import Compared
from ..note import Verifier, fingerprint
from .bundle import BundleReport
from .report import Report

# Findings that are written out; the JSON has all that were kept.
_SHOWN = 20
# What a command ends with, by the result.
EXIT_CODES = {"intact": 0, "not_intact": 1, "could_not_tell": 2}
_LETTERS_THAT_CONTRADICT = frozenset({"rewritten", "shorter"})
_OF_A_LOG = {
    "intact": "INTACT: nothing was changed, removed, added or reordered",
    "not_intact": "NOT INTACT",
    "could_not_tell": "COULD NOT TELL",
}
_OF_A_BUNDLE = {
    "intact": "INTACT: everything in this bundle is as it was recorded and exported",
    "not_intact": "NOT INTACT",
    "could_not_tell": "CONSISTENT WITH THE KEY INSIDE, which proves nothing until you compare the key",
}


@dataclass(frozen=True, slots=True)
class Verified:
    """Whose log was verified. `vkey` is its public key."""

    clinic_id: str
    name: str
    origin: str
    vkey: str
    is_closed: bool


def log_lines(of: Verified, report: Report) -> Iterator[str]:
    """Yield what a person should read of a log's report, line by line."""
    yield f"{of.name}: {_OF_A_LOG[report.result]}"
    yield ""
    yield from _findings(report)
    yield f"checked {report.entries} entries, {report.values} personal values, {report.checkpoints} signed checkpoints"
    if report.erased:
        by = sorted({one for seqs in report.erased.values() for one in seqs})
        yield f"{len(report.erased)} entries lost values by anonymization, accounted for by {numbers(by)}"
    if of.is_closed:
        yield "the clinic was closed: its values are sealed for good, and were not opened"
    yield f"signed up to entry {report.signed_size}; root {report.root.hex()}"
    yield f"public key {of.vkey}"
    yield (
        "Not proven: that what was recorded is true, and that nobody with this log's signing key rebuilt it as a whole."
    )
    yield "A checkpoint that you keep elsewhere (`indelible checkpoint`) shows the second."


def log_as_json(of: Verified, report: Report) -> dict[str, Any]:
    """Return a log's report as JSON."""
    return {
        "result": report.result,
        "clinic": of.clinic_id,
        "origin": of.origin,
        "vkey": of.vkey,
        "size": report.size,
        "root": report.root.hex(),
        "entries": report.entries,
        "values": report.values,
        "checkpoints": report.checkpoints,
        "signed_size": report.signed_size,
        "notices": report.notices,
        **_found_as_json(report),
    }


def _findings(report: Report) -> Iterator[str]:
    """The first findings, and what could not be told, with an empty line behind them; nothing where all is well."""
    for finding in report.findings[:_SHOWN]:
        yield f"  {finding.verdict:9}  {f'entry {finding.seq}: ' if finding.seq else ''}{finding.what}"
    more = len(report.findings) - _SHOWN + report.findings_left_out
    if more > 0:
        yield f"  … and {more} more; --json lists them"
    said = [*report.doubts, *report.notices]
    for one in said:
        yield f"  {one}"
    if report.findings or said:
        yield ""


def _found_as_json(report: Report) -> dict[str, Any]:
    return {
        "erased": {str(seq): by for seq, by in report.erased.items()},
        "findings": [{"seq": f.seq, "verdict": f.verdict, "what": f.what} for f in report.findings],
        "findings_left_out": report.findings_left_out,
        "doubts": report.doubts,
    }


def read_key(key: str | None) -> Verifier | None:
    """Return the key that somebody typed. Raises InvalidInput where it is none."""
    if key is None:
        return None
    try:
        return Verifier.decode(key.strip())
    except (MalformedProof, UnicodeEncodeError) as error:
        raise InvalidInput(f"is not a log's public key as `name+id+key` ({error})", "--key") from error


def lines(report: BundleReport) -> Iterator[str]:
    """Yield what a person should read, line by line."""
    statement = report.statement
    assert statement is not None  # noqa: S101 - a report of a bundle has one
    about = f"{statement.clinic_name}, {report.entries} entries, {statement.filter_in_words}"
    yield f"{about}: {_OF_A_BUNDLE[report.result]}"
    yield ""
    yield from _findings(report)
    yield from _counts(report)
    yield f"public key   {report.vkey}"
    yield f"fingerprint  {fingerprint(report.vkey)}"
    if report.result == "intact":
        yield from _limits(report)


def _counts(report: BundleReport) -> Iterator[str]:
    yield f"checked {report.entries} entries and {report.values} values against the signed head of size {report.size}"
    if report.erased:
        by = sorted({one for seqs in report.erased.values() for one in seqs})
        yield f"erased: {len(report.erased)} entries lost values by anonymization, accounted for by {numbers(by)}"
    if report.withheld:
        yield f"withheld: {report.withheld} values are committed to and were kept back by the exporter"
    if report.exported_as:
        yield f"the log's entry {report.exported_as} records this export, with a seal of each of its files"


def exit_code(report: Report, letters: Sequence[Compared]) -> int:
    """Return what a command ends with that checked a log or a bundle, and letters with it."""
    if report.result == "not_intact" or any(one.outcome in _LETTERS_THAT_CONTRADICT for one in letters):
        return EXIT_CODES["not_intact"]
    agree = all(one.outcome == "same" for one in letters)
    return EXIT_CODES[report.result if agree else "could_not_tell"]


def numbers(seqs: Sequence[int]) -> str:
    """Return "entry 7", or "entries 7, 9, 12 …"."""
    shown = ", ".join(map(str, seqs[:10])) + (" …" if len(seqs) > 10 else "")
    return f"{'entry' if len(seqs) == 1 else 'entries'} {shown}"


def _limits(report: BundleReport) -> Iterator[str]:
    statement = report.statement
    assert statement is not None  # noqa: S101 - as above
    if statement.rows == 0:
        yield "Proven: that the export was recorded. There are no entries in it."
    elif statement.kind == "complete":
        span = f"{statement.first_seq} to {statement.last_seq}"
        yield f"Proven: these are all entries from number {span}, unchanged, and nothing between them was left out."
    else:
        yield "Proven: each of these entries is in the log at its number, unchanged; none was taken out of this file."
        yield "Not proven: that the filter left nothing out that you should see. A complete bundle shows that."
    yield (
        "Not proven: that what was recorded is true; the wording (labels, devices, what an entry does to money, "
        "offsets of zones), which is the exporter's; and that nobody with the log's signing key rebuilt it as a whole, "
        "which only a checkpoint kept elsewhere shows."
    )


def as_json(report: BundleReport) -> dict[str, object]:
    """Return the report as JSON."""
    statement = report.statement
    assert statement is not None  # noqa: S101 - as above
    return {
        "result": report.result,
        "kind": statement.kind,
        "origin": statement.log_origin,
        "vkey": report.vkey,
        "fingerprint": fingerprint(report.vkey),
        "size": report.size,
        "root": report.root.hex(),
        "first_seq": statement.first_seq,
        "last_seq": statement.last_seq,
        "entries": report.entries,
        "values": report.values,
        "withheld": report.withheld,
        "exported_as": report.exported_as,
        "differing_cells": [{"seq": seq, "column": column} for seq, column in report.differing_cells],
        **_found_as_json(report),
    }
