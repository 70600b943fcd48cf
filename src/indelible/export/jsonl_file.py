"""A filtered list as JSON Lines.

    file = line*
    line = JSON object LF             UTF-8, no byte order mark; `View.document`, as `indelible list --json` prints it

Lines come in the order of the list: (occurred_at, seq) descending. Nothing is guarded: a text stands as it was
recorded. A value that was erased or cannot be read is null, and the member `state` says which of the two, by its path.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable

import orjson

from ..read.view import View
from .csv_file import CHANGED, changed

# Lines in a block: some 64 KiB.
_BLOCK = 50


def rows(views: Iterable[View], *, zone: str) -> Generator[bytes, None, None]:
    """Yield a line for each view, on the clock of `zone`, in blocks. Raises StorageFailure for an entry that cannot be
    read."""
    lines: list[bytes] = []
    for view in views:
        lines.append(line(view, zone))
        if len(lines) == _BLOCK:
            yield b"".join(lines)
            lines.clear()
    if lines:
        yield b"".join(lines)


def line(view: View, zone: str) -> bytes:
    """Return the line of a view on the clock of `zone`. Raises StorageFailure for an entry that cannot be read."""
    try:
        return orjson.dumps(view.document(zone), option=orjson.OPT_APPEND_NEWLINE)
    except CHANGED as error:
        raise changed(view) from error
