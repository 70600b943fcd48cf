"""The words of an export: each format's name, the ending of its file, its media type, and whom it is for.

A format is named alike on the command line, on the page, in the manifest and in `log.exported`. The profile says whom a
file is for: `spreadsheet` or `data`; of a bundle it is what the bundle holds, `selection` or `complete`.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal, NamedTuple

# A list, in one of the formats that are views of the log.
Format = Literal["csv", "csv-data", "xlsx", "jsonl"]
# The evidence, which is written by other means (`bundling.py`).
BUNDLE = "bundle"


class FileKind(NamedTuple):
    """What a file of a format is called and sent as. `profile` is empty where each export has its own."""

    ending: str
    media_type: str
    profile: str


_CSV = "text/csv; charset=utf-8"
_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LISTS: dict[Format, FileKind] = {
    "csv": FileKind("csv", _CSV, "spreadsheet"),
    "csv-data": FileKind("csv", _CSV, "data"),
    "xlsx": FileKind("xlsx", _WORKBOOK, "spreadsheet"),
    "jsonl": FileKind("jsonl", "application/x-ndjson", "data"),
}
BUNDLES = FileKind("zip", "application/zip", "")


def format_of(output: str) -> Format:
    """Return the format that a file's name asks for: by its ending, else CSV."""
    ending = PurePath(output).suffix.lower().removeprefix(".")
    return next((format for format, kind in LISTS.items() if kind.ending == ending), "csv")
