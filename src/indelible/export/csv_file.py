"""A filtered list as CSV.

    file    = [BOM] header row*       UTF-8; BOM = EF BB BF in the profile `spreadsheet`, absent in `data`
    header  = the names in COLUMNS    fixed order; a later version adds names only at the end
    row                               `csv_row.py`

Rows come in the order of the list: (occurred_at, seq) descending.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from .. import offsets
from ..csv_row import COLUMNS, Ahead, Wording, cells, line
from ..errors import MalformedProof, StorageFailure
from ..view import View

# Rows turned into bytes at once. More is not faster, and memory grows with it.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Profile:
    """One of the two ways to write the same rows. `format` is its name on the command line."""

    name: str
    format: str
    prefix: bytes


# Excel takes a file for UTF-8 only where it begins with a BOM; other programs take the BOM for part of the first name.
SPREADSHEET = Profile("spreadsheet", "csv", b"\xef\xbb\xbf")
DATA = Profile("data", "csv-data", b"")
PROFILES = {profile.format: profile for profile in (SPREADSHEET, DATA)}


@dataclass(frozen=True, slots=True)
class Written:
    """What a written file holds: its rows without the header, its bytes, their SHA-256 in hexadecimal, and its ends.

    First and last are those of the file, newest first; None where it has no rows.
    """

    rows: int
    bytes: int
    sha256: str
    first_seq: int | None = None
    last_seq: int | None = None
    first_id: str | None = None
    last_id: str | None = None


def write(views: Iterable[View], out: BinaryIO, *, zone: str, profile: Profile = SPREADSHEET) -> Written:
    """Write header and rows to `out` in constant memory, on the clock of `zone`, and say what was written.

    Raises OSError as `out` does, and StorageFailure for an entry that cannot be read.
    """
    digest = hashlib.sha256()
    size = rows = 0
    first: View | None = None
    last: View | None = None

    def put(lines: list[str], prefix: bytes = b"") -> None:
        nonlocal size
        data = prefix + "".join(lines).encode()
        out.write(data)
        digest.update(data)
        size += len(data)

    lines = [",".join(COLUMNS) + "\r\n"]
    put(lines, profile.prefix)
    lines.clear()
    for last in views:
        first = first or last
        rows += 1
        lines.append(line(row(last, zone)))
        if len(lines) == _CHUNK:
            put(lines)
            lines.clear()
    put(lines)
    if first is None or last is None:
        return Written(rows, size, digest.hexdigest())
    return Written(rows, size, digest.hexdigest(), first.seq, last.seq, first.id, last.id)


def row(view: View, zone: str, ahead: Ahead = offsets.minutes) -> list[str]:
    """Return the cells of a view on the clock of `zone`. Raises StorageFailure for an entry that cannot be read."""
    try:
        words = Wording(view.category, view.label, view.money, view.device)
        return cells(view, words, zone, ahead)
    except (KeyError, TypeError, AttributeError, ValueError, MalformedProof) as error:
        raise StorageFailure(f"entry {view.seq} cannot be read: its body was changed; run indelible verify") from error
