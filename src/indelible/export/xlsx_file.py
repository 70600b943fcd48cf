"""A filtered list as an Excel workbook (Office Open XML, ECMA-376), written with XlsxWriter.

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
when somebody edits the cell does a program take `=1+1` for a formula. It is the text itself, without the CSV's guard. A
control character is written `_xHHHH_`, and the underscore of a text that looks like that `_x005F_`, as ECMA-376
(ST_Xstring) has it.

A number of at most 15 significant digits is a number, which a double gives back exactly; one with more is a text. A
text longer than MOST_UNITS stands in parts in "long texts", and its cell says so: nothing is cut.

The same entries and the same `created` make the same bytes. A workbook cannot be written as its rows come: it is made
in a temporary folder for its owner only, and copied from there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from .. import instant, money, unfinished
from ..csv_row import COLUMNS, NUMBERS, decode_cell
from ..errors import InvalidInput, StorageFailure
from ..view import View
from .csv_file import Written, row

# Excel's own limits: rows in a sheet, and UTF-16 units in a cell.
MOST_ROWS = 1_048_576
MOST_UNITS = 32_767

# A part of a long text: so many characters are within MOST_UNITS even where each takes two units.
_PART = MOST_UNITS // 2
# Any decimal of so many significant digits comes back from a double (IEEE 754, DBL_DIG), and Excel shows no more.
_EXACT_DIGITS = 15
_COPIED_AT_ONCE = 1 << 20

# Day 0 of Excel's calendar as it is from 1 March 1900 on, its day 61.
_DAY_0 = date(1899, 12, 30).toordinal()
_FIRST_DAY = 61

# What is written _xHHHH_: an underscore that would seem to begin such an escape, what XML 1.0 cannot hold, and CR,
# which XML would turn into LF.
_NOT_PLAIN = "\x00-\x08\x0b-\x1f\ufffe\uffff"
_TO_ESCAPE = re.compile(f"_(?=x[0-9a-fA-F]{{4}}[_{_NOT_PLAIN}])|[{_NOT_PLAIN}]")

# What `_sheet_class` puts its own in the place of.
_REPLACED = ("_escape_control_characters", "_xml_rich_inline_string")

_LONG = "long texts"
_LONG_COLUMNS = ("seq", "column", "part", "text")
_LONG_NUMBERS = frozenset({"seq", "part"})

_SUMS_COLUMNS = ("currency", "in", "out", "sum")
_SUMS_NUMBERS = frozenset({"in", "out", "sum"})
_ABOUT_COLUMNS = ("what", "text")
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


@dataclass(frozen=True, slots=True)
class WrittenBook(Written):
    """What a workbook holds besides: each sheet with its rows, without its header, and how many texts are in parts."""

    sheets: tuple[tuple[str, int], ...] = ()
    long_texts: int = 0


def require() -> Any:
    """Return the module xlsxwriter. Raises InvalidInput where it, or what is replaced in it, is not there."""
    try:
        import xlsxwriter
    except ImportError as error:
        raise InvalidInput("XLSX needs the extra: pip install 'indelible[xlsx]'") from error
    if not all(hasattr(xlsxwriter.worksheet.Worksheet, name) for name in _REPLACED):
        raise InvalidInput("XLSX needs another version of XlsxWriter: pip install 'indelible[xlsx]'")
    return xlsxwriter


def escape(text: str) -> str:
    """Return a text as ST_Xstring (ECMA-376 Part 1, 22.9.2.19) without its XML escapes."""
    return _TO_ESCAPE.sub(lambda found: f"_x{ord(found[0]):04X}_", text)


def write(
    views: Iterable[View],
    out: BinaryIO,
    *,
    zone: str,
    created: int,
    about: str = "",
    facts: Sequence[tuple[str, str]] = (),
    most_rows: int = MOST_ROWS,
    database: Path | None = None,
) -> WrittenBook:
    """Write a workbook to `out`, which need not be seekable, in constant memory, and say what was written.

    The rows are on the clock of `zone`. `created` is the instant in the document's properties and `about` their
    comment, for which a personal value is not meant. `facts` are rows of the sheet "about"; `most_rows` is how many
    rows a sheet takes, header included; `database` is that of the log, as for `whole_files`. Raises OSError,
    InvalidInput without XlsxWriter, and StorageFailure for an entry that cannot be read.
    """
    first: View | None = None
    last: View | None = None
    with unfinished.folder(database) as folder:
        path = Path(folder, "entries.xlsx")
        book = _Book(path, zone, created, about, most_rows)
        try:
            for last in views:
                first = first or last
                book.add(last)
            book.save(facts)
        finally:
            book.release()
        size, sha256 = _copy(path, out)
    rows = sum(count for _, count in book.entries.sheets)
    sheets = tuple(sheet for table in book.tables for sheet in table.sheets)
    if first is None or last is None:
        return WrittenBook(rows, size, sha256, sheets=sheets)
    ends = (first.seq, last.seq, first.id, last.id)
    return WrittenBook(rows, size, sha256, *ends, sheets=sheets, long_texts=book.long_texts)


def _copy(path: Path, out: BinaryIO) -> tuple[int, str]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(_COPIED_AT_ONCE):
            out.write(data)
            digest.update(data)
        return file.tell(), digest.hexdigest()


def _sheet_class() -> Any:
    """XlsxWriter's worksheet, mended in two places where it does not write a text as it is.

    Of two escapes that share an underscore it escapes the first only. And a text between <r> and </r> it takes for XML
    of its own: such a name could put any cell into the sheet, a formula too. Both are names that XlsxWriter keeps to
    itself, hence the upper limit of its version in pyproject.toml.
    """
    from xlsxwriter.worksheet import Worksheet

    class Sheet(Worksheet):  # type: ignore[misc] # a class of a library without types
        _escape_control_characters = staticmethod(escape)

        def _xml_rich_inline_string(self, string: str, attributes: Any) -> None:
            self._xml_inline_string(string, True, attributes)

    return Sheet


class _Book:
    """One workbook under way."""

    def __init__(self, path: Path, zone: str, created: int, about: str, most_rows: int) -> None:
        xlsxwriter = require()
        options = {
            "constant_memory": True, "tmpdir": str(path.parent), "use_zip64": True,
            "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False,
        }  # fmt: skip
        self._failed = xlsxwriter.exceptions.FileCreateError
        self._book = xlsxwriter.Workbook(str(path), options)
        self._book.worksheet_class = _sheet_class()
        self._book.set_properties(
            {"title": "Activity log", "comments": about, "created": instant.to_datetime(created, 0)}
        )
        self._zone = zone
        self.entries = _Table(self._book, "entries", COLUMNS, NUMBERS, most_rows)
        self.long = _Table(self._book, _LONG, _LONG_COLUMNS, _LONG_NUMBERS, most_rows)
        self.sums = _Table(self._book, "sums", _SUMS_COLUMNS, _SUMS_NUMBERS, most_rows)
        self.about = _Table(self._book, "about", _ABOUT_COLUMNS, frozenset(), most_rows)
        self.tables = (self.entries, self.long, self.sums, self.about)
        self.long_texts = 0
        self._sums: dict[str, dict[str, int]] = {}
        self.entries.begin_sheet()

    def add(self, view: View) -> None:
        cells = [
            cell if name in NUMBERS else self._text(view.seq, name, decode_cell(cell))
            for name, cell in zip(COLUMNS, row(view, self._zone), strict=True)
        ]
        self.entries.add(cells)
        self._sum(view)

    def _sum(self, view: View) -> None:
        side, sign = money.EFFECTS[view.money]
        if side and view.amount_minor is not None and view.currency in money.EXPONENTS:
            sides = self._sums.setdefault(view.currency, {"in": 0, "out": 0})
            sides[side] += sign * view.amount_minor

    def _text(self, seq: int, column: str, text: str) -> str:
        if len(text) <= _PART or len(text.encode("utf-16-le")) // 2 <= MOST_UNITS:
            return text
        for part, start in enumerate(range(0, len(text), _PART), 1):
            self.long.add([str(seq), column, str(part), text[start : start + _PART]])
        self.long_texts += 1
        return f"{len(text)} characters, which stand in the sheet “{_LONG}”"

    def save(self, facts: Sequence[tuple[str, str]]) -> None:
        self.sums.begin_sheet()
        for currency, sides in sorted(self._sums.items()):
            amounts = (sides["in"], sides["out"], sides["in"] - sides["out"])
            self.sums.add([currency, *(money.decimal_text(amount, currency) for amount in amounts)])
        self.about.begin_sheet()
        for name, text in (*facts, *_ABOUT):
            self.about.add([name, text.format(zone=self._zone) if (name, text) in _ABOUT else text])
        for table in self.tables:
            table.end_sheet()
        try:
            self._book.close()
        except self._failed as error:  # what XlsxWriter makes of an OSError
            raise error.args[0] from error

    def release(self) -> None:
        """Close the files of the sheets, which an error leaves open."""
        for sheet in self._book.worksheets():
            for file in (sheet.row_data_fh, sheet.fh):
                with suppress(OSError):  # a full disk: what it had to say has been said
                    file.close()


class _Table:
    """Rows under a header, over as many sheets as they need. `sheets` has each one's name and rows."""

    def __init__(self, book: Any, name: str, columns: Sequence[str], numbers: frozenset[str], most_rows: int) -> None:
        self._book, self._name, self._columns = book, name, columns
        self._shown = [_number if column in numbers else _KINDS.get(column, _as_text) for column in columns]
        self._most_rows = most_rows
        self._sheet: Any = None
        self._formats: dict[str, Any] = {}
        self.sheets: list[tuple[str, int]] = []

    def begin_sheet(self) -> None:
        number = len(self.sheets) + 1
        name = self._name if number == 1 else f"{self._name} {number}"
        self.end_sheet()
        self.sheets.append((name, 0))
        self._sheet = sheet = self._book.add_worksheet(name)
        text, bold = self._format("@"), self._book.add_format({"bold": True})
        for place, column in enumerate(self._columns):
            form = text if self._shown[place] is _as_text else None
            sheet.set_column(place, place, _WIDTHS.get(column, _WIDTH), form)
            sheet.write_string(0, place, column, bold)
        sheet.freeze_panes(1, 0)

    def end_sheet(self) -> None:
        if self._sheet is not None:
            self._sheet.autofilter(0, 0, self.sheets[-1][1], len(self._columns) - 1)

    def add(self, cells: Sequence[str]) -> None:
        if self._sheet is None or self.sheets[-1][1] == self._most_rows - 1:
            self.begin_sheet()
        name, rows = self.sheets[-1]
        for place, cell in enumerate(cells):
            if cell and self._put(rows + 1, place, cell) != 0:
                raise StorageFailure(f"a cell of column {self._columns[place]} does not fit into a workbook")
        self.sheets[-1] = (name, rows + 1)

    def _put(self, at: int, place: int, cell: str) -> int:
        """Write a cell; 0 if it is written whole."""
        if (shown := self._shown[place](cell)) is None:
            done: int = self._sheet.write_string(at, place, cell)
        else:
            number, form = shown
            done = self._sheet.write_number(at, place, number, self._format(form) if form else None)
        return done

    def _format(self, form: str) -> Any:
        if form not in self._formats:
            self._formats[form] = self._book.add_format({"num_format": form})
        return self._formats[form]


# A cell as the number that a workbook holds, and its number format; None where it is written as a text.
_Shown = tuple[float, str] | None


def _as_text(cell: str) -> _Shown:
    return None


def _number(cell: str) -> _Shown:
    """The format shows a number with the digits it has after its point; none for a whole number."""
    if len(cell.lstrip("-0.").replace(".", "")) > _EXACT_DIGITS:
        return None
    places = len(cell.partition(".")[2])
    return float(cell), "0." + "0" * places if places else ""


@lru_cache(maxsize=4096)
def _day(cell: str) -> _Shown:
    day = date.fromisoformat(cell).toordinal() - _DAY_0
    return (float(day), "yyyy-mm-dd") if day >= _FIRST_DAY else None


def _clock(cell: str) -> _Shown:
    return (int(cell[:2]) * 3600 + int(cell[3:5]) * 60 + int(cell[6:8])) / 86_400, "hh:mm:ss"


def _moment(cell: str) -> _Shown:
    day, clock = _day(cell[:10]), _clock(cell[11:19])
    if day is None or clock is None:
        return None
    return day[0] + clock[0], f'yyyy-mm-dd hh:mm:ss "{cell[-6:]}"'


_KINDS: dict[str, Callable[[str], _Shown]] = {
    "occurred_at": _moment, "local_date": _day, "local_time": _clock, "recorded_at": _moment,
}  # fmt: skip
