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

from .document import Actor, Request
from .errors import StorageFailure
from .export import csv_file, jsonl_file, xlsx_file
from .export.csv_file import PROFILES, Written
from .export.manifest import PROFILE_OF, Format, Manifest
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

    A path gets the file, and the manifest beside it as `<name>.manifest.json`. A binary stream, or a path to a device
    or a pipe, gets the rows as they come (a workbook when its last row has), and the manifest is only returned. Raises
    InvalidQuery, SigningRefused and InvalidInput where XlsxWriter is missing (nothing was recorded or written), and
    StorageFailure (where the disk fails under way, `log.exported` is already recorded).
    """
    if format == "xlsx":
        xlsx_file.require()
    if isinstance(output, Path):
        log.journal.places.check_output(output)
    wanted = words if isinstance(words, Query) else log.parse(words)
    checkpoint = log.checkpoint()
    if isinstance(output, Path) and not _is_special(output):
        path = output.resolve()  # through a symbolic link, which the rename would replace
        beside = path.with_name(f"{path.name}.manifest.json")
        with whole_files(path, beside) as (rows, manifest_file):
            manifest = _stream(log, wanted, checkpoint, rows, format, actor, request)
            manifest_file.write(manifest.encode())
        return manifest
    with writing():
        if not isinstance(output, Path):
            return _stream(log, wanted, checkpoint, output, format, actor, request)
        with output.open("wb") as device:
            return _stream(log, wanted, checkpoint, device, format, actor, request)


def _is_special(path: Path) -> bool:
    """Whether a path is there and no file: a device or a pipe, which a rename would put a file in the place of."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    if stat.S_ISDIR(mode):
        raise StorageFailure("the output is a folder; name a file in it")
    return not stat.S_ISREG(mode)


def _stream(
    log: ClinicLog,
    wanted: Query,
    checkpoint: CheckpointRow | None,
    out: BinaryIO,
    format: Format,
    actor: Actor,
    request: Request | None,
) -> Manifest:
    up_to = 0 if checkpoint is None else checkpoint.size
    clinic = log.info
    recorded = record_export(log, wanted, checkpoint, actor, format=format, profile=PROFILE_OF[format], request=request)
    about = f"Entries of the log {clinic.origin} up to number {up_to}; this export is its number {recorded.seq}."
    written = _write(log.read(wanted, up_to=up_to), out, format, recorded.recorded_at, about)
    out.flush()
    return Manifest(clinic, wanted, format, up_to, checkpoint, recorded.recorded_at, recorded.seq, written)


def _write(views: Iterable[View], out: BinaryIO, format: Format, created: int, about: str) -> Written:
    if format == "xlsx":
        return xlsx_file.write(views, out, created=created, about=about)
    if format == "jsonl":
        return jsonl_file.write(views, out)
    return csv_file.write(views, out, profile=PROFILES[format])
