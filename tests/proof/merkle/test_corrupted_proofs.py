"""A proof that was changed in any way is refused, with MalformedProof and nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indelible.errors import MalformedProof
from indelible.proof.merkle import (
    EMPTY_ROOT,
    Frontier,
    check_consistency,
    check_inclusion,
    consistency_proof,
    extend,
    inclusion_proof,
    leaf_hash,
    node_hash,
)

LEAVES = [leaf_hash(b"leaf %d" % index) for index in range(70)]
ROOTS = [extend(Frontier(), LEAVES[:size]).root() for size in range(71)]
STRANGER = leaf_hash(b"stranger")

Path = tuple[bytes, ...]


def flip(value: bytes, bit: int) -> bytes:
    return bytes(byte ^ (1 << bit % 8 if at == bit // 8 else 0) for at, byte in enumerate(value))


def other_paths(path: Path, roots: Path) -> Iterator[Path]:
    """Every way to bend a path that a careless checker might let through; none gives the path itself."""
    for extra in (STRANGER, EMPTY_ROOT, *roots, *path[:1]):
        yield (extra, *path)
        yield (*path, extra)
    yield (*path, b"")
    for at, value in enumerate(path):
        yield path[:at] + path[at + 1 :]
        yield path[:at]
        for bit in (0, 7, 128, 255):
            yield (*path[:at], flip(value, bit), *path[at + 1 :])
        for wrong in (b"", value[:31], value + b"\0", STRANGER):
            yield (*path[:at], wrong, *path[at + 1 :])
        yield (*path[:at], value, *path[at:])
    for at in range(len(path) - 1):
        if path[at] != path[at + 1]:
            yield (*path[:at], path[at + 1], path[at], *path[at + 2 :])


def other_integers(value: int) -> set[int]:
    return {value - 1, value + 1, value ^ 2, value * 2, value // 2, value + 2**62, 2**63, -value - 1, 0} - {value}


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 33, 64, 70])
def test_a_bent_inclusion_proof_is_refused(size: int) -> None:
    for index in range(size):
        path, leaf, root = inclusion_proof(LEAVES[:size], index), LEAVES[index], ROOTS[size]
        wrong = [(index, size, leaf, other, root) for other in other_paths(path, (leaf, root))]
        wrong += [(index, size, other, path, root) for other in (STRANGER, flip(leaf, 9), leaf[:31], b"", root + leaf)]
        wrong += [(index, size, leaf, path, other) for other in (STRANGER, EMPTY_ROOT, flip(root, 9), root[1:], b"")]
        wrong += [(other, size, leaf, path, root) for other in other_integers(index)]
        wrong += [
            (index, other, leaf, path, root) for other in other_integers(size) if not same_walk(index, size, other)
        ]
        for arguments in wrong:
            with pytest.raises(MalformedProof):
                check_inclusion(*arguments)


def same_walk(index: int, size: int, other: int) -> bool:
    """Whether a path for `index` reads the same in trees of both sizes: then the root alone tells them apart."""
    return 0 <= index < other and walk(index, size) == walk(index, other)


def walk(index: int, size: int) -> list[str]:
    steps, last = [], size - 1
    while last:
        if index & 1:
            steps.append("left")
        elif index < last:
            steps.append("right")
        index, last = index >> 1, last >> 1
    return steps


def test_a_size_that_the_path_cannot_tell_apart_is_one_with_another_root() -> None:
    assert same_walk(0, 3, 4)
    assert ROOTS[3] != ROOTS[4]
    path = inclusion_proof(LEAVES[:3], 0)
    check_inclusion(0, 4, LEAVES[0], path, ROOTS[3])  # why size and root come together, out of one checkpoint
    with pytest.raises(MalformedProof):
        check_inclusion(0, 4, LEAVES[0], path, ROOTS[4])


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 33, 64, 70])
def test_a_bent_consistency_proof_is_refused(size: int) -> None:
    for old_size in range(1, size + 1):
        path, old, new = consistency_proof(LEAVES[:size], old_size), ROOTS[old_size], ROOTS[size]
        wrong = [(old_size, size, old, new, other) for other in other_paths(path, (old, new))]
        wrong += [(old_size, size, other, new, path) for other in (STRANGER, EMPTY_ROOT, flip(old, 9), old[1:], b"")]
        wrong += [(old_size, size, old, other, path) for other in (STRANGER, EMPTY_ROOT, flip(new, 9), new[1:], b"")]
        wrong += [(size, old_size, new, old, path), (old_size, size, new, old, path)] if old_size < size else []
        wrong += [(other, size, old, new, path) for other in (0, -1, size + 1, old_size + 2**62, 2**63)]
        wrong += [(old_size, other, old, new, path) for other in (0, -1, old_size - 1, 2**63)]
        for arguments in wrong:
            with pytest.raises(MalformedProof):
                check_consistency(*arguments)


def test_a_path_that_goes_on_beyond_the_top_is_refused_even_where_the_root_fits_it() -> None:
    for size in (1, 2, 5, 8):
        path, beyond = inclusion_proof(LEAVES[:size], size - 1), node_hash(STRANGER, ROOTS[size])
        with pytest.raises(MalformedProof, match="too many"):
            check_inclusion(size - 1, size, LEAVES[size - 1], (*path, STRANGER), beyond)
    for old_size, size in ((1, 2), (3, 5), (4, 8)):
        path, beyond = consistency_proof(LEAVES[:size], old_size), node_hash(STRANGER, ROOTS[size])
        with pytest.raises(MalformedProof, match="too many"):
            check_consistency(old_size, size, node_hash(STRANGER, ROOTS[old_size]), beyond, (*path, STRANGER))


def test_a_proof_from_nothing_is_refused_even_when_empty() -> None:
    for size in (0, 1, 5):
        with pytest.raises(MalformedProof):
            check_consistency(0, size, EMPTY_ROOT, ROOTS[size], ())


anything: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.binary(min_size=32, max_size=32),
    st.lists(st.one_of(st.binary(min_size=32, max_size=32), st.none(), st.integers(), st.text()), max_size=5),
)


@given(anything, anything, anything, anything, anything)
@example(0, 1, LEAVES[0], (), None)
@example(0, 1, LEAVES[0], None, LEAVES[0])
@example(False, True, LEAVES[0], (), LEAVES[0])
@example(0, 2, LEAVES[0], LEAVES[1], ROOTS[2])
def test_arguments_of_any_kind_raise_malformed_proof_only(a: Any, b: Any, c: Any, d: Any, e: Any) -> None:
    for check in (check_inclusion, check_consistency):
        with contextlib.suppress(MalformedProof):  # once in a while the arguments are a proof
            check(a, b, c, d, e)
