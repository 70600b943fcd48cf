"""A prover reads from its rows what RFC 9162 sections 2.1.3.1 and 2.1.4.1 define by recursion over spans of leaves."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indelible.errors import MalformedProof
from indelible.proof.merkle import (
    EMPTY_ROOT,
    Frontier,
    Prover,
    RangeProof,
    check_consistency,
    check_inclusion,
    consistency_proof,
    extend,
    inclusion_proof,
    leaf_hash,
    node_hash,
)

MANY = 2**16 + 2**15 + 3  # more than is hashed at a time
LEAVES = [leaf_hash(b"leaf %d" % index) for index in range(MANY)]

Path = tuple[bytes, ...]


@cache
def mth(low: int, high: int) -> bytes:
    """MTH(D[low:high])."""
    if high - low == 1:
        return LEAVES[low]
    k = low + (1 << (high - low - 1).bit_length() - 1)
    return node_hash(mth(low, k), mth(k, high))


def path(m: int, low: int, high: int) -> Path:
    """PATH(m, D[low:high]), m counted from low."""
    if high - low == 1:
        return ()
    k = 1 << (high - low - 1).bit_length() - 1
    if m < k:
        return (*path(m, low, low + k), mth(low + k, high))
    return (*path(m - k, low + k, high), mth(low, low + k))


def subproof(m: int, low: int, high: int, whole: bool) -> Path:
    """SUBPROOF(m, D[low:high], whole)."""
    if m == high - low:
        return () if whole else (mth(low, high),)
    k = 1 << (high - low - 1).bit_length() - 1
    if m <= k:
        return (*subproof(m, low, low + k, whole), mth(low + k, high))
    return (*subproof(m - k, low + k, high, False), mth(low, low + k))


@pytest.mark.parametrize("size", range(1, 71))
def test_every_proof_up_to_70_leaves_is_that_of_the_recursion(size: int) -> None:
    prover = Prover(LEAVES[:size])
    assert (prover.size, prover.root()) == (size, mth(0, size))
    for index in range(size):
        assert prover.inclusion(index) == path(index, 0, size) == inclusion_proof(LEAVES[:size], index)
    for old_size in range(1, size + 1):
        expected = subproof(old_size, 0, size, True)
        assert prover.consistency(old_size) == expected == consistency_proof(LEAVES[:size], old_size)


@settings(deadline=None)
@given(st.data())
def test_proofs_up_to_3000_leaves_are_those_of_the_recursion_and_hold(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 3000))
    prover, root = Prover(iter(LEAVES[:size])), mth(0, size)
    index, old_size = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    inclusion, consistency = prover.inclusion(index), prover.consistency(old_size)
    assert (prover.root(), inclusion, consistency) == (root, path(index, 0, size), subproof(old_size, 0, size, True))
    check_inclusion(index, size, LEAVES[index], inclusion, root)
    check_consistency(old_size, size, mth(0, old_size), root, consistency)


@pytest.mark.parametrize("size", [2**16 - 1, 2**16, 2**16 + 1, MANY])
def test_a_tree_that_is_read_in_parts_is_one_tree(size: int) -> None:
    prover = Prover(leaf for leaf in LEAVES[:size])
    assert (prover.size, prover.root()) == (size, extend(Frontier(), LEAVES[:size]).root())
    for index in {0, 1, size // 2, 2**16 - 2, 2**16 - 1, size - 1} & set(range(size)):
        assert prover.inclusion(index) == path(index, 0, size)
        assert prover.consistency(index + 1) == subproof(index + 1, 0, size, True)


def test_every_hash_of_a_proof_is_bytes() -> None:
    prover = Prover(LEAVES[:13])
    sides = prover.range(5, 9)
    for value in (*prover.inclusion(6), *prover.consistency(6), *sides.left, *sides.right, prover.root()):
        assert type(value) is bytes
        assert len(value) == 32


def test_a_tree_without_leaves_has_the_empty_root_and_one_range() -> None:
    prover = Prover(())
    assert (prover.size, prover.root(), prover.range(0, 0)) == (0, EMPTY_ROOT, RangeProof((), ()))


@pytest.mark.parametrize("size", [0, 1, 3, 8])
@pytest.mark.parametrize("wrong", [-1, 100, 2**63, True, 1.0, "1", None])
def test_no_proof_is_made_for_what_is_not_in_the_tree(size: int, wrong: Any) -> None:
    prover = Prover(LEAVES[:size])
    for prove in (
        lambda: prover.inclusion(wrong),
        lambda: prover.consistency(wrong),
        lambda: prover.range(0, wrong),
        lambda: prover.range(wrong, size),
    ):
        with pytest.raises(MalformedProof):
            prove()


def test_no_proof_is_made_just_beyond_the_tree_nor_for_a_range_that_ends_before_it_begins() -> None:
    prover = Prover(LEAVES[:5])
    for prove in (
        lambda: prover.inclusion(5),
        lambda: prover.consistency(6),
        lambda: prover.consistency(0),
        lambda: prover.range(5, 6),
        lambda: prover.range(3, 2),
    ):
        with pytest.raises(MalformedProof):
            prove()


@pytest.mark.parametrize("wrong", [b"", bytes(31), bytes(33), "x" * 32, bytearray(32), 7, None])
@pytest.mark.parametrize("before", [0, 1, 2**16])
def test_a_leaf_hash_that_is_not_32_bytes_is_refused(wrong: Any, before: int) -> None:
    with pytest.raises(MalformedProof):
        Prover([*LEAVES[:before], wrong])
