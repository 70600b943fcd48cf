"""The key tree: keys stay or are gone, whatever the order, and a cover has no way to what was cut out."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indelible.errors import KeyUnavailable
from indelible.keep.keytree import LEVELS, POINTS, RECORD_BYTES, Cover, Node, point

ROOT = Node(0, 0, bytes(range(32)))
TREE = Cover([ROOT])
ANY = st.integers(0, POINTS - 1)
# Points near each other share nearly the whole way, which at random they never would.
CLOSE = st.builds(
    lambda base, step: (base + step) % POINTS, st.sampled_from([0, POINTS // 2, POINTS - 3]), st.integers(0, 70)
)
SOME = st.lists(ANY | CLOSE, max_size=12)


def nodes(cover: Cover) -> list[Node]:
    data = cover.encode()
    return [
        Node(data[at], int.from_bytes(data[at + 1 : at + 9], "big"), data[at + 9 : at + RECORD_BYTES])
        for at in range(0, len(data), RECORD_BYTES)
    ]


def end(node: Node) -> int:
    return node.position + (1 << 2 * (LEVELS - node.level))


@given(SOME, SOME)
def test_what_is_cut_out_is_gone_and_everything_else_has_the_key_that_it_had(gone, asked):
    cover = TREE.without(gone)
    for one in gone:
        assert cover.key(one) is None
    for one in [*asked, *(one ^ 1 for one in gone), *(one ^ (1 << 63) for one in gone)]:
        assert cover.key(one) == (None if one in gone else TREE.key(one))


@given(SOME, st.randoms())
def test_the_order_and_the_steps_leave_no_trace(gone, chance):
    shuffled = chance.sample(gone, len(gone))
    cover = TREE
    for one in shuffled:
        cover = cover.without([one, *chance.sample(gone, min(2, len(gone)))] if chance.random() < 0.5 else [one])
    assert cover.encode() == TREE.without(gone).encode()


@given(SOME)
def test_no_node_of_a_cover_lies_above_what_was_cut_out(gone):
    found = nodes(TREE.without(gone))
    for node in found:
        assert not any(node.position <= one < end(node) for one in gone)
    covered = sum(end(node) - node.position for node in found)
    assert covered == POINTS - len(set(gone)), "every other point is below one node and one alone"


@given(SOME)
def test_a_cover_is_read_as_it_was_written(gone):
    cover = TREE.without(gone)
    again = Cover.decode(cover.encode())
    assert again.encode() == cover.encode()
    assert again.key(7) == cover.key(7)


def test_one_point_more_costs_at_most_ninety_six_nodes():
    assert len(TREE.without([123])) == 3 * LEVELS == 96
    chance, cover = random.Random(1), TREE
    for _ in range(60):
        before = len(cover)
        cover = cover.without([chance.randrange(POINTS)])
        assert before - 1 < len(cover) <= before + 95


def test_new_trees_have_nothing_in_common():
    first, second = Cover.new(), Cover.new()
    assert first.key(0) != second.key(0)
    assert len(first) == 1
    assert first.encode()[:9] == bytes(9)


def test_keys_of_points_and_kinds_are_different():
    points = {point(kind, x) for kind in ("name", "person", "period") for x in (b"", b"a", b"\0a", b"name\0a")}
    assert len(points) == 12
    assert len({TREE.key(one) for one in points}) == 12


@pytest.mark.parametrize("wrong", [-1, POINTS])
def test_what_is_no_point_is_refused(wrong):
    with pytest.raises(ValueError, match="64 bits"):
        TREE.key(wrong)


GOOD = TREE.without([5]).encode()


@pytest.mark.parametrize(
    "data",
    [
        GOOD[:-1],
        GOOD + b"\0",
        GOOD[RECORD_BYTES:] + GOOD[:RECORD_BYTES],
        GOOD[:RECORD_BYTES] + GOOD,
        b"\x21" + GOOD[1:],
        b"\xff" + GOOD[1:],
        GOOD[:8] + b"\1" + GOOD[9:],
        TREE.encode() + GOOD,
    ],
    ids=["cut", "longer", "out of order", "twice", "level 33", "level 255", "between two places", "two of one point"],
)
def test_a_damaged_cover_is_refused_in_a_sentence(data):
    with pytest.raises(KeyUnavailable, match="the cover of the key tree is damaged"):
        Cover.decode(data)


@given(st.binary(max_size=3 * RECORD_BYTES))
@settings(max_examples=300)
def test_any_bytes_are_a_cover_or_are_refused(data):
    try:
        cover = Cover.decode(data)
    except KeyUnavailable:
        return
    assert cover.encode() == data
    cover.key(0)


def test_a_tree_of_which_everything_was_cut_out_has_no_key():
    empty = Cover.decode(b"")
    assert empty.key(0) is None
    assert empty.without([1]).encode() == b""
