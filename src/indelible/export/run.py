"""An export of a list, in this order; a crash after any step leaves what it says:

1. the filter is read, and the output opened                        part files
2. a checkpoint is taken: its size bounds the rows, so that it covers every entry of the file
3. `log.exported` is appended: filter, bound, format, checkpoint    the entry, and no file: an export that was begun
4. rows and manifest are written, synced and renamed                `files/whole.py`

The file never holds its own `log.exported`, because that comes after the bound.
"""

from __future__ import annotations

import stat
from collections.abc import Generator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from ..files.whole import whole_files, writing
from ..format import instant
from ..log import ClinicLog
from ..read import query
from ..read.only import Only
from ..read.query import Query
from ..read.session import Session
from ..record.append import Appended
from ..record.document import Actor, Request
from ..recorder import Recorder
from ..stores.contract import CheckpointRow
from . import csv_file, jsonl_file, xlsx_file
from .file_name import output_path
from .formats import LISTS, Format
from .manifest import Manifest
from .written import Rows, counted, exhaust


@dataclass(frozen=True, slots=True)
class Begun:
    """An export that stands in the log, and of which no byte was made yet."""

    session: Session
    wanted: Query
    format: Format
    checkpoint: CheckpointRow | None
    recorded: Appended

    def blocks(self, name: str = "") -> Generator[bytes, None, Manifest]:
        """Yield the file's bytes as they are made, in constant memory, and return its manifest; `name` is the file's.

        Raises StorageFailure for an entry that cannot be read.
        """
        session, recorded = self.session, self.recorded
        written = yield from counted(session.read(self.wanted), self._rows())
        return Manifest(
            session.clinic, session.state, self.wanted, self.format, session.up_to, self.checkpoint,
            recorded.recorded_at, recorded.seq, written, name,
        )  # fmt: skip

    def _rows(self) -> Rows:
        session = self.session
        if self.format == "xlsx":
            about = (
                f"Entries of the log {session.clinic.origin} up to number {session.up_to}; this export is its number "
                f"{self.recorded.seq}."
            )
            facts = (
                ("clinic", session.name),
                ("filter", query.in_words(self.wanted, session.zone)),
                ("exported_at", instant.format(self.recorded.recorded_at)),
                ("export", about),
            )
            return partial(
                xlsx_file.rows,
                zone=session.zone,
                created=self.recorded.recorded_at,
                about=about,
                facts=facts,
            )
        if self.format == "jsonl":
            return partial(jsonl_file.rows, zone=session.zone)
        return partial(csv_file.rows, zone=session.zone, bom=self.format == "csv")


def begin(
    log: ClinicLog,
    wanted: Query,
    *,
    format: Format,
    actor: Actor,
    request: Request | None = None,
    hidden: frozenset[str] = frozenset(),
    only: Only | None = None,
) -> Begun:
    """Record an export of the entries that a filter means, and return what makes its bytes.

    What is of a category in `hidden` is left out, and what does not refer to `only`; the filter that is recorded says
    so. Raises SigningRefused, where
    nothing was recorded.
    """
    checkpoint = log.checkpoint()
    # Who is erased by an entry that is among these is dead before a value is read: the erasure may be on its way.
    log.replay()
    up_to = 0 if checkpoint is None else checkpoint.size
    session = log.reading(up_to=up_to, hidden=hidden, only=only)
    wanted = session.resolve(session.narrow(wanted))  # the file is of these days, whenever it is read
    recorded = Recorder(log, actor, request).exported(
        session, wanted, checkpoint, format=format, profile=LISTS[format].profile, up_to=up_to
    )
    return Begun(session, wanted, format, checkpoint, recorded)


def export(
    log: ClinicLog,
    words: Query | str | Sequence[str],
    output: Path | BinaryIO,
    *,
    format: Format = "csv",
    actor: Actor,
    request: Request | None = None,
) -> Manifest:
    """Write the entries that a filter means in a format, record that, and return the manifest.

    A path gets the file, and the manifest beside it as `<name>.manifest.json`; in a folder the file gets the name that
    `file_name.py` gives it. A binary stream, or a path to a device or a pipe, gets the rows as they come, and the
    manifest is only returned. Raises InvalidQuery and SigningRefused (nothing was recorded or written), and
    StorageFailure (where the disk fails under way, `log.exported` is already recorded).
    """
    wanted = words if isinstance(words, Query) else log.reading().parse(words)
    begun = partial(begin, log, wanted, format=format, actor=actor, request=request)
    if isinstance(output, Path):
        output = output_path(log, wanted, output, LISTS[format].ending)
        if not _is_special(output):
            path = output.resolve()  # through a symbolic link, which the rename would replace
            beside = path.with_name(f"{path.name}.manifest.json")
            with whole_files(path, beside, database=log.shared.places.database) as (rows, manifest_file):
                manifest = exhaust(begun().blocks(path.name), rows.write)
                manifest_file.write(manifest.encode())
            return manifest
    with writing(), output.open("wb") if isinstance(output, Path) else nullcontext(output) as out:
        manifest = exhaust(begun().blocks(), out.write)
        out.flush()
        return manifest


def _is_special(path: Path) -> bool:
    """Whether a path is there and no file: a device or a pipe, which a rename would put a file in the place of."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode)
