"""A keep in a folder of its own, and what tests ask of its files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from indelible.keep.folder import Keep, Kept
from indelible.keep.keys import MasterKey
from indelible.keep.keytree import Cover, Node

MASTER = MasterKey(bytes(range(32)))
ORIGIN = "log.example.org/c/00112233445566778899aabbccddeeff"
OTHER = "log.example.org/c/ffeeddccbbaa99887766554433221100"
TREE = Cover([Node(0, 0, bytes(range(32)))])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "activity.db.keep"


@pytest.fixture
def fresh(folder: Path) -> Callable[[], Keep]:
    """`fresh()`: the keep as another process has it that opens it now."""
    return lambda: Keep(folder, MASTER)


@pytest.fixture
def keep(fresh: Callable[[], Keep]) -> Keep:
    """A keep that knows ORIGIN, of which nothing is cut out."""
    made = fresh()
    made.create()
    assert made.swap(ORIGIN, state(1), None)
    return made


def state(version: int) -> Kept:
    """What is kept of a log after as many replacements: one point less in the cover each time."""
    return Kept(TREE.without(range(1, version)), version, up_to=10 * (version - 1))


def plain(kept: Kept | None) -> tuple[bytes, int, int, int | None, int]:
    """What is kept, as values that can be compared: two covers are the same where their records are."""
    assert kept
    return kept.cover.encode(), kept.version, kept.up_to, kept.copied_at, kept.copied_up_to


def cover_file(folder: Path, origin: str = ORIGIN) -> Path:
    return folder / f"{origin.rpartition('/')[2]}.cover"
