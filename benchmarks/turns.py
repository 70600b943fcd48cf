"""Measuring this tree and others in turns, so that all of them meet the same noise.

A benchmark is run with the modules of each tree, that tree's `benchmarks.data` included; an older tree does not have
this file, so it is imported where the turns are taken and not above.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

HERE = Path(__file__).parents[1]


def in_turns(file: str, trees: Sequence[Path], runs: int, entries: int) -> dict[Path, list[list[float]]]:
    """Return the numbers that `file --once` prints in each tree and in this one, for each of the runs."""
    found: dict[Path, list[list[float]]] = {tree: [] for tree in (*trees, HERE)}
    for _ in range(runs):
        for tree, numbers in found.items():
            command = [sys.executable, "-P", file, "--once", "--entries", str(entries)]
            environment = {**os.environ, "PYTHONPATH": f"{tree / 'src'}{os.pathsep}{tree}"}
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            numbers.append([float(number) for number in done.stdout.split()])
    return found


def told(name: str, column: Sequence[float]) -> str:
    """Return a median with the least and the most of its runs."""
    return f"{name} {median(column):.3g} ({min(column):.3g} to {max(column):.3g})"
