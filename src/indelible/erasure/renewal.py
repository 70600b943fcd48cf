"""Renewal: a new cover for a log whose keep is lost for good.

No name that was recorded so far can be read any more, by anybody. The entries stay, and every proof made of them; what
is recorded from here on is sealed under the new cover, and somebody who was known before is somebody new.

1. `log.keep_renewed` is appended, sealed under the new cover. It says up to which entry values are lost.
2. The cover is put into the keep, where there is still none.

A crash between the two leaves an entry that nobody can open, in a log without a cover: the same again mends it.

Verification tells these values from altered ones by that entry. So that nobody can write it who has the database alone,
it has a sealed value of its own that says the number again, at `renewed`, of "nobody".
"""

from __future__ import annotations

from collections.abc import Iterable

from ..keep.authenticity import RENEWED, said_lost, sealed_by_nobody
from ..keep.personal import Sealer
from ..record import own
from ..record.append import append
from ..stores.contract import Appending, Clinic, EntryRow

ACTION = "log.keep_renewed"


def record(tx: Appending, at: own.At, sealer: Sealer) -> None:
    """Append the entry which says that no value so far can be opened; `sealer` has the new cover."""
    append(tx, [own.keep_renewed(at)], at.clinic, sealer, at.now)


def renewed_to(stored: Iterable[EntryRow], clinic: Clinic, sealer: Sealer) -> int:
    """Return up to which entry values were lost with a keep, as entries of `ACTION` say; 0 where none is believed."""
    return max((_up_to(found, clinic, sealer) for found in stored), default=0)


def _up_to(found: EntryRow, clinic: Clinic, sealer: Sealer) -> int:
    sealed = sealed_by_nobody(found, clinic, sealer, RENEWED)
    if sealed is None:
        return 0
    body, value = sealed
    up_to = body.members["context"].get("up_to_seq")
    is_right = body.action == ACTION and type(up_to) is int and up_to < body.seq and value == said_lost(up_to)
    return up_to if is_right else 0
