"""The tampering campaign: thousands of changes to a database and to bundles, each on a fresh copy, each verified.

A change of logical content has to be found; one that is none must not be reported; what the README says is not proven
is counted as such, and shown. The changes are in `forged_database.py`, `forged_values.py` and `forged_bundle.py`, and
`material.py` makes what is changed. Every change has a number of its own: `--seed` and the number printed with a
failure make it again.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from indelible.errors import IndelibleError

from . import forged_bundle
from .forged_bundle import BUNDLE, Bundles
from .forged_database import DATABASE
from .forged_values import VALUES
from .hands import NOTHING, REFUSED, ByDesign, Expected, Hands
from .material import prepare

# How often a kind is tried again, where a random choice came to nothing.
_TRIES = 20


@dataclass(slots=True)
class Tally:
    """What came of the changes of one kind. `verdicts` counts, for each verdict, the changes that had it."""

    made: int = 0
    found: int = 0
    refused: int = 0
    silent: int = 0
    by_design: int = 0
    wrong: list[str] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)


KINDS: dict[str, Mapping[str, tuple[Callable[[random.Random, Any], Expected], int]]] = {
    "database": {**DATABASE, **VALUES},
    "bundle": BUNDLE,
}


def run(rounds: int, seed: int) -> int:
    """Run the campaign and return an exit code. `rounds` is how many changes are made, half of them to bundles."""
    started = time.monotonic()
    design: Counter[str] = Counter()
    tallies = {}
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2) as workers:
        template = Path(folder) / "template"
        template.mkdir()
        prepare(template, seed)
        halves = {"database": rounds - rounds // 2, "bundle": rounds // 2}
        jobs = {
            f"{what}: {name}": workers.submit(_many, what, name, -(-half * share // _shares(what)), seed, template)
            for what, half in halves.items()
            for name, (_, share) in KINDS[what].items()
        }
        for name, job in jobs.items():
            tallies[name], reasons = job.result()
            design += reasons
    _print(tallies, design)
    made, wrong = sum(t.made for t in tallies.values()), [line for t in tallies.values() for line in t.wrong]
    found, silent = sum(t.found + t.refused for t in tallies.values()), sum(t.silent for t in tallies.values())
    for line in wrong[:20]:
        print(line)
    print(
        f"tampering: {made} changes, seed {seed}: {found} found, {silent} no change of content and not reported, "
        f"{design.total()} not convicted by design, {len(wrong)} wrong ({time.monotonic() - started:.0f} s)"
    )
    return int(bool(wrong) or made < rounds)


def _shares(what: str) -> int:
    return sum(share for _, share in KINDS[what].values())


def _many(what: str, name: str, count: int, seed: int, template: Path) -> tuple[Tally, Counter[str]]:
    """Make so many changes of one kind; return what came of them, and of those not convicted by design, why."""
    change, _ = KINDS[what][name]
    tally, design = Tally(), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        hands: Any = Hands(template, Path(folder) / "copy") if what == "database" else Bundles(template)
        verified: Callable[[Any], set[str]] = _verified if what == "database" else forged_bundle.verified
        for number in range(count):
            expected = _made(change, hands, f"{seed}/{what}/{name}/{number}")
            if expected is not None:
                tally.made += 1
                where = f"  wrong: {what}: {name}, number {number}, seed {seed}"
                _judge(tally, expected, verified(hands), design, where, what == "bundle")
        if what == "database":
            hands.db.close()
    return tally, design


def _made(change: Callable[[random.Random, Any], Expected], hands: Any, seed: str) -> Expected:
    """Make one change on a fresh copy, and return what is expected; None where it never came to a change."""
    chance = random.Random(seed)
    for _ in range(_TRIES):
        hands.restore()
        if (expected := change(chance, hands)) is not None:
            return expected
    return None


def _verified(hands: Hands) -> set[str]:
    """The verdicts on a database; nothing where it is intact."""
    try:
        report = hands.verify()
    except IndelibleError as error:
        return {f"refused: {type(error).__name__}"}
    if report.result == "not_intact":
        return {finding.verdict for finding in report.findings}
    return set() if report.result == "intact" else {"could not tell"}


def _judge(
    tally: Tally, expected: Expected, outcome: set[str], design: Counter[str], where: str, may_refuse: bool
) -> None:
    tally.verdicts.update(outcome or {"intact"})
    refused = any(verdict.startswith("refused") for verdict in outcome)
    if isinstance(expected, ByDesign):
        if not outcome or outcome == {"could not tell"}:
            tally.by_design += 1
            design[expected.why] += 1
        else:
            tally.found += 1
    elif expected == NOTHING:
        tally.silent += not outcome
        if outcome:
            tally.wrong.append(f"{where}: nothing changed, and reported was {', '.join(sorted(outcome))}")
    elif not outcome or outcome == {"could not tell"}:
        tally.wrong.append(f"{where}: not found ({', '.join(outcome) or 'intact'})")
    elif refused and expected != REFUSED and not may_refuse:
        tally.wrong.append(f"{where}: not verified, but {', '.join(outcome)}")
    else:
        tally.refused += refused
        tally.found += not refused


def _print(tallies: dict[str, Tally], design: Counter[str]) -> None:
    width = max(map(len, tallies))
    print(f"{'change':{width}}  made  found  refused  silent  by design  wrong  verdicts")
    for name, tally in tallies.items():
        verdicts = ", ".join(f"{verdict} {count}" for verdict, count in tally.verdicts.most_common(4))
        counts = f"{tally.made:4}  {tally.found:5}  {tally.refused:7}  {tally.silent:6}  {tally.by_design:9}"
        print(f"{name:{width}}  {counts}  {len(tally.wrong):5}  {verdicts}")
    every = sum((tally.verdicts for tally in tallies.values()), Counter[str]())
    print("\nchanges that had each verdict (one change may have several)")
    for verdict, count in every.most_common():
        print(f"  {verdict:30} {count:6}")
    print("\nnot convicted by design")
    for why, count in design.most_common():
        print(f"  {count:6}  {why}")
