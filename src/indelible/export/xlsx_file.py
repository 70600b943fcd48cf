"""A filtered list as an Excel workbook (Office Open XML, ECMA-376), in the parts of `workbook.py`.

    sheet "entries"      a header row, then a row for each entry: the columns of the CSV in the same order
    sheet "entries 2"    goes on where a sheet has MOST_ROWS rows, header included; and so on
    sheet "long texts"   there only if needed: seq, column, part, text
    sheet "sums"         for each currency what came in, what went out, and the sum of `to_sum`
    sheet "about"        what the workbook is, in words

A time is a real one, so that months can be filtered and pivoted: the days since 30 December 1899, on the clinic's
clock, in whole seconds, rounded down.

    local_date                   a day                 yyyy-mm-dd
    local_time                   a part of a day       hh:mm:ss
    occurred_at, recorded_at     a day and its part    yyyy-mm-dd hh:mm:ss "+01:00"       the offset is in the format

`occurred_at_utc` is text and exact to the microsecond. A date before 1 March 1900 is text, too: Excel has none before
1900, and counts a 29 February 1900 that never was, which other programs do not.

Every other cell outside NUMBERS is an inline string in a column of the format Text: neither when the file is opened nor
when somebody edits the cell does a program take `=1+1` for a formula. It is the text itself, without the CSV's guard.

A number of at most 15 significant digits is a number, which a double gives back exactly; one with more is a text. A
text longer than MOST_UNITS stands in parts in "long texts", and its cell says so: nothing is cut.

The same entries and the same `created` make the same bytes. Rows are sent as they come; only long texts wait, in a file
without a name, until their sheet's turn.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import IO

from ..format import csv_row, money, offsets
from ..format.csv_row import COLUMNS, NUMBERS
from ..read.view import View
from .csv_file import CHANGED, changed, wording
from .workbook import MOST_ROWS, MOST_UNITS, Cell, Column, Number, Properties, Workbook
from .written import Sheets

# A part of a long text: so many characters are within MOST_UNITS even where each takes two units.
_PART = MOST_UNITS // 2
# Any decimal of so many significant digits comes back from a double (IEEE 754, DBL_DIG), and Excel shows no more.
_EXACT_DIGITS = 15
_BLOCK = 1 << 16
# Long texts that wait in memory, in bytes; the rest in an unnamed file.
_SPOOL = 4 * 1024 * 1024

# Day 0 of Excel's calendar as it is from 1 March 1900 on, its day 61.
_DAY_0 = date(1899, 12, 30).toordinal()
_FIRST_DAY = 61

_LONG = "long texts"
_ABOUT = (
    ("times", "occurred_at, local_date, local_time and recorded_at are on the clock of the zone in the column "
     "time_zone: {zone}. occurred_at and recorded_at show the offset from UTC behind the time. occurred_at_utc is "
     "exact; the others are whole seconds."),
    ("planned times", "Times in the column context are on the clock on which they were recorded, with their offset; "
     "those that end in Z are in UTC."),
    ("old dates", "Excel has no dates before 1900: those before 1 March 1900 are texts."),
    ("money", "Add up the column to_sum, for each currency apart. The sheet sums has it for the whole workbook."),
    ("ids", "Ids are texts and stand as they were recorded, also where they look like numbers or dates."),
)  # fmt: skip

# Widths of columns in characters; the rest are _WIDTH wide.
_WIDTH = 14
_WIDTHS = {
    **{"seq": 9, "id": 38, "occurred_at": 27, "occurred_at_utc": 29, "time_zone": 18, "local_date": 12, "what": 16},
    **{"recorded_at": 27, "recorded_zone": 18},
    **{"on_behalf_of_kind": 18, "on_behalf_of_id": 22, "on_behalf_of_name": 24},
    **{"local_time": 11, "action": 26, "label": 30, "actor_id": 22, "actor_name": 24, "target_name": 30},
    **{"client_name": 24, "currency": 9, "ip": 18, "device": 28, "context": 60, "money": 11, "column": 12, "text": 100},
}


def rows(
    views: Iterable[View],
    *,
    zone: str,
    created: int,
    about: str = "",
    facts: Sequence[tuple[str, str]] = (),
    most_rows: int = MOST_ROWS,
) -> Generator[bytes, None, Sheets]:
    """Yield a workbook's bytes as its rows come, in constant memory, and return its sheets.

    The rows are on the clock of `zone`. `created` is the instant in the document's properties and `about` their
    comment, for which a personal value is not meant. `facts` are rows of the sheet "about"; `most_rows` is how many
    rows a sheet takes, header included. Raises StorageFailure for an entry that cannot be read.
    """
    book = Workbook(Properties("Activity log", about, created))
    sums = _Sums()
    with tempfile.SpooledTemporaryFile(_SPOOL) as spool:
        long = _LongTexts(spool)
        yield from _table(book, "entries", _ENTRIES, _entries(views, zone, long, sums), most_rows)
        if long.texts:
            yield from _table(book, _LONG, _LONG_COLUMNS, long.parts(), most_rows)
    yield from _table(book, "sums", _SUMS_COLUMNS, sums.rows(), most_rows)
    said = [*facts, *((name, text.format(zone=zone)) for name, text in _ABOUT)]
    yield from _table(book, "about", _ABOUT_COLUMNS, said, most_rows)
    book.close()
    yield book.take()
    return Sheets(book.sheets, long.texts)


def _table(
    book: Workbook, name: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], most_rows: int
) -> Iterator[bytes]:
    """Write rows under a header, over as many sheets as they need, and yield what the workbook has to send."""
    left, number = iter(rows), 1
    one = next(left, None)
    while number == 1 or one is not None:
        with book.sheet(name if number == 1 else f"{name} {number}", columns) as sheet:
            while one is not None and sheet.has_room(most_rows):
                sheet.add(one)
                one = next(left, None)
                if book.waiting >= _BLOCK:
                    yield book.take()
        number += 1


def _entries(views: Iterable[View], zone: str, long: _LongTexts, sums: _Sums) -> Iterator[list[Cell]]:
    for view in views:
        cells = _cells(view, zone, long)
        sums.add(view)
        yield cells


def _cells(view: View, zone: str, long: _LongTexts) -> list[Cell]:
    try:
        texts = csv_row.texts(view, wording(view), zone, offsets.minutes)
    except CHANGED as error:
        raise changed(view) from error
    cells: list[Cell] = []
    for name, show, text in zip(COLUMNS, _SHOWN, texts, strict=True):
        if show is not None:
            cells.append(show(text) if text else "")
        else:
            cells.append(text if len(text) <= _PART else long.cell(view.seq, name, text))
    return cells


class _LongTexts:
    """What no cell takes, in parts that wait for their sheet. `texts` is how many there were."""

    def __init__(self, spool: IO[bytes]) -> None:
        self._spool, self.texts = spool, 0

    def cell(self, seq: int, column: str, text: str) -> str:
        """Return what the cell says of a text: itself, if it fits after all."""
        if len(text.encode("utf-16-le")) // 2 <= MOST_UNITS:
            return text
        for part, start in enumerate(range(0, len(text), _PART), 1):
            self._spool.write(json.dumps([seq, column, part, text[start : start + _PART]]).encode() + b"\n")
        self.texts += 1
        return f"{len(text)} characters, which stand in the sheet “{_LONG}”"

    def parts(self) -> Iterator[list[Cell]]:
        self._spool.seek(0)
        for line in self._spool:
            seq, column, part, text = json.loads(line)
            yield [Number(str(seq), ""), column, Number(str(part), ""), text]


class _Sums:
    """What came in and went out, for each currency."""

    def __init__(self) -> None:
        self._sides: dict[str, dict[str, int]] = {}

    def add(self, view: View) -> None:
        side, sign = money.EFFECTS[view.money]
        if side and view.amount_minor is not None and view.currency in money.EXPONENTS:
            sides = self._sides.setdefault(view.currency, {"in": 0, "out": 0})
            sides[side] += sign * view.amount_minor

    def rows(self) -> Iterator[list[Cell]]:
        for currency, sides in sorted(self._sides.items()):
            amounts = (sides["in"], sides["out"], sides["in"] - sides["out"])
            yield [currency, *(_number(money.decimal_text(amount, currency)) for amount in amounts)]


def _number(cell: str) -> Cell:
    """The format shows a number with the digits it has after its point; none for a whole number."""
    if len(cell.lstrip("-0.").replace(".", "")) > _EXACT_DIGITS:
        return cell
    places = len(cell.partition(".")[2])
    return Number(cell, "0." + "0" * places if places else "")


def _day_number(cell: str) -> int | None:
    """The day of Excel's calendar; None where it has none."""
    day = date.fromisoformat(cell).toordinal() - _DAY_0
    return day if day >= _FIRST_DAY else None


@lru_cache(maxsize=4096)
def _day(cell: str) -> Cell:
    day = _day_number(cell)
    return cell if day is None else Number(str(day), "yyyy-mm-dd")


def _part_of_day(cell: str) -> float:
    return (int(cell[:2]) * 3600 + int(cell[3:5]) * 60 + int(cell[6:8])) / 86_400


def _clock(cell: str) -> Cell:
    return Number(repr(_part_of_day(cell)), "hh:mm:ss")


def _moment(cell: str) -> Cell:
    day = _day_number(cell[:10])
    if day is None:
        return cell
    return Number(repr(day + _part_of_day(cell[11:19])), f'yyyy-mm-dd hh:mm:ss "{cell[-6:]}"')


_KINDS: dict[str, Callable[[str], Cell]] = {
    **dict.fromkeys(NUMBERS, _number),
    **{"occurred_at": _moment, "local_date": _day, "local_time": _clock, "recorded_at": _moment},
}
# For each column what makes a cell of it; None for a text.
_SHOWN = tuple(_KINDS.get(name) for name in COLUMNS)


def _columns(names: Iterable[str], not_texts: frozenset[str]) -> tuple[Column, ...]:
    return tuple(Column(name, _WIDTHS.get(name, _WIDTH), name not in not_texts) for name in names)


_ENTRIES = _columns(COLUMNS, frozenset(_KINDS))
_LONG_COLUMNS = _columns(("seq", "column", "part", "text"), frozenset({"seq", "part"}))
_SUMS_COLUMNS = _columns(("currency", "in", "out", "sum"), frozenset({"in", "out", "sum"}))
_ABOUT_COLUMNS = _columns(("what", "text"), frozenset())
