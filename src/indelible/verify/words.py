"""A bundle's report in words, for an auditor who has never heard of us; and as JSON, for a program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import InvalidInput, MalformedProof
from ..note import Verifier, fingerprint
from .bundle import BundleReport

# Findings that are written out; the JSON has all that were kept.
_SHOWN = 20


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
    verdict = {
        "intact": "INTACT: everything in this bundle is as it was recorded and exported",
        "not_intact": "NOT INTACT",
        "could_not_tell": "CONSISTENT WITH THE KEY INSIDE, which proves nothing until you compare the key",
    }[report.result]
    yield f"{about}: {verdict}"
    yield ""
    for finding in report.findings[:_SHOWN]:
        yield f"  {finding.verdict:9}  {f'entry {finding.seq}: ' if finding.seq else ''}{finding.what}"
    more = len(report.findings) - _SHOWN + report.findings_left_out
    if more > 0:
        yield f"  … and {more} more; --json lists them"
    for doubt in report.doubts:
        yield f"  {doubt}"
    if report.findings or report.doubts:
        yield ""
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
        "erased": {str(seq): by for seq, by in report.erased.items()},
        "exported_as": report.exported_as,
        "findings": [{"seq": f.seq, "verdict": f.verdict, "what": f.what} for f in report.findings],
        "findings_left_out": report.findings_left_out,
        "differing_cells": [{"seq": seq, "column": column} for seq, column in report.differing_cells],
        "doubts": report.doubts,
    }
