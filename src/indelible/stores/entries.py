"""What takes more than one question to a clinic's rows: one entry alone, and all entries of a selection."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import NotFound
from .contract import EntryRow, Rows, Selection

# Entries of one step.
AT_ONCE = 200


def one(rows: Rows, seq: int) -> EntryRow:
    """Return an entry by its number. Raises NotFound."""
    for row in rows.entries(seq - 1, seq):
        return row
    raise NotFound(f"there is no entry {seq} in this log")


def every(rows: Rows, selection: Selection, at_once: int = AT_ONCE) -> Iterator[EntryRow]:
    """Yield all entries of a selection, newest first."""
    before: tuple[int, int] | None = None
    while True:
        page = rows.page(selection, before, at_once)
        yield from page
        if len(page) < at_once:
            return
        before = (page[-1].occurred_at, page[-1].seq)
