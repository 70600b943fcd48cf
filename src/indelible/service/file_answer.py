"""An export as what is answered to a request: `(access, filter, format) -> response`, for pages and programs alike.

A list is sent as it is read, in constant memory; a bundle is written beside first, because it is complete only at its
end, and sent with its length. A server cannot take back what it sent, so a list that breaks off says so in its last
line, and a workbook lacks the end without which no program opens it.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import closing
from functools import partial
from typing import BinaryIO, Literal

from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse

from ..access import Access
from ..export.file_name import file_name
from ..export.formats import BUNDLE, BUNDLES, LISTS, Format
from ..export.run import Begun
from ..read.query import Query

# What may be taken out: a list in one of its formats, or the evidence.
Chosen = Literal[Format, "bundle"]

# What a list ends with that broke off; a workbook needs no such mark.
_BROKEN: dict[Format, bytes] = {
    "csv": b"\r\nTHE EXPORT BROKE OFF HERE: this file is not complete. Export it again.\r\n",
    "csv-data": b"\r\nTHE EXPORT BROKE OFF HERE: this file is not complete. Export it again.\r\n",
    "jsonl": b'\n{"error": "the export broke off here: this file is not complete; export it again"}\n',
}


def format_named(text: str) -> Chosen | None:
    """Return the format of a name; None where there is none of it."""
    return "bundle" if text == BUNDLE else next((one for one in LISTS if one == text), None)


def file_of(access: Access, wanted: Query, chosen: Chosen) -> HttpResponseBase:
    """Record an export and return the answer that sends it, with a name that names nobody. Raises IndelibleError where
    nothing is sent."""
    session = access.session
    # Of what a reader does not see, which narrows every list of theirs, the name says nothing.
    name = partial(file_name, session.clinic, session.state, wanted, now=session.now)
    if chosen == "bundle":
        made = _bundle(access, wanted)
        response: HttpResponseBase = FileResponse(made, content_type=BUNDLES.media_type)
        response["Content-Length"] = str(os.fstat(made.fileno()).st_size)
        response["Content-Disposition"] = f'attachment; filename="{name(ending=BUNDLES.ending)}"'
        return response
    begun = access.export(wanted, chosen)
    kind = LISTS[chosen]
    response = StreamingHttpResponse(_started(begun, _BROKEN.get(chosen, b"")), content_type=kind.media_type)
    response["X-Accel-Buffering"] = "no"
    response["Content-Disposition"] = f'attachment; filename="{name(ending=kind.ending)}"'
    return response


def _bundle(access: Access, wanted: Query) -> BinaryIO:
    """Return a finished bundle; its file has no name any more, so nothing of it stays."""
    with access.unfinished_folder() as folder:
        path = folder / "export"
        access.bundle(wanted, path)
        return path.open("rb")


def _started(begun: Begun, broken: bytes) -> Generator[bytes, None, None]:
    """Make the first block now, so that what is refused is said and not a broken download; return them all."""
    blocks = begun.blocks()
    return _sent(next(blocks, b""), blocks, broken)


def _sent(first: bytes, blocks: Generator[bytes, None, object], broken: bytes) -> Generator[bytes, None, None]:
    with closing(blocks):  # also where the reader goes away: Django closes this, and the work ends
        try:
            yield first
            yield from blocks
        except Exception:
            yield broken
            raise
