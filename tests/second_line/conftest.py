"""The journal of these tests: in a temporary folder, with a clock that stands still, verified at the end of each."""

from __future__ import annotations

from indelible.testing.logs import clock, journal, log

__all__ = ["clock", "journal", "log"]
