"""The tree of a log: rebuilt from the leaf hashes, and compared at every size that was ever signed, and with its tiles.

Where a tile is stored its hashes stand in for those of the bodies here: where a body was changed, `explain.py` names
that entry, and the tree still shows that the hash which is kept is the signed one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ...errors import MalformedProof
from .. import checkpoint, merkle
from ..merkle import HASH_SIZE, Frontier
from ..tiles import HEIGHT, TILE_BYTES, WIDTH, Edge
from . import explain
from .report import Report
from .source import Row, Signed, Source, TileRow

# Levels of tiles that the largest tree has.
_LEVELS = 8


class Tree:
    """Takes the spans in order. `broken` is true from where the tree cannot be rebuilt, which a finding says."""

    def __init__(self, source: Source, report: Report) -> None:
        self.source, self.report = source, report
        self.frontier, self.edge = Frontier(), Edge()
        self.held = 0  # the last number that there is
        self.broken = False
        self.agreed = 0
        # Of the levels above 0, which are compared when all are made, and the wrong ones of any.
        self.made: dict[tuple[int, int], TileRow] = {}
        self.wrong: list[str] = []
        self.missing = 0
        # Stored, and of no span.
        self.rest: list[TileRow] = []
        self.signed = self._known()
        self.at = next(self.signed, None)

    def _known(self) -> Iterator[Signed]:
        """Every signed head in order of size, each checked for its signature first."""
        last = self.source.last_signed()
        if last is None:
            self.report.doubts.append(
                "the head store is not there, so it cannot be told whether entries were cut off the end"
            )
        for signed in _merged(self.source.checkpoints(), last):
            self._check_note(signed)
            yield signed

    def _check_note(self, signed: Signed) -> None:
        self.report.checkpoints += 1
        try:
            said = checkpoint.open(signed.note, self.source.verifier)
        except MalformedProof as error:
            self.report.add(
                "unsigned", None, f"the checkpoint of size {signed.size} is not signed with the log's key: {error}"
            )
            return
        if (said.origin, said.size, said.root) != (self.source.origin, signed.size, signed.root):
            self.report.add(
                "unsigned", None, f"the checkpoint of size {signed.size} is stored with another note than its own"
            )

    def take(self, after: int, up_to: int, rows: Sequence[Row], hashes: list[bytes], tiles: Sequence[TileRow]) -> None:
        """Take a span: the entries behind `after`, their leaf hashes, and the tiles of level 0 that begin there."""
        seqs = [row[0] for row in rows]
        is_whole = len(seqs) == up_to - after and seqs == [*range(after + 1, up_to + 1)]
        for _, number, _, kept in tiles:
            begin = number * WIDTH - after
            if len(kept) == TILE_BYTES and (not is_whole or b"".join(hashes[begin : begin + WIDTH]) != kept):
                first = number * WIDTH + 1
                theirs = [row for row in rows if first <= row[0] < first + WIDTH]
                self.report.take(explain.hashes(theirs, first, kept))
                if is_whole and len(theirs) == WIDTH:
                    hashes[begin : begin + WIDTH] = _split(kept)
        if not is_whole and not self.broken and (gap := explain.numbers(self.held + 1, seqs)) is not None:
            self.broken = True  # the tree cannot be rebuilt across a gap, and this finding already says why
            self.report.take([gap])
        self.held = seqs[-1] if seqs else self.held
        if not self.broken:
            self._grow(hashes)
            self._compare_tiles(hashes, tiles)

    def _grow(self, hashes: list[bytes]) -> None:
        """Append leaves, and compare the tree at each size that was signed."""
        begun = self.frontier.size
        while self.at is not None and self.at.size <= begun + len(hashes):
            if self.at.size >= self.frontier.size:
                part = hashes[self.frontier.size - begun : self.at.size - begun]
                self.frontier = merkle.extend(self.frontier, part) if part else self.frontier
                self._compare(self.at)
            self.at = next(self.signed, None)
            if self.broken:
                return
        self.frontier = merkle.extend(self.frontier, hashes[self.frontier.size - begun :])

    def _compare(self, signed: Signed) -> None:
        if self.frontier.root() != signed.root:
            self.broken = True
            first, last = self.agreed + 1, signed.size
            self.report.add(
                "forked",
                None,
                f"one of the entries {first} to {last} is not the one that was signed, and its hash was changed too",
            )
        elif signed.frontier is not None and self.frontier.encode() != signed.frontier:
            self.report.add("misfiled", None, f"the frontier kept with the checkpoint of size {signed.size} is wrong")
        else:
            self.agreed = self.report.signed_size = signed.size

    # Tiles

    def _compare_tiles(self, hashes: list[bytes], tiles: Sequence[TileRow]) -> None:
        self.edge, full = self.edge.extend(hashes)
        made = [(tile.level, tile.index, tile.root, tile.hashes) for tile in full]
        right = [tile for tile in made if tile[0] == 0]
        self.made.update({tile[:2]: tile for tile in made if tile[0] != 0})
        if right != list(tiles):
            there = {tile[1]: tile for tile in tiles}
            for tile in right:
                self._check_tile(tile, there.pop(tile[1], None))
            self.rest += there.values()

    def _check_tile(self, made: TileRow, stored: TileRow | None) -> None:
        level, number, _, hashes = made
        if stored is None:
            self.missing += 1
        elif len(stored[3]) != len(hashes):
            self.wrong.append(f"tile {number} of level {level} has not 256 hashes")
        elif stored != made:
            self.wrong.append(f"tile {number} of level {level} does not have the hashes of the tree")

    def judge_tiles(self, rest: Iterable[TileRow], now: int) -> None:
        """Compare the tiles above level 0, and those beside the spans; `now` is the log's size after they were read."""
        for tile in (*self.rest, *rest):
            level, number = tile[:2]
            made = self.made.pop((level, number), None)
            if made is not None:
                self._check_tile(made, tile)
            elif not self._may_be(level, number, now):
                self.wrong.append(f"tile {number} of level {level} is of no tree of this size")
        if self.missing:
            self.report.add("misfiled", None, f"{self.missing} of the tiles with the tree's hashes are not there")
        for what in [*self.wrong, *(f"tile {index} of level {level} is not there" for level, index in self.made)]:
            self.report.add("misfiled", None, what)

    def _may_be(self, level: int, number: int, now: int) -> bool:
        """Whether a tile that was not made here is one of entries that came meanwhile, or behind where it broke."""
        if number < 0 or not 0 <= level < _LEVELS:
            return False
        size = (number + 1) << HEIGHT * (level + 1)
        return size <= now and (self.broken or size > self.source.size)

    # The end

    def beyond(self) -> list[Signed]:
        """The checkpoints of sizes that the tree does not reach, their notes checked."""
        if not self.broken:
            self._grow([])
        return [] if self.at is None else [self.at, *self.signed]

    def finish(self, beyond: Sequence[Signed], held: int, now: int) -> None:
        """Judge the end: `held` is the last number in the database, `now` the log's size after all was read.

        A checkpoint may have been added meanwhile for entries that were, too, up to `now`.
        """
        report, source = self.report, self.source
        if self.broken:
            return
        if ahead := [signed.size for signed in beyond if not source.size < signed.size <= now]:
            what = f"{ahead[0]} entries were signed, and the database holds {self.held}: the last are gone"
            report.add("truncated", None, what)
        report.root = self.frontier.root()
        if self.held < source.size:
            what = f"{source.size} entries were recorded, and the database holds {self.held}"
            report.add("truncated", None, what)
        elif held > now:
            report.add("added", now + 1, f"the log has {now} entries, and the database holds {held}")
        elif report.root != source.root or self.frontier.encode() != source.frontier:
            first = self.agreed + 1
            report.add("forked", None, f"the entries from {first} on do not come to the committed head of the log")


def _split(hashes: bytes) -> list[bytes]:
    return [hashes[at : at + HASH_SIZE] for at in range(0, len(hashes), HASH_SIZE)]


def _merged(rows: Iterable[Signed], last: Signed | None) -> Iterator[Signed]:
    """The checkpoints by size, with the head store's at its place; where both are the same, once."""
    if last == Signed(0, merkle.EMPTY_ROOT, b""):
        last = None  # the head store has signed nothing yet
    for row in rows:
        if last is not None and last.size <= row.size:
            if last != Signed(row.size, row.root, row.note):
                yield last
            last = None
        yield row
    if last is not None:
        yield last
