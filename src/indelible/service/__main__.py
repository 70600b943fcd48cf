"""`python -m indelible.service`: what `indelible serve` runs."""

from __future__ import annotations

import sys

from .run.server import main

if __name__ == "__main__":
    sys.exit(main())
