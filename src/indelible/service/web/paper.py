"""What every sheet of paper says of itself: who printed it, when, and by what anybody can tell that it is of this log.

The fingerprint is that of the newest signed checkpoint: how many entries it covers, and the root of the tree over them,
in groups that can be read aloud. Whoever keeps the sheet can compare it with the log, and an auditor with a bundle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...proof.note import fingerprint
from . import localization
from .access import Visit


@dataclass(frozen=True, slots=True)
class Paper:
    """The head of a printed page. `root` is empty, and `size` 0, where nothing is signed yet."""

    clinic: str
    printed_by: str
    role: str
    printed_at: str
    zone: str
    up_to: int
    size: int
    signed_at: str
    root: Sequence[str]
    key: str
    origin: str


def groups(root: bytes) -> list[str]:
    """Return a hash in groups of four hexadecimal digits."""
    digits = root.hex()
    return [digits[at : at + 4] for at in range(0, len(digits), 4)]


def paper(visit: Visit) -> Paper:
    session = visit.session
    signed = session.last_checkpoint()
    return Paper(
        clinic=session.name,
        printed_by=visit.actor.name or visit.actor.id or "",
        role=str(visit.role.label),
        printed_at=localization.moment(session.now, session.zone),
        zone=session.zone,
        up_to=session.up_to,
        size=signed.size if signed else 0,
        signed_at=localization.moment(signed.signed_at, session.zone) if signed else "",
        root=groups(signed.root) if signed else (),
        key=fingerprint(session.clinic.vkey),
        origin=session.clinic.origin,
    )
