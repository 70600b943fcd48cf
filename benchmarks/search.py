"""What a free word costs that has to be looked for in every entry, beside its floor.

    python -m benchmarks.search [--runs 5] [--entries 12000] [TREE ...]

Microseconds of processor time for each entry that is looked into, of words that are nowhere: a name, a phone number, an
amount, an address; of a page as the service shows it with such a name: list, chart of the last thirty days and totals
of money, of one reading session; and of such a page with a word that some entries have. Each TREE is another tree's
folder, such as an older one, and is measured in turns with this one.

The floor is what no other code could leave out in CPython: rows fetched, bodies parsed, each group decrypted; its keys
are made before. It is measured in this tree alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import import_module
from math import isnan, nan
from pathlib import Path
from time import process_time
from typing import Any

import orjson

from benchmarks.data import filled_log

_NOWHERE = {"name": "nowhere-at-all", "phone": "912999111", "amount": "77771,13", "address": "203.0.113.250"}
_SOMEWHERE = '"no show"'
_PAGES = {"page, nowhere": _NOWHERE["name"], "page, no show": _SOMEWHERE}
_NAMES = (*_NOWHERE, *_PAGES, "floor")


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.search", description=__doc__)
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
        columns = zip(_NAMES, zip(*runs, strict=True), strict=True)
        print(f"{tree}: {' · '.join(told(name, column) for name, column in columns if not isnan(column[0]))}")


def measured(entries: int) -> Iterator[float]:
    """Yield the microseconds an entry of each word and page, and of the floor."""
    with filled_log(entries) as log:
        for word in _NOWHERE.values():
            yield _microseconds(lambda word=word: log.page(word)) / entries  # type: ignore[misc]
        for word in _PAGES.values():
            yield _microseconds(lambda word=word: _page(log, word)) / entries  # type: ignore[misc]
        yield _microseconds(_floor(log)) / entries if hasattr(log, "reading") else nan


def _microseconds(work: Callable[[], object]) -> float:
    """The time of the second time: keys, names, devices and pages of the database are known then."""
    work()
    began = process_time()
    work()
    return (process_time() - began) * 1e6


def _page(log: Any, word: str) -> None:
    """List, chart and totals; in a tree without reading sessions each of them reads the log for itself."""
    is_new = hasattr(log, "reading")
    tallying = import_module("indelible.read.tallying" if is_new else "indelible.tallying")
    reading = log.reading() if is_new else log
    wanted = reading.parse(word)
    reading.page(wanted)
    last = next(iter(log.page().views)).local_time.date()
    tallying.per_day(reading, wanted, first=last - timedelta(days=29), last=last)
    tallying.totals(reading, wanted)


def _floor(log: Any) -> Callable[[], object]:
    """The work of the floor, ready to be done: each row's ciphers, nonces and places are there."""
    session, sealer = log.reading(), log.sealer
    split = sys.modules[type(sealer).__module__].split
    selection = session.seek("").selection
    ciphers: dict[int, list[tuple[Any, bytes, bytes, bytes]]] = {}

    def rows() -> Iterator[Any]:
        before: tuple[int, int] | None = None
        while found := session.stored(selection, before, 500):
            yield from found
            before = (found[-1].occurred_at, found[-1].seq)

    for one in rows():
        tokens = [bytes.fromhex(token) for token in orjson.loads(one.body)["tokens"]]
        ciphers[one.seq] = [
            (sealer.group(one.id, tokens[owner], name)._cipher.decrypt, data[:12], data[12:],
             sealer.place(one.id, tokens[owner], name))
            for owner, name, data in split(one.sealed)
        ]  # fmt: skip

    def work() -> None:
        for one in rows():
            orjson.loads(one.body)
            for decrypt, nonce, data, place in ciphers[one.seq]:
                decrypt(nonce, data, place)

    return work


if __name__ == "__main__":
    main()
