"""The examples run, and do what they say."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_a_booking_and_its_entry_are_saved_together_or_not_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "own_database.py"), run_name="__main__")
    refused, only = capsys.readouterr().out.splitlines()
    assert refused == "no booking bk_no_such: neither a change nor an entry"
    assert only.startswith("1 ")
    assert only.endswith("Maria Fernandes cancelled reservation bk_99812")
