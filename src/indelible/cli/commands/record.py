"""Commands that put entries in: one document, or a file of them."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, BinaryIO

import typer

from ...errors import Conflict, InvalidInput, StorageFailure
from ...log import ClinicLog
from ...record import document
from ...record.document import DOCUMENT_LIMIT
from ...record.importing import BATCH, check_run, import_lines
from ..options import AsJson, ClinicId, Database, clinic_log, say
from ..terminal import watched

_MEND = 'Where they are a client again, record it with "returned": true.'


def record(
    text: Annotated[
        str, typer.Argument(metavar="DOCUMENT", help="The event document as JSON, or - for standard input.")
    ] = "-",
    database: Database = None,
    clinic: ClinicId = None,
    as_json: AsJson = False,
) -> None:
    """Record one event document."""
    _check_no_file(text)
    data = sys.stdin.buffer.read(DOCUMENT_LIMIT + 1) if text == "-" else text.encode("utf-8", "surrogateescape")
    with clinic_log(database, clinic) as log:
        entry = log.record_document(document.parse_json(data))
    if as_json:
        left_out = {"left_out": list(entry.left_out)} if entry.left_out else {}
        print(json.dumps({"seq": entry.seq, "id": entry.id, "repeated": entry.repeated} | left_out))
    else:
        print(f"entry {entry.seq}  {entry.id}" + ("  (was there already)" if entry.repeated else ""))
        if entry.left_out:
            say(f"Not kept, because this is of before its person was anonymized: {', '.join(entry.left_out)}. {_MEND}")


def _check_no_file(text: str) -> None:
    is_json = text == "-" or text.lstrip().startswith(("{", "["))
    if not is_json and (text.endswith((".json", ".jsonl")) or is_file(text)):
        raise InvalidInput(
            "is the name of a file, and the document itself is wanted: `indelible record - < FILE`, or for a file with "
            "one document a line `indelible import FILE`",
            "DOCUMENT",
        )


def is_file(text: str) -> bool:
    try:
        return os.path.isfile(text)
    except (OSError, ValueError):  # a name that no file can have
        return False


@dataclass(slots=True)
class _Count:
    """What became of the lines so far. `unkeyed` are those that a second import would record again, `late` those of
    which values were left out."""

    recorded: int = 0
    repeated: int = 0
    refused: int = 0
    unkeyed: int = 0
    late: int = 0


def import_file(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Event documents, one JSON object a line, or - for standard input.")
    ],
    run: Annotated[
        str | None,
        typer.Option(help="Name this import: run again with the same file and name, it goes on where it was."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad line.")] = False,
    database: Database = None,
    clinic: ClinicId = None,
) -> None:
    """Record a file of event documents. A bad line is reported with its number, and the others go in.

    An import that was stopped goes on where it was when it is run again with the same --run, or where every document
    has a key.
    """
    if run is not None:
        check_run(run, "--run")
    count = _Count()
    with clinic_log(database, clinic) as log, _opened(file) as stream:
        try:
            with watched("importing bytes", _size(stream)) as progress:
                _import(log, stream, run, strict, count, progress)
        finally:
            print(f"{count.recorded} recorded, {count.repeated} there already, {count.refused} refused")
            if count.late:
                say(f"Of before a person in them was anonymized: {count.late}; who that is was not kept. {_MEND}")
            if count.unkeyed and sys.stderr.isatty():
                say(f"{count.unkeyed} documents have no key; --run NAME would keep a second import from doubling them.")
    if count.refused:
        raise typer.Exit(2)


def _size(stream: BinaryIO) -> int | None:
    """The bytes of a file, None where it is a pipe or a terminal."""
    try:
        return os.fstat(stream.fileno()).st_size or None
    except (OSError, io.UnsupportedOperation):
        return None


def _import(
    log: ClinicLog, stream: BinaryIO, run: str | None, strict: bool, count: _Count, progress: Callable[..., None]
) -> None:
    # Whether a key was used before is known only under the lock, and a strict import must stop there.
    for line, result, keyed, bytes_read in import_lines(log, stream, run=run, batch=1 if strict else BATCH):
        progress(bytes_read)
        count.unkeyed += not keyed
        if isinstance(result, Conflict | InvalidInput):
            count.refused += 1
            say(f"line {line}: {result}")
            if strict:
                return
            continue
        count.late += bool(result.left_out)
        if result.repeated:
            count.repeated += 1
        else:
            count.recorded += 1


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = open(file, "rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise StorageFailure(f"{file} cannot be read: {error.strerror}") from error
    with stream:
        yield stream
