"""Append and proofs against RFC 9162 section 2.1 written down naively, as recursion over lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indelible.errors import MalformedProof
from indelible.proof.merkle import (
    EMPTY_ROOT,
    LARGEST_SIZE,
    Frontier,
    check_consistency,
    check_inclusion,
    consistency_proof,
    extend,
    inclusion_proof,
    leaf_hash,
    node_hash,
)

LEAVES = [leaf_hash(b"leaf %d" % index) for index in range(300)]


def split(size: int) -> int:
    k = 1
    while k * 2 < size:
        k *= 2
    return k


def naive_root(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY_ROOT
    k = split(len(leaves))
    return node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


def naive_inclusion(leaves: list[bytes], index: int) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return [*naive_inclusion(leaves[:k], index), naive_root(leaves[k:])]
    return [*naive_inclusion(leaves[k:], index - k), naive_root(leaves[:k])]


def naive_consistency(old_size: int, leaves: list[bytes], whole: bool = True) -> list[bytes]:
    if old_size == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = split(len(leaves))
    if old_size <= k:
        return [*naive_consistency(old_size, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_consistency(old_size - k, leaves[k:], False), naive_root(leaves[:k])]


def test_every_root_up_to_300_leaves_is_the_naive_one_whether_appended_singly_or_at_once() -> None:
    frontier = Frontier()
    for size in range(len(LEAVES) + 1):
        assert frontier.root() == naive_root(LEAVES[:size])
        assert frontier == extend(Frontier(), LEAVES[:size])
        assert Frontier.decode(frontier.size, frontier.encode()) == frontier
        if size < len(LEAVES):
            frontier = frontier.append(LEAVES[size])


@given(st.lists(st.integers(0, 70), max_size=12))
def test_extending_in_parts_is_extending_at_once(parts: list[int]) -> None:
    frontier, end = Frontier(), 0
    for part in parts:
        leaves = [LEAVES[index % 300] for index in range(end, end + part)]
        frontier, end = extend(frontier, iter(leaves)), end + part
    assert frontier == extend(Frontier(), [LEAVES[index % 300] for index in range(end)])


def test_a_frontier_beyond_memory_extends_as_its_subtrees_do() -> None:
    large = Frontier(2**40, (LEAVES[0],))
    extended = extend(large, LEAVES[1:4])
    assert extended.size == 2**40 + 3
    assert extended.root() == node_hash(LEAVES[0], naive_root(LEAVES[1:4]))


@pytest.mark.parametrize("size", range(1, 71))
def test_every_inclusion_proof_up_to_70_leaves_is_the_naive_one_and_holds(size: int) -> None:
    leaves, root = LEAVES[:size], naive_root(LEAVES[:size])
    for index in range(size):
        path = inclusion_proof(leaves, index)
        assert list(path) == naive_inclusion(leaves, index)
        check_inclusion(index, size, leaves[index], path, root)


@pytest.mark.parametrize("size", range(1, 71))
def test_every_consistency_proof_up_to_70_leaves_is_the_naive_one_and_holds(size: int) -> None:
    leaves, root = LEAVES[:size], naive_root(LEAVES[:size])
    for old_size in range(1, size + 1):
        path = consistency_proof(leaves, old_size)
        assert list(path) == naive_consistency(old_size, leaves)
        check_consistency(old_size, size, naive_root(leaves[:old_size]), root, path)


@given(st.data())
def test_proofs_up_to_300_leaves_are_the_naive_ones_and_hold(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 300))
    index, old_size = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    leaves, root = LEAVES[:size], naive_root(LEAVES[:size])
    inclusion, consistency = inclusion_proof(leaves, index), consistency_proof(leaves, old_size)
    assert list(inclusion) == naive_inclusion(leaves, index)
    assert list(consistency) == naive_consistency(old_size, leaves)
    check_inclusion(index, size, leaves[index], inclusion, root)
    check_consistency(old_size, size, naive_root(leaves[:old_size]), root, consistency)


@pytest.mark.parametrize(("size", "index"), [(0, 0), (3, 3), (3, -1), (3, True), (3, 1.0)])
def test_no_inclusion_proof_is_made_for_a_leaf_that_is_not_there(size: int, index: int) -> None:
    with pytest.raises(MalformedProof):
        inclusion_proof(LEAVES[:size], index)


@pytest.mark.parametrize("old_size", [0, -1, 4, True])
def test_no_consistency_proof_is_made_from_nothing_or_from_beyond_the_tree(old_size: int) -> None:
    with pytest.raises(MalformedProof):
        consistency_proof(LEAVES[:3], old_size)


@pytest.mark.parametrize(
    ("size", "data"),
    [
        (0, bytes(32)),
        (1, b""),
        (1, bytes(31)),
        (1, bytes(33)),
        (1, bytes(64)),
        (3, bytes(32)),
        (-1, b""),
        (2**63, bytes(32)),
    ],
)
def test_a_frontier_of_the_wrong_length_is_refused(size: int, data: bytes) -> None:
    with pytest.raises(MalformedProof):
        Frontier.decode(size, data)


def test_a_leaf_hash_that_is_not_32_bytes_is_refused() -> None:
    for wrong in (b"", bytes(31), bytes(33), "x" * 32, bytearray(32), None):
        with pytest.raises(MalformedProof):
            extend(Frontier(), [LEAVES[0], wrong])  # type: ignore[list-item]


def test_a_tree_does_not_grow_beyond_the_largest_size() -> None:
    full = Frontier(LARGEST_SIZE, tuple(LEAVES[:63]))
    with pytest.raises(MalformedProof):
        full.append(LEAVES[0])
