"""How often something may be done: buckets that every process of the service fills together.

A limit is a bucket that each use fills by one and that drains at a steady rate: `burst` uses at once, then one more
each `seconds`.

    wait = take("entries:key_7", burst=100, seconds=0.05)       20 a second in the long run
    if wait: answer 429 with Retry-After: ceil(wait)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from . import shared_state
from .shared_state import digest


@dataclass(frozen=True, slots=True)
class Limit:
    """`burst` uses at once, and one more each `seconds`."""

    burst: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """One limit of one who uses; `key` names both."""

    limit: Limit
    key: str


def take(key: str, burst: int, seconds: float, uses: int = 1) -> float:
    """Count `uses` where there is room for them; return 0.0, else the seconds until there will be.

    More uses than `burst` go into an empty bucket, and fill it beyond.
    """
    return take_all([Bucket(Limit(burst, seconds), key)], uses)


def take_all(buckets: Sequence[Bucket], uses: int = 1) -> float:
    """Count `uses` in each bucket, or in none where one of them has no room; return as `take` does."""

    def run(db: sqlite3.Connection) -> float:
        now = shared_state.clock()
        levels = [_level(db, bucket, now) for bucket in buckets]
        wait = 0.0
        for bucket, level in zip(buckets, levels, strict=True):
            room = max(bucket.limit.burst - uses, 0)
            if level > room:
                wait = max(wait, (level - room) * bucket.limit.seconds)
        if wait == 0.0:
            for bucket, level in zip(buckets, levels, strict=True):
                _keep(db, bucket, level + uses, now)
        return wait

    return shared_state.shared_state().change(run)


def give_back(buckets: Sequence[Bucket]) -> None:
    """Uncount one use of each bucket."""

    def run(db: sqlite3.Connection) -> None:
        now = shared_state.clock()
        for bucket in buckets:
            _keep(db, bucket, max(_level(db, bucket, now) - 1, 0.0), now)

    shared_state.shared_state().change(run)


def clear() -> None:
    """Empty every bucket."""
    shared_state.shared_state().clear("bucket")


def _level(db: sqlite3.Connection, bucket: Bucket, now: float) -> float:
    key = digest(bucket.key)
    found = db.execute("SELECT level, at FROM bucket WHERE key = ?", (key,)).fetchone()
    if found is None:
        return 0.0
    level, at = found
    if at > now:  # the clock was put back: it drains from now on, and not from when that time comes again
        _keep(db, bucket, level, now)
        return float(level)
    return float(max(level - (now - at) / bucket.limit.seconds, 0.0))


def _keep(db: sqlite3.Connection, bucket: Bucket, level: float, now: float) -> None:
    """Put the level there; the key in the file is a digest, as what somebody typed may be long, and hold anything."""
    db.execute(
        "INSERT OR REPLACE INTO bucket (key, level, at, ends) VALUES (?, ?, ?, ?)",
        (digest(bucket.key), level, now, now + level * bucket.limit.seconds),
    )
