"""Taking the list out: what would leave, in words, and the file.

The file is made from the same filter as the list. CSV and JSON Lines are sent as they are read, in constant memory; a
workbook and a bundle are written beside first, because they are complete only at their end, and sent with their
length. A server cannot take back what it sent, so a list that breaks off says so in its last line.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from ... import entry, unfinished
from ...bundling import export_bundle
from ...csv_row import COLUMNS
from ...django import current_request
from ...document import Request
from ...export.manifest import Format
from ...export.naming import file_name
from ...query import Query
from ...tallying import count
from ...wiring import export as write_export
from ..access import Visit, in_clinic
from ..roles import Right
from .activity import shown_chips
from .asking import address, asked, local_day

# Each format: the file's ending, its media type, its name and whom it is for.
FORMATS: dict[str, tuple[str, str, Any, Any]] = {
    "csv": ("csv", "text/csv; charset=utf-8", _("CSV for a spreadsheet"),
            _("A plain table, with accents and without formulas. When Excel opens it, it changes ids: 0012345 becomes "
              "12345, 1E5 becomes 100000, 3-4 becomes a date. Take the Excel workbook to keep them.")),
    "csv-data": ("csv", "text/csv; charset=utf-8", _("CSV for a program"),
                 _("The same rows without the mark at the beginning that Excel wants.")),
    "xlsx": ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _("Excel workbook"),
             _("Opens in Excel, LibreOffice and Numbers. Ids stay as they are; dates are dates and amounts are "
               "numbers, so that months can be filtered and money added up: the column to_sum, and the sheet sums.")),
    "jsonl": ("jsonl", "application/x-ndjson", _("JSON Lines"), _("Every field of every entry, for a program.")),
    "bundle": ("zip", "application/zip", _("Evidence bundle"),
               _("For somebody who does not trust us: each entry with its proof, checked without a network.")),
}  # fmt: skip
# Blocks that may wait for a slow reader.
_AHEAD = 16
_BLOCK = 65_536


@require_safe
@in_clinic(Right.EXPORT)
def export(request: HttpRequest, visit: Visit) -> HttpResponse:
    wish = asked(request, visit)
    if wish.problem:
        return redirect(address("activity", visit.clinic_id, wish.text))
    counted = count(visit.log, visit.narrow(wish.wanted), after=wish.after)
    before = _number(request.GET.get("counted", "")) if wish.after else 0
    entries = counted.entries + before
    more = {"after": counted.older.encode(), "counted": str(entries)} if counted.older else {}
    return render(request, "indelible/export/page.html", {
        "wish": wish,
        "chips": shown_chips(visit, wish.wanted),
        "counted": counted,
        "entries": entries,
        "reached": None if counted.reached is None else local_day(visit, counted.reached),
        "older": address("export", visit.clinic_id, wish.text, **more) if more else "",
        "zone": visit.log.info.zone,
        "columns": COLUMNS,
        "formats": [(code, label, help) for code, (_, _, label, help) in FORMATS.items()],
        "back": address("activity", visit.clinic_id, wish.text),
    })  # fmt: skip


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


@require_POST
@in_clinic(Right.EXPORT)
def download(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Record the export and send the file."""
    asked_for = visit.log.parse(request.POST.get("q", ""))
    wanted = visit.narrow(asked_for)
    format = request.POST.get("format", "")
    if format not in FORMATS:
        return redirect(address("export", visit.clinic_id, request.POST.get("q", "")))
    ending, media_type, _, _ = FORMATS[format]
    who, where = visit.actor, current_request()
    # Of what a role does not see, which narrows every list of theirs, the name says nothing.
    name = file_name(visit.log.info, asked_for, ending, visit.log.clock())
    if format in ("csv", "csv-data", "jsonl"):

        def write(out: BinaryIO) -> None:
            write_export(visit.log, wanted, out, format=cast(Format, format), actor=who, request=where)

        broken = _BROKEN_JSON if format == "jsonl" else _BROKEN_CSV
        response: HttpResponseBase = StreamingHttpResponse(_Stream(write, broken), content_type=media_type)
        response["X-Accel-Buffering"] = "no"
    else:
        made = _made(visit, wanted, format, where)
        response = FileResponse(made, content_type=media_type)
        response["Content-Length"] = str(os.fstat(made.fileno()).st_size)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _made(visit: Visit, wanted: Query, format: str, where: Request) -> BinaryIO:
    """Return a finished workbook or bundle; its file has no name any more, so nothing of it stays."""
    with unfinished.folder(visit.log.journal.places.database) as folder:
        path = folder / "export"
        if format == "bundle":
            export_bundle(visit.log, wanted, path, actor=visit.actor, given=entry.CLASSES, request=where)
        else:
            write_export(visit.log, wanted, path, format="xlsx", actor=visit.actor, request=where)
        return path.open("rb")


_BROKEN_CSV = b"\r\nTHE EXPORT BROKE OFF HERE: this file is not complete. Export it again.\r\n"
_BROKEN_JSON = b'\n{"error": "the export broke off here: this file is not complete; export it again"}\n'


class _Stream:
    """The bytes that a writer writes, as an iterator: the writer runs in a thread of its own, a few blocks ahead."""

    def __init__(self, write: Callable[[BinaryIO], None], broken: bytes) -> None:
        self._broken = broken
        self._blocks: queue.Queue[bytes | BaseException | None] = queue.Queue(_AHEAD)
        self._stopped = threading.Event()
        self._write = write
        self._thread = threading.Thread(target=self._run, name="export", daemon=True)
        self._thread.start()
        # The first block is waited for, so that what is refused is a page and not a broken download.
        self._first = self._blocks.get()
        if isinstance(self._first, BaseException):
            raise self._first

    def _run(self) -> None:
        end: BaseException | None = None
        try:
            with _Blocks(self._put) as out:
                self._write(cast(BinaryIO, out))
        except BaseException as error:
            end = error
        with contextlib.suppress(OSError):
            self._put(end)

    def _put(self, block: bytes | BaseException | None) -> None:
        while not self._stopped.is_set():
            try:
                self._blocks.put(block, timeout=1)
                return
            except queue.Full:
                continue
        raise BrokenPipeError("the reader went away")

    def __iter__(self) -> Iterator[bytes]:
        block = self._first
        while block is not None:
            if isinstance(block, BaseException):
                yield self._broken
                raise block
            yield block
            block = self._blocks.get()

    def close(self) -> None:
        """Called when the response has ended, also where the reader went away."""
        self._stopped.set()


class _Blocks:
    """A file to write to that passes on whole blocks."""

    def __init__(self, put: Callable[[bytes], None]) -> None:
        self._put, self._size = put, 0
        self._parts: list[bytes] = []

    def __enter__(self) -> _Blocks:
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        if kind is None:
            self.flush()

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self._size += len(data)
        if self._size >= _BLOCK:
            self.flush()
        return len(data)

    def flush(self) -> None:
        if self._parts:
            self._put(b"".join(self._parts))
            self._parts, self._size = [], 0
