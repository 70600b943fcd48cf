"""One row of a list as text: the columns, their cells, and the guard against formulas.

    row     = cell *("," cell) CRLF   RFC 4180: a cell with a comma, a double quote, CR or LF stands in double quotes,
                                      and a double quote in it is doubled

docs/spec/csv.md says what each column means. A value that is not there, was erased or cannot be read is an empty cell;
inside the cell `context` it is null.

A spreadsheet takes a cell that begins with one of TRIGGERS for a formula. Cells of text columns are therefore guarded
before they are quoted; NUMBERS stay numbers:

    encode_cell(v) = "'" v       where v is zero or more "'" and then a trigger, and whatever follows
                     v           else
    decode_cell(c) = c without its first "'"    where c is one or more "'" and then a trigger
                     c                          else

Nothing is lost: decode_cell(encode_cell(v)) = v for every text, and no guarded cell begins with a trigger.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from . import instant, money
from .opened import Opened

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


class Wording(NamedTuple):
    """What a row says that is not in its entry: the catalogue's words, how its amount counts, the device in words."""

    category: str
    label: str
    money: str
    device: str


def encode_cell(value: str) -> str:
    """Return the cell of a text: what a spreadsheet would run gets a "'" in front."""
    return f"'{value}" if _TO_ENCODE.match(value) else value


def decode_cell(cell: str) -> str:
    """Return the text of a cell that `encode_cell` made. Not for the columns in NUMBERS."""
    return cell[1:] if _ENCODED.match(cell) else cell


def line(cells: list[str]) -> str:
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


def cells(opened: Opened, wording: Wording, exponents: Mapping[str, int] = money.EXPONENTS) -> list[str]:
    """Return the cells of a row in the order of COLUMNS, guarded.

    `exponents` says how many digits the minor unit of a currency has. Raises KeyError, TypeError, AttributeError or
    ValueError for members that are not those of a body.
    """
    texts = _texts(opened, wording)
    if not _SUSPECT.isdisjoint([text[:1] for text in texts]):
        texts = [encode_cell(text) for text in texts]
    return [str(opened.seq), *texts[:17], *_amounts(opened, wording, exponents), *texts[17:]]


def _texts(view: Opened, wording: Wording) -> list[str]:
    """The texts of every column outside NUMBERS, in the order of COLUMNS."""
    members, get = view.members, view.values.get
    actor, target = members["actor"], members.get("target")
    kind = actor["kind"]
    client = view.client_role
    return [
        members["id"],
        *_times(view.occurred_at, members["offset_minutes"], members["zone"]),
        wording.category,
        members["action"],
        wording.label,
        kind,
        # The system has no id: its reason says which rule or job acted.
        actor["reason"] if kind == "system" else _id(actor, get("actor.id")),
        "System" if kind == "system" else get("actor.name") or "",
        target["kind"] if target else "",
        _id(target, get("target.id")) if target else "",
        get("target.name") or "",
        get(f"{client}.id") or "",
        get(f"{client}.name") or "",
        view.currency or "",
        members.get("channel", ""),
        get("request.ip") or "",
        wording.device,
        orjson.dumps(view.context, option=orjson.OPT_SORT_KEYS).decode(),
        wording.money,
    ]


def _id(holder: dict[str, Any], opened: Any) -> str:
    found = opened if "person" in holder else holder["id"]
    return found or ""


def _amounts(view: Opened, wording: Wording, exponents: Mapping[str, int]) -> tuple[str, str]:
    """amount, amount_minor: the first in the currency's major unit, empty where ISO 4217 does not have the currency."""
    minor, currency = view.amount_minor, view.currency
    if minor is None:
        return "", ""
    if currency is None or currency not in exponents:
        return "", str(minor)
    return money.shifted(-minor if money.EFFECTS[wording.money].net < 0 else minor, exponents[currency]), str(minor)


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
