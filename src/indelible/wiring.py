"""Operations that need the journal and a part beside it.

An export, in this order; a crash after any step leaves what it says:

1. the filter is read, and a checkpoint taken: its size bounds the rows, so that it covers every entry of the file
2. the output is opened                                             part files
3. `log.exported` is appended: filter, bound, format, checkpoint    the entry, and no file: an export that was begun
4. rows and manifest are written, synced and renamed                `whole.py`

The file never holds its own `log.exported`, because that comes after the bound.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from . import instant, query
from .document import Actor, Request
from .export import csv_file, jsonl_file, xlsx_file
from .export.csv_file import PROFILES, Written
from .export.manifest import ENDINGS, PROFILE_OF, Format, Manifest
from .export.naming import file_name, free_path
from .export.whole import whole_files, writing
from .exported import record_export
from .journal import ClinicLog
from .query import Query
from .store import CheckpointRow
from .view import View


def export(
    log: ClinicLog,
    words: Query | str | Sequence[str],
    output: Path | BinaryIO,
    *,
    format: Format = "csv",
    actor: Actor,
    request: Request | None = None,
) -> Manifest:
    """Write the entries that a filter means in a format, record that, and return the manifest.

    A path gets the file, and the manifest beside it as `<name>.manifest.json`; in a folder the file gets the name that
    `export.naming` gives it. A binary stream, or a path to a device or a pipe, gets the rows as they come (a workbook
    when its last row has), and the manifest is only returned. Raises InvalidQuery, SigningRefused and InvalidInput
    where XlsxWriter is missing (nothing was recorded or written), and StorageFailure (where the disk fails under way,
    `log.exported` is already recorded).
    """
    if format == "xlsx":
        xlsx_file.require()
    wanted = words if isinstance(words, Query) else log.parse(words)
    if isinstance(output, Path):
        if output.is_dir():
            output = free_path(output, file_name(log.info, wanted, ENDINGS[format], log.clock()))
        log.journal.places.check_output(output)
    checkpoint = log.checkpoint()
    if isinstance(output, Path) and not _is_special(output):
        path = output.resolve()  # through a symbolic link, which the rename would replace
        beside = path.with_name(f"{path.name}.manifest.json")
        with whole_files(path, beside) as (rows, manifest_file):
            manifest = _stream(log, wanted, checkpoint, rows, format, actor, request, path.name)
            manifest_file.write(manifest.encode())
        return manifest
    with writing():
        if not isinstance(output, Path):
            return _stream(log, wanted, checkpoint, output, format, actor, request, "")
        with output.open("wb") as device:
            return _stream(log, wanted, checkpoint, device, format, actor, request, "")


def _is_special(path: Path) -> bool:
    """Whether a path is there and no file: a device or a pipe, which a rename would put a file in the place of."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode)


def _stream(
    log: ClinicLog,
    wanted: Query,
    checkpoint: CheckpointRow | None,
    out: BinaryIO,
    format: Format,
    actor: Actor,
    request: Request | None,
    name: str,
) -> Manifest:
    up_to = 0 if checkpoint is None else checkpoint.size
    recorded = record_export(log, wanted, checkpoint, actor, format=format, profile=PROFILE_OF[format], request=request)
    views = log.read(wanted, up_to=up_to)
    clinic = log.info  # with the zone in which the days of the filter were just read
    about = f"Entries of the log {clinic.origin} up to number {up_to}; this export is its number {recorded.seq}."
    facts = (
        ("clinic", clinic.name),
        ("filter", query.in_words(wanted, clinic.zone)),
        ("exported_at", instant.format(recorded.recorded_at)),
        ("export", about),
    )
    written = _write(views, out, format, clinic.zone, recorded.recorded_at, facts)
    out.flush()
    return Manifest(clinic, wanted, format, up_to, checkpoint, recorded.recorded_at, recorded.seq, written, name)


def _write(
    views: Iterable[View], out: BinaryIO, format: Format, zone: str, created: int, facts: Sequence[tuple[str, str]]
) -> Written:
    if format == "xlsx":
        return xlsx_file.write(views, out, zone=zone, created=created, about=facts[-1][1], facts=facts)
    if format == "jsonl":
        return jsonl_file.write(views, out, zone=zone)
    return csv_file.write(views, out, zone=zone, profile=PROFILES[format])
