"""Logs to test with: a journal in a temporary folder, with a clock that the test moves, verified at the end.

    from indelible.testing.logs import clock, journal, log     # pytest fixtures, in a conftest.py

    def test_a_booking_is_in_the_log(log):
        booking = log.record(BookingCreated(), actor=Staff("usr_1"), target=("booking", "bk_1"))

Every fixture ends by verifying each clinic's log, so that a test cannot leave one damaged and pass.
"""
# ruff: noqa: S101 - this module is part of tests

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..journal import Journal
from ..log import ClinicLog
from ..manage.inspection import inspect

# 2026-05-03T12:22:31Z, when Lisbon is an hour ahead of UTC.
START = 1_777_810_951_000_000


class Clock:
    """A clock for `Journal(clock=...)`: stands still, and goes where it is put. Microseconds since 1970 UTC."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += round(seconds * 1_000_000)


def event(number: int = 1, **members: Any) -> dict[str, Any]:
    """Return a valid event document, a cancelled booking; `members` replace its own, and None leaves one out."""
    made = {
        "action": "booking.cancelled",
        "actor": {"kind": "staff", "id": "usr_12", "name": "Maria Fernandes", "role": "receptionist"},
        "target": {"kind": "booking", "id": f"bk_{number}", "name": "Facial, 4 May 09:00"},
        "client": {"id": "cli_77", "name": "Ana Sousa"},
        "context": {"late": True, "notice_minutes": 90, "reason_text": "train was late"},
        "request": {"channel": "staff_web", "ip": "203.0.113.9", "user_agent": "Mozilla/5.0 (iPhone)"},
    } | members
    return {name: value for name, value in made.items() if value is not None}


def last_connection(store: Any) -> sqlite3.Connection:
    """The connection that an SQLite store used last, and uses next where one thread alone uses it."""
    with store._db() as connection:
        found: sqlite3.Connection = connection
    return found


def assert_intact(log: ClinicLog) -> None:
    """Verify a clinic's log and fail with its findings where it is not intact."""
    report = inspect(log)
    assert (report.result, report.findings, report.doubts) == ("intact", [], [])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(tmp_path: Path, clock: Clock) -> Iterator[Journal]:
    """A new journal in the file `activity.db` of `tmp_path`, with the clinic `c_lisbon`."""
    made = Journal.create(tmp_path / "activity.db", installation="log.example.org", clock=clock)
    made.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")
    yield made
    for clinic, _ in made.clinics():
        made.clinic(clinic.id).checkpoint()
        assert_intact(made.clinic(clinic.id))
    made.close()


@pytest.fixture
def log(journal: Journal) -> ClinicLog:
    """The log of `c_lisbon`."""
    return journal.clinic("c_lisbon")
