"""Tiles against the rule of C2SP tlog-tiles by recursion, and their proofs against those of the whole tree."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indelible.errors import MalformedProof
from indelible.proof import merkle, tiles
from indelible.proof.merkle import Frontier, extend, leaf_hash, node_hash
from indelible.proof.tiles import Edge, Tile

MOST = 70_000
LEAVES = [leaf_hash(b"leaf %d" % index) for index in range(MOST)]
EDGES = [0, 1, 2, 255, 256, 257, 511, 512, 513, 65_279, 65_280, 65_535, 65_536, 65_537, 65_792, MOST]
SIZES = st.sampled_from(EDGES) | st.integers(0, 3_000) | st.integers(0, MOST)

Stored = dict[tuple[int, int], Tile]


@cache
def mth(low: int, high: int) -> bytes:
    """MTH(D[low:high]) of RFC 9162 section 2.1.1."""
    if high - low == 1:
        return LEAVES[low]
    k = low + (1 << (high - low - 1).bit_length() - 1)
    return node_hash(mth(low, k), mth(k, high))


def entry(level: int, number: int) -> bytes:
    """Hash `number` of a level, counted over all its tiles: MTH(D[number * 256^level : (number + 1) * 256^level])."""
    return mth(number * 256**level, (number + 1) * 256**level)


@cache
def everything() -> tuple[Edge, Stored]:
    edge, full = Edge().extend(LEAVES)
    return edge, {(tile.level, tile.index): tile for tile in full}


def roots(level: int, begin: int, end: int) -> list[bytes]:
    return [everything()[1][level, index].root for index in range(begin, end)]


def read(size: int) -> Edge:
    return Edge.read(size, LEAVES[size - size % 256 : size], roots)


class Store:
    """The full tiles of all LEAVES, and which of them were read."""

    def __init__(self, changed: dict[tuple[int, int], bytes | None] | None = None) -> None:
        self.read: list[tuple[int, int]] = []
        self.changed = changed or {}

    def __call__(self, level: int, index: int) -> bytes | None:
        self.read.append((level, index))
        if (level, index) in self.changed:
            return self.changed[level, index]
        return everything()[1][level, index].hashes


@cache
def whole(size: int) -> merkle.Prover:
    return merkle.Prover(LEAVES[:size])


@pytest.mark.parametrize("size", EDGES)
def test_the_tiles_and_the_edge_of_a_size_are_those_of_the_specification(size: int) -> None:
    edge, full = Edge().extend(LEAVES[:size])
    listed = [(tile.level, tile.index) for tile in full]
    assert listed == [(level, index) for level in range(3) for index in range(size // 256 ** (level + 1))]
    for tile in full:
        assert tile.hashes == b"".join(entry(tile.level, tile.index * 256 + i) for i in range(256))
        assert tile.root == entry(tile.level + 1, tile.index)
    for level, row in enumerate(edge.open):
        end = size // 256**level
        assert row == b"".join(entry(level, number) for number in range(end - end % 256, end))


def test_seventy_thousand_leaves_have_the_tiles_that_the_specification_counts() -> None:
    edge, full = everything()
    assert [sum(level == tile.level for tile in full.values()) for level in range(3)] == [273, 1, 0]
    assert [len(row) // 32 for row in edge.open] == [112, 17, 1]


@settings(deadline=None, max_examples=30)
@given(st.lists(SIZES, max_size=4))
def test_growth_in_parts_fills_the_same_tiles_once_whether_the_edge_is_kept_or_read(sizes: list[int]) -> None:
    kept, size, filled = Edge(), 0, list[Tile]()
    for end in sorted(sizes):
        read_again, read_full = read(size).extend(LEAVES[size:end])
        kept, full = kept.extend(iter(LEAVES[size:end]))
        assert (kept, full) == (read_again, read_full)
        size = end
        filled += full
    edge, full = Edge().extend(LEAVES[:size])
    assert (kept, sorted(filled, key=lambda tile: (tile.level, tile.index))) == (edge, full)


@settings(deadline=None)
@given(SIZES)
def test_the_frontier_of_an_edge_is_that_of_the_leaves(size: int) -> None:
    assert read(size).frontier() == extend(Frontier(), LEAVES[:size])


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_every_proof_from_tiles_is_that_of_the_whole_tree(data: st.DataObject) -> None:
    size = data.draw(SIZES)
    prover, expected = tiles.Prover(read(size), Store()), whole(size)
    assert (prover.size, prover.root()) == (size, expected.root())
    near = st.integers(0, size) | st.sampled_from([at for at in (*EDGES, size - 1, size) if 0 <= at <= size])
    begin, end = sorted((data.draw(near), data.draw(near)))
    assert prover.range(begin, end) == expected.range(begin, end)
    if begin < size:
        assert prover.inclusion(begin) == expected.inclusion(begin)
    if end:
        assert prover.consistency(end) == expected.consistency(end)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 513, 600])
def test_every_inclusion_and_consistency_proof_of_small_trees_is_that_of_the_whole_tree(size: int) -> None:
    prover, expected = tiles.Prover(read(size), Store()), whole(size)
    for index in range(size):
        assert prover.inclusion(index) == expected.inclusion(index)
        assert prover.consistency(index + 1) == expected.consistency(index + 1)


def test_no_proof_is_made_for_what_is_not_in_the_tree() -> None:
    prover = tiles.Prover(read(600), Store())
    for prove in (
        lambda: prover.inclusion(600),
        lambda: prover.inclusion(-1),
        lambda: prover.consistency(0),
        lambda: prover.consistency(601),
        lambda: prover.range(0, 601),
    ):
        with pytest.raises(MalformedProof):
            prove()


# What is read


def test_an_inclusion_proof_reads_the_stored_tiles_above_its_leaf_and_no_other() -> None:
    for index, expected in [(0, [(0, 0), (1, 0)]), (65_535, [(0, 255), (1, 0)]), (65_536, [(0, 256)]), (69_999, [])]:
        store = Store()
        prover = tiles.Prover(read(MOST), store)
        for _ in range(2):  # the second time it reads nothing
            prover.inclusion(index)
        assert store.read == expected


def test_proofs_in_order_read_a_tile_once_and_what_is_kept_is_bounded() -> None:
    store = Store()
    prover = tiles.Prover(read(MOST), store)
    for index in range(0, MOST, 100):
        prover.inclusion(index)
    assert len(store.read) == len(set(store.read)) == 274
    prover.inclusion(0)
    assert store.read[274:] == [(0, 0)]


# Trees beyond memory: all leaves are alike, so that all hashes of one row are


@cache
def alike(height: int) -> bytes:
    return node_hash(alike(height - 1), alike(height - 1)) if height else LEAVES[0]


class Alike:
    def __init__(self) -> None:
        self.read: list[tuple[int, int]] = []
        self.most_roots = 0

    def roots(self, level: int, begin: int, end: int) -> Iterable[bytes]:
        self.most_roots = max(self.most_roots, end - begin)
        return [alike(8 * level + 8)] * (end - begin)

    def tile(self, level: int, index: int) -> bytes:
        self.read.append((level, index))
        return alike(8 * level) * 256


@settings(deadline=None)
@given(st.integers(0, 2**63 - 1) | st.integers(0, 63).map(lambda bits: 2**bits), st.data())
def test_a_proof_from_a_tree_of_any_size_holds_and_reads_one_tile_a_level(size: int, data: st.DataObject) -> None:
    size = min(size, 2**63 - 1)
    tree = Alike()
    edge = Edge.read(size, [alike(0)] * (size % 256), tree.roots)
    frontier = Frontier(size, tuple(alike(bit) for bit in range(62, -1, -1) if size >> bit & 1))
    prover = tiles.Prover(edge, tree.tile)
    assert (edge.frontier(), prover.root()) == (frontier, frontier.root())
    if size:
        index = data.draw(st.integers(0, size - 1))
        tree.read.clear()
        merkle.check_inclusion(index, size, alike(0), prover.inclusion(index), frontier.root())
        assert sorted(tree.read) == [
            (level, index >> 8 * level + 8) for level in range(8) if index >> 8 * level + 8 < size >> 8 * level + 8
        ]
        assert tree.most_roots < 256
    _, full = edge.extend([alike(0)] * data.draw(st.integers(0, min(300, 2**63 - 1 - size))))
    assert all((tile.hashes, tile.root) == (alike(8 * tile.level) * 256, alike(8 * tile.level + 8)) for tile in full)


def test_one_leaf_fills_a_tile_of_every_level_at_once() -> None:
    size = 2**56 - 1
    edge, full = Edge.read(size, [alike(0)] * 255, Alike().roots).extend([alike(0)])
    assert full == [Tile(n, 2 ** (48 - 8 * n) - 1, alike(8 * n) * 256, alike(8 * n + 8)) for n in range(7)]
    assert edge == Edge(2**56, (b"",) * 7 + (alike(56),))


# What is missing or changed


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@settings(deadline=None)
@given(st.data())
def test_no_proof_is_made_from_a_tile_that_is_missing_changed_or_in_another_place(data: st.DataObject) -> None:
    index = data.draw(st.integers(0, 65_535))
    level = data.draw(st.sampled_from([0, 1]))
    key = (level, index >> 8 * level + 8)
    hashes = everything()[1][key].hashes
    other = everything()[1][0, (index >> 8) ^ 1].hashes
    at = data.draw(st.integers(0, len(hashes) - 1))
    wrong = data.draw(st.sampled_from([None, b"", hashes[:-32], hashes + bytes(32), other, _flipped(hashes, at)]))
    prover = tiles.Prover(read(MOST), Store({key: wrong}))
    assert prover.root() == whole(MOST).root()
    for _ in range(2):
        with pytest.raises(MalformedProof, match=f"tile {key[1]} of level {level} is missing"):
            prover.inclusion(index)


@settings(deadline=None)
@given(st.data())
def test_a_changed_edge_comes_to_another_root(data: st.DataObject) -> None:
    edge = read(MOST)
    level = data.draw(st.integers(0, 2))
    row = _flipped(edge.open[level], data.draw(st.integers(0, len(edge.open[level]) - 1)))
    changed = Edge(MOST, (*edge.open[:level], row, *edge.open[level + 1 :]))
    assert changed.frontier().root() == tiles.Prover(changed, Store()).root() != whole(MOST).root()


def test_an_edge_is_refused_that_lacks_a_hash_or_has_one_too_many() -> None:
    leaves = LEAVES[MOST - 112 :]
    for wrong in (leaves[1:], [*leaves, leaves[0]], [*leaves[1:], bytes(31)], []):
        with pytest.raises(MalformedProof):
            Edge.read(MOST, wrong, roots)
    for change in (lambda found: found[1:], lambda found: [*found, bytes(32)], lambda found: [b"", *found[1:]]):
        with pytest.raises(MalformedProof):
            Edge.read(MOST, leaves, lambda *asked: change(roots(*asked)))  # noqa: B023 - called at once
    for open in [(), (b"", b""), (bytes(32),)]:
        with pytest.raises(MalformedProof):
            Edge(0, open)
    for size in (-1, 2**63):  # of as many hashes as such a size would have
        with pytest.raises(MalformedProof):
            Edge.read(size, [LEAVES[0]] * (size % 256), Alike().roots)


def test_a_leaf_hash_that_is_not_32_bytes_is_refused() -> None:
    for wrong in (b"", bytes(31), bytes(33)):
        with pytest.raises(MalformedProof):
            Edge().extend([LEAVES[0], wrong])
