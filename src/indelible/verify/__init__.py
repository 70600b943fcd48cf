"""Verify: check what a log's keeper hands over, without trusting the keeper. Loads no catalogue, no keys, no database.

log.py        a whole log, with its tables
bundle.py     a bundle, offline
report.py     what either says
"""

from __future__ import annotations

from .bundle import BundleReport, verify_bundle
from .log import DEAD, GONE, SEALED, Opening, Record, Signed, Source, verify_log
from .report import Finding, Report, Verdict

__all__ = [
    "DEAD",
    "GONE",
    "SEALED",
    "BundleReport",
    "Finding",
    "Opening",
    "Record",
    "Report",
    "Signed",
    "Source",
    "Verdict",
    "verify_bundle",
    "verify_log",
]
