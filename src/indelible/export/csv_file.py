"""A filtered list as CSV.

    file    = [BOM] header row*       UTF-8; BOM = EF BB BF in the format `csv`, absent in `csv-data`
    header  = the names in COLUMNS    fixed order; a later version adds names only at the end
    row                               `format/csv_row.py`

Rows come in the order of the list: (occurred_at, seq) descending.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable

from ..errors import MalformedProof, StorageFailure
from ..format import csv_row, offsets
from ..format.csv_row import COLUMNS, Ahead, Wording
from ..read.view import View

# Excel takes a file for UTF-8 only where it begins with these; other programs take them for part of the first name.
BOM = b"\xef\xbb\xbf"
HEADER = ",".join(COLUMNS) + "\r\n"

# Rows in a block: some 64 KiB. More is not faster, and memory grows with it.
_BLOCK = 100


def rows(views: Iterable[View], *, zone: str, bom: bool) -> Generator[bytes, None, None]:
    """Yield header and rows, on the clock of `zone`, in blocks. Raises StorageFailure for an entry that cannot be read.

    The header comes with the first rows: what cannot be begun yields nothing.
    """
    lines = [HEADER]
    start = BOM if bom else b""
    for view in views:
        lines.append(row(view, zone))
        if len(lines) >= _BLOCK:
            yield start + "".join(lines).encode()
            lines, start = [], b""
    if lines:
        yield start + "".join(lines).encode()


def row(view: View, zone: str, ahead: Ahead = offsets.minutes) -> str:
    """Return the line of a view on the clock of `zone`. Raises StorageFailure for an entry that cannot be read."""
    try:
        return csv_row.row(view, wording(view), zone, ahead)
    except CHANGED as error:
        raise changed(view) from error


def wording(view: View) -> Wording:
    """Return what the row of a view says in the catalogue's words."""
    if (action := view.declared) is not None:  # asked once
        return Wording(action.category, action.label, action.money, view.device)
    return Wording(view.category, view.label, view.money, view.device)


# What comes of members that are not those of a body, whatever the format.
CHANGED = (KeyError, TypeError, AttributeError, ValueError, MalformedProof)


def changed(view: View) -> StorageFailure:
    """The error for an entry whose row cannot be made."""
    return StorageFailure(f"entry {view.seq} cannot be read: its body was changed; run indelible verify")
