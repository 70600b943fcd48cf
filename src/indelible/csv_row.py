"""One row of a list as text: the columns, their cells, and the guard against formulas.

    row     = cell *("," cell) CRLF   RFC 4180: a cell with a comma, a double quote, CR or LF stands in double quotes,
                                      and a double quote in it is doubled

docs/spec/csv.md says what each column means. A value that is not there, was erased or cannot be read is an empty cell;
inside the cell `context` it is null.

All rows of a table are on one clock, that of the clinic's zone now, so that they agree with the days of a filter and
with their own order. Only the times inside `context` are on the clock on which they were said. Each has its offset.

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
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from . import instant, money
from .opened import PRINCIPAL, Opened

COLUMNS = (
    *("seq", "id", "occurred_at", "occurred_at_utc", "time_zone", "local_date", "local_time"),
    *("category", "action", "label", "actor_kind", "actor_id", "actor_name"),
    *("target_kind", "target_id", "target_name", "client_id", "client_name"),
    *("amount", "to_sum", "amount_minor", "currency", "channel", "ip", "device", "context", "money"),
    *("recorded_zone", "recorded_at", "on_behalf_of_kind", "on_behalf_of_id", "on_behalf_of_name"),
)
NUMBERS = frozenset({"seq", "amount", "to_sum", "amount_minor"})

TRIGGERS = "=+-@\t\r\n\x00\uff1d\uff0b\uff0d\uff20"
_ENCODED = re.compile(f"'+[{re.escape(TRIGGERS)}]")
_TO_ENCODE = re.compile(f"'*[{re.escape(TRIGGERS)}]")
_SUSPECT = frozenset(TRIGGERS + "'")
_TO_QUOTE = re.compile('[,"\r\n]')
_AMOUNT, _CONTEXT = COLUMNS.index("amount"), COLUMNS.index("context")

# How many minutes the clock of a zone is ahead of UTC at an instant: (microseconds, IANA name) -> minutes.
Ahead = Callable[[int, str], int]


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
    return f"{_joined(cells[:_CONTEXT])},{_quoted(cells[_CONTEXT])},{_joined(cells[_CONTEXT + 1 :])}\r\n"


def _joined(plain: list[str]) -> str:
    line = ",".join(plain)
    if line.count(",") >= len(plain) or '"' in line or "\r" in line or "\n" in line:
        line = ",".join([_quoted(cell) for cell in plain])
    return line


def _quoted(cell: str) -> str:
    if _TO_QUOTE.search(cell):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def cells(
    opened: Opened, wording: Wording, zone: str, ahead: Ahead, exponents: Mapping[str, int] = money.EXPONENTS
) -> list[str]:
    """Return the cells of a row in the order of COLUMNS, guarded, on the clock of `zone`.

    `exponents` says how many digits the minor unit of a currency has. Raises KeyError, TypeError, AttributeError,
    ValueError or MalformedProof for members that are not those of a body.
    """
    texts = _texts(opened, wording, zone, ahead)
    if not _SUSPECT.isdisjoint([text[:1] for text in texts]):
        texts = [encode_cell(text) for text in texts]
    before = _AMOUNT - 1
    return [str(opened.seq), *texts[:before], *_amounts(opened, wording, exponents), *texts[before:]]


def _texts(view: Opened, wording: Wording, zone: str, ahead: Ahead) -> list[str]:
    """The texts of every column outside NUMBERS, in the order of COLUMNS."""
    members, get = view.members, view.values.get
    actor, target = members["actor"], members.get("target")
    kind = actor["kind"]
    client = view.client_role
    recorded = instant.parse_canonical(members["recorded_at"])
    return [
        members["id"],
        *_times(view.occurred_at, ahead(view.occurred_at, zone), zone),
        wording.category,
        members["action"],
        wording.label,
        kind,
        # The system has no id: its reason says which rule or job acted.
        actor["reason"] if kind == "system" else _id(actor, get("actor.id")),
        # An agent is no person, and has its name in the body.
        "System" if kind == "system" else actor["name"] if "name" in actor else get("actor.name") or "",
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
        members["zone"],
        _times(recorded, ahead(recorded, zone), zone)[0],
        actor["on_behalf_of"]["kind"] if "on_behalf_of" in actor else "",
        get(f"{PRINCIPAL}.id") or "",
        get(f"{PRINCIPAL}.name") or "",
    ]


def _id(holder: dict[str, Any], opened: Any) -> str:
    found = opened if "person" in holder else holder["id"]
    return found or ""


def _amounts(view: Opened, wording: Wording, exponents: Mapping[str, int]) -> tuple[str, str, str]:
    """amount, to_sum, amount_minor: the first two in the currency's major unit, empty where ISO 4217 has it not."""
    minor, currency = view.amount_minor, view.currency
    if minor is None:
        return "", "", ""
    if currency is None or currency not in exponents:
        return "", "", str(minor)
    net = money.EFFECTS[wording.money].net
    amount = money.shifted(-minor if net < 0 else minor, exponents[currency])
    return amount, amount if net else "", str(minor)


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
