"""When the log took an entry, as a part of the filter: the key `recorded`.

    recorded = "late" | range
    range    = end | [end] ".." [end]        at least one end; both belong to the range
    end      = YYYY-MM-DD | "#" number       a day of the clinic, or the number of an entry

    recorded:2026-05-03                on that day
    recorded:2026-05-01..2026-05-31    in May; either end may be left out
    recorded:#1235..                   entry 1235 and all that came behind it: the log numbers entries as it takes them
    recorded:late                      taken more than `store.LATE_AFTER` after it happened, imported history included

When something happened is what its sender says; when it was recorded is our own clock, and never goes back. So a range
of it is a range of numbers, and an entry that somebody dated back stands in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from ..errors import InvalidInput

KEY = "recorded"
LATE = "late"

End = date | int

# Numbers of entries are counted from 1; SQL takes 63 bits.
_NUMBER = re.compile(r"#([1-9][0-9]{0,17})", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_FORM = "write a day, recorded:2026-05-31, a range, recorded:2026-05-01..2026-05-31, or recorded:late"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A range of when the log took entries; an end of None is open, but not both. Raises InvalidInput."""

    first: End | None = None
    last: End | None = None

    def __post_init__(self) -> None:
        if self.first is None and self.last is None:
            raise InvalidInput(f"has no end; {_FORM}", KEY)
        for end in (self.first, self.last):
            if isinstance(end, int) and not 1 <= end < 10**18:
                raise InvalidInput("has a number that no entry has; they begin with 1", KEY)
        if _is_before(self.last, self.first):
            raise InvalidInput("has its first end behind its last one; exchange them", KEY)

    @classmethod
    def parse(cls, text: str) -> Recorded:
        """Return the range of a text. Raises InvalidInput."""
        first, dots, last = text.partition("..")
        if not dots:
            end = _end(text)
            return cls(end, end)
        return cls(_end(first) if first else None, _end(last) if last else None)

    def format(self) -> str:
        """Return the text that `parse` reads back."""
        if self.first == self.last:
            return _text(self.first)
        return f"{_text(self.first)}..{_text(self.last)}"


def _is_before(end: End | None, other: End | None) -> bool:
    if isinstance(end, int) and isinstance(other, int):
        return end < other
    # A day and a number are compared by the log that has the entries.
    return isinstance(end, date) and isinstance(other, date) and end < other


def _end(text: str) -> End:
    if number := _NUMBER.fullmatch(text):
        return int(number[1])
    if not _DAY.fullmatch(text):
        raise InvalidInput(f"is not a range; {_FORM}", KEY)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("has a day that the calendar does not have", KEY) from error


def _text(end: End | None) -> str:
    if end is None:
        return ""
    return f"#{end}" if isinstance(end, int) else end.isoformat()
