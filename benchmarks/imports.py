"""What a program pays before it does anything: CPU seconds (user and system) of a whole Python process.

    python -m benchmarks.imports [--runs 9] [SRC ...]

Each SRC is the `src` folder of another tree, such as an older one, and is measured in turns with this one.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median

from .data import filled_log

_COMMAND = "from indelible.cli.start import main; main()"
_HERE = Path(__file__).parents[1] / "src"
_ROW = "{:44}"


def measured(database: Path) -> dict[str, list[str]]:
    """Return what is measured: by name the arguments for Python. The first three are the baselines."""
    logged = [_COMMAND, "--database", str(database)]
    return {
        "python -c pass": ["pass"],
        "import pydantic": ["import pydantic"],
        "from pydantic import BaseModel": ["from pydantic import BaseModel"],
        "import indelible": ["import indelible"],
        "import indelible.verify": ["import indelible.verify"],
        "import indelible.catalogue": ["import indelible.catalogue"],
        "from indelible import Journal": ["from indelible import Journal"],
        "from indelible.catalogue.bookings import *": ["from indelible.catalogue.bookings import *"],
        "indelible --help": [_COMMAND, "--help"],
        "indelible verify, no file": [_COMMAND, "verify", "none.zip"],
        "indelible show 1": [*logged, "show", "1"],
        "indelible list": [*logged, "list"],
        "indelible actions --json": [_COMMAND, "actions", "--json"],
    }


def seconds(source: Path, arguments: list[str]) -> float:
    """Run Python once and return the CPU seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(source)}
    subprocess.run([sys.executable, "-c", *arguments], env=environment, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.imports")
    parser.add_argument("sources", nargs="*", type=Path, metavar="SRC")
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    sources = [*options.sources, _HERE]
    print(_ROW.format("CPU seconds, median"), *sources, sep="  ")
    with filled_log(500) as log:
        for name, arguments in measured(log.shared.places.database).items():
            turns = [[seconds(source, arguments) for source in sources] for _ in range(options.runs)]
            taken = (f"{median(times):.3f}" for times in zip(*turns, strict=True))
            print(_ROW.format(name), *taken, sep="  ", flush=True)


if __name__ == "__main__":
    main()
