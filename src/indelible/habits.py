"""What is new about a sign-in: a device or a network that its person's earlier sign-ins do not have.

A mark is a fact of the moment at which the log took the entry, so it is the same on every page and never changes:

    earlier     the person's successful sign-ins that have a lower number and did not happen later
    new_device  the device, in words, is that of none of them; where the host itself said whether it is new, its word
    new_network the network of the address is that of none of them

A failed attempt is compared and makes nothing known. Nothing is said where too little is known: nobody's first sign-in
is new; of who was erased nothing is known any more; an attempt on an unknown account is nobody's, and a sign-in that
somebody else made for a person (support, a system) is no habit of theirs.

A mark costs two looks into an index (`recognition.py`), and opens no value but the entry's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from . import recognition
from .journal import ClinicLog
from .personal import Dead
from .recognition import DEVICE, NETWORK, SIGN_INS
from .view import View

FAILED = frozenset({"account.login_failed", "account.locked"})
NEW_DEVICE, NEW_NETWORK = "new_device", "new_network"
_MARKS = {DEVICE: NEW_DEVICE, NETWORK: NEW_NETWORK}


def marks(log: ClinicLog, views: Iterable[View]) -> Mapping[int, Sequence[str]]:
    """Return the marks of the sign-ins among some entries, by seq; an entry without any is left out."""
    log.sealer.refresh()
    found = ((view.seq, tuple(_marks(log, view))) for view in views if view.action in SIGN_INS | FAILED)
    return {seq: one for seq, one in found if one}


def _marks(log: ClinicLog, view: View) -> Iterator[str]:
    said = view.context.get("new_device")
    if said is True:
        yield NEW_DEVICE
    person = recognition.person(view.members)
    if person is None:
        return
    token = bytes.fromhex(view.members["tokens"][person])
    for kind, text in recognition.marks(view.values):
        if kind == DEVICE and said is not None:
            continue
        try:
            anything, this = log.sealer.recognised(token, kind), log.sealer.recognised(token, kind, text)
        except Dead:
            return
        before = (log.info.id, kind, view.seq, view.occurred_at)
        if log.store.is_linked(*before, anything) and not log.store.is_linked(*before, this):
            yield _MARKS[kind]
