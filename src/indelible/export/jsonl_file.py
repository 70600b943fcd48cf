"""A filtered list as JSON Lines.

    file = line*
    line = JSON object LF             UTF-8, no byte order mark; `View.document`, as `indelible list --json` prints it

Lines come in the order of the list: (occurred_at, seq) descending. Nothing is guarded: a text stands as it was
recorded. A value that was erased or cannot be read is null, and the member `state` says which of the two, by its path.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import BinaryIO

import orjson

from ..errors import MalformedProof, StorageFailure
from ..view import View
from .csv_file import Written


def write(views: Iterable[View], out: BinaryIO, *, zone: str) -> Written:
    """Write a line for each view to `out` in constant memory, on the clock of `zone`, and say what was written.

    Raises OSError as `out` does, and StorageFailure for an entry that cannot be read.
    """
    digest = hashlib.sha256()
    size = rows = 0
    first: View | None = None
    last: View | None = None
    for last in views:
        first = first or last
        data = line(last, zone)
        out.write(data)
        digest.update(data)
        size += len(data)
        rows += 1
    if first is None or last is None:
        return Written(rows, size, digest.hexdigest())
    return Written(rows, size, digest.hexdigest(), first.seq, last.seq, first.id, last.id)


def line(view: View, zone: str) -> bytes:
    """Return the line of a view on the clock of `zone`. Raises StorageFailure for an entry that cannot be read."""
    try:
        return orjson.dumps(view.document(zone), option=orjson.OPT_APPEND_NEWLINE)
    except (KeyError, TypeError, AttributeError, ValueError, MalformedProof) as error:
        raise StorageFailure(f"entry {view.seq} cannot be read: its body was changed; run indelible verify") from error
