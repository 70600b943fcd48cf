"""The filter bar: what a reader chose there, as a filter's text and back.

    /c/<clinic>/?q=category:payments from:2026-05-01          every filter is one text in the URL
    /c/<clinic>/?words=…&who=…&what=…&days=…&from=…&to=…       what the form sends; a redirect leads to the first

`words` holds what the other fields cannot show: free words, several values, negations, targets, clients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ... import catalogue
from ...errors import InvalidInput
from ...read import query
from ...read.query import Choice, Query
from ...read.recorded import LATE, End, Recorded
from ...read.session import Session
from . import localization

FIELDS = ("words", "who", "what", "days", "from", "to")
KINDS = {
    "staff": gettext_lazy("Any staff"),
    "client": gettext_lazy("Any client"),
    "system": gettext_lazy("System"),
    "integration": gettext_lazy("Any integration"),
    "support": gettext_lazy("Support"),
    "agent": gettext_lazy("Any assistant"),
}
PRESETS = {
    "today": gettext_lazy("Today"),
    "yesterday": gettext_lazy("Yesterday"),
    "7": gettext_lazy("Last 7 days"),
    "30": gettext_lazy("Last 30 days"),
    "month": gettext_lazy("This month"),
    "last-month": gettext_lazy("Last month"),
    "year": gettext_lazy("This year"),
    "last-year": gettext_lazy("Last year"),
}


_KEYS = {
    "actor": gettext_lazy("who"),
    "action": gettext_lazy("what"),
    "category": gettext_lazy("category"),
    "target": gettext_lazy("done to"),
    "client": gettext_lazy("client"),
    "about": gettext_lazy("about"),
    "operation": gettext_lazy("one click"),
    "stripe": gettext_lazy("Stripe"),
    "from": gettext_lazy("from"),
    "to": gettext_lazy("to"),
    "in": gettext_lazy("looked for in"),
    "recorded": gettext_lazy("recorded"),
    "": gettext_lazy("with"),
}


def category_name(code: str) -> str:
    """Return what a category is called; a host's own by the title that it gave."""
    return _(catalogue.category_title(code))


def key_name(key: str) -> str:
    """Return what a key of the filter's text is called on a chip."""
    return str(_KEYS[key])


def value_name(key: str, value: str, names: Mapping[str, str]) -> str:
    """Return a value as a chip shows it; `names` are those of actors by id."""
    if key == "actor":
        return str(KINDS[value]) if value in KINDS else names.get(value, value)
    if key == "category":
        return category_name(value)
    if key == "in":
        return _("every text")
    if key == "action":
        declared = catalogue.find(value)
        return _(declared.label) if declared else value
    if key == "recorded":
        return _recorded_name(value)
    return localization.short_day(date.fromisoformat(value)) if key in ("from", "to") else value


def _recorded_name(value: str) -> str:
    if value == LATE:
        return _("more than an hour after it happened")
    taken = Recorded.parse(value)
    first, last = map(_end_name, (taken.first, taken.last))
    if first == last:
        return first
    if not last:
        return _("from %(first)s on") % {"first": first}
    return f"{first} – {last}" if first else _("up to %(last)s") % {"last": last}


def _end_name(end: End | None) -> str:
    if isinstance(end, int):
        return _("entry %(number)s") % {"number": localization.number(end)}
    return localization.short_day(end) if end else ""


@dataclass(frozen=True, slots=True)
class Form:
    """What the fields of the bar show for a filter."""

    words: str = ""
    who: str = ""
    what: str = ""
    days: str = ""
    first: str = ""
    last: str = ""


@dataclass(frozen=True, slots=True)
class Chip:
    """One part of a filter: its text, and the filter's text without it."""

    key: str
    value: str
    negated: bool
    without: str


def merged(session: Session, sent: Mapping[str, str], today: date) -> Query:
    """Return the filter that the form's fields mean together. Raises InvalidInput and InvalidQuery."""
    wanted = session.parse(sent.get("words", ""))
    choice = wanted.wanted
    if who := sent.get("who", ""):
        choice = (
            replace(choice, kinds=choice.kinds | {who})
            if who in KINDS
            else replace(choice, actors=choice.actors | {who})
        )
    if what := sent.get("what", ""):
        if what.startswith("category:"):
            choice = replace(choice, categories=choice.categories | {what.removeprefix("category:")})
        else:
            choice = replace(choice, actions=choice.actions | {what})
    first, last = preset(sent.get("days", ""), today)
    first = _day(sent.get("from", ""), "from") or first or wanted.first
    last = _day(sent.get("to", ""), "to") or last or wanted.last
    if first and last and first > last:
        raise InvalidInput(_("The first day is after the last one; exchange them."))
    # Once through the text, so that what the fields hold is checked as typed words are.
    return session.parse(query.format(replace(wanted, wanted=choice, first=first, last=last)))


def _day(text: str, field: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("is not a day; write it as 2026-05-31", field) from error


def preset(name: str, today: date) -> tuple[date | None, date | None]:
    """Return the days of a preset, both inclusive: "7" is today and the six days before it."""
    first_of_month = today.replace(day=1)
    before = first_of_month - timedelta(days=1)
    return {
        "today": (today, today),
        "yesterday": (today - timedelta(days=1), today - timedelta(days=1)),
        "7": (today - timedelta(days=6), today),
        "30": (today - timedelta(days=29), today),
        "month": (first_of_month, today),
        "last-month": (before.replace(day=1), before),
        "year": (today.replace(month=1, day=1), today),
        "last-year": (date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)),
    }.get(name, (None, None))


def form(wanted: Query, today: date) -> Form:
    """Return what the bar shows for a filter, so that sending it again means the same filter."""
    choice = wanted.wanted
    who, choice = _single_actor(choice)
    what, choice = _single_action(choice)
    days = next((name for name in PRESETS if (wanted.first, wanted.last) == preset(name, today)), "")
    rest = query.format(replace(wanted, wanted=choice, first=None, last=None))
    dated = not days
    return Form(
        words=rest,
        who=who,
        what=what,
        days=days,
        first=wanted.first.isoformat() if wanted.first and dated else "",
        last=wanted.last.isoformat() if wanted.last and dated else "",
    )


def _single_actor(choice: Choice) -> tuple[str, Choice]:
    every = [*choice.kinds, *choice.actors]
    if len(every) != 1:
        return "", choice
    return every[0], replace(choice, kinds=frozenset(), actors=frozenset())


def _single_action(choice: Choice) -> tuple[str, Choice]:
    if len(choice.actions) == 1 and not choice.categories:
        return next(iter(choice.actions)), replace(choice, actions=frozenset())
    if len(choice.categories) == 1 and not choice.actions:
        return f"category:{next(iter(choice.categories))}", replace(choice, categories=frozenset())
    return "", choice


def chips(wanted: Query) -> Sequence[Chip]:
    """Return the parts of a filter, each with the filter's text without it."""
    found = []
    for negated, choice in ((False, wanted.wanted), (True, wanted.unwanted)):
        for key, value in choice.pairs():
            less = _less(choice, key, value)
            rest = replace(wanted, unwanted=less) if negated else replace(wanted, wanted=less)
            found.append(Chip(key, value, negated, query.format(rest)))
    if wanted.first:
        found.append(Chip("from", wanted.first.isoformat(), False, query.format(replace(wanted, first=None))))
    if wanted.last:
        found.append(Chip("to", wanted.last.isoformat(), False, query.format(replace(wanted, last=None))))
    for word in wanted.words:
        rest = replace(wanted, words=tuple(one for one in wanted.words if one != word))
        found.append(Chip("", word, False, query.format(rest)))
    for word in wanted.unwanted_words:
        rest = replace(wanted, unwanted_words=tuple(one for one in wanted.unwanted_words if one != word))
        found.append(Chip("", word, True, query.format(rest)))
    if wanted.recorded:
        found.append(Chip("recorded", wanted.recorded.format(), False, query.format(replace(wanted, recorded=None))))
    if wanted.late:
        found.append(Chip("recorded", LATE, False, query.format(replace(wanted, late=False))))
    if wanted.in_text:
        found.append(Chip("in", "text", False, query.format(replace(wanted, in_text=False))))
    return found


_MEMBERS = {
    "action": ("actions",),
    "category": ("categories",),
    "actor": ("kinds", "actors"),
    "target": ("targets",),
    "client": ("clients",),
    "about": ("abouts",),
    "operation": ("operations",),
    "stripe": ("stripes",),
}


def _less(choice: Choice, key: str, value: str) -> Choice:
    return replace(choice, **{name: getattr(choice, name) - {value} for name in _MEMBERS[key]})
