"""Verify: the public name of `indelible.proof.verify`, also as `python -m indelible.verify FILE.zip --key KEY`."""

from __future__ import annotations

import sys

from .proof.verify import BundleReport, Finding, Report, Verdict, verify_bundle, verify_log

__all__ = ["BundleReport", "Finding", "Report", "Verdict", "verify_bundle", "verify_log"]

if __name__ == "__main__":
    from .proof.verify.__main__ import main

    sys.exit(main())
