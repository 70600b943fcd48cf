"""A filtered list as CSV.

    file    = [BOM] header row*       UTF-8; BOM = EF BB BF in the profile `spreadsheet`, absent in `data`
    header  = the names in COLUMNS    fixed order; a later version adds names only at the end
    row     = cell *("," cell) CRLF   RFC 4180: a cell with a comma, a double quote, CR or LF stands in double quotes, and a
                                      double quote in it is doubled

Rows come in the order of the list: (occurred_at, seq) descending. docs/spec/csv.md says what each column means. A value
that is not there, was erased or cannot be read is an empty cell; inside the cell `context` it is null.

A spreadsheet takes a cell that begins with one of TRIGGERS for a formula. Cells of text columns are therefore guarded,
in both profiles, before they are quoted; NUMBERS stay numbers:

    encode_cell(v) = "'" v       where v is zero or more "'" and then a trigger, and whatever follows
                     v           else
    decode_cell(c) = c without its first "'"    where c is one or more "'" and then a trigger
                     c                          else

Nothing is lost: decode_cell(encode_cell(v)) = v for every text, and no guarded cell begins with a trigger.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

import orjson

from .. import instant, money
from ..errors import StorageFailure
from ..view import View

COLUMNS = (
    *("seq", "id", "occurred_at", "occurred_at_utc", "time_zone", "local_date", "local_time", "category", "action", "label"),
    *("actor_kind", "actor_id", "actor_name", "target_kind", "target_id", "target_name", "client_id", "client_name"),
    *("amount", "amount_minor", "currency", "channel", "ip", "device", "context", "money"),
)
NUMBERS = frozenset({"seq", "amount", "amount_minor"})

TRIGGERS = "=+-@\t\r\n\x00\uff1d\uff0b\uff0d\uff20"
_ENCODED = re.compile(f"'+[{re.escape(TRIGGERS)}]")
_TO_ENCODE = re.compile(f"'*[{re.escape(TRIGGERS)}]")
_SUSPECT = frozenset(TRIGGERS + "'")

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


def encode_cell(value: str) -> str:
    """Return the cell of a text: what a spreadsheet would run gets a "'" in front."""
    return f"'{value}" if _TO_ENCODE.match(value) else value


def decode_cell(cell: str) -> str:
    """Return the text of a cell that `encode_cell` made. Not for the columns in NUMBERS."""
    return cell[1:] if _ENCODED.match(cell) else cell


def write(views: Iterable[View], out: BinaryIO, *, profile: Profile = SPREADSHEET) -> Written:
    """Write header and rows to `out` in constant memory, and say what was written.

    Raises OSError as `out` does, and StorageFailure for an entry that cannot be read.
    """
    digest = hashlib.sha256()
    rows = size = 0
    first: View | None = None
    last: View | None = None

    def put(data: bytes) -> None:
        nonlocal size
        out.write(data)
        digest.update(data)
        size += len(data)

    put(profile.prefix + _lines([COLUMNS]))
    listed = iter(views)
    while chunk := list(islice(listed, _CHUNK)):
        put(_lines(map(_row, chunk)))
        rows += len(chunk)
        first, last = first or chunk[0], chunk[-1]
    if first is None or last is None:
        return Written(rows, size, digest.hexdigest())
    return Written(rows, size, digest.hexdigest(), first.seq, last.seq, first.id, last.id)


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _row(view: View) -> list[object]:
    try:
        cells = _text_cells(view)
        if not _SUSPECT.isdisjoint([cell[:1] for cell in cells]):
            cells = [encode_cell(cell) for cell in cells]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise StorageFailure(f"entry {view.seq} cannot be read, its body was changed; run `indelible verify`") from error
    minor = view.amount_minor
    return [view.seq, *cells[:17], _amount(view), "" if minor is None else minor, *cells[17:]]


def _text_cells(view: View) -> list[str]:
    """The cells of every column outside NUMBERS, in the order of COLUMNS."""
    members, values = view.members, view.values
    local = instant.local_text(view.occurred_at, view.offset_minutes)
    actor, target = members["actor"], members.get("target")
    kind = actor["kind"]
    actor_name = "System" if kind == "system" else values.get("actor.name") or ""
    # The system has no id: its reason says which rule or job acted.
    actor_id = actor["reason"] if kind == "system" else _id(actor, values.get("actor.id"))
    client = view.client or {}
    return [
        view.id,
        local,
        instant.format(view.occurred_at),
        view.zone,
        local[:10],
        local[11:19],
        view.category,
        view.action,
        view.label,
        kind,
        actor_id,
        actor_name,
        target["kind"] if target else "",
        _id(target, values.get("target.id")) if target else "",
        values.get("target.name") or "",
        client.get("id") or "",
        client.get("name") or "",
        view.currency or "",
        members.get("channel", ""),
        values.get("request.ip") or "",
        view.device,
        orjson.dumps(view.context, option=orjson.OPT_SORT_KEYS).decode(),
        view.money,
    ]


def _id(holder: dict[str, Any], opened: Any) -> str:
    found = opened if "person" in holder else holder["id"]
    return found or ""


def _amount(view: View) -> str:
    """The amount in the currency's major unit, minus for money out; empty for a currency that ISO 4217 does not have."""
    minor, currency = view.amount_minor, view.currency
    if minor is None or currency not in money.EXPONENTS:
        return ""
    return money.decimal_text(-minor if view.money == "out" else minor, currency)
