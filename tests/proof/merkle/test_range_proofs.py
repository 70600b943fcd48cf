"""A range proof holds for the leaves between its sides and for no others; a bent one raises MalformedProof only."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indelible.errors import MalformedProof
from indelible.proof.merkle import (
    EMPTY_ROOT,
    LARGEST_SIZE,
    Frontier,
    Prover,
    RangeProof,
    check_range,
    complete,
    extend,
    leaf_hash,
    node_hash,
)

LEAVES = [leaf_hash(b"leaf %d" % index) for index in range(1000)]
STRANGER = leaf_hash(b"stranger")

Hashes = tuple[bytes, ...]


def split(low: int, high: int) -> int:
    return low + (1 << (high - low - 1).bit_length() - 1)


@cache
def mth(low: int, high: int) -> bytes:
    """MTH(D[low:high]) of RFC 6962 section 2.1."""
    if high - low < 2:
        return LEAVES[low] if low < high else EMPTY_ROOT
    return node_hash(mth(low, split(low, high)), mth(split(low, high), high))


def spans(begin: int, end: int, low: int, high: int) -> list[tuple[int, int]]:
    """The largest perfect subtrees below the node over low to high that lie within begin to end, found from the top."""
    if high <= begin or end <= low or low == high:
        return []
    if begin <= low and high <= end and (high - low).bit_count() == 1:
        return [(low, high)]
    middle = split(low, high)
    return spans(begin, end, low, middle) + spans(begin, end, middle, high)


def cover(begin: int, end: int, size: int) -> Hashes:
    return tuple(mth(*span) for span in spans(begin, end, 0, size))


def naive(begin: int, end: int, size: int) -> RangeProof:
    return RangeProof(cover(0, begin, size), cover(end, size, size))


class Claim(NamedTuple):
    """The arguments of check_range."""

    begin: Any
    size: Any
    leaves: Any
    proof: Any
    root: Any


def true_claim(begin: int, end: int, size: int) -> Claim:
    return Claim(begin, size, tuple(LEAVES[begin:end]), naive(begin, end, size), mth(0, size))


def ranges(size: int) -> list[tuple[int, int]]:
    return [(begin, end) for end in range(size + 1) for begin in range(end + 1)]


def refused(claim: Claim) -> bool:
    try:
        check_range(*claim)
    except MalformedProof:
        return True
    return False


@pytest.mark.parametrize("size", range(71))
def test_every_range_up_to_70_leaves_has_the_naive_proof_and_holds(size: int) -> None:
    prover = Prover(LEAVES[:size])
    assert prover.root() == mth(0, size)
    for begin, end in ranges(size):
        claim = true_claim(begin, end, size)
        assert prover.range(begin, end) == claim.proof
        assert claim.proof.left == extend(Frontier(), LEAVES[:begin]).hashes
        check_range(*claim)


@settings(deadline=None)
@given(st.data())
def test_ranges_up_to_1000_leaves_hold_in_any_parts(data: st.DataObject) -> None:
    size = data.draw(st.integers(0, 1000))
    begin, end = sorted(data.draw(st.tuples(st.integers(0, size), st.integers(0, size))))
    cuts = sorted({begin, end} | data.draw(st.sets(st.integers(begin, end), max_size=4)))
    proof = Prover(LEAVES[:size]).range(begin, end)
    assert proof == naive(begin, end, size)
    check_range(begin, size, LEAVES[begin:end], proof, mth(0, size))
    frontier = Frontier(begin, proof.left)
    for start, stop in pairwise(cuts):
        frontier = extend(frontier, LEAVES[start:stop])
    assert complete(frontier, size, proof.right) == mth(0, size)


@cache
def alike(leaves: int) -> bytes:
    """The root of a tree whose leaves are all the same."""
    if leaves < 2:
        return LEAVES[0] if leaves else EMPTY_ROOT
    return node_hash(alike(split(0, leaves)), alike(leaves - split(0, leaves)))


sizes = st.one_of(st.integers(0, LARGEST_SIZE), st.integers(0, 62).map(lambda bit: 1 << bit), st.just(LARGEST_SIZE))


@given(sizes, sizes, st.integers(0, 9))
@example(LARGEST_SIZE, 0, 1)
@example(LARGEST_SIZE, LARGEST_SIZE, 0)
def test_ranges_of_a_tree_beyond_memory_hold(size: int, begin: int, leaves: int) -> None:
    begin, size = sorted((begin, size))
    end = min(begin + leaves, size)
    left, right = (
        tuple(alike(high - low) for low, high in spans(*side, 0, size)) for side in ((0, begin), (end, size))
    )
    check_range(begin, size, [LEAVES[0]] * (end - begin), RangeProof(left, right), alike(size))


def test_the_longest_sides_have_63_and_124_hashes() -> None:
    assert len(spans(0, LARGEST_SIZE, 0, LARGEST_SIZE)) == 63
    assert len(spans(1, LARGEST_SIZE, 0, LARGEST_SIZE)) == 124


def test_more_leaves_than_are_hashed_at_a_time_hold_in_one_call() -> None:
    leaves = [LEAVES[index % 1000] for index in range(2**17 + 7)]
    prover = Prover(leaves)
    for begin, end in ((0, len(leaves)), (5, 2**16 + 5), (5, 2**16 + 6), (3, 2**17 + 3)):
        claim = Claim(begin, len(leaves), leaves[begin:end], prover.range(begin, end), prover.root())
        check_range(*claim)
        assert refused(claim._replace(leaves=[*claim.leaves[:-1], STRANGER]))
        assert refused(claim._replace(leaves=claim.leaves[:-1]))


def bent(lists: tuple[Hashes, Hashes, Hashes]) -> Iterator[tuple[Hashes, ...]]:
    """Left, leaves and right with one hash dropped, added, replaced, swapped with another or moved elsewhere."""
    places = [(which, at) for which in range(3) for at in range(len(lists[which]))]
    gaps = [(which, at) for which in range(3) for at in range(len(lists[which]) + 1)]
    known = {value for values in lists for value in values}
    for place in places:
        yield without(lists, *place)
        yield adding(without(lists, *place), *place, STRANGER)
        for gap in gaps:
            rest = without(lists, *place)
            if gap[1] <= len(rest[gap[0]]):
                yield adding(rest, *gap, lists[place[0]][place[1]])
        for other in places:
            first, second = lists[place[0]][place[1]], lists[other[0]][other[1]]
            yield adding(without(adding(without(lists, *place), *place, second), *other), *other, first)
    for gap in gaps:
        for value in (STRANGER, EMPTY_ROOT, *known):
            yield adding(lists, *gap, value)


def without(lists: tuple[Hashes, ...], which: int, at: int) -> tuple[Hashes, ...]:
    return tuple(part[:at] + part[at + 1 :] if which == number else part for number, part in enumerate(lists))


def adding(lists: tuple[Hashes, ...], which: int, at: int, value: bytes) -> tuple[Hashes, ...]:
    return tuple((*part[:at], value, *part[at:]) if which == number else part for number, part in enumerate(lists))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 8, 9, 11])
def test_a_dropped_added_swapped_or_moved_hash_is_refused_unless_it_makes_another_true_claim(size: int) -> None:
    for begin, end in ranges(size):
        claim = true_claim(begin, end, size)
        for left, leaves, right in bent((claim.proof.left, claim.leaves, claim.proof.right)):
            other = claim._replace(leaves=leaves, proof=RangeProof(left, right))
            reach = begin + len(leaves)
            assert refused(other) == (reach > size or other != true_claim(begin, reach, size))


def test_a_leaf_that_is_moved_to_the_right_side_makes_the_true_claim_of_the_shorter_range() -> None:
    claim = true_claim(0, 2, 2)
    assert claim.proof == RangeProof((), ())
    check_range(*claim._replace(leaves=claim.leaves[:1], proof=RangeProof((), claim.leaves[1:])))


def test_every_bit_of_the_hashes_counts() -> None:
    for begin, end in ranges(6):
        claim = true_claim(begin, end, 6)
        lists = (claim.proof.left, claim.leaves, claim.proof.right)
        for which in range(3):
            for at, value in enumerate(lists[which]):
                rest = without(lists, which, at)
                for bit in range(256):
                    flipped = (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(32, "big")
                    left, leaves, right = adding(rest, which, at, flipped)
                    assert refused(claim._replace(leaves=leaves, proof=RangeProof(left, right)))


@pytest.mark.parametrize("size", [0, 1, 2, 5, 8, 13])
def test_another_begin_is_refused(size: int) -> None:
    for begin, end in ranges(size):
        claim = true_claim(begin, end, size)
        for other in {*range(-2, size + 3), begin + 2**62, 2**63 - 1, 2**63, 2**64 + begin} - {begin}:
            assert refused(claim._replace(begin=other))


@pytest.mark.parametrize("size", [0, 1, 2, 5, 8, 13])
def test_another_size_is_refused_with_the_root_of_that_size(size: int) -> None:
    for begin, end in ranges(size):
        claim = true_claim(begin, end, size)
        for other in set(range(2 * size + 3)) - {size}:
            assert refused(claim._replace(size=other, root=mth(0, other)))
        for other in (-1, end - 1, 2**63, 2**64 + size):
            assert refused(claim._replace(size=other))


def test_a_size_that_the_hashes_cannot_tell_apart_is_one_with_another_root() -> None:
    claim = true_claim(0, 1, 3)
    check_range(*claim._replace(size=4))  # why size and root come together, out of one checkpoint
    assert refused(claim._replace(size=4, root=mth(0, 4)))


@pytest.mark.parametrize("size", [0, 1, 2, 5, 8])
def test_another_root_is_refused(size: int) -> None:
    for begin, end in ranges(size):
        claim = true_claim(begin, end, size)
        flipped = [(int.from_bytes(claim.root, "big") ^ 1 << bit).to_bytes(32, "big") for bit in range(256)]
        for other in (*flipped, STRANGER, claim.root[:31], claim.root + b"\0", b"", bytearray(claim.root), None):
            assert refused(claim._replace(root=other))
        assert refused(claim._replace(root=EMPTY_ROOT)) == (size > 0)


anything: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 12),
        st.integers(),
        st.floats(),
        st.text(max_size=3),
        st.binary(max_size=3),
        st.binary(min_size=32, max_size=32),
        st.just(bytearray(32)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.text(max_size=2), inner, max_size=2),
        st.builds(RangeProof, inner, inner),
    ),
    max_leaves=8,
)


@given(anything, anything, anything, anything, anything)
@example(0, 0, (), RangeProof((), ()), None)
@example(0, 0, None, RangeProof((), ()), EMPTY_ROOT)
@example(0, 0, (), ((), ()), EMPTY_ROOT)
@example(0, 1, iter(LEAVES[:1]), RangeProof((), ()), LEAVES[0])
@example(0, 1, {LEAVES[0]: None}, RangeProof((), ()), LEAVES[0])
@example(0, 2**63, (), RangeProof((), ()), EMPTY_ROOT)
def test_arguments_of_any_kind_raise_malformed_proof_only(a: Any, b: Any, c: Any, d: Any, e: Any) -> None:
    with contextlib.suppress(MalformedProof):  # once in a while the arguments are a proof
        check_range(a, b, c, d, e)


@given(st.integers(0, 4), anything)
def test_one_argument_of_any_kind_among_true_ones_raises_malformed_proof_only(which: int, wrong: Any) -> None:
    claim = list(true_claim(3, 6, 11))
    claim[which] = wrong
    with contextlib.suppress(MalformedProof):
        check_range(*claim)


@given(st.integers(0, 2), st.integers(0, 2), anything)
def test_one_hash_of_any_kind_among_true_ones_is_refused(which: int, at: int, wrong: Any) -> None:
    claim = true_claim(7, 10, 19)
    lists: list[list[Any]] = [[*claim.proof.left], [*claim.leaves], [*claim.proof.right]]
    lists[which][min(at, len(lists[which]) - 1)] = wrong
    assert refused(claim._replace(leaves=lists[1], proof=RangeProof(tuple(lists[0]), tuple(lists[2]))))


@pytest.mark.parametrize(("begin", "size"), [(False, 1), (0, True), (0.0, 1), (0, 1.0), ("0", 1), (0, None)])
def test_a_number_that_is_not_an_integer_is_refused(begin: Any, size: Any) -> None:
    check_range(0, 1, LEAVES[:1], RangeProof((), ()), LEAVES[0])
    assert refused(Claim(begin, size, LEAVES[:1], RangeProof((), ()), LEAVES[0]))


@pytest.mark.parametrize("wrong", [(), (STRANGER,) * 2, (b"",), (None,), None, b"", iter(())])
def test_a_tree_is_completed_by_the_hashes_of_its_place_only(wrong: Any) -> None:
    frontier = extend(Frontier(), LEAVES[:6])
    assert complete(frontier, 7, (LEAVES[6],)) == mth(0, 7)
    with pytest.raises(MalformedProof):
        complete(frontier, 7, wrong)


@pytest.mark.parametrize("size", [5, 3, 0, -1, 2**63, 6.0, None])
def test_a_tree_is_not_completed_to_less_than_it_has_nor_to_what_is_no_size(size: Any) -> None:
    frontier = extend(Frontier(), LEAVES[:6])
    assert complete(frontier, 6, ()) == mth(0, 6)
    with pytest.raises(MalformedProof):
        complete(frontier, size, ())
