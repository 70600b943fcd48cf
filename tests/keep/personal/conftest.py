"""A clinic's keys as they follow from one root, and the journal of the tests that need a log."""

from __future__ import annotations

from collections.abc import Callable

from indelible.keep.folder import Kept
from indelible.keep.keytree import Cover, Node
from indelible.keep.personal import Sealer

ORIGIN = "log.example.org/c/00112233445566778899aabbccddeeff"
LOOKUP, NOBODY, ROOT = b"l" * 32, b"n" * 16, bytes(range(32))
TREE = Cover([Node(0, 0, ROOT)])


def sealer_of(origin: str = ORIGIN, lookup: bytes = LOOKUP, nobody: bytes = NOBODY, cover: Cover = TREE) -> Sealer:
    """Return the sealer of a log whose keep does not change."""
    kept = Kept(cover, 1, 0)
    return Sealer(origin, lookup, nobody, lambda: kept)


class Keeping:
    """What the keep has of a log, which a test replaces as another process would."""

    def __init__(self, cover: Cover = TREE) -> None:
        self.now = Kept(cover, 1, 0)

    def __call__(self) -> Kept:
        return self.now

    def cut(self, *points: int) -> None:
        self.now = Kept(self.now.cover.without(points), self.now.version + 1, self.now.up_to + 1)

    def sealer(self, made: Callable[..., Sealer] = Sealer) -> Sealer:
        return made(ORIGIN, LOOKUP, NOBODY, self)
