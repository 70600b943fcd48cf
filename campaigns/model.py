"""The model campaign: the stateful model of the journal (`tests/model`), for as many runs as there are rounds.

Each run is up to 50 random steps on a log of its own, compared with a naive list after every step. A run that fails is
shrunk and printed by Hypothesis as the steps that make it fail again.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

STEPS = 50
_TESTS = Path(__file__).resolve().parents[1] / "tests" / "model"


def run(rounds: int, seed: int) -> int:
    """Run the campaign and return an exit code."""
    os.environ |= {"INDELIBLE_EXAMPLES": str(rounds), "INDELIBLE_STEPS": str(STEPS)}
    started = time.monotonic()
    code = pytest.main([str(_TESTS), "-q", "--no-header", "-p", "no:cacheprovider", f"--hypothesis-seed={seed}"])
    outcome = "the journal did what the model did" if code == 0 else "the journal and the model differ"
    print(f"model: {rounds} runs of {STEPS} steps, seed {seed}: {outcome} ({time.monotonic() - started:.0f} s)")
    return int(code != 0)
