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

from . import canonical, drafting, entry
from .append import append
from .document import Document, System, Target
from .drafting import NOBODY, Value
from .errors import MalformedProof
from .personal import Sealer, Unreadable, split
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
    """Return up to which entry values were lost with a keep, as the entries of `ACTION` say; 0 where none is believed.

    That their values are those which were committed is left to verification.
    """
    return max((_up_to(found, clinic, sealer) for found in stored), default=0)


def _said(up_to: int) -> dict[str, Any]:
    return {"up_to_seq": up_to}


def _up_to(found: Found, clinic: Clinic, sealer: Sealer) -> int:
    try:
        body = entry.decode(found.body)
        up_to = body.members["context"].get("up_to_seq")
        group = next(group for group in body.groups if PATH in group.paths)
        token = bytes.fromhex(body.tokens[group.owner])
        if body.action != ACTION or body.seq != found.seq or token != clinic.nobody or type(up_to) is not int:
            return 0
        mine = (group.owner, group.personal_class)
        data = next(part.data for part in split(found.sealed) if (part.owner, part.personal_class) == mine)
        opened = sealer.open_values(
            bytes.fromhex(body.id.replace("-", "")), token, group.personal_class, data, group.paths
        )
    except (MalformedProof, Unreadable, StopIteration):
        return 0
    return up_to if opened.values.get(PATH) == _said(up_to) and up_to < body.seq else 0
