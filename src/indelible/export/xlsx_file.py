"""A filtered list as an Excel workbook (Office Open XML, ECMA-376), written with XlsxWriter.

    sheet "entries"      a header row, then a row for each entry: the columns of the CSV in the same order
    sheet "entries 2"    goes on where a sheet has MOST_ROWS rows, header included; and so on
    sheet "long texts"   there only if needed: seq, column, part, text

Every cell outside NUMBERS is an inline string in a column of the format Text: neither when the file is opened nor when
somebody edits the cell does a program take `=1+1` for a formula. It is the text itself, without the CSV's guard. A
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
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from .. import instant
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

# What is written _xHHHH_: an underscore that would seem to begin such an escape, what XML 1.0 cannot hold, and CR,
# which XML would turn into LF.
_NOT_PLAIN = "\x00-\x08\x0b-\x1f\ufffe\uffff"
_TO_ESCAPE = re.compile(f"_(?=x[0-9a-fA-F]{{4}}[_{_NOT_PLAIN}])|[{_NOT_PLAIN}]")

# What `_sheet_class` puts its own in the place of.
_REPLACED = ("_escape_control_characters", "_xml_rich_inline_string")

_LONG = "long texts"
_LONG_COLUMNS = ("seq", "column", "part", "text")
_LONG_NUMBERS = frozenset({"seq", "part"})

# Widths of columns in characters; the rest are _WIDTH wide.
_WIDTH = 14
_WIDTHS = {
    **{"seq": 9, "id": 38, "occurred_at": 33, "occurred_at_utc": 29, "time_zone": 18, "local_date": 12},
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
    views: Iterable[View], out: BinaryIO, *, created: int, about: str = "", most_rows: int = MOST_ROWS
) -> WrittenBook:
    """Write a workbook to `out`, which need not be seekable, in constant memory, and say what was written.

    `created` is the instant in the document's properties and `about` their comment, for which a personal value is not
    meant. `most_rows` is how many rows a sheet takes, header included. Raises OSError, InvalidInput without XlsxWriter,
    and StorageFailure for an entry that cannot be read.
    """
    first: View | None = None
    last: View | None = None
    with TemporaryDirectory(prefix="indelible-") as folder:
        path = Path(folder, "entries.xlsx")
        book = _Book(path, created, about, most_rows)
        try:
            for last in views:
                first = first or last
                book.add(last)
            book.save()
        finally:
            book.release()
        size, sha256 = _copy(path, out)
    rows = sum(count for _, count in book.entries.sheets)
    sheets = (*book.entries.sheets, *book.long.sheets)
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

    def __init__(self, path: Path, created: int, about: str, most_rows: int) -> None:
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
        self.entries = _Table(self._book, "entries", COLUMNS, NUMBERS, most_rows)
        self.long = _Table(self._book, _LONG, _LONG_COLUMNS, _LONG_NUMBERS, most_rows)
        self.long_texts = 0
        self.entries.begin_sheet()

    def add(self, view: View) -> None:
        cells = [
            cell if name in NUMBERS else self._text(view.seq, name, decode_cell(cell))
            for name, cell in zip(COLUMNS, row(view), strict=True)
        ]
        self.entries.add(cells)

    def _text(self, seq: int, column: str, text: str) -> str:
        if len(text) <= _PART or len(text.encode("utf-16-le")) // 2 <= MOST_UNITS:
            return text
        for part, start in enumerate(range(0, len(text), _PART), 1):
            self.long.add([str(seq), column, str(part), text[start : start + _PART]])
        self.long_texts += 1
        return f"{len(text)} characters, which stand in the sheet “{_LONG}”"

    def save(self) -> None:
        self.entries.end_sheet()
        self.long.end_sheet()
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
        self._is_number = [column in numbers for column in columns]
        self._most_rows = most_rows
        self._sheet: Any = None
        self._decimals: dict[int, Any] = {}
        self.sheets: list[tuple[str, int]] = []

    def begin_sheet(self) -> None:
        number = len(self.sheets) + 1
        name = self._name if number == 1 else f"{self._name} {number}"
        self.end_sheet()
        self.sheets.append((name, 0))
        self._sheet = sheet = self._book.add_worksheet(name)
        text, bold = self._book.add_format({"num_format": "@"}), self._book.add_format({"bold": True})
        for place, column in enumerate(self._columns):
            sheet.set_column(place, place, _WIDTHS.get(column, _WIDTH), None if self._is_number[place] else text)
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
        if self._is_number[place] and len(cell.lstrip("-0.").replace(".", "")) <= _EXACT_DIGITS:
            done: int = self._sheet.write_number(at, place, float(cell), self._decimal(cell))
        else:
            done = self._sheet.write_string(at, place, cell)
        return done

    def _decimal(self, cell: str) -> Any:
        """The format that shows a number with the digits it has after its point; None for a whole number."""
        places = len(cell.partition(".")[2])
        if places and places not in self._decimals:
            self._decimals[places] = self._book.add_format({"num_format": "0." + "0" * places})
        return self._decimals.get(places)
