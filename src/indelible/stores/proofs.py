"""Proofs from a log's stored hashes: of one entry, and that one tree goes on from another."""

from __future__ import annotations

from ..proof import merkle, tiles
from .contract import Rows


def prover(rows: Rows, size: int) -> tiles.Prover:
    """Return the prover of the tree of a clinic's first `size` entries; it reads few tiles and few bodies. Raises
    MalformedProof where what is stored is no tree."""
    still_open = (merkle.leaf_hash(one.body) for one in rows.entries(size - size % tiles.WIDTH, size))

    def tile(level: int, number: int) -> bytes | None:
        return next((one.hashes for one in rows.tiles(level, number, number + 1)), None)

    return tiles.Prover(tiles.Edge.read(size, still_open, rows.tile_roots), tile)
