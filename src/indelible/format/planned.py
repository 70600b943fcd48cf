"""Planned times: an instant, and the offset of the clock on which it was said.

A booking is planned for 10:00 somewhere, and that clock is part of what was agreed on. So a time in an action's context
is kept with the offset that was sent, and shown on that clock. When an entry itself happened and was recorded is an
instant (`instant.py`), in UTC.

    canonical = YYYY-MM-DD "T" hh:mm:ss "." ffffff offset     the local clock, always six digits; `format`
    offset    = "Z" | ("+" | "-") hh:mm       whole minutes east of UTC, -23:59 to +23:59; UTC is "Z" alone
    input     = what `instant.parse` reads, but for the offset -00:00; `parse`

So a planned time has one spelling: "+00:00" is no canonical offset, and "-00:00" is none at all, as it says that the
clock is not known (RFC 3339 section 4.3). What sends UTC keeps its times in UTC, as a rule, and says no clock by it.

Two planned times are the same where instant and offset are. In order of time they are by `us`, the instant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..errors import InvalidInput, MalformedProof
from . import instant

_OFFSET = re.compile(r"([+-])([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_LOCAL_LENGTH = 26


@dataclass(frozen=True, slots=True)
class Planned:
    """`us`: microseconds since 1970 UTC. `offset_minutes`: what the clock is ahead of UTC; 0 where no clock is said."""

    us: int
    offset_minutes: int


def parse(text: object, field: str) -> Planned:
    """Return the planned time of an RFC 3339 date-time with an offset. Raises InvalidInput, naming `field`."""
    return from_datetime(read(text, field), field)


def read(text: object, field: str) -> datetime:
    """`parse`, as the datetime that `to_datetime` makes of it."""
    moment = instant.read(text, field)
    if str(text).endswith("-00:00"):
        raise InvalidInput(
            "has the offset -00:00, which says that its clock is not known; send the clock's offset, or Z for UTC",
            field,
        )
    return moment


def from_datetime(moment: datetime, field: str) -> Planned:
    """Return the planned time of an aware datetime, with the offset that it has.

    Raises InvalidInput for a naive one, and for an offset with seconds, which RFC 3339 cannot say.
    """
    us = instant.from_datetime(moment, field)
    minutes, rest = divmod(moment.utcoffset() or timedelta(), timedelta(minutes=1))
    if rest:
        raise InvalidInput("has an offset with seconds; give it one of whole minutes, or datetime.UTC", field)
    return Planned(us, minutes)


def to_datetime(planned: Planned) -> datetime:
    """Return the aware datetime with the fixed offset. Two of these are compared by instant, also in the same zone."""
    return instant.to_datetime(planned.us, planned.offset_minutes)


def format(planned: Planned) -> str:
    """Return the canonical text, such as "2026-05-04T10:00:00.000000+02:00" or "2026-05-04T08:00:00.000000Z"."""
    if planned.offset_minutes == 0:
        return instant.format(planned.us)
    return instant.local_text(planned.us, planned.offset_minutes)


def write(moment: datetime) -> str:
    """`format`, of an aware datetime. Raises InvalidInput as `from_datetime` does."""
    text = moment.isoformat(timespec="microseconds")
    if len(text) != _LOCAL_LENGTH + 6:
        return format(from_datetime(moment, ""))
    return f"{text[:_LOCAL_LENGTH]}Z" if text.endswith("+00:00") else text


def parse_canonical(text: object) -> Planned:
    """Return the planned time that `format` prints as `text`. Raises MalformedProof for every other value."""
    if type(text) is not str or len(text) == _LOCAL_LENGTH + 1:
        return Planned(instant.parse_canonical(text), 0)
    offset = text[_LOCAL_LENGTH:]
    if not _OFFSET.fullmatch(offset) or offset in ("+00:00", "-00:00"):
        raise MalformedProof("not a planned time in its canonical form")
    minutes = _minutes(offset)
    us = instant.parse_canonical(f"{text[:_LOCAL_LENGTH]}Z") - minutes * instant.MINUTE
    if not instant.EARLIEST <= us <= instant.LATEST:
        raise MalformedProof("not a planned time in its canonical form")
    return Planned(us, minutes)


def if_canonical(text: str) -> Planned | None:
    """Return the planned time of a canonical text, or None for any other text."""
    if len(text) not in (_LOCAL_LENGTH + 1, _LOCAL_LENGTH + 6) or text[10] != "T":
        return None
    try:
        return parse_canonical(text)
    except MalformedProof:
        return None


def _minutes(offset: str) -> int:
    minutes = int(offset[1:3]) * 60 + int(offset[4:6])
    return -minutes if offset[0] == "-" else minutes
