"""The manifest of an exported file: what is in it, so that a shortened or changed file can be told. Schema
`indelible/export-manifest/v1`, a JSON object; docs/spec/exports.md says what each member means. Which members it has
besides those of every format, `format` says.

A file is whole if its SHA-256 and length are the manifest's. That its rows are the log's is not shown by either: the
file is a view, and the manifest is not signed. What ties it to the log is the checkpoint in it, which covers every
entry that the file may hold, and the entry `log.exported` that was recorded before the first byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import Any

import orjson

from ..format import instant
from ..format.csv_row import COLUMNS, NUMBERS
from ..read import query
from ..read.query import Query
from ..stores.contract import CheckpointRow, Clinic, State
from .formats import LISTS, Format
from .written import Written

SCHEMA = "indelible/export-manifest/v1"

GUARD_PATTERN = r"^'+[=+\-@\t\r\n\u0000\uff1d\uff0b\uff0d\uff20]"
GUARD_IN_WORDS = (
    "To read a cell of a text column back: where it begins with one or more apostrophes and then one of = + - @, tab, "
    "carriage return, line feed, NUL or the full-width \uff1d \uff0b \uff0d \uff20, remove its first apostrophe; "
    "every other cell is as it is. "
    "The columns under numbers are never changed."
)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that a manifest says. `exported_at` is an instant; `recorded_as` the seq of `log.exported`.

    `name` is that of the file, empty for a stream.
    """

    clinic: Clinic
    state: State
    query: Query
    format: Format
    up_to_seq: int
    checkpoint: CheckpointRow | None
    exported_at: int
    recorded_as: int
    written: Written
    name: str

    def document(self) -> dict[str, Any]:
        """Return the manifest as JSON."""
        clinic, written, zone = self.clinic, self.written, self.state.zone
        return {
            "schema": SCHEMA,
            "file": self.name or None,
            "clinic": clinic.id,
            "clinic_name": self.state.name,
            "log_origin": clinic.origin,
            "log_vkey": clinic.vkey,
            "filter": query.format(self.query),
            "filter_in_words": query.in_words(self.query, zone),
            "filter_days_in": zone,
            "time_zone": zone,
            "time_zone_data": instant.zone_data_version(),
            "profile": LISTS[self.format].profile,
            "format": self.format,
            **self._of_the_format(),
            "up_to_seq": self.up_to_seq,
            "rows": written.rows,
            "first_seq": written.first_seq,
            "last_seq": written.last_seq,
            "first_id": written.first_id,
            "last_id": written.last_id,
            "bytes": written.bytes,
            "sha256": written.sha256,
            "checkpoint": None if self.checkpoint is None else self.checkpoint.note.decode(),
            "exported_at": instant.format(self.exported_at),
            "recorded_as": self.recorded_as,
            "indelible": version(),
        }

    def _of_the_format(self) -> dict[str, Any]:
        """The members that only some formats have."""
        columns = {"columns": list(COLUMNS), "numbers": [name for name in COLUMNS if name in NUMBERS]}
        if self.format == "jsonl":
            return {}
        if (book := self.written.sheets) is not None:
            sheets = [{"name": name, "rows": rows} for name, rows in book.sheets]
            return {**columns, "sheets": sheets, "long_texts": book.long_texts}
        return {**columns, "guard": GUARD_IN_WORDS, "guard_pattern": GUARD_PATTERN}

    def encode(self) -> bytes:
        """Return the manifest's file: UTF-8 JSON, two spaces of indent, a line feed at the end."""
        return orjson.dumps(self.document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def version() -> str:
    """Return the version of Indelible that writes."""
    try:
        return metadata.version("indelible")
    except metadata.PackageNotFoundError:  # run from a source tree that is not installed
        return "unknown"
