"""The filter bar of the activity page: what is chosen, in words that can be taken away, and what can be chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import Any

from django.templatetags.static import static
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from .... import catalogue
from ....errors import InvalidQuery
from ....read.actors import Acting, acting
from ....read.filter_names import has_no_text
from ....read.query import Query
from ...accounts.models import SavedView
from ...accounts.roles import Right
from .. import entry_rows, filter_bar
from ..access import Visit
from ..filter_bar import Chip, Form, Option
from ..url_query import Asked, address

# With so many lines a list has a field that narrows it.
MANY = 9


def bar(visit: Visit, wish: Asked, sent: Form | None = None) -> dict[str, Any]:
    """Return what the bar shows; `sent` are its fields as they were sent, where they were not understood."""
    wanted, session = wish.wanted, visit.session
    form = sent or (Form(wish.text) if wish.problem else filter_bar.form(session, wanted))
    who = tuple(acting(session))
    seen = frozenset(code for code in session.actions if _category(code) not in visit.role.hidden)
    icons = static("indelible/icons.svg")
    lists = _lists if has_no_text(wanted) else _lists.__wrapped__
    saved = [Option(one.name, filter_bar.to_list(one.filter), one.filter == wish.text)
             for one in (SavedView.of(visit.membership) if visit.may(Right.OWN_VIEWS) else ())]  # fmt: skip
    return {
        "form": form,
        "chips": shown_chips(visit, wanted, who),
        "saved_lines": _lines(saved, icons),
        "many_people": len(who) >= MANY,
        "keepable": bool(wish.text and not wish.problem) and not (wanted.words or wanted.unwanted_words),
        **lists(get_language() or "", icons, wanted, seen, who),
    }


# A hundred lines on every page: as templates they take longer than the rest of it, so they are made here, and once for
# all pages of a filter. Nobody is remembered in them but who works in the clinic: not a filter with an id or a word.
@lru_cache(maxsize=128)
def _lists(
    language: str, icons: str, wanted: Query, seen: frozenset[str], who: tuple[Acting, ...]
) -> Mapping[str, SafeString]:
    """The lists to choose from, as HTML in the active language."""
    kinds, people = filter_bar.who_options(wanted, who)
    groups = (
        f'<li class="{escape(group.whole.of)}">{_line(group.whole, icons, " class=whole")}'
        f"<ul>{_lines(group.actions, icons)}</ul></li>"
        for group in filter_bar.what_options(wanted, seen)
    )
    return {
        "days_lines": _lines(filter_bar.days_options(wanted), icons),
        "kind_lines": _lines(kinds, icons),
        "people_lines": _lines(people, icons),
        "action_lines": SafeString("".join(groups)),
        "view_lines": _lines(filter_bar.view_options(wanted, seen), icons),
    }


def _lines(options: Iterable[Option], icons: str) -> SafeString:
    return SafeString("".join(f"<li>{_line(one, icons)}</li>" for one in options))


def _line(option: Option, icons: str, more: str = "") -> str:
    now, check = (' aria-current="true"', " " + _icon("check", icons)) if option.chosen else ("", "")
    icon = _icon(option.of, icons) + " " if option.of else ""
    return f'<a href="{escape(option.url)}"{now}{more}>{icon}<span>{escape(option.label)}</span>{check}</a>'


def _icon(name: str, icons: str) -> str:
    return f'<svg class="icon" aria-hidden="true"><use href="{escape(icons)}#{escape(name)}"/></svg>'


def _category(code: str) -> str:
    declared = catalogue.find(code)
    return declared.category if declared else "other"


def shown_chips(visit: Visit, wanted: Query, people: Sequence[Acting] | None = None) -> list[dict[str, Any]]:
    """Return the parts of a filter in words, each with the address of the list without it, and with it turned around;
    `people` are who acts in the log, where that is known already."""
    if people is None:
        people = acting(visit.session) if wanted.wanted.actors or wanted.unwanted.actors else ()
    names = {one.id: one.name for one in people}
    clients = _clients(visit, wanted)
    return [
        {"name": filter_bar.key_name(chip.key), "text": _words(chip, names, clients), "negated": chip.negated,
         "url": address("activity", visit.clinic_id, chip.without),
         "turned": address("activity", visit.clinic_id, chip.turned) if chip.turned else ""}
        for chip in filter_bar.chips(wanted)
    ]  # fmt: skip


def in_words(chip: Mapping[str, Any]) -> str:
    """Return one of `shown_chips` as text: "not Who: System"."""
    named = f"{chip['name']}: {chip['text']}" if chip["name"] else chip["text"]
    return _("not %(part)s") % {"part": named} if chip["negated"] else named


def _clients(visit: Visit, wanted: Query) -> Mapping[str, str]:
    """The names of the clients of a filter by id, as far as they are known."""
    session = visit.session
    tokens = {session.token("client", one.removeprefix("client/")): one
              for choice in (wanted.wanted, wanted.unwanted) for one in choice.clients}  # fmt: skip
    known = session.people([token for token in tokens if token]) if tokens else {}
    return {tokens[token]: person["name"] for token, person in known.items() if person.get("name")}


def _words(chip: Chip, actors: Mapping[str, str], clients: Mapping[str, str]) -> str:
    if chip.key == "client":
        return clients.get(chip.value, chip.value)
    kind, slash, bare = chip.value.partition("/")
    if chip.key in ("target", "about", "only") and slash and bare:
        return f"{entry_rows.kind_name(kind)} {bare}"
    return filter_bar.value_name(chip.key, chip.value, actors)


def problem_of(sent: Form, error: Exception) -> Asked:
    """Return what is said about fields that were not understood: where the text is wrong, or which field."""
    if isinstance(error, InvalidQuery):
        return Asked(Query(), sent.words, None, str(error), error.position, error.nearest)
    return Asked(Query(), sent.words, None, str(error))
