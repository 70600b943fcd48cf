"""An entry as the list shows it: who, what, when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from django.urls import reverse

from .. import instant
from ..view import View
from . import wording
from .phrases import phrases

# What has a story worth a link. The rest (settings, a log) is told by the list.
TOLD = frozenset({
    "booking", "voucher", "service", "schedule", "client", "staff", "account", "charge", "refund", "invoice", "dispute",
    "reward", "coupon", "loyalty_account",
})  # fmt: skip
_PERSONS = {"client": "client", "staff": "staff", "account": "staff", "loyalty_account": "client"}


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a sentence; with a `url`, a link."""

    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list. `second` is the actor's role, device, or the system's reason; `time` is on the clock."""

    view: View
    who: str
    second: str
    pieces: Sequence[Piece]
    label: str
    category: str
    local: datetime
    time: str
    exact: str
    role: str
    why: str
    url: str
    who_url: str

    @property
    def iso(self) -> str:
        return self.local.isoformat(timespec="seconds")

    @property
    def short(self) -> str:
        return wording.short_moment(self.local)

    @property
    def sentence(self) -> str:
        return "".join(piece.text for piece in self.pieces)


def row(view: View, clinic_id: str) -> Row:
    words = phrases()
    local = view.local_time
    return Row(
        view=view,
        who=words.who(view),
        second=_second(view),
        pieces=tuple(_pieces(view, clinic_id)),
        label=words.label(view),
        category=view.category,
        local=local,
        time=local.strftime("%H:%M:%S") + wording.twice(view.occurred_at, view.zone),
        exact=wording.full_moment(local),
        role=words.role(view),
        why=words.why(view),
        url=reverse("entry", args=[clinic_id, view.id]),
        who_url=story_url(clinic_id, view.actor["kind"], view.actor.get("id")),
    )


def _second(view: View) -> str:
    words = phrases()
    if view.members["actor"]["kind"] == "system":
        return words.why(view)
    return view.device or words.role(view)


def _pieces(view: View, clinic_id: str) -> Iterator[Piece]:
    for kind, text in phrases().sentence(view):
        yield Piece(text, _url(view, kind, clinic_id))


def _url(view: View, placeholder: str, clinic_id: str) -> str:
    if placeholder == "target" and (target := view.target):
        return story_url(clinic_id, target["kind"], target.get("id"))
    if placeholder == "client" and (client := view.client):
        return story_url(clinic_id, "client", client.get("id"))
    return ""


def story_url(clinic_id: str, kind: str, thing_id: str | None) -> str:
    """Return the address of a story; empty for what has none, or whose id is not known (any more)."""
    if not thing_id or kind not in TOLD:
        return ""
    return reverse("story", args=[clinic_id, _PERSONS.get(kind, kind), thing_id])


@dataclass(frozen=True, slots=True)
class Day:
    """The entries of one of the clinic's days."""

    day: date
    heading: str
    rows: Sequence[Row]


def by_day(views: Iterable[View], clinic_id: str) -> Sequence[Day]:
    """Group entries by the day that it was in the clinic when they happened."""
    rows = [row(view, clinic_id) for view in views]
    return [Day(day, wording.day(day), list(group)) for day, group in groupby(rows, key=lambda one: one.local.date())]


def instant_text(us: int, zone: str) -> str:
    return instant.local_text(us, instant.offset_minutes(us, instant.zone(zone)))


def same_kind(holder: str, kind: str) -> bool:
    """Whether a holder's kind is told under another: an account is its person's."""
    return _PERSONS.get(holder, holder) == kind


def details(view: View, clinic_id: str) -> list[object]:
    return []


def snapshot_details(view: View, clinic_id: str) -> list[object]:
    return []


def kind_name(kind: str) -> str:
    return kind.replace("_", " ").capitalize()


def channel(view: View) -> str:
    return (view.request.get("channel") or "").replace("_", " ").capitalize()
