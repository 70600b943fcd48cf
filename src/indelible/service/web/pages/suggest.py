"""The search box while somebody types: what they may mean, as links, each with how many entries it leads to.

    GET suggest/?q=ana so        a fragment: the options of the box's list

Without a script the same suggestions stand above a list that had to be searched for: "Did you mean".
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from .... import catalogue
from ....catalogue.action import OUR_CATEGORIES
from ....format.planned import if_canonical
from ....read import query
from ....read.directory import MOST_TOLD
from ....read.suggesting import LONGEST, MOST, Spoken, Suggestion, Suggestions, suggest
from ....read.view import planned_clock
from ...accounts.roles import Right
from .. import entry_rows, filter_bar, localization
from ..access import Visit, in_clinic
from ..said_days import said_days
from ..url_query import address
from ..view_recording import note_reading

_ICONS = {
    "client": "clients", "staff": "user", "support": "shield", "service": "services", "reward": "loyalty",
    "booking": "bookings", "charge": "payments", "refund": "payments", "invoice": "payments", "dispute": "payments",
    "evidence": "payments", "amount": "payments", "voucher": "vouchers", "coupon": "loyalty", "day": "calendar",
    "operation": "link", "address": "laptop", "entry": "log",
}  # fmt: skip
_PEOPLE = ("client", "staff", "support")
# What is no thing or person, and so has no story.
_UNTOLD = frozenset({"entry", "evidence", "operation", "day", "action", "category", "amount", "address"})


@dataclass(frozen=True, slots=True)
class Item:
    """A suggestion as the list shows it; `story` is the address of its story, where it has one."""

    icon: str
    text: str
    hint: str
    count: str
    url: str
    story: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Suggestions of one sort. `note` says how many more there are."""

    title: str
    items: list[Item] = field(default_factory=list)
    note: str = ""


@require_safe
@in_clinic(Right.READ)
def suggestions(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Answer what is typed so far. A text that nobody types is refused in a sentence."""
    text = request.GET.get("q", "").strip()
    if len(text) > LONGEST:
        return _refused(_("q is longer than %(most)s characters; search for less of it.") % {"most": LONGEST})
    if any(unicodedata.category(char) == "Cc" and not char.isspace() for char in text):
        return _refused(_("q has a control character; leave it out."))
    found = of(visit, text)
    note_reading(request, visit)
    everywhere = address("activity", visit.clinic_id, query.format(found.everywhere)) if found.everywhere else ""
    groups = shown(visit, found)
    count = sum(len(group.items) for group in groups)
    said = ngettext("%(n)s suggestion", "%(n)s suggestions", count) % {"n": count}
    context = {"groups": groups, "everywhere": everywhere, "typed": text, "said": said, "ready": found.ready}
    return render(request, "indelible/activity/suggestions.html", context)


def _refused(sentence: str) -> HttpResponse:
    return HttpResponseBadRequest(sentence, content_type="text/plain; charset=utf-8")


def of(visit: Visit, text: str) -> Suggestions:
    """Return what a text may mean to whoever visits, in their language."""
    session = visit.session
    declared = {code: catalogue.find(code) for code in session.actions}
    seen = {code: cls for code, cls in declared.items() if (cls.category if cls else "other") not in session.hidden}
    categories = {cls.category for cls in seen.values() if cls}
    spoken = Spoken(
        actions={code: _(cls.label) if cls else code for code, cls in seen.items()},
        categories={code: filter_bar.category_name(code) for code in categories},
        days=said_days(text, session.today),
    )
    return suggest(session, text, spoken)


def shown(visit: Visit, found: Suggestions) -> Sequence[Group]:
    """Return the suggestions in groups, in the order in which the first of each came."""
    groups: dict[str, Group] = {}
    called = Counter((one.kind, one.text) for one in found.found)
    for one in found.found:
        title = _title(one)
        item = _item(visit, one)
        if called[one.kind, one.text] > 1 and one.id:  # people of one name are told apart by the id
            item = replace(item, hint=f"{item.hint} {one.id}")
        groups.setdefault(title, Group(title)).items.append(item)
    people = groups.get(_("People"))
    if people and found.people is not None and found.people > len(people.items):
        note = _("%(shown)s of %(all)s who have such a name") % {
            "shown": localization.number(len(people.items)), "all": _at_most(found.people, MOST_TOLD)}  # fmt: skip
        groups[people.title] = Group(people.title, people.items, note)
    return list(groups.values())


def _title(one: Suggestion) -> str:
    if one.kind in _PEOPLE:
        return _("People")
    if one.kind in ("service", "reward", "coupon"):
        return _("Services and rewards")
    if one.kind == "booking":
        if one.begins:
            return _("Reservations for %(day)s") % {"day": localization.short_day(one.begins)}
        return _("Reservations")
    if one.kind == "day":
        return _("Days")
    if one.kind in ("action", "category"):
        return _("What happened")
    if one.kind in ("amount", "charge", "refund", "invoice", "dispute", "evidence"):
        return _("Money")
    return _("Known here")


def _item(visit: Visit, one: Suggestion) -> Item:
    url = address("activity", visit.clinic_id, query.format(one.wanted))
    if one.kind == "entry":
        url = reverse("entry", args=[visit.clinic_id, one.id])
    story = "" if one.kind in _UNTOLD else entry_rows.story_url(visit.clinic_id, one.kind, one.id)
    text, hint = _words(visit, one)
    return Item(_icon(one), text, hint, _count(one), url, story)


def _icon(one: Suggestion) -> str:
    if one.kind == "action":
        declared = catalogue.find(one.text)
        return declared.category if declared and declared.category in OUR_CATEGORIES else "other"
    if one.kind == "category":
        return one.text if one.text in OUR_CATEGORIES else "other"
    return _ICONS.get(one.kind, "other")


def _words(visit: Visit, one: Suggestion) -> tuple[str, str]:
    """What a suggestion is called, and what it is."""
    if one.kind == "entry" and one.view is not None:
        return entry_rows.row(one.view, visit.clinic_id).sentence, _("Entry")
    if one.kind == "booking" and one.view is not None:
        return _booking(one), ""
    if one.kind == "day":
        return _("Everything on %(day)s") % {"day": filter_bar.value_name("from", one.text, {})}, ""
    if one.kind in ("action", "category"):
        return filter_bar.value_name(one.kind, one.text, {}), "" if one.kind == "action" else _("Category")
    if one.kind == "amount" and one.amount is not None:
        return localization.amount(*one.amount), ""
    hint = {"evidence": _("Stripe"), "operation": _("One click"), "address": _("Internet address")}.get(one.kind)
    hint = entry_rows.kind_name(one.kind) if hint is None else hint
    return one.text, f"{hint} · {_('deleted')}" if one.deleted else hint


def _booking(one: Suggestion) -> str:
    """A reservation as somebody looks for it: when it begins, what, for whom."""
    view = one.view
    assert view is not None  # noqa: S101 - a day's reservations come with it
    begins = view.context.get("starts_at")
    said = if_canonical(str(begins.get("new") if isinstance(begins, dict) else begins))
    clock = planned_clock(said, view.zones)[0].strftime("%H:%M") if said else ""
    parts = (view.context.get("service_name") or one.id, view.client_in(localization.SPEECH))
    return f"{clock} {', '.join(str(part) for part in parts if part)}"


def _count(one: Suggestion) -> str:
    if one.count is None:
        return ""
    number = _at_most(one.count, MOST)
    if one.among:
        return _("%(n)s of the newest %(all)s with money") % {"n": number, "all": localization.number(one.among)}
    return ngettext("%(n)s entry", "%(n)s entries", one.count) % {"n": number}


def _at_most(count: int, most: int) -> str:
    return f"{localization.number(most)}+" if count > most else localization.number(count)
