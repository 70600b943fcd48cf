"""The story of one thing or person: all that happened to it, across categories, oldest first.

An entry belongs to the story of a subject for one of these reasons, the first that holds:

    itself       it refers to the subject: as target, client, actor, or in its context
    payment      it is about a charge, refund or invoice that an entry of the subject's is about, such as a refund that
                 Stripe reported without saying which booking it was for
    together     it was recorded in the same operation, the same click, as an entry of the subject's
    merged       it refers to a record that was merged with the subject, a client: the same person (`merging.py`)

The subject is `kind/id` (booking/bk_99812, voucher/v_7, service/srv_1, client/cli_77, staff/usr_12), or an id alone
where one kind uses it. A client's payments and operations are the client's own entries, so only bookings, vouchers and
other things look for payments and clicks, and only clients for merged records.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ..errors import NotFound
from ..format import entry
from ..record.document import is_plain_text
from ..stores.contract import Reference, Selection
from .merging import merged_with
from .selecting import about
from .session import Session
from .view import View

Why = Literal["itself", "payment", "together", "merged"]

# What a story shows at most. A longer one is a list: `client:ID` pages through it.
STORY_LIMIT = 2_000
# Kinds of things that belong to one booking or sale, so that what happens to them happens to it.
_PAYMENTS = frozenset({"charge", "refund", "invoice", "dispute"})
_NOTHING = (
    "no entry is about this; give its kind and id, such as booking/bk_99812 or client/cli_77. A client who was "
    "anonymized is not found by id any more"
)
# Half a character, as a command line makes of a byte that is no text. No id has one.
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Told:
    """One entry of a story, and why it belongs to it."""

    view: View
    why: Why


@dataclass(frozen=True, slots=True)
class Story:
    """Entries in order of time. `whole` is false where there are more than STORY_LIMIT; these are then the newest."""

    subject: str
    entries: tuple[Told, ...]
    whole: bool


def story(session: Session, subject: str) -> Story:
    """Return the story of `kind/id` or of an id. Raises NotFound where no entry refers to it."""
    if not is_plain_text(subject) or _HALF.search(subject):
        raise NotFound(_NOTHING)
    references = tuple(about(session, subject))
    own = _read(session, references)
    if not own:
        raise NotFound(_NOTHING)
    told = {view.seq: Told(view, "itself") for view in own}
    if not any(reference.kind == "person" for reference in _occurring(own, references)):
        _add(told, session, _payments(own), "payment")
        _add(told, session, _operations(own), "together")
    if (client := _client(session, subject)) and (others := merged_with(session, client)):
        _add(told, session, (one for other in others for one in about(session, f"client/{other}")), "merged")
    entries = sorted(told.values(), key=lambda one: (one.view.occurred_at, one.view.seq))
    return Story(subject, tuple(entries[-STORY_LIMIT:]), len(told) <= STORY_LIMIT)


def _client(session: Session, subject: str) -> str:
    """The id of the client that `client/id` or an id means; empty where it means none."""
    readings = (subject.removeprefix("client/"), subject)
    return next((one for one in readings if session.token("client", one) is not None), "")


def _read(session: Session, references: Iterable[Reference]) -> list[View]:
    group = tuple(references)
    if not group:
        return []
    return list(session.views(Selection(up_to=session.up_to, references=(group,)), limit=STORY_LIMIT + 1))


def _add(told: dict[int, Told], session: Session, references: Iterable[Reference], why: Why) -> None:
    for view in _read(session, references):
        told.setdefault(view.seq, Told(view, why))


def _occurring(views: Iterable[View], references: Iterable[Reference]) -> set[Reference]:
    """Those of some references that the entries have, without their roles."""
    wanted = {(reference.kind, reference.ref) for reference in references}
    return {Reference(*found) for view in views for found in _links(view) if found in wanted}


def _links(view: View) -> set[tuple[str, bytes]]:
    return {(kind, ref) for kind, ref, _ in entry.links(view.members)}


def _payments(views: Iterable[View]) -> set[Reference]:
    return {Reference(kind, ref) for view in views for kind, ref in _links(view) if kind in _PAYMENTS}


def _operations(views: Iterable[View]) -> set[Reference]:
    return {Reference(kind, ref) for view in views for kind, ref in _links(view) if kind == "operation"}
