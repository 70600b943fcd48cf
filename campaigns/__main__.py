"""Run the named campaigns, or all: `make campaign ARGS="crash --rounds 200 --seed 7"`."""

from __future__ import annotations

import argparse
import sys

from . import crash

CAMPAIGNS = {"crash": crash.run}


def main() -> int:
    parser = argparse.ArgumentParser(prog="campaigns", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(CAMPAIGNS)}; default: all")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    unknown = set(options.names) - CAMPAIGNS.keys()
    if unknown:
        parser.error(f"there is no campaign {', '.join(sorted(unknown))}")
    return max(CAMPAIGNS[name](options.rounds, options.seed) for name in options.names or CAMPAIGNS)


if __name__ == "__main__":
    sys.exit(main())
