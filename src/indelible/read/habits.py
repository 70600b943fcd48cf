"""What is new about a sign-in: a device or a network that its person's earlier sign-ins do not have.

A mark is a fact of the moment at which the log took the entry, so it is the same on every page and never changes:

    earlier     the person's successful sign-ins that have a lower number and did not happen later
    new_device  the device, in words, is that of none of them; where the host itself said whether it is new, its word
    new_network the network of the address is that of none of them

A failed attempt is compared and makes nothing known. Nothing is said where too little is known: nobody's first sign-in
is new; of who was erased nothing is known any more; an attempt on an unknown account is nobody's, and a sign-in that
somebody else made for a person (support, a system) is no habit of theirs.

A mark costs two looks into an index (`catalogue/recognition.py`), those of a whole page in one statement, and opens no
value but the entry's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..catalogue import recognition
from ..catalogue.recognition import DEVICE, NETWORK, SIGN_INS
from ..keep.personal import Dead
from ..stores.contract import Before
from .session import Session
from .view import View

FAILED = frozenset({"account.login_failed", "account.locked"})
NEW_DEVICE, NEW_NETWORK = "new_device", "new_network"
_MARKS = {DEVICE: NEW_DEVICE, NETWORK: NEW_NETWORK}


def marks(session: Session, views: Iterable[View]) -> Mapping[int, Sequence[str]]:
    """Return the marks of the sign-ins among some entries, by seq; an entry without any is left out."""
    session.sealer.refresh()
    found: dict[int, list[str]] = {}
    asked: list[tuple[View, str, Before, Before]] = []
    for view in views:
        if view.action in SIGN_INS | FAILED:
            if view.context.get("new_device") is True:
                found.setdefault(view.seq, []).append(NEW_DEVICE)
            asked += _questions(session, view)
    answers = session.linked([before for *_, anything, this in asked for before in (anything, this)])
    for (view, mark, *_), anything, this in zip(asked, answers[::2], answers[1::2], strict=True):
        if anything and not this:
            found.setdefault(view.seq, []).append(mark)
    return found


def _questions(session: Session, view: View) -> Iterator[tuple[View, str, Before, Before]]:
    """What is to be asked of a sign-in: whether anything of a kind is known of its person, and whether this is."""
    person = recognition.person(view.members)
    if person is None:
        return
    token = bytes.fromhex(view.members["tokens"][person])
    for kind, text in recognition.marks(view.values):
        if kind == DEVICE and view.context.get("new_device") is not None:
            continue
        try:
            anything, this = session.sealer.recognised(token, kind), session.sealer.recognised(token, kind, text)
        except Dead:
            return
        yield (
            view, _MARKS[kind], Before(kind, view.seq, view.occurred_at, anything),
            Before(kind, view.seq, view.occurred_at, this),
        )  # fmt: skip
