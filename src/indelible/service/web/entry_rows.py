"""An entry as the list shows it: who, what, when; and the entries of one click as one row that unfolds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from types import MappingProxyType
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ...catalogue.action import OUR_CATEGORIES
from ...catalogue.vocabulary import ROLES
from ...errors import InvalidInput
from ...read import query
from ...read.details import Detail, kind_label, snapshot
from ...read.details import details as entry_details
from ...read.query import Choice, Query
from ...read.second_line import brief, second_line
from ...read.view import View
from . import localization
from .localization import SPEECH

# What has no story worth a link: the list tells it. Everything else has one, also a host's own kinds of things.
UNTOLD = frozenset({
    "clinic", "settings", "log", "session", "loyalty_account", "support", "integration", "agent", "system",
})  # fmt: skip


# Of the entries that a click's row folds up, so many are named on it.
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a sentence; with a `url`, a link."""

    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list. `second` is the actor's role, device, or the system's reason; `detail` the second line.

    `others` are the further entries of the same click, in order of time; `more` names them in a few words.

    `who` says also on whose behalf; `actor` is the actor alone, with the address of what else the actor did.
    `category` is one that has an icon and a colour: a host's own is shown as `other`.
    `time` is on the clinic's present clock, and `then` what its clock of then showed, where that differed; `late` says
    that the log took the entry long after it happened; `marks` what is new about a sign-in.
    """

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
    actor: str
    actor_url: str
    then: str
    late: str
    marks: Sequence[str]
    detail: str
    others: Sequence[Row] = ()

    @property
    def iso(self) -> str:
        return self.local.isoformat(timespec="seconds")

    @property
    def short(self) -> str:
        return localization.short_moment(self.local)

    @property
    def sentence(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    @property
    def more(self) -> str:
        """What else the click did: "refunded €30.00, returned a session"."""
        named = [brief(other.view, SPEECH) for other in self.others[:MOST_NAMED]]
        return ", ".join(named) + (", …" if len(self.others) > MOST_NAMED else "")


_NONE: Mapping[int, Sequence[str]] = MappingProxyType({})


def row(view: View, clinic_id: str, marks: Mapping[int, Sequence[str]] = _NONE) -> Row:
    """Return an entry's line; `marks` are those of sign-ins, by seq."""
    local, kind = view.local_time, view.members["actor"]["kind"]
    return Row(
        view=view,
        who=view.who_in(SPEECH),
        second=view.why_in(SPEECH) if kind == "system" else view.device or _role(view),
        pieces=tuple(Piece(part.text, _url(view, part.name, clinic_id)) for part in view.sentence_in(SPEECH)),
        label=gettext(view.label),
        category=view.category if view.category in OUR_CATEGORIES else "other",
        local=local,
        time=local.strftime("%H:%M:%S") + localization.twice(view.occurred_at, view.zones.present),
        exact=localization.full_moment(local),
        role=_role(view),
        why=view.why_in(SPEECH),
        url=reverse("entry", args=[clinic_id, view.id]),
        actor=view.own_name_in(SPEECH),
        actor_url=_actor_url(clinic_id, kind, view.actor.get("id")),
        then=localization.then(view),
        late=localization.late(view),
        marks=marks.get(view.seq, ()),
        detail=second_line(view, SPEECH),
    )


def _role(view: View) -> str:
    role = view.actor.get("role") or ""
    return gettext(role) if role in ROLES else role


def _url(view: View, placeholder: str, clinic_id: str) -> str:
    if placeholder == "target" and (target := view.target):
        if target["kind"] == "loyalty_account":  # its client's, whose story has all of it; its own id finds nothing
            return story_url(clinic_id, "client", (view.client or {}).get("id"))
        return story_url(clinic_id, target["kind"], target.get("id"))
    if placeholder == "client" and (client := view.client):
        return story_url(clinic_id, "client", client.get("id"))
    return ""


def _actor_url(clinic_id: str, kind: str, actor_id: str | None) -> str:
    """Return the address of an actor's story, or for an agent, who has none, of the list of what it did."""
    if kind != "agent" or not actor_id:
        return story_url(clinic_id, kind, actor_id)
    try:
        wanted = query.format(Query(Choice(actors=frozenset({actor_id}))))
    except InvalidInput:  # longer than a value of a filter
        return ""
    return f"{reverse('activity', args=[clinic_id])}?{urlencode({'q': wanted})}"


def story_url(clinic_id: str, kind: str, thing_id: str | None) -> str:
    """Return the address of a story; empty for what has none, or whose id is not known (any more)."""
    if not thing_id or not kind or kind in UNTOLD or "/" in kind:
        return ""
    return reverse("story", args=[clinic_id, kind, thing_id])


@dataclass(frozen=True, slots=True)
class DayRows:
    """The entries of one of the clinic's days."""

    day: date
    heading: str
    rows: Sequence[Row]


def by_day(views: Iterable[View], clinic_id: str, marks: Mapping[int, Sequence[str]] = _NONE) -> Sequence[DayRows]:
    """Group entries, newest first, by the day on which they happened on the clinic's present clock.

    Entries of one click that stand one after the other become one row: its first entry, which the others follow from.
    """
    rows = [row(view, clinic_id, marks) for view in views]
    return [
        DayRows(day, localization.day(day), list(_by_click(list(group))))
        for day, group in groupby(rows, key=lambda one: one.local.date())
    ]


def _by_click(rows: Sequence[Row]) -> Iterator[Row]:
    for operation, group in groupby(rows, key=lambda one: one.view.members.get("operation")):
        if operation is None:
            yield from group
            continue
        *others, first = group
        yield replace(first, others=tuple(reversed(others)))


@dataclass(frozen=True, slots=True)
class Shown:
    """A detail with the address of the story that it leads to."""

    detail: Detail
    url: str
    parts: Sequence[Shown]

    def __getattr__(self, name: str) -> str:
        return str(getattr(self.detail, name))

    @property
    def changed(self) -> bool:
        return self.detail.changed


def _shown(view: View, clinic_id: str, one: Detail) -> Shown:
    parts = tuple(_shown(view, clinic_id, part) for part in one.parts)
    return Shown(one, story_url(clinic_id, one.kind, one.id), parts)


def details(view: View, clinic_id: str) -> Sequence[Shown]:
    """Return every field of an entry, labelled and formatted."""
    return [_shown(view, clinic_id, one) for one in entry_details(view, SPEECH)]


def context_details(view: View, clinic_id: str, heading: str) -> Sequence[Shown]:
    """Return what a story tells of an entry besides its heading's thing."""
    return [one for one in details(view, clinic_id) if one.detail.id != heading]


def snapshot_details(view: View, clinic_id: str) -> Sequence[Shown]:
    """Return what was deleted, field by field."""
    return [_shown(view, clinic_id, one) for one in snapshot(view, SPEECH)]


def kind_name(kind: str) -> str:
    return gettext(kind_label(kind))


_CHANNELS = {
    "staff_web": _("The clinic's program, in a browser"),
    "staff_app": _("The clinic's app"),
    "client_web": _("The clinic's website"),
    "client_app": _("The clients' app"),
    "webhook": _("A message from another system"),
    "api": _("Another program"),
    "import": _("An import"),
    "command": _("A command on the server"),
    "job": _("A job on the server"),
}


def channel(view: View) -> str:
    """Return through which door it came, in words."""
    code = view.request.get("channel") or ""
    return str(_CHANNELS.get(code, code))
