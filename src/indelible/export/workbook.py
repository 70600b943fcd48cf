"""A workbook (Office Open XML, ECMA-376) written as it comes: a zip of XML parts, each row's bytes once it is there.

    xl/worksheets/sheet1.xml, ...        in the order in which they are begun; a row is written once and kept nowhere
    xl/styles.xml, xl/workbook.xml, ...  behind them, because only then it is known which formats and sheets there are

    cell = <c r="B7" s="3"><v>12.50</v></c>                            a number
         | <c r="C7" s="1" t="inlineStr"><is><t>text</t></is></c>      a text, which no program takes for a formula

A control character is written `_xHHHH_`, and the underscore of a text that looks like that `_x005F_`: ST_Xstring
(ECMA-376 Part 1, 22.9.2.19). The same cells make the same bytes: a part's time in the zip is always 1980.

By hand, because no library writes it as it comes and every text as it is. XlsxWriter has no public way to write two
escapes that share an underscore, U+FFFE, or a text that begins with <r> and ends with </r>, which it takes for XML of
its own; rust_xlsxwriter and what is built on it have the first of these too, and no format of one cell alone; openpyxl
refuses control characters.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape as escape_xml
from typing import IO, NamedTuple

from ..format import instant

# Excel's own limits: rows in a sheet, and UTF-16 units in a cell.
MOST_ROWS = 1_048_576
MOST_UNITS = 32_767
# Of a sheet's XML: a zip that is not sought in needs other headers beyond 2 GiB, which Excel wants to repair.
MOST_BYTES = 2_000_000_000

# The formats of cells that are always there, by their place in styles.xml.
GENERAL, BOLD, TEXT = 0, 1, 2
_TEXT_FORMAT = 49  # "@", one of those that every program knows
_FIRST_OWN_FORMAT = 164

# What is written _xHHHH_: an underscore that would seem to begin such an escape, what XML 1.0 cannot hold, and CR,
# which XML would turn into LF.
_NOT_PLAIN = "\x00-\x08\x0b-\x1f\ufffe\uffff"
_TO_ESCAPE = re.compile(f"_(?=x[0-9a-fA-F]{{4}}[_{_NOT_PLAIN}])|[{_NOT_PLAIN}]")

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


class Number(NamedTuple):
    """A cell that is a number: its decimal digits, and its number format (empty: as a program likes)."""

    digits: str
    format: str


class Column(NamedTuple):
    """One column: the name in its header, its width in characters, and whether what people type there stays text."""

    name: str
    width: float
    is_text: bool


# A text; empty where there is no cell.
Cell = str | Number


def escape(text: str) -> str:
    """Return a text as ST_Xstring without its XML escapes."""
    return _TO_ESCAPE.sub(lambda found: f"_x{ord(found[0]):04X}_", text)


@dataclass(frozen=True, slots=True)
class Properties:
    """What a workbook says of itself. `created` is an instant."""

    title: str
    comment: str
    created: int


class Workbook:
    """One workbook under way. What was written so far is taken with `take`, and the rest behind `close`."""

    def __init__(self, properties: Properties) -> None:
        self._properties = properties
        self._out = _Taken()
        self._zip = zipfile.ZipFile(self._out, "w", zipfile.ZIP_DEFLATED)
        self._styles: dict[str, int] = {}
        self._sheets: list[Sheet] = []

    @property
    def sheets(self) -> tuple[tuple[str, int], ...]:
        """Each sheet's name and rows, without its header."""
        return tuple((sheet.name, sheet.rows) for sheet in self._sheets)

    @property
    def waiting(self) -> int:
        """How many bytes were written and not taken."""
        return self._out.waiting

    def take(self) -> bytes:
        """Return what was written since the last time."""
        return self._out.take()

    @contextmanager
    def sheet(self, name: str, columns: Sequence[Column]) -> Iterator[Sheet]:
        """Begin a sheet with its header, and give it for its rows. One at a time."""
        with self._zip.open(_member(f"xl/worksheets/sheet{len(self._sheets) + 1}.xml"), "w") as part:
            sheet = Sheet(part, name, columns, self._styles, is_first=not self._sheets)
            self._sheets.append(sheet)
            yield sheet
            sheet.end()

    def close(self) -> None:
        """Write the other parts, and the zip's directory."""
        for name, text in _parts(self._sheets, self._styles, self._properties).items():
            self._zip.writestr(_member(name), _HEAD + text)
        self._zip.close()


class Sheet:
    """A sheet under way. `rows` are those without the header."""

    def __init__(
        self, part: IO[bytes], name: str, columns: Sequence[Column], styles: dict[str, int], is_first: bool
    ) -> None:
        self.name, self.rows = name, 0
        self._part, self._styles, self._size = part, styles, 0
        self._letters = [_letters(place) for place in range(len(columns))]
        # What comes between the column's letters and the text, for a column's style.
        self._text = [f'" s="{TEXT if one.is_text else GENERAL}" t="inlineStr"><is><t' for one in columns]
        header = "".join(
            f'<c r="{letters}1" s="{BOLD}" t="inlineStr"><is><t>{_text(one.name)}</t></is></c>'
            for letters, one in zip(self._letters, columns, strict=True)
        )
        self._write(f'{_HEAD}{_before_rows(columns, is_first)}<sheetData><row r="1">{header}</row>')

    @property
    def area(self) -> str:
        """Header and rows: A1:AF10."""
        return f"A1:{self._letters[-1]}{self.rows + 1}"

    def has_room(self, most_rows: int = MOST_ROWS) -> bool:
        """Whether another row fits, where a sheet takes so many, its header included."""
        return self.rows + 1 < most_rows and self._size < MOST_BYTES

    def add(self, cells: Sequence[Cell]) -> None:
        """Write a row. A text is at most MOST_UNITS long."""
        self.rows += 1
        at = self.rows + 1
        texts = [cell for cell in cells if cell and type(cell) is str]
        as_it_is = _is_plain(texts)
        parts = [f'<row r="{at}">']
        for letters, between, cell in zip(self._letters, self._text, cells, strict=True):
            if not cell:
                continue
            if type(cell) is not str:
                parts.append(f'<c r="{letters}{at}" s="{self._style(cell[1])}"><v>{cell[0]}</v></c>')
            elif as_it_is:
                parts.append(f'<c r="{letters}{at}{between}>{cell}</t></is></c>')
            else:
                kept = ' xml:space="preserve"' if cell[0].isspace() or cell[-1].isspace() else ""
                parts.append(f'<c r="{letters}{at}{between}{kept}>{_text(cell)}</t></is></c>')
        parts.append("</row>")
        self._write("".join(parts))

    def end(self) -> None:
        """Write what stands behind the rows."""
        self._write(f'</sheetData><autoFilter ref="{self.area}"/></worksheet>')

    def _style(self, format: str) -> int:
        if not format:
            return GENERAL
        return self._styles.setdefault(format, TEXT + 1 + len(self._styles))

    def _write(self, text: str) -> None:
        data = text.encode()
        self._size += len(data)
        self._part.write(data)


class _Taken(io.RawIOBase):
    """A file that cannot be sought in, and forgets what was taken from it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.waiting = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # whatever has bytes
        self._parts.append(bytes(data))
        self.waiting += len(data)
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        self.waiting = 0
        return data


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)  # with the time 1980
    member.compress_type = zipfile.ZIP_DEFLATED
    member.create_system = 0  # the same bytes on every system
    return member


def _letters(place: int) -> str:
    """The name of a column by its place from 0: A, Z, AA."""
    first, last = divmod(place, 26)
    return (_letters(first - 1) if first else "") + chr(ord("A") + last)


def _text(text: str) -> str:
    return escape_xml(escape(text), quote=False)


def _is_plain(texts: Sequence[str]) -> bool:
    """Whether texts can be written as they are. False for some that could, too.

    Asked for a whole row at once, which is quicker. Of the spaces put around each text there are three in a row where a
    text begins or ends with one; other kinds of white space are not printable.
    """
    row = f"  {'  '.join(texts)}  "
    return row.isprintable() and not ("&" in row or "<" in row or ">" in row or "_x" in row or "   " in row)


def _before_rows(columns: Sequence[Column], is_first: bool) -> str:
    widths = "".join(
        # The width on the screen: 7 pixels a character and 5 around them.
        f'<col min="{at}" max="{at}" width="{(one.width * 7 + 5) / 7:.4f}" '
        f'style="{TEXT if one.is_text else GENERAL}" customWidth="1"/>'
        for at, one in enumerate(columns, 1)
    )
    selected = ' tabSelected="1"' if is_first else ""
    return (
        f'<worksheet xmlns="{_MAIN}"><sheetViews><sheetView{selected} workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/><selection pane="bottomLeft"/>'
        f'</sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/><cols>{widths}</cols>'
    )


def _parts(sheets: Sequence[Sheet], styles: Mapping[str, int], properties: Properties) -> dict[str, str]:
    """Every part but the sheets, by its name."""
    numbers = range(1, len(sheets) + 1)
    beside = {"workbook": "xl/workbook.xml", "styles": "xl/styles.xml"}
    types = "".join(
        [
            *(f'<Override PartName="/{name}" ContentType="{_TYPE}.{kind}+xml"/>'
              for kind, name in (("sheet.main", beside["workbook"]), ("styles", beside["styles"]))),
            *(f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{_TYPE}.worksheet+xml"/>'
              for number in numbers),
            '<Override PartName="/docProps/core.xml" '
            'ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>',
        ]
    )  # fmt: skip
    named = "".join(
        f'<sheet name="{escape_xml(sheet.name)}" sheetId="{number}" r:id="rId{number}"/>'
        for number, sheet in enumerate(sheets, 1)
    )
    # What Excel itself notes of a filter's area.
    filtered = "".join(
        f'<definedName name="_xlnm._FilterDatabase" localSheetId="{number}" hidden="1">'
        f"'{escape_xml(sheet.name)}'!{_absolute(sheet.area)}</definedName>"
        for number, sheet in enumerate(sheets)
    )
    return {
        beside["styles"]: _styles(styles),
        beside["workbook"]: (
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><bookViews><workbookView/></bookViews>'
            f"<sheets>{named}</sheets><definedNames>{filtered}</definedNames></workbook>"
        ),
        "xl/_rels/workbook.xml.rels": _relationships(
            *((f"{_OFFICE}/worksheet", f"worksheets/sheet{number}.xml") for number in numbers),
            (f"{_OFFICE}/styles", "styles.xml"),
        ),
        "docProps/core.xml": _core(properties),
        "_rels/.rels": _relationships(
            (f"{_OFFICE}/officeDocument", beside["workbook"]),
            (f"{_PACKAGE}/relationships/metadata/core-properties", "docProps/core.xml"),
        ),
        "[Content_Types].xml": (
            f'<Types xmlns="{_PACKAGE}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Default Extension="xml" ContentType="application/xml"/>{types}</Types>'
        ),
    }


def _absolute(area: str) -> str:
    """A1:AF10 as $A$1:$AF$10."""
    return re.sub("[A-Z]+", r"$\g<0>$", area)


def _relationships(*targets: tuple[str, str]) -> str:
    listed = "".join(
        f'<Relationship Id="rId{number}" Type="{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{listed}</Relationships>'


def _styles(styles: Mapping[str, int]) -> str:
    own = {format: _FIRST_OWN_FORMAT + number for number, format in enumerate(styles)}
    formats = "".join(f'<numFmt numFmtId="{id}" formatCode="{escape_xml(code)}"/>' for code, id in own.items())
    declared = f'<numFmts count="{len(own)}">{formats}</numFmts>' if own else ""
    fonts = "".join(f'<font>{bold}<sz val="11"/><name val="Calibri"/><family val="2"/></font>' for bold in ("", "<b/>"))
    cells = [
        '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>',
        '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>',
        *(f'<xf numFmtId="{id}" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
          for id in (_TEXT_FORMAT, *own.values())),
    ]  # fmt: skip
    return (
        f'<styleSheet xmlns="{_MAIN}">{declared}<fonts count="2">{fonts}</fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(cells)}">{"".join(cells)}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )


def _core(properties: Properties) -> str:
    created = f"{instant.format(properties.created)[:19]}Z"
    when = "".join(
        f'<dcterms:{name} xsi:type="dcterms:W3CDTF">{created}</dcterms:{name}>' for name in ("created", "modified")
    )
    return (
        f'<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:title>{_text(properties.title)}</dc:title><dc:creator/><dc:description>{_text(properties.comment)}</dc:description>"
        f"{when}</cp:coreProperties>"
    )
