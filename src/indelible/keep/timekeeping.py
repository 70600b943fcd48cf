"""Whether a clock can be believed, before it numbers an entry's time for ever.

`recorded_at` never decreases. So one entry that is recorded by a clock years ahead pushes every later one ahead too.
What a clock says is refused where something contradicts it by more than TOLERANCE:

    ahead     the machine has run for less time since the last checkpoint, by a clock that nobody can set
              (CLOCK_BOOTTIME, which also runs while the machine sleeps), than has passed by the one in question
    behind    the last entry is from a later time: that entry's clock was wrong, or this one is

A log that nobody wrote to for weeks is no contradiction, and neither is a machine that was off: then there is nothing
to compare with. `indelible clock accept` is the explicit word; `verify` names the entry where such a time began.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..errors import StorageFailure
from .heads import HeadStore, Seen

# A day: more than any zone or daylight mistake, which shift a clock by hours, and than a leap of a time server.
TOLERANCE = 24 * 3_600_000_000


class Uptime(NamedTuple):
    """How long the machine has run since it was started, in microseconds, and which start that was."""

    boot: str
    microseconds: int


def uptime() -> Uptime | None:
    """Return the uptime, or None on a system that does not tell."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        if clock is not None:
            return Uptime(boot, time.clock_gettime_ns(clock) // 1_000)
    return None


class Timekeeper:
    """Compares one clock with what the head store has seen of it. Instants are microseconds since 1970 UTC."""

    def __init__(self, heads: HeadStore, running: Callable[[], Uptime | None] | None) -> None:
        """Without `running` the clock is somebody's own and is believed: a test's, or that of an old file's replay."""
        self._heads, self._running = heads, running

    def check(self, now: int, recorded_at: int) -> None:
        """Raise StorageFailure where `now` cannot be believed behind an entry of `recorded_at`."""
        if self._running is None:
            return
        if now - recorded_at > TOLERANCE:
            self._check_ahead(now, self._running())
        elif recorded_at - now > TOLERANCE and recorded_at > self._heads.accepted_time():
            raise StorageFailure(
                f"this machine's clock is {_days(recorded_at - now)} behind the last entry of the log, so nothing is "
                "recorded; set the clock, or if that entry's was wrong, `indelible clock accept`"
            )

    def _check_ahead(self, now: int, running: Uptime | None) -> None:
        seen = self._heads.seen_time()
        if seen is None or running is None or seen.boot != running.boot:
            return
        ahead = now - (seen.wall + running.microseconds - seen.uptime)
        if ahead > TOLERANCE:
            raise StorageFailure(
                f"this machine's clock went {_days(ahead)} ahead while the machine was running, so nothing is "
                "recorded; set the clock, or if it is right now, `indelible clock accept`"
            )

    def saw(self, now: int) -> Seen | None:
        """What to keep of the clock at this moment; None where there is nothing to compare it with later."""
        running = None if self._running is None else self._running()
        return None if running is None else Seen(running.boot, running.microseconds, now)

    def accept(self, now: int, newest: int) -> None:
        """Believe this clock from now on, behind entries of up to `newest`."""
        self._heads.accept_time(newest, self.saw(now))


def _days(microseconds: int) -> str:
    days = microseconds // TOLERANCE
    return "a day" if days == 1 else f"{days} days"
