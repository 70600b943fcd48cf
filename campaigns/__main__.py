"""Run the named campaigns, or all: `make campaign ARGS="tampering --rounds 5000 --seed 7"`.

tampering   changes to databases and bundles: each found, and nothing found where nothing changed
crash       `kill -9`, at random and at every step of what writes: nothing lost, nothing doubled
door        `kill -9` of hosts and drainers: what a host committed is in the log, once and in order
http        `kill -9` of the service under clients with and without a spool: acknowledged is recorded, once, in order
privacy     what an attacker with every file and the master key gets of an anonymized client: nothing
fuzz        every parser against any bytes
model       random steps on a log, compared with a naive list
appointment an existing application with receivers of its signals: its own tests, and a day through its pages
backlog     a million documents of one clinic in an outbox, and how long another one's are on their way
api         requests over HTTP that nobody would think of: nothing breaks, and answers are as described
image       the container image of deploy/, built and run without a container engine
newcomer    each way to the first entry, typed from an empty folder, with what it installs, and looked at in a browser
host        the log in the staff area of an existing application: the five uses from its sign-in on, clicks counted
guard       random transactions on guarded tables of a host: refused, recorded and counted as a model says
"""

from __future__ import annotations

import argparse
import sys

from . import (
    api,
    appointment,
    backlog,
    crash,
    door,
    fuzz,
    guard,
    host,
    http,
    image,
    model,
    newcomer,
    privacy,
    tampering,
)

# Each with how many rounds it has by default.
CAMPAIGNS = {
    "tampering": (tampering.run, 6_000),
    "crash": (crash.run, 200),
    "door": (door.run, 200),
    "http": (http.run, 100),
    "privacy": (privacy.run, 3),
    "fuzz": (fuzz.run, 2_000),
    "model": (model.run, 100),
    "appointment": (appointment.run, 1),
    "backlog": (backlog.run, 1_000_000),
    "api": (api.run, 1_000),
    "guard": (guard.run, 1_000),
    "image": (image.run, 1),
    "newcomer": (newcomer.run, 1),
    "host": (host.run, 365),
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="campaigns", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(CAMPAIGNS)}; default: all")
    parser.add_argument("--rounds", type=int, help="how many; by default each campaign has its own number")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    unknown = set(options.names) - CAMPAIGNS.keys()
    if unknown:
        parser.error(f"there is no campaign {', '.join(sorted(unknown))}")
    codes = []
    for name in options.names or CAMPAIGNS:
        run, rounds = CAMPAIGNS[name]
        codes.append(run(options.rounds or rounds, options.seed))
        sys.stdout.flush()
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
