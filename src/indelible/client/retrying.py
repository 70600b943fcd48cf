"""When something is tried again, and after how long.

Tried again are: no connection or a lost one, 408, 429, 502, 503 and 504, with the same bytes. Nothing else is. Pauses
double from a quarter of a second, and each is a random part of that, so that many clients do not come back together.
The service's Retry-After is kept to, unless it asks for more than a caller can wait: then it is the caller's to decide.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

# More than this in a Retry-After is no number of seconds.
_ASKED_LIMIT = 86_400.0


@dataclass(frozen=True, slots=True)
class Retry:
    """`tries` in all, 1 for never again; pauses in seconds: the `first`, doubled each time up to `longest`."""

    tries: int = 5
    first: float = 0.25
    longest: float = 10.0

    def pause(self, tried: int, asked: float | None = None) -> float | None:
        """Return the seconds before the next try, after `tried` of them, or None where that was the last."""
        if tried >= self.tries or (asked or 0) > self.longest:
            return None
        return self.backoff(tried, asked)

    def backoff(self, tried: int, asked: float | None = None) -> float:
        """Return the seconds before the next of tries without an end; `asked` is the service's Retry-After."""
        most = min(self.longest, self.first * 2.0 ** min(tried - 1, 20))
        return max(random.uniform(most / 2, most), asked or 0.0)  # noqa: S311 - spreads clients, hides nothing


def asked(header: str | None, date: str | None = None) -> float | None:
    """Return the seconds of a Retry-After: a number, or a date beside the answer's own. None where there is neither."""
    if not header:
        return None
    if header.isascii() and header.isdecimal():
        return min(float(header[:9]), _ASKED_LIMIT)
    try:
        seconds = (parsedate_to_datetime(header) - parsedate_to_datetime(date or "")).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), _ASKED_LIMIT)
