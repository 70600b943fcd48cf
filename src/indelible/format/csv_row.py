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
_AMOUNT, _CONTEXT = COLUMNS.index("amount"), COLUMNS.index("context")
_SUSPECT = frozenset(TRIGGERS + "'")
_TO_QUOTE = re.compile('[,"\r\n]')

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
    """The line of guarded cells: what `csv.writer` makes of it, as the tests show."""
    return ",".join(map(_quoted, cells)) + "\r\n"


def _quoted(cell: str) -> str:
    if _TO_QUOTE.search(cell):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def row(
    opened: Opened, wording: Wording, zone: str, ahead: Ahead, exponents: Mapping[str, int] = money.EXPONENTS
) -> str:
    """Return the line of an entry: `line(cells(...))`, as the tests show, at a fifth of its time.

    What hardly any cell needs is looked for in all of them at once: a guard, and quotes. The context nearly always
    needs quotes, and often another cell does, for its comma. Takes and raises what `texts` does.
    """
    plain = texts(opened, wording, zone, ahead, exponents)
    context = plain.pop(_CONTEXT)
    together = ",".join(plain)
    begins = [cell[:1] for cell in (*plain[:_AMOUNT], *plain[_AMOUNT + 3 :])]  # amounts may begin with a minus
    if '"' in together or "\n" in together or "\r" in together or not _SUSPECT.isdisjoint(begins):
        plain.insert(_CONTEXT, context)
        return line(_guarded(plain))
    if together.count(",") >= len(plain):
        plain = [f'"{cell}"' if "," in cell else cell for cell in plain]
    plain.insert(_CONTEXT, _quoted(context))
    return ",".join(plain) + "\r\n"


def cells(
    opened: Opened, wording: Wording, zone: str, ahead: Ahead, exponents: Mapping[str, int] = money.EXPONENTS
) -> list[str]:
    """Return the cells of a row in the order of COLUMNS, guarded. Takes and raises what `texts` does."""
    return _guarded(texts(opened, wording, zone, ahead, exponents))


def _guarded(texts: list[str]) -> list[str]:
    return [text if name in NUMBERS else encode_cell(text) for name, text in zip(COLUMNS, texts, strict=True)]


def texts(
    opened: Opened, wording: Wording, zone: str, ahead: Ahead, exponents: Mapping[str, int] = money.EXPONENTS
) -> list[str]:
    """Return the cells of a row in the order of COLUMNS, not guarded, on the clock of `zone`.

    `exponents` says how many digits the minor unit of a currency has. Raises KeyError, TypeError, AttributeError,
    ValueError or MalformedProof for members that are not those of a body.
    """
    members, value = opened.members, opened.values.get
    actor, target, client = members["actor"], members.get("target"), opened.client_role
    principal = actor.get("on_behalf_of")
    is_system = actor["kind"] == "system"
    local, utc, date, clock = _times(opened.occurred_at, ahead(opened.occurred_at, zone))
    recorded = instant.parse_canonical(members["recorded_at"])
    amount, to_sum, minor, currency = _amounts(members["context"], wording, exponents)
    return [
        str(opened.seq),
        members["id"],
        local,
        utc,
        zone,
        date,
        clock,
        wording.category,
        members["action"],
        wording.label,
        actor["kind"],
        # The system has no id: its reason says which rule or job acted.
        actor["reason"] if is_system else _id(actor, value("actor.id")),
        # An agent is no person, and has its name in the body.
        "System" if is_system else actor["name"] if "name" in actor else value("actor.name") or "",
        target["kind"] if target else "",
        _id(target, value("target.id")) if target else "",
        value("target.name") or "",
        value(f"{client}.id") or "",
        value(f"{client}.name") or "",
        amount,
        to_sum,
        minor,
        currency,
        members.get("channel", ""),
        value("request.ip") or "",
        wording.device,
        orjson.dumps(opened.context, option=orjson.OPT_SORT_KEYS).decode(),
        wording.money,
        members["zone"],
        _local(recorded, ahead(recorded, zone)),
        principal["kind"] if principal else "",
        value(f"{PRINCIPAL}.id") or "",
        value(f"{PRINCIPAL}.name") or "",
    ]


def _id(holder: dict[str, Any], opened: Any) -> str:
    found = opened if "person" in holder else holder["id"]
    return found or ""


def _amounts(context: Mapping[str, Any], wording: Wording, exponents: Mapping[str, int]) -> tuple[str, str, str, str]:
    """amount, to_sum, amount_minor, currency: the first two in the currency's major unit, empty where ISO 4217 has it
    not."""
    minor, currency = context.get("amount_minor"), context.get("currency")
    if type(minor) is not int:
        return "", "", "", ""
    if type(currency) is not str:
        return "", "", str(minor), ""
    if currency not in exponents:
        return "", "", str(minor), currency
    net = money.EFFECTS[wording.money].net
    amount = money.shifted(-minor if net < 0 else minor, exponents[currency])
    return amount, amount if net else "", str(minor), currency


def _times(us: int, offset_minutes: int) -> tuple[str, str, str, str]:
    """occurred_at, occurred_at_utc, local_date, local_time. An offset is whole minutes, so both times share their
    seconds."""
    local = _local(us, offset_minutes)
    day, clock = divmod(us // instant.MINUTE, 1440)
    return local, f"{_date(day)}T{_CLOCK[clock]}{local[16:26]}Z", local[:10], local[11:19]


def _local(us: int, offset_minutes: int) -> str:
    """What `instant.local_text` prints, in a third of its time: a day's date and an hour and minute are looked up."""
    minute, rest = divmod(us, instant.MINUTE)
    day, clock = divmod(minute + offset_minutes, 1440)
    if not _FIRST_DAY <= day <= _LAST_DAY:
        return instant.local_text(us, offset_minutes)
    second, fraction = divmod(rest, instant.SECOND)
    return f"{_date(day)}T{_CLOCK[clock]}:{second:02d}.{fraction:06d}{_offset(offset_minutes)}"


_CLOCK = tuple(f"{hour:02d}:{minute:02d}" for hour in range(24) for minute in range(60))
_FIRST_DAY, _LAST_DAY = instant.EARLIEST // instant.DAY, instant.LATEST // instant.DAY


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    return instant.format(day * instant.DAY)[:10]


@lru_cache(maxsize=64)
def _offset(minutes: int) -> str:
    return instant.local_text(0, minutes)[-6:]
