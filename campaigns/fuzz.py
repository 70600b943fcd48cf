"""The fuzz campaign: every parser (`tests/fuzz`), each with as many inputs as there are rounds.

It ends with a table: for each parser the inputs, and how many it accepted and refused. An input that leads to an error
of another family is shrunk and printed by Hypothesis. A parser with few different inputs may get fewer than asked for.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

_TESTS = Path(__file__).resolve().parents[1] / "tests" / "fuzz"


def run(rounds: int, seed: int) -> int:
    """Run the campaign and return an exit code."""
    os.environ["INDELIBLE_ROUNDS"] = str(rounds)
    started = time.monotonic()
    code = pytest.main([str(_TESTS), "-q", "--no-header", "-p", "no:cacheprovider", f"--hypothesis-seed={seed}"])
    outcome = "no error of another family" if code == 0 else "see the failures above"
    print(f"fuzz: {rounds} inputs for each parser, seed {seed}: {outcome} ({time.monotonic() - started:.0f} s)")
    return int(code != 0)
