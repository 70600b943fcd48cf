"""A clinic's log in a temporary folder, a small factory of entries, and the way out and back in."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from indelible.export import run
from indelible.export.formats import Format
from indelible.journal import Journal
from indelible.log import ClinicLog
from indelible.record.append import Appended
from indelible.record.document import System

UA = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.0 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[ClinicLog]:
    with Journal.create(tmp_path / "activity.db") as journal:
        yield journal.add_clinic("c_lisbon", name="Lisbon", zone="Europe/Lisbon")


def _document(action: str, changes: dict[str, Any]) -> dict[str, Any]:
    """A cancellation by a receptionist, with the members given changed; None leaves one out."""
    members: dict[str, Any] = {
        "action": action,
        "occurred_at": "2026-05-03T14:22:31.5+01:00",
        "actor": {"kind": "staff", "id": "usr_12", "name": "Maria Fernandes", "role": "receptionist"},
        "target": {"kind": "charge" if action.startswith(("charge.", "deposit.")) else "booking", "id": "bk_1"},
        "client": {"id": "cli_77", "name": "Ana Sousa"},
        "context": {},
        "request": {"channel": "staff_web", "ip": "203.0.113.9", "user_agent": UA},
    }
    return {name: value for name, value in (members | changes).items() if value is not None}


@pytest.fixture
def record(log: ClinicLog) -> Callable[..., Appended]:
    """Record one document: record("charge.failed", context={...})."""
    return lambda action="booking.cancelled", **changes: log.record_document(_document(action, changes))


@pytest.fixture
def exported(log: ClinicLog) -> Callable[..., list[dict[str, str]]]:
    """Export, and read the file back as another program does: Python's csv module, guarded cells as they are."""

    def export(words: str = "", format: Format = "csv-data") -> list[dict[str, str]]:
        out = io.BytesIO()
        run.export(log, words, out, format=format, actor=System("command:export"))
        return list(csv.DictReader(io.StringIO(out.getvalue().decode("utf-8-sig"), newline="")))

    return export
