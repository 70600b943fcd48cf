"""What a row of the CSV costs, beside its floor.

    python -m benchmarks.table [--runs 5] [--entries 12000] [TREE ...]

Microseconds of processor time an entry, everything opened: the bytes of the CSV; of them the reading, which is done
when an entry is a view; and the bytes of the workbook. Each TREE is another tree's folder, such as an older one, and is
measured in turns with this one.

The floor is what no other code could leave out in CPython: rows fetched, bodies parsed, each group decrypted and
parsed, and a line of as many cells as the CSV has, joined and encoded; its keys are made before.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from io import BytesIO
from math import nan
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

import orjson

from benchmarks.data import ZONE, filled_log
from indelible.errors import InvalidInput

if TYPE_CHECKING:
    from indelible.log import ClinicLog

_CELLS = 32
_NAMES = ("csv", "reading", "workbook", "floor", "csv against the floor")


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.table", description=__doc__)
    parser.add_argument("trees", nargs="*", type=Path, metavar="TREE")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--entries", type=int, default=12_000)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(*measured(options.entries))
        return
    from benchmarks.turns import in_turns, told  # not above: an older tree has none

    for tree, runs in in_turns(__file__, options.trees, options.runs, options.entries).items():
        columns = zip(*([*run, run[0] / run[3]] for run in runs), strict=True)
        print(f"{tree}: {' · '.join(map(told, _NAMES, columns))}")


def measured(entries: int) -> tuple[float, ...]:
    """Return the microseconds an entry of the CSV, of reading, of the workbook and of the floor."""
    with filled_log(entries) as log:
        work: tuple[Callable[[], object], ...] = (
            lambda: _take(_csv(log)),
            lambda: _take(log.read()),
            lambda: _take(_workbook(log)),
        )
        floor = _microseconds(_floor(log)) / entries if hasattr(log, "reading") else nan  # of an older tree: none
        return (*(_microseconds(each) / entries for each in work), floor)


def _microseconds(work: Callable[[], object]) -> float:
    """The time of the second time: keys, names, devices and pages of the database are known then."""
    try:
        work()
    except InvalidInput:  # a tree whose workbooks need a package that is not here
        return nan
    began = process_time()
    work()
    return (process_time() - began) * 1e6


def _take(them: Iterable[Any]) -> None:
    for _ in them:
        pass


def _csv(log: ClinicLog) -> Iterable[bytes]:
    from indelible.export import csv_file

    with suppress(AttributeError):
        return csv_file.rows(log.read(), zone=ZONE, bom=True)
    out = BytesIO()  # a tree in which a format writes to a stream
    csv_file.write(log.read(), out, zone=ZONE)  # type: ignore[attr-defined]
    return (out.getvalue(),)


def _workbook(log: ClinicLog) -> Iterable[bytes]:
    from indelible.export import xlsx_file

    with suppress(AttributeError):
        return xlsx_file.rows(log.read(), zone=ZONE, created=0)
    out = BytesIO()
    xlsx_file.write(log.read(), out, zone=ZONE, created=0)  # type: ignore[attr-defined]
    return (out.getvalue(),)


def _floor(log: ClinicLog) -> Callable[[], object]:
    """The work of the floor, ready to be done: each row's ciphers, nonces and places are there."""
    session, sealer = log.reading(), log.sealer
    split = sys.modules[type(sealer).__module__].split
    selection = session.seek("").selection
    ciphers: dict[int, list[tuple[Any, bytes, bytes, bytes]]] = {}

    def pages() -> Iterable[Any]:
        before: tuple[int, int] | None = None
        while found := session.stored(selection, before, 500):
            yield found
            before = (found[-1].occurred_at, found[-1].seq)

    for found in pages():
        for one in found:
            body = orjson.loads(one.body)
            entry_id = bytes.fromhex(body["id"].replace("-", ""))
            ciphers[one.seq] = [
                (sealer.group(entry_id, token, name)._cipher.decrypt, data[:12], data[12:],
                 sealer.place(entry_id, token, name))
                for owner, name, data in split(one.sealed)
                for token in (bytes.fromhex(body["tokens"][owner]),)
            ]  # fmt: skip

    def work() -> None:
        size = 0
        for found in pages():
            for one in found:
                body = orjson.loads(one.body)
                for decrypt, nonce, data, place in ciphers[one.seq]:
                    orjson.loads(decrypt(nonce, data, place))
                cells = [body["action"]] * (_CELLS - 1)
                cells.append(orjson.dumps(body["context"]).decode())
                size += len(",".join(cells).encode())

    return work


if __name__ == "__main__":
    main()
