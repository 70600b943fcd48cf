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

import secrets
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from . import canonical, drafting
from .append import append
from .believed import sealed_by_nobody
from .document import Document, System, Target
from .drafting import NOBODY, Value
from .personal import Sealer
from .store import Appending, Clinic, Found

ACTION = "log.keep_renewed"
# The path of the sealed value.
PATH = "renewed"


def record(tx: Appending, clinic: Clinic, sealer: Sealer, now: int) -> None:
    """Append the entry which says that no value so far can be opened; `sealer` has the new cover."""
    from .catalogue.log import LogKeepRenewed

    context = LogKeepRenewed(up_to_seq=tx.head.size)
    event = Document(
        action=context.code,
        context=context,
        actor=System("command:keep-renew"),
        target=Target("log", clinic.id, clinic.name),
        key=f"keep-renewed-{secrets.token_hex(16)}",
    )
    draft = drafting.draft(event, zone=tx.zone, now=now, by_journal=True)
    value = Value(draft.persons.index(NOBODY), "identity", PATH, canonical.encode(_said(tx.head.size)))
    append(tx, [replace(draft, values=tuple(sorted((*draft.values, value))))], clinic, sealer, now)


def renewed_to(stored: Iterable[Found], clinic: Clinic, sealer: Sealer) -> int:
    """Return up to which entry values were lost with a keep, as entries of `ACTION` say; 0 where none is believed."""
    return max((_up_to(found, clinic, sealer) for found in stored), default=0)


def _said(up_to: int) -> dict[str, Any]:
    return {"up_to_seq": up_to}


def _up_to(found: Found, clinic: Clinic, sealer: Sealer) -> int:
    sealed = sealed_by_nobody(found, clinic, sealer, PATH)
    if sealed is None:
        return 0
    body, value = sealed
    up_to = body.members["context"].get("up_to_seq")
    is_right = body.action == ACTION and type(up_to) is int and up_to < body.seq and value == _said(up_to)
    return up_to if is_right else 0
