"""Importing: a stream of event documents, one JSON object a line, into a log. `line -> Outcome`

Lines are recorded together in batches, in their order; a bad one stays out by itself. With the name of a `run` each
document without a key gets one of the name and its line, so that the same stream again goes on where it was.

A line beyond the limit of a document is cut there, so that it cannot fill the memory. Blank lines are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO, NamedTuple, Protocol

from ..errors import Conflict, InvalidInput
from . import document
from .append import Appended
from .document import DOCUMENT_LIMIT, Document
from .drafting import Draft

# Lines of one transaction: large enough that the disk's wait is shared, small enough that other writers get their turn.
BATCH = 2_000
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


class Log(Protocol):
    """What is recorded into: `ClinicLog`."""

    def draft(self, event: Document, *, imported: bool = False) -> Draft: ...
    def append(self, drafts: Sequence[Draft]) -> Sequence[Appended | Conflict]: ...


class Outcome(NamedTuple):
    """What became of a line. `keyed` is false for what a second import would record again; `bytes_read` are those of
    the stream so far."""

    line: int
    result: Appended | Conflict | InvalidInput
    keyed: bool
    bytes_read: int


def check_run(name: str, field: str = "run") -> str:
    """Return what can be the name of an import. Raises InvalidInput."""
    if not _RUN.fullmatch(name):
        raise InvalidInput("must be 1 to 100 letters, digits, dots, hyphens or underscores", field)
    return name


def import_lines(log: Log, stream: BinaryIO, *, run: str | None = None, batch: int = BATCH) -> Iterator[Outcome]:
    """Record the documents of a stream, and yield what became of each line, of one that cannot be read at once.

    What was yielded is recorded; who stops in between stops the import, and with a `batch` of one behind that very
    line. Raises StorageFailure.
    """
    waiting: list[tuple[int, Draft]] = []
    read = 0
    for number, line, read in _lines(stream):
        try:
            event = document.parse_json(line)
            if run is not None and event.key is None:
                event = replace(event, key=f"{run}:{number}")
            waiting.append((number, log.draft(event, imported=True)))
        except InvalidInput as error:
            yield Outcome(number, error, True, read)
        if len(waiting) == batch:
            yield from _appended(log, waiting, read)
            waiting = []
    yield from _appended(log, waiting, read)


def _appended(log: Log, waiting: Sequence[tuple[int, Draft]], read: int) -> Iterator[Outcome]:
    results = append_each(log, [draft for _, draft in waiting])
    for (number, draft), result in zip(waiting, results, strict=True):
        yield Outcome(number, result, draft.key is not None, read)


def append_each(log: Log, drafts: Sequence[Draft]) -> Sequence[Appended | Conflict | InvalidInput]:
    """Append drafts together; where one of them cannot go in, each by itself, so that only that one stays out."""
    if not drafts:
        return []
    try:
        return log.append(drafts)
    except InvalidInput as error:
        if len(drafts) == 1:
            return [error]
    return [result for draft in drafts for result in append_each(log, [draft])]


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes, int]]:
    """The lines that are not blank, each with its number and the bytes read so far."""
    number = read = 0
    while line := stream.readline(DOCUMENT_LIMIT + 2):
        number += 1
        whole = line
        read += len(line)
        while line and not line.endswith(b"\n"):
            line = stream.readline(DOCUMENT_LIMIT)  # the rest of a long line is read and dropped
            read += len(line)
        if stripped := (whole.removeprefix(b"\xef\xbb\xbf") if number == 1 else whole).strip(b" \t\r\n"):
            yield number, stripped, read
