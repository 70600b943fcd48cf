"""The filter bar: what a reader chooses there, as a filter's text and back.

    /c/<clinic>/?q=category:payments from:month       every filter is one text in the URL; what is relative stays so
    /c/<clinic>/?rest=…&words=…                       what the search box sends; a redirect leads to the first
    /c/<clinic>/?rest=…&from=…&from_at=…&to=…&to_at=… what the days' own fields send

`rest` is the filter without what the form's own fields show. Everything else is a link: one click, and no script.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple
from urllib.parse import quote

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ... import catalogue
from ...catalogue.action import CATEGORIES, OUR_CATEGORIES
from ...errors import InvalidInput, InvalidQuery
from ...read import bounds, query
from ...read.actors import Acting
from ...read.bounds import Back, Bound, Minute, Named
from ...read.query import Choice, Query
from ...read.recorded import LATE, End, Recorded
from ...read.session import Session
from . import localization

FIELDS = ("words", "rest", "from", "from_at", "to", "to_at")
KINDS = {
    "staff": gettext_lazy("Any staff"),
    "client": gettext_lazy("Any client"),
    "system": gettext_lazy("System"),
    "integration": gettext_lazy("Any integration"),
    "support": gettext_lazy("Support"),
    "agent": gettext_lazy("Any assistant"),
}


class Days(NamedTuple):
    """A range that is chosen with one click."""

    first: Bound
    last: Bound | None
    label: str


def _span(name: str, label: str) -> Days:
    """A period: of what is still going on, all that there is so far."""
    over = name == "yesterday" or name.startswith("last-")
    return Days(Named(name), Named(name) if over else None, label)


PRESETS = (
    _span("today", gettext_lazy("Today")),
    _span("yesterday", gettext_lazy("Yesterday")),
    Days(Back(2, "h"), None, gettext_lazy("Last 2 hours")),
    Days(Back(24, "h"), None, gettext_lazy("Last 24 hours")),
    _span("week", gettext_lazy("This week")),
    _span("last-week", gettext_lazy("Last week")),
    Days(Back(7, "d"), None, gettext_lazy("Last 7 days")),
    Days(Back(30, "d"), None, gettext_lazy("Last 30 days")),
    _span("month", gettext_lazy("This month")),
    _span("last-month", gettext_lazy("Last month")),
    _span("quarter", gettext_lazy("This quarter")),
    _span("last-quarter", gettext_lazy("Last quarter")),
    _span("year", gettext_lazy("This year")),
    _span("last-year", gettext_lazy("Last year")),
)
# In the middle of a sentence: "from last month on".
_NAMES = {
    "today": gettext_lazy("today"),
    "yesterday": gettext_lazy("yesterday"),
    "week": gettext_lazy("this week"),
    "month": gettext_lazy("this month"),
    "quarter": gettext_lazy("this quarter"),
    "year": gettext_lazy("this year"),
    "last-week": gettext_lazy("last week"),
    "last-month": gettext_lazy("last month"),
    "last-quarter": gettext_lazy("last quarter"),
    "last-year": gettext_lazy("last year"),
}
# Views that everybody has, each with a filter that says exactly this; those of which something occurs are offered.
VIEWS = (
    (gettext_lazy("Cancelled reservations"), ("booking.cancelled",), "action:booking.cancelled"),
    (
        gettext_lazy("Refunds"),
        ("charge.refunded", "charge.refund_failed"),
        "action:charge.refund_failed action:charge.refunded",
    ),
    (gettext_lazy("Failed payments"), ("charge.failed",), "action:charge.failed"),
    (gettext_lazy("Payments this year"), ("charge.succeeded",), "category:payments from:year"),
    (gettext_lazy("Payments last year"), ("charge.succeeded",), "category:payments from:last-year to:last-year"),
    (gettext_lazy("Changed outside the application"), ("record.changed_outside",), "action:record.changed_outside"),
    (gettext_lazy("Entered afterwards by staff"), (), "actor:staff recorded:late"),
    (gettext_lazy("Done by the System"), (), "actor:system"),
)

_KEYS = {
    "actor": gettext_lazy("Who"),
    "action": gettext_lazy("What"),
    "category": gettext_lazy("What"),
    "target": gettext_lazy("Done to"),
    "client": gettext_lazy("Client"),
    "about": gettext_lazy("About"),
    "only": gettext_lazy("About"),
    "operation": gettext_lazy("One click"),
    "stripe": gettext_lazy("Stripe"),
    "days": "",
    "in": gettext_lazy("Looked for in"),
    "recorded": gettext_lazy("Recorded"),
    "": gettext_lazy("With"),
}


def category_name(code: str) -> str:
    """Return what a category is called; a host's own by the title that it gave."""
    return _(catalogue.category_title(code))


def key_name(key: str) -> str:
    """Return what a key of the filter's text is called on a chip."""
    return str(_KEYS[key])


def value_name(key: str, value: str, names: Mapping[str, str]) -> str:
    """Return a value as a chip shows it; `names` are those of actors by id. That of days is in words already."""
    if key == "actor":
        return str(KINDS[value]) if value in KINDS else names.get(value, value)
    if key == "category":
        return category_name(value)
    if key == "in":
        return _("every text")
    if key == "action":
        declared = catalogue.find(value)
        return _(declared.label) if declared else value
    return _recorded_name(value) if key == "recorded" else value


def _recorded_name(value: str) -> str:
    if value == LATE:
        return _("more than an hour after it happened")
    taken = Recorded.parse(value)
    return _range_name(*map(_end_name, (taken.first, taken.last)))


def _end_name(end: End | None) -> str:
    if isinstance(end, int):
        return _("entry %(number)s") % {"number": localization.number(end)}
    return localization.short_day(end) if end else ""


def _range_name(first: str, last: str) -> str:
    if first == last:
        return first
    if not last:
        return _("from %(first)s on") % {"first": first}
    return f"{first} – {last}" if first else _("up to %(last)s") % {"last": last}


def days_name(first: Bound | None, last: Bound | None) -> str:
    """Return a range as a chip and the button of the days show it: "Last 7 days", "1 May 2026 – 31 May 2026"."""
    for preset in PRESETS:
        if (preset.first, preset.last) == (first, last):
            return str(preset.label)
    if isinstance(first, Named) and first == last:
        return str(_NAMES[first.name]).capitalize()
    if isinstance(first, Minute) and isinstance(last, Minute) and first.day == last.day:
        return f"{localization.short_day(first.day)}, {first.clock} – {last.clock}"
    if isinstance(first, Back):
        said = ngettext("Last %(n)s hour", "Last %(n)s hours", first.number) if first.unit == "h" else (
            ngettext("Last %(n)s day", "Last %(n)s days", first.number))  # fmt: skip
        since = said % {"n": localization.number(first.number)}
        return since if last is None else f"{since}, {_range_name('', _bound_name(last))}"
    return _range_name(_bound_name(first), _bound_name(last))


def _bound_name(bound: Bound | None) -> str:
    match bound:
        case Named():
            return str(_NAMES[bound.name])
        case Minute():
            return f"{localization.short_day(bound.day)}, {bound.clock}"
        case date():
            return localization.short_day(bound)
    return ""


# From the form's fields to a filter


@dataclass(frozen=True, slots=True)
class Form:
    """What the fields of the bar show for a filter; `rest` is what the search box does not show, `undated` the filter
    without days."""

    words: str = ""
    rest: str = ""
    undated: str = ""
    first: str = ""
    first_at: str = ""
    last: str = ""
    last_at: str = ""


def form(session: Session, wanted: Query) -> Form:
    """Return what the bar shows for a filter, so that sending it again means the same filter."""
    typed = Query(words=wanted.words, unwanted_words=wanted.unwanted_words, in_text=wanted.in_text)
    first, last = bounds.resolved(wanted.first, wanted.last, session.now, session.zone)
    return Form(
        query.format(typed),
        query.format(query.without_words(wanted)),
        query.format(replace(wanted, first=None, last=None)),
        *_fields(first),
        *_fields(last),
    )


def _fields(bound: bounds.Absolute | None) -> tuple[str, str]:
    if isinstance(bound, Minute):
        return bound.day.isoformat(), bound.clock
    return (bound.isoformat() if bound else ""), ""


def as_sent(sent: Mapping[str, str]) -> Form:
    """Return the fields as they were sent, for who mends them."""
    text = joined(sent)
    return Form(text, "", text, sent["from"], sent["from_at"], sent["to"], sent["to_at"])


def joined(sent: Mapping[str, str]) -> str:
    """Return the texts that were sent as one: the filter that was there, and behind it what was typed."""
    return " ".join(part for part in (sent["rest"], sent["words"]) if part)


def merged(session: Session, sent: Mapping[str, str]) -> Query:
    """Return the filter that the form's fields mean together.

    Raises InvalidInput, and InvalidQuery with the position in the text that `joined` returns.
    """
    wanted = session.parse(sent["rest"])
    try:
        wanted = _with(wanted, session.parse(sent["words"]))
    except InvalidQuery as error:
        before = len(sent["rest"]) + 1 if sent["rest"] else 0
        raise InvalidQuery(str(error), before + error.position, error.nearest) from error
    if any(sent[name] for name in ("from", "from_at", "to", "to_at")):
        first, last = _bound(sent, "from"), _bound(sent, "to")
        if bounds.are_exchanged(first, last):
            raise InvalidInput(_("The first day is after the last one; exchange them."))
        wanted = replace(wanted, first=first, last=last)
    return wanted


def _with(wanted: Query, typed: Query) -> Query:
    """A filter and what was typed besides: days that were typed take the place of those that were there."""
    dated = typed if typed.first or typed.last else wanted
    return Query(
        _union(wanted.wanted, typed.wanted),
        _union(wanted.unwanted, typed.unwanted),
        dated.first,
        dated.last,
        tuple(dict.fromkeys((*wanted.words, *typed.words))),
        tuple(dict.fromkeys((*wanted.unwanted_words, *typed.unwanted_words))),
        wanted.in_text or typed.in_text,
        typed.recorded or wanted.recorded,
        wanted.late or typed.late,
    )


def _union(choice: Choice, other: Choice) -> Choice:
    return Choice(**{name: getattr(choice, name) | getattr(other, name) for name in Choice.__dataclass_fields__})


def _bound(sent: Mapping[str, str], key: str) -> bounds.Bound | None:
    """The bound of a day and a time of day; a time without a day is refused, as it would be left out silently."""
    day, clock = sent[key], sent[f"{key}_at"][:5]  # a browser may add seconds
    if not day and not clock:
        return None
    if not day:
        raise InvalidInput(_("There is a time without a day; choose the day too."))
    return bounds.parse(f"{day}T{clock}" if clock else day, key)


# The parts of a filter


@dataclass(frozen=True, slots=True)
class Chip:
    """One part of a filter: its text, the filter's text without it, and with it turned around, where that can be."""

    key: str
    value: str
    negated: bool
    without: str
    turned: str = ""


def chips(wanted: Query) -> Sequence[Chip]:
    """Return the parts of a filter, each with the filter's text without it; both ends of a range are one part."""
    return list(_chips(wanted))


def _chips(wanted: Query) -> Iterator[Chip]:
    if wanted.first or wanted.last:
        rest = replace(wanted, first=None, last=None)
        yield Chip("days", days_name(wanted.first, wanted.last), False, query.format(rest))
    for negated, choice in ((False, wanted.wanted), (True, wanted.unwanted)):
        for key, value in choice.pairs():
            yield _chip(wanted, key, value, negated)
    for negated, words in ((False, wanted.words), (True, wanted.unwanted_words)):
        for word in words:
            yield _chip(wanted, "", word, negated)
    if wanted.recorded:
        yield Chip("recorded", wanted.recorded.format(), False, query.format(replace(wanted, recorded=None)))
    if wanted.late:
        yield Chip("recorded", LATE, False, query.format(replace(wanted, late=False)))
    if wanted.in_text:
        yield Chip("in", "text", False, query.format(replace(wanted, in_text=False)))


def _chip(wanted: Query, key: str, value: str, negated: bool) -> Chip:
    rest = _less(wanted, key, value)
    turned = _more(rest, key, value, wanted=negated)
    return Chip(key, value, negated, query.format(rest), query.format(turned) if turned else "")


class Doors(NamedTuple):
    """The texts of two filters: only what has a value, and all but that; empty where a filter cannot say it."""

    only: str
    without: str


def doors(wanted: Query, key: str, value: str) -> Doors:
    """Return a filter with a value chosen, in the place of others of its key, and with it left out.

    `key` is one of an id or a code (actor, action, category, target, client, about, operation, stripe), or empty for a
    free word, such as an IP address or an amount. An id that is too long for a filter has no doors.
    """
    rest = _less(wanted, key, value)
    only = _more(_without_key(rest, key), key, value, wanted=True)
    without = _more(rest, key, value, wanted=False)
    return Doors(query.format(only) if only else "", query.format(without) if without else "")


_MEMBERS = {
    "action": ("actions",),
    "category": ("categories",),
    "actor": ("kinds", "actors"),
    "target": ("targets",),
    "client": ("clients",),
    "about": ("abouts",),
    "only": ("onlys",),
    "operation": ("operations",),
    "stripe": ("stripes",),
}
# An action of another category is never found: who chooses one means it in the place of both.
_TOGETHER = {"action": ("actions", "categories"), "category": ("actions", "categories")}


def _less(wanted: Query, key: str, value: str) -> Query:
    """A filter that says nothing of a value."""
    if not key:
        return replace(
            wanted,
            words=tuple(one for one in wanted.words if one != value),
            unwanted_words=tuple(one for one in wanted.unwanted_words if one != value),
        )
    yes, no = (
        replace(choice, **{name: getattr(choice, name) - {value} for name in _MEMBERS[key]})
        for choice in (wanted.wanted, wanted.unwanted)
    )
    return replace(wanted, wanted=yes, unwanted=no)


def _without_key(wanted: Query, key: str) -> Query:
    """A filter in which nothing of a key is chosen; what is left out stays so, and words, which all must be found."""
    if not key:
        return wanted
    none = dict.fromkeys(_TOGETHER.get(key, _MEMBERS[key]), frozenset[str]())
    return replace(wanted, wanted=replace(wanted.wanted, **none))


def _more(rest: Query, key: str, value: str, *, wanted: bool) -> Query | None:
    """A filter with a value, wanted or left out; None where none can have it."""
    try:
        if not key:
            if wanted:
                return replace(rest, words=(*rest.words, value))
            return replace(rest, unwanted_words=(*rest.unwanted_words, value))
        member = ("kinds" if value in KINDS else "actors") if key == "actor" else _MEMBERS[key][0]
        choice = rest.wanted if wanted else rest.unwanted
        choice = replace(choice, **{member: getattr(choice, member) | {value}})
        return replace(rest, wanted=choice) if wanted else replace(rest, unwanted=choice)
    except InvalidInput:
        return None


# What can be chosen


class Option(NamedTuple):
    """One line of a list: its words, where it leads, and whether it is chosen now; then it leads to the filter without
    it. `of` is the name of its icon."""

    label: str
    url: str
    chosen: bool = False
    of: str = ""


def to_list(text: str) -> str:
    """Return the address of a filter, relative to the activity page."""
    return f"?q={quote(text, safe='')}" if text else "?"


def days_options(wanted: Query) -> Sequence[Option]:
    """Return the ranges that are chosen with one click."""
    found = []
    for preset in PRESETS:
        chosen = (wanted.first, wanted.last) == (preset.first, preset.last)
        first, last = (None, None) if chosen else (preset.first, preset.last)
        text = query.format(replace(wanted, first=first, last=last))
        found.append(Option(str(preset.label), to_list(text), chosen))
    return found


def who_options(wanted: Query, acting: Iterable[Acting]) -> tuple[Sequence[Option], Sequence[Option]]:
    """Return kinds of actors, and people by name; without those whose id a filter cannot say."""
    choice = wanted.wanted
    choose = _Chooser(wanted, "actor")
    kinds = [Option(str(label), choose(kind, kind in choice.kinds), kind in choice.kinds, f"kind-{kind}")
             for kind, label in KINDS.items()]  # fmt: skip
    people = [Option(one.name, choose(one.id, one.id in choice.actors), one.id in choice.actors, f"kind-{one.kind}")
              for one in acting if len(one.id) <= query.LONGEST_VALUE and one.id.lower() not in KINDS]  # fmt: skip
    return kinds, people


class Group(NamedTuple):
    """The actions of a category that occur."""

    whole: Option
    actions: Sequence[Option]


def what_options(wanted: Query, codes: Iterable[str]) -> Sequence[Group]:
    """Return the actions of some codes, by category."""
    found: dict[str, list[tuple[str, str]]] = {}
    for code in codes:
        declared = catalogue.find(code)
        category = declared.category if declared else "other"
        found.setdefault(category, []).append((_(declared.label) if declared else code, code))
    chosen = wanted.wanted
    choose, choose_whole = _Chooser(wanted, "action"), _Chooser(wanted, "category")
    groups = []
    known = [category for category in CATEGORIES if category in found]
    for category in (*known, *sorted(found.keys() - set(known))):
        whole = category in chosen.categories
        actions = [Option(label, choose(code, code in chosen.actions), code in chosen.actions)
                   for label, code in sorted(found[category])]  # fmt: skip
        icon = category if category in OUR_CATEGORIES else "other"
        groups.append(Group(Option(category_name(category), choose_whole(category, whole), whole, icon), actions))
    return groups


class _Chooser:
    """The addresses of a filter with another value of one key: actor, action or category. A filter's text begins with
    these, so the word is put between two texts: a list of two hundred people is not two hundred filters."""

    def __init__(self, wanted: Query, key: str) -> None:
        self._wanted, self._key = wanted, key
        bare = _without_key(wanted, key)
        actors, kinds = bare.wanted.actors, bare.wanted.kinds  # none where the key is theirs
        self._before = query.format(Query(Choice(actors, kinds)))
        choice = replace(bare.wanted, actors=frozenset(), kinds=frozenset())
        self._behind = query.format(replace(bare, wanted=choice))
        self._left_out = {value for one, value in wanted.unwanted.pairs() if one == key}

    def __call__(self, value: str, chosen: bool) -> str:
        if chosen:
            return to_list(query.format(_less(self._wanted, self._key, value)))
        if value in self._left_out:
            return to_list(doors(self._wanted, self._key, value).only)
        return to_list(" ".join(filter(None, (self._before, query.printed(self._key, value), self._behind))))


def view_options(wanted: Query, occurring: Iterable[str]) -> Sequence[Option]:
    """Return the views that everybody has, of which something can be found."""
    known, text = set(occurring), query.format(wanted)
    return [
        Option(str(label), to_list(view), view == text)
        for label, actions, view in VIEWS
        if not actions or known & set(actions)
    ]
