"""What a file holds, told while its bytes pass on their way out.

A format is a generator of bytes over views. `counted` stands between it and whoever takes the bytes, whatever the
format, so that rows, length and hash are those of what was taken.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

from ..read.view import View

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Sheets:
    """What a workbook has besides: each sheet with its rows, without its header, and how many texts are in parts."""

    sheets: tuple[tuple[str, int], ...]
    long_texts: int


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
    sheets: Sheets | None = None


# A format: the bytes of these views, in blocks; a workbook returns its sheets.
Rows = Callable[[Iterable[View]], Generator[bytes, None, Sheets | None]]


def counted(views: Iterable[View], rows: Rows) -> Generator[bytes, None, Written]:
    """Yield the bytes that a format makes of views, and return what they hold."""
    digest, size, count = hashlib.sha256(), 0, 0
    first: View | None = None
    last: View | None = None
    sheets: Sheets | None = None

    def seen() -> Iterator[View]:
        nonlocal first, last, count
        for last in views:
            first = first or last
            count += 1
            yield last

    def made() -> Generator[bytes, None, None]:
        nonlocal sheets
        sheets = yield from rows(seen())

    with closing(made()) as blocks:  # whoever stops taking stops the work
        for block in blocks:
            digest.update(block)
            size += len(block)
            yield block
    if first is None or last is None:
        return Written(count, size, digest.hexdigest(), sheets=sheets)
    return Written(count, size, digest.hexdigest(), first.seq, last.seq, first.id, last.id, sheets)


def exhaust(blocks: Generator[bytes, None, _Result], take: Callable[[bytes], object]) -> _Result:
    """Hand every block to `take`, and return what the generator returns."""
    with closing(blocks):
        while True:
            try:
                block = next(blocks)
            except StopIteration as end:
                result: _Result = end.value
                return result
            take(block)
