"""The campaign of the HTTP interface: `tests/service/api/test_contract.py`, with as many requests for each operation as
there are rounds, from another seed each time.

What is made up are documents, filters, places, sizes, ids and bodies of no form. An answer of 5xx, one that is not what
the OpenAPI document says, and one that a stranger gets, are shrunk and printed by schemathesis.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

_TESTS = Path(__file__).resolve().parents[1] / "tests" / "service" / "api" / "test_contract.py"


def run(rounds: int, seed: int) -> int:
    """Run the campaign and return an exit code."""
    os.environ["INDELIBLE_ROUNDS"] = str(rounds)
    started = time.monotonic()
    code = pytest.main([str(_TESTS), "-q", "--no-header", "-p", "no:cacheprovider", f"--hypothesis-seed={seed}"])
    outcome = "all as the OpenAPI document says" if code == 0 else "see the failures above"
    print(f"api: {rounds} requests for each operation, seed {seed}: {outcome} ({time.monotonic() - started:.0f} s)")
    return int(code != 0)
