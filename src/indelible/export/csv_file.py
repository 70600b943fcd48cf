"""A filtered list as CSV.

    file    = [BOM] header row*       UTF-8; BOM = EF BB BF in the profile `spreadsheet`, absent in `data`
    header  = the names in COLUMNS    fixed order; a later version adds names only at the end
    row     = cell *("," cell) CRLF   RFC 4180: a cell with a comma, a double quote, CR or LF stands in double quotes,
                                      and a double quote in it is doubled

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

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, BinaryIO

import orjson

from .. import instant, money
from ..errors import StorageFailure
from ..view import View

COLUMNS = (
    *("seq", "id", "occurred_at", "occurred_at_utc", "time_zone", "local_date", "local_time"),
    *("category", "action", "label", "actor_kind", "actor_id", "actor_name"),
    *("target_kind", "target_id", "target_name", "client_id", "client_name"),
    *("amount", "amount_minor", "currency", "channel", "ip", "device", "context", "money"),
)
NUMBERS = frozenset({"seq", "amount", "amount_minor"})

TRIGGERS = "=+-@\t\r\n\x00\uff1d\uff0b\uff0d\uff20"
_ENCODED = re.compile(f"'+[{re.escape(TRIGGERS)}]")
_TO_ENCODE = re.compile(f"'*[{re.escape(TRIGGERS)}]")
_SUSPECT = frozenset(TRIGGERS + "'")
_TO_QUOTE = re.compile('[,"\r\n]')

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
    size = rows = 0
    first: View | None = None
    last: View | None = None

    def put(lines: list[str], prefix: bytes = b"") -> None:
        nonlocal size
        data = prefix + "".join(lines).encode()
        out.write(data)
        digest.update(data)
        size += len(data)

    lines = [",".join(COLUMNS) + "\r\n"]
    put(lines, profile.prefix)
    lines.clear()
    for last in views:
        first = first or last
        rows += 1
        lines.append(_line(_cells(last)))
        if len(lines) == _CHUNK:
            put(lines)
            lines.clear()
    put(lines)
    if first is None or last is None:
        return Written(rows, size, digest.hexdigest())
    return Written(rows, size, digest.hexdigest(), first.seq, last.seq, first.id, last.id)


def _line(cells: list[str]) -> str:
    """The line of a row: what `csv.writer` makes of it, as the tests show, in a third of its time.

    The context nearly always needs quotes and the other cells nearly never do, so those are looked at all at once.
    """
    *plain, context, last = cells
    line = ",".join(plain)
    if line.count(",") >= len(plain) or '"' in line or "\r" in line or "\n" in line:
        line = ",".join([_quoted(cell) for cell in plain])
    return f"{line},{_quoted(context)},{last}\r\n"


def _quoted(cell: str) -> str:
    if _TO_QUOTE.search(cell):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def _cells(view: View) -> list[str]:
    """The cells of a row in the order of COLUMNS, guarded."""
    try:
        texts = _texts(view)
        if not _SUSPECT.isdisjoint([text[:1] for text in texts]):
            texts = [encode_cell(text) for text in texts]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise StorageFailure(f"entry {view.seq} cannot be read: its body was changed; run indelible verify") from error
    return [str(view.seq), *texts[:17], *_amounts(view), *texts[17:]]


def _texts(view: View) -> list[str]:
    """The texts of every column outside NUMBERS, in the order of COLUMNS."""
    members, get = view.members, view.values.get
    actor, target = members["actor"], members.get("target")
    kind = actor["kind"]
    client_id, client_name = _client(members, get)
    return [
        members["id"],
        *_times(view.occurred_at, members["offset_minutes"], members["zone"]),
        view.category,
        members["action"],
        view.label,
        kind,
        # The system has no id: its reason says which rule or job acted.
        actor["reason"] if kind == "system" else _id(actor, get("actor.id")),
        "System" if kind == "system" else get("actor.name") or "",
        target["kind"] if target else "",
        _id(target, get("target.id")) if target else "",
        get("target.name") or "",
        client_id,
        client_name,
        view.currency or "",
        members.get("channel", ""),
        get("request.ip") or "",
        view.device,
        orjson.dumps(view.context, option=orjson.OPT_SORT_KEYS).decode(),
        view.money,
    ]


def _id(holder: dict[str, Any], opened: Any) -> str:
    found = opened if "person" in holder else holder["id"]
    return found or ""


def _client(members: dict[str, Any], get: Callable[[str], Any]) -> tuple[str, str]:
    """Id and name of `View.client`, without its dict."""
    if "client" in members:
        role = "client"
    else:
        role = next((role for role in ("target", "actor") if members.get(role, {}).get("kind") == "client"), "")
    return get(f"{role}.id") or "", get(f"{role}.name") or ""


def _amounts(view: View) -> tuple[str, str]:
    """amount, amount_minor: the first in the currency's major unit, empty where ISO 4217 does not have the currency."""
    minor, currency = view.amount_minor, view.currency
    if minor is None:
        return "", ""
    if currency not in money.EXPONENTS:
        return "", str(minor)
    return money.decimal_text(-minor if view.money == "out" else minor, currency), str(minor)


def _times(us: int, offset_minutes: int, zone: str) -> tuple[str, str, str, str, str]:
    """occurred_at, occurred_at_utc, time_zone, local_date, local_time: what `instant` prints, in a third of its time.

    An offset is whole minutes, so both times share their seconds; a day's date and an hour and minute are looked up.
    """
    minute, rest = divmod(us, instant.MINUTE)
    second, fraction = divmod(rest, instant.SECOND)
    utc_day, utc_minute = divmod(minute, 1440)
    day, clock = divmod(minute + offset_minutes, 1440)
    if not _FIRST_DAY <= day <= _LAST_DAY:  # year 0 or 10000 at this offset
        local = instant.local_text(us, offset_minutes)
        return local, instant.format(us), zone, local[:10], local[11:19]
    seconds = f":{second:02d}.{fraction:06d}"
    date, hour = _date(day), _CLOCK[clock]
    return (
        f"{date}T{hour}{seconds}{_offset(offset_minutes)}",
        f"{_date(utc_day)}T{_CLOCK[utc_minute]}{seconds}Z",
        zone,
        date,
        hour + seconds[:3],
    )


_CLOCK = tuple(f"{hour:02d}:{minute:02d}" for hour in range(24) for minute in range(60))
_FIRST_DAY, _LAST_DAY = instant.EARLIEST // instant.DAY, instant.LATEST // instant.DAY


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    return instant.format(day * instant.DAY)[:10]


@lru_cache(maxsize=64)
def _offset(minutes: int) -> str:
    return instant.local_text(0, minutes)[-6:]
