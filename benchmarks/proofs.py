"""Inclusion proofs from tiles, beside a prover that hashes the whole tree: CPU, without a database.

The whole tree is here spared what costs it most in a log: to read the leaf hashes of all entries.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from time import process_time
from typing import Any

from indelible.proof import merkle, tiles
from indelible.proof.tiles import Edge

LEAVES = 240_000
PROOFS = 2_000
BATCH = 200  # leaves that the log grows by at once, as append does


def main() -> None:
    leaves = [merkle.leaf_hash(b"%d" % index) for index in range(LEAVES)]
    scattered = random.Random(1).sample(range(LEAVES), PROOFS)
    _, full = Edge().extend(leaves)
    stored = {(tile.level, tile.index): tile for tile in full}

    def from_tiles(indexes: list[int]) -> list[tuple[bytes, ...]]:
        prover = tiles.Prover(
            Edge.read(
                LEAVES,
                leaves[LEAVES - LEAVES % 256 :],
                lambda level, begin, end: [stored[level, index].root for index in range(begin, end)],
            ),
            lambda level, index: stored[level, index].hashes,
        )
        prover.root()
        return [prover.inclusion(index) for index in indexes]

    def from_all(indexes: list[int]) -> list[tuple[bytes, ...]]:
        prover = merkle.Prover(leaves)
        return [prover.inclusion(index) for index in indexes]

    def grow_edge() -> None:
        edge = Edge()
        for at in range(0, LEAVES, BATCH):
            edge, _ = edge.extend(leaves[at : at + BATCH])

    def grow_frontier() -> None:
        frontier = merkle.Frontier()
        for at in range(0, LEAVES, BATCH):
            frontier = merkle.extend(frontier, leaves[at : at + BATCH])

    if from_tiles(scattered) != from_all(scattered):
        raise SystemExit("the proofs differ")
    print(f"{LEAVES:,} leaves; CPU, the best of 3\n\n{'':44} {'tiles':>10} {'whole tree':>12}")
    in_order = sorted(scattered)
    for name, indexes in (
        (f"{PROOFS:,} inclusion proofs, in order", in_order),
        (f"{PROOFS:,} inclusion proofs, in no order", scattered),
        ("1 inclusion proof", scattered[:1]),
    ):
        ours, whole = _ms(partial(from_tiles, indexes)), _ms(partial(from_all, indexes))
        print(f"{name:44} {ours:7.1f} ms {whole:9.1f} ms")
    ours, whole = _ms(grow_edge), _ms(grow_frontier)
    print(f"{f'growth, {BATCH} leaves at a time; and of a frontier':44} {ours:7.1f} ms {whole:9.1f} ms")


def _ms(work: Callable[[], Any]) -> float:
    times = []
    for _ in range(3):
        began = process_time()
        work()
        times.append(process_time() - began)
    return min(times) * 1e3
