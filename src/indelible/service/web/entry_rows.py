"""An entry as the list shows it: who, what, when; and the entries of one click as one row that unfolds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from itertools import groupby
from types import MappingProxyType
from urllib.parse import quote, urlencode

import orjson
from django.urls import reverse
from django.utils.http import RFC3986_SUBDELIMS
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ...catalogue.action import OUR_CATEGORIES
from ...catalogue.vocabulary import ROLES
from ...errors import InvalidInput
from ...format.money import EFFECTS
from ...read import query
from ...read.details import Detail, Speech, kind_label, snapshot
from ...read.details import details as entry_details
from ...read.headline import Headline, headline
from ...read.query import Choice, Query
from ...read.second_line import brief, second_line
from ...read.view import KNOWN_BY_NAME, View
from . import localization
from .filter_bar import Doors
from .localization import SPEECH
from .path_converters import HostsId

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


# Before an amount, by how it counts: a real minus, which is as wide as the plus; nothing where no money moves.
_SIGNS = {1: "+", -1: "\u2212", 0: ""}
_NO_MARKS: Mapping[int, Sequence[str]] = MappingProxyType({})


class Row:
    """One entry as pages show it. What a page does not show is never worked out.

    `others` are the further entries of the same click, in order of time, or the readings that a sign-in was for; `more`
    names them in a few words. Or they are somebody's earlier readings of the log, newest first: `repeated` says so.
    """

    def __init__(
        self,
        view: View,
        clinic_id: str,
        marks: Sequence[str] = (),
        others: Sequence[Row] = (),
        *,
        base: str = "",
        language: str = "",
    ) -> None:
        """`marks` is what is new about a sign-in; `base` the address of the clinic's pages and `language` the reader's,
        where they are known."""
        self.view, self.clinic_id, self.marks, self.others = view, clinic_id, marks, others
        self.base = base or reverse("activity", args=[clinic_id])
        self.language = language or localization.language()

    @property
    def kind(self) -> str:
        """The kind of who acted."""
        return str(self.view.members["actor"]["kind"])

    @cached_property
    def who(self) -> str:
        """Who acted, and on whose behalf."""
        return self.view.who_in(self._speech)

    @cached_property
    def device(self) -> str:
        """The device of who acted, in words."""
        return self.view.device_in(self._speech)

    @cached_property
    def second(self) -> str:
        """The system's reason, or the device, or the role of who acted."""
        return self.why if self.kind == "system" else self.device or self.role

    @property
    def pieces(self) -> Sequence[Piece]:
        """The entry in one sentence, with its links."""
        return [Piece(part.text, _url(self.view, part.name, self.clinic_id)) for part in self.view.sentence_in(SPEECH)]

    @property
    def sentence(self) -> str:
        return "".join(part.text for part in self.view.sentence_in(SPEECH))

    @property
    def label(self) -> str:
        return self._speech.translate(self.view.label)

    @property
    def category(self) -> str:
        """The category where it has an icon and a colour; a host's own is shown as `other`."""
        return self.view.category if self.view.category in OUR_CATEGORIES else "other"

    @cached_property
    def headline(self) -> Headline:
        """What it was done to and whom it concerns, and the second line without what that says."""
        return headline(self.view, self._speech)

    @cached_property
    def _speech(self) -> Speech:
        return localization.row_speech(self.language, self.local.year)

    @cached_property
    def local(self) -> datetime:
        """When it happened, on the clinic's present clock."""
        return self.view.local_time

    @property
    def time(self) -> str:
        return self.local.strftime("%H:%M:%S") + self._twice

    @property
    def minute(self) -> str:
        return self.local.strftime("%H:%M") + self._twice

    @cached_property
    def _twice(self) -> str:
        return localization.twice(self.view.occurred_at, self.view.zones.present)

    @property
    def exact(self) -> str:
        return localization.full_moment(self.local)

    @property
    def iso(self) -> str:
        return self.local.isoformat(timespec="seconds")

    @property
    def short(self) -> str:
        return localization.short_moment(self.local)

    @property
    def then(self) -> str:
        """What the clinic's clock of then showed, where that was another time."""
        return localization.then(self.view)

    @property
    def late(self) -> str:
        """That the log took the entry long after it happened."""
        return localization.late(self.view)

    @property
    def role(self) -> str:
        return _role(self.view)

    @property
    def why(self) -> str:
        return self.view.why_in(self._speech)

    @property
    def amount(self) -> str:
        """The entry's amount, with the sign of what it does to money; without one where it moves none."""
        view = self.view
        if view.amount_minor is None or not view.currency:
            return ""
        return _SIGNS[EFFECTS[view.money].net] + self._speech.money(view.amount_minor, view.currency)

    @property
    def moves_money(self) -> bool:
        return EFFECTS[self.view.money].net != 0

    @property
    def url(self) -> str:
        return f"{self.base}entries/{self.view.id}/"

    @property
    def actor(self) -> str:
        """Who acted, alone."""
        return self.view.own_name_in(SPEECH)

    @property
    def actor_url(self) -> str:
        """The address of what else the actor did."""
        return _actor_url(self.clinic_id, self.kind, self.view.actor.get("id"), self.base)

    @property
    def detail(self) -> str:
        """The second line of the sentence."""
        return second_line(self.view, SPEECH)

    @property
    def target_id(self) -> str:
        """The id of what it was done to, where it is not known by name."""
        target = self.view.target
        return "" if target is None or target["kind"] in KNOWN_BY_NAME | UNTOLD else target.get("id") or ""

    def story(self, kind: str, thing_id: str) -> str:
        """The address of a story of this clinic, or nothing."""
        return story_url(self.clinic_id, kind, thing_id, self.base)

    @property
    def repeated(self) -> bool:
        """That what stands below it is the same again."""
        return bool(self.others) and self.view.action == _READING

    @property
    def more(self) -> str:
        """What else the click did: "refunded €30.00, returned a session"."""
        named = list(dict.fromkeys(brief(other.view, SPEECH) for other in self.others))
        return ", ".join(named[:MOST_NAMED]) + (", …" if len(named) > MOST_NAMED else "")


def row(view: View, clinic_id: str, marks: Mapping[int, Sequence[str]] = _NO_MARKS) -> Row:
    """Return an entry's line; `marks` are those of sign-ins, by seq."""
    return Row(view, clinic_id, marks.get(view.seq, ()))


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


def _actor_url(clinic_id: str, kind: str, actor_id: str | None, base: str) -> str:
    """Return the address of an actor's story, or for an agent, who has none, of the list of what it did."""
    if kind != "agent" or not actor_id:
        return story_url(clinic_id, kind, actor_id, base)
    try:
        wanted = query.format(Query(Choice(actors=frozenset({actor_id}))))
    except InvalidInput:  # longer than a value of a filter
        return ""
    return f"{base}?{urlencode({'q': wanted})}"


def story_url(clinic_id: str, kind: str, thing_id: str | None, base: str = "") -> str:
    """Return the address of a story; empty for what has none, or whose id is not known (any more).

    `base` is the address of the clinic's pages, where it is known: a list has hundreds of stories to lead to.
    """
    if not thing_id or not kind or kind in UNTOLD or "/" in kind:
        return ""
    if not base:
        return reverse("story", args=[clinic_id, kind, thing_id])
    return f"{base}story/{quote(kind)}/{quote(HostsId().to_url(thing_id), safe=_IN_A_PATH)}/"


# What Django leaves as it is in a part of a path.
_IN_A_PATH = f"{RFC3986_SUBDELIMS}/~:@"


@dataclass(frozen=True, slots=True)
class DayRows:
    """The entries of one of the clinic's days."""

    day: date
    heading: str
    rows: Sequence[Row]


def by_day(
    views: Iterable[View], clinic_id: str, marks: Mapping[int, Sequence[str]] = _NO_MARKS, *, folded: bool = True
) -> Sequence[DayRows]:
    """Group entries, newest first, by the day on which they happened on the clinic's present clock.

    Entries of one click that stand one after the other become one row: its first entry, which the others follow from.
    So do somebody's readings of the log, which would else fill the screen of whoever looks often. Not `folded`, each
    entry has a row of its own, for paper.
    """
    base, language = reverse("activity", args=[clinic_id]), localization.language()
    rows = [Row(view, clinic_id, marks.get(view.seq, ()), base=base, language=language) for view in views]
    return [
        DayRows(day, localization.day(day), list(_readings(_by_click(list(group))) if folded else group))
        for day, group in groupby(rows, key=lambda one: one.local.date())
    ]


def _by_click(rows: Sequence[Row]) -> Iterator[Row]:
    for operation, group in groupby(rows, key=lambda one: one.view.members.get("operation")):
        if operation is None:
            yield from group
            continue
        *others, first = group
        first.others = tuple(reversed(others))
        yield first


_READING = "log.viewed"
_SIGN_IN = "account.logged_in"


def _is_same(one: Row, other: Row) -> bool:
    """Whether two rows are of one person: not by name, which others may have too."""
    mine, theirs = _token(one.view), _token(other.view)
    return mine is not None and mine == theirs


def _token(view: View) -> str | None:
    """Who acted, by the name that the log alone has for a person."""
    person = view.members["actor"].get("person")
    return None if person is None else str(view.members["tokens"][person])


def _readings(rows: Iterable[Row]) -> Iterator[Row]:
    """Fold somebody's readings below the sign-in that they came with, or below the newest of them."""
    last: Row | None = None
    for one in rows:
        same = last is not None and _is_same(one, last) and not one.others
        if last is not None and same and one.view.action == _READING:
            last.others = (*last.others, one)
        elif last is not None and same and one.view.action == _SIGN_IN:
            one.others = tuple(reversed((last, *last.others)))
            last.others = ()
            yield one
            last = None
        else:
            if last is not None:
                yield last
            last = one if one.view.action == _READING else None
            if last is None:
                yield one
    if last is not None:
        yield last


NOWHERE = Doors("", "")
# The ways from a value, given the key of a filter: the addresses of the list of only what has it, and of all but that.
WaysOf = Callable[[str, str], Doors]


@dataclass(frozen=True, slots=True)
class Shown:
    """A detail with the address of the story that it leads to, and the ways from it into the list."""

    detail: Detail
    url: str
    parts: Sequence[Shown]
    ways: Doors = NOWHERE

    def __getattr__(self, name: str) -> str:
        return str(getattr(self.detail, name))

    @property
    def changed(self) -> bool:
        return self.detail.changed


def _shown(view: View, clinic_id: str, one: Detail, ways_of: WaysOf | None = None) -> Shown:
    parts = tuple(_shown(view, clinic_id, part) for part in one.parts)
    ways = NOWHERE
    if ways_of and one.id and one.kind and one.kind not in UNTOLD:
        ways = ways_of("client", one.id) if one.kind == "client" else ways_of("about", f"{one.kind}/{one.id}")
    elif ways_of and one.name == "amount_minor" and view.amount_minor is not None and not one.changed:
        ways = ways_of("", one.text)
    return Shown(one, story_url(clinic_id, one.kind, one.id), parts, ways)


def details(view: View, clinic_id: str, ways_of: WaysOf | None = None) -> Sequence[Shown]:
    """Return every field of an entry, labelled and formatted; but what was deleted, which `deleted` tells. With
    `ways_of`, each has its ways into the list."""
    told = "snapshot" if deleted(view) is not None else None
    return [_shown(view, clinic_id, one, ways_of) for one in _named(entry_details(view, SPEECH)) if one.name != told]


def _named(said: Iterable[Detail]) -> Iterator[Detail]:
    """A thing in one field with what it is called, where the field beside it says that: `service`, `service_name`."""
    fields = list(said)
    names = {one.name: one for one in fields if one.text and not (one.changed or one.parts or one.state or one.id)}
    things = {one.name for one in fields if one.name and one.id}
    for one in fields:
        if one.name.endswith("_name") and one.name.removesuffix("_name") in things and one.name in names:
            continue
        name = names.get(f"{one.name}_name") if one.id and one.name else None
        yield one if name is None else replace(one, text=f"{name.text} ({one.text})")


def context_details(view: View, clinic_id: str, heading: str) -> Sequence[Shown]:
    """Return what a story tells of an entry besides its heading's thing."""
    return [one for one in details(view, clinic_id) if one.detail.id != heading]


@dataclass(frozen=True, slots=True)
class Deleted:
    """What was deleted, as a price list has it: `text` is all of it to read and to copy, `raw` what a program takes.

    `facts` is the line below the name, `details` what is besides name, facts and description."""

    name: str
    facts: Sequence[str]
    description: str
    details: Sequence[Detail]
    raw: str

    @property
    def text(self) -> str:
        lines = [self.name, *self.facts, self.description]
        lines += [f"{one.label}: {_flat(one)}" for one in self.details]
        return "\n".join(filter(None, lines))


def deleted(view: View) -> Deleted | None:
    """Return what an entry says was deleted, in full; None for one that deleted nothing, or did not keep it."""
    kept = view.context.get("snapshot")
    # What was created or restored has a snapshot too.
    if not view.action.endswith((".deleted", ".removed")) or not isinstance(kept, dict) or not kept:
        return None
    found = {one.name: one for one in snapshot(view, SPEECH)}
    texts = {name: kept[name] for name in ("name", "description") if isinstance(kept.get(name), str)}
    facts = [found[name].text for name in _FACTS if name in found and found[name].text]
    besides = [one for name, one in found.items() if name not in {*_FACTS, *texts, "id"}]
    return Deleted(texts.get("name") or (view.target or {}).get("name") or "", facts, texts.get("description", ""),
                   besides, orjson.dumps(kept, option=orjson.OPT_INDENT_2).decode())  # fmt: skip


# What stands below the name on a price list.
_FACTS = ("duration_minutes", "price_minor")


def _flat(one: Detail) -> str:
    """A detail in one line of text."""
    if one.parts:
        return "; ".join(f"{part.label}: {_flat(part)}" for part in one.parts)
    return f"{one.old} → {one.new}" if one.changed else one.text


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
