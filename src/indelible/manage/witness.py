"""A witness outside: a kept letter's signed checkpoint, compared with the bodies that the database has now."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..places import Shared
from ..proof import letter, merkle
from ..proof.letter import Compared
from ..proof.note import Verifier
from ..stores.contract import Clinic

# Entries between two calls of `progress`.
_PROGRESS = 1_000


def compare(
    shared: Shared, info: Clinic, signed: bytes, progress: Callable[[int], None] = lambda done: None
) -> Compared:
    """Return what a letter's checkpoint says of a clinic's log, also of one that was closed.

    Every body that the letter covers is read and hashed: neither the tiles nor the checkpoints that are stored beside
    them are believed. Raises StorageFailure; MalformedProof where `signed` is no signed checkpoint.
    """
    rows = shared.store.rows(info.id)

    def hashes(size: int) -> Iterator[bytes]:
        for done, row in enumerate(rows.entries(0, size)):
            if done % _PROGRESS == 0:
                progress(done)
            yield merkle.leaf_hash(row.body)

    return letter.compare(
        signed, Verifier.decode(info.vkey), rows.state().size, lambda size: letter.root_of(size, hashes(size))
    )
