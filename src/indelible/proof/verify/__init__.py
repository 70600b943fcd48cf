"""Verify: check what a log's keeper hands over, without trusting the keeper. Loads no catalogue, no keys, no database.

log.py        a whole log, with its tables: the walk
source.py     what its keeper hands over
tree.py       the tree, its tiles, and the heads that were signed
erasures.py   what was erased
explain.py    why rows are not what they have to be
bundle.py     a bundle, offline
single.py     one entry with its proof, offline
report.py     what either says
words.py      the same, for people and for programs
"""

from __future__ import annotations

from .bundle import BundleReport, verify_bundle
from .log import verify_log
from .report import Finding, Report, Verdict
from .source import Opened, Signed, Source, Span, Unopened

__all__ = [
    "BundleReport",
    "Finding",
    "Opened",
    "Report",
    "Signed",
    "Source",
    "Span",
    "Unopened",
    "Verdict",
    "verify_bundle",
    "verify_log",
]
