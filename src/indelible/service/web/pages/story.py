"""The story of a booking, a voucher, a service, a client or a person: everything that happened to it, in order."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ....django import current_request
from ....drain.erasure import Outboxes
from ....errors import IndelibleError, InvalidInput, NotFound
from ....read import query
from ....read.answer import Known, answer
from ....read.details import details as entry_details
from ....read.habits import marks
from ....read.merging import merged_with
from ....read.query import Choice, Query
from ....read.session import Cursor, Session
from ....read.story import Line, Outline, Story, Told, known
from ....read.view import KNOWN_BY_NAME, View
from ....record.document import Client
from ....recorder import Recorder
from ... import anonymizing
from ...accounts import clinic_links
from ...accounts.roles import Right
from ...links import door
from ...shared_journal import journal
from .. import entry_rows, localization
from ..access import Visit, in_clinic
from ..localization import SPEECH
from ..paper import paper
from ..url_query import address
from ..view_recording import note_reading

_LOG = logging.getLogger("indelible.forgetting")

# Entries of one page of a story, as of the list: more than almost every reservation has.
AT_ONCE = 50
# How long a client may take to follow the link that the clinic handed out.
LINK_LASTS = timedelta(days=7)
_SALT = "indelible/forget/v1"


@require_safe
@in_clinic(Right.READ)
def story(request: HttpRequest, visit: Visit, kind: str, thing: str) -> HttpResponse:
    stretch = _stretch(request, visit, kind, thing)
    whole = stretch.outline
    told = whole.open(stretch.lines)
    decided = known(whole, kind)
    found = {
        **head(visit, kind, thing, decided, told),
        "paper": paper(visit),
        "stretch": stretch,
        "days": days(visit.session, told, thing),
        "deleted": deleted(decided, told, visit.clinic_id, thing),
        "list": address("activity", visit.clinic_id, wanted) if (wanted := _as_filter(kind, thing)) else "",
        "done_to": _done_to(visit, kind, thing) if stretch.is_part else "",
        "evidence": address("export", visit.clinic_id, wanted) if wanted and visit.may(Right.EXPORT) else "",
        "print_url": reverse("print_story", args=[visit.clinic_id, kind, thing]),
        "may_anonymize": kind == "client" and visit.may(Right.ANONYMIZE),
    }
    note_reading(request, visit)
    return render(request, "indelible/story/page.html", found)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one page shows of a story: `lines` of an outline, and the addresses of what is before and behind."""

    outline: Outline
    lines: Sequence[Line]
    address: str
    older: str
    newer: str

    @property
    def count(self) -> int:
        return len(self.outline.lines)

    @property
    def deep(self) -> bool:
        """Whether it is further back than a story is read at once: from there the way on is back to the newest."""
        return not self.outline.newest

    @property
    def is_part(self) -> bool:
        return bool(self.older or self.newer or not self.outline.whole)


def _stretch(request: HttpRequest, visit: Visit, kind: str, thing: str) -> Stretch:
    """The newest entries of a story, or those before and behind a place. Raises InvalidInput, NotFound."""
    before, behind = (
        Cursor.decode(text) if (text := request.GET.get(name)) else None for name in ("before", "behind")
    )  # fmt: skip
    start = Cursor.decode(text) if (text := request.GET.get("start")) else None
    whole = visit.outline(f"{kind}/{thing}", start)
    lines = [line for line in whole.lines if before is None or line.place < before[:2]]
    newer = [line for line in lines if behind is not None and line.place > behind[:2]]
    shown = newer[:AT_ONCE] if behind is not None else lines[-AT_ONCE:]
    if not shown:
        raise NotFound("this story has no entry there; begin at its newest")
    here = reverse("story", args=[visit.clinic_id, kind, thing])

    def to(**asked: tuple[int, int] | Cursor | None) -> str:
        cursors = {name: Cursor(*place[:2], whole.session.up_to).encode() for name, place in asked.items() if place}
        return f"{here}?{urlencode(cursors)}"

    back = on = ""
    if shown[0] is not whole.lines[0]:
        back = to(start=start, before=shown[0].place)
    elif whole.older is not None:
        back = to(start=whole.older)
    if shown[-1] is not whole.lines[-1]:
        on = to(start=start, behind=shown[-1].place)
    return Stretch(whole, shown, here, back, on)


def head(visit: Visit, kind: str, thing: str, decided: Known, told: Sequence[Told]) -> dict[str, Any]:
    """What stands above a story: what it is called, what it comes to, what belongs to it, where its host shows it."""
    links = clinic_links.of(visit.clinic_id)
    only = visit.session.only
    is_there = only is not None and (only.kind, only.id) == (kind, thing)  # the host's page is about it already
    name = _name([*decided.views, *(one.view for one in told)], kind, thing)
    return {
        "kind_name": entry_rows.kind_name(kind),
        "heading": name or thing,
        "thing": thing,
        "known_by_name": kind in KNOWN_BY_NAME,
        "answer": answer(kind, thing, decided, SPEECH),
        "related": _related(visit.clinic_id, kind, thing, told),
        "door": None if is_there else door(links, kind, thing),
        "zone": visit.session.zone,
    }


# What belongs to a thing of each kind, as doors in the head; of more than so many of one kind the list tells.
_RELATED = {
    "booking": ("client", "service", "charge", "voucher", "invoice", "dispute"),
    "charge": ("client", "booking", "voucher", "refund", "invoice", "dispute"),
    "voucher": ("client", "service", "charge", "voucher_offer"),
    "refund": ("client", "charge", "booking"),
    "invoice": ("client", "charge", "booking", "voucher"),
    "dispute": ("client", "charge", "booking"),
}
_MOST_RELATED = 4


@dataclass(frozen=True, slots=True)
class Related:
    label: str
    text: str
    url: str


def _related(clinic_id: str, kind: str, thing: str, told: Sequence[Told]) -> list[Related]:
    """The client, the payments and what else entries about the thing name."""
    wanted = _RELATED.get(kind, ())
    found: dict[str, dict[str, str]] = {one: {} for one in wanted}
    for one in told if wanted else ():
        if one.why == "together":
            continue
        context = one.view.context
        for named_kind, named_id, name in _named(one.view):
            if named_kind in found and named_id != thing:
                if named_kind == "service" and not name:
                    name = str(context.get("service_name") or "")
                found[named_kind][named_id] = name or found[named_kind].get(named_id, "")
    return [
        Related(entry_rows.kind_name(of), name or number, entry_rows.story_url(clinic_id, of, number))
        for of, things in found.items()
        for number, name in list(things.items())[:_MOST_RELATED]
        if entry_rows.story_url(clinic_id, of, number)
    ]  # fmt: skip


def _named(view: View) -> Iterator[tuple[str, str, str]]:
    """The things and persons that an entry names: kind, id, name."""
    if (client := view.client) and client.get("id"):
        yield "client", client["id"], client.get("name") or ""
    if (target := view.target) and target.get("id"):
        yield target["kind"], target["id"], target.get("name") or ""
    for one in entry_details(view):
        if one.kind and one.id and one.name:
            yield one.kind, one.id, ""


@dataclass(frozen=True, slots=True)
class Happened:
    """One entry of a story, with what a printed page must hold too."""

    row: entry_rows.Row
    why: str
    ip: str
    details: Sequence[Any]


def days(session: Session, told: Sequence[Told], thing: str, *, detailed: bool = True) -> list[dict[str, Any]]:
    new = marks(session, [one.view for one in told])
    happened = [
        Happened(
            entry_rows.row(one.view, session.clinic.id, new),
            one.why,
            one.view.request.get("ip") or "",
            entry_rows.context_details(one.view, session.clinic.id, thing) if detailed else (),
        )
        for one in told
    ]
    return [
        {"heading": localization.day(day), "entries": list(group)}
        for day, group in groupby(happened, key=lambda one: one.row.local.date())
    ]


def deleted(decided: Known, told: Sequence[Told], clinic_id: str, thing: str) -> dict[str, Any] | None:
    """What the thing was when it was deleted last, so that it can be made again."""
    every = {view.seq: view for view in (*decided.views, *(one.view for one in told))}
    for _seq, view in sorted(every.items(), reverse=True):
        if (view.target or {}).get("id") == thing and (found := entry_rows.deleted(view)) is not None:
            return {"offer": found, "row": entry_rows.row(view, clinic_id)}
    return None


def _done_to(visit: Visit, kind: str, thing: str) -> str:
    """The list of what was done to the thing itself, where its story is long: a service's own changes."""
    if kind in ("client", "staff"):
        return ""
    wanted = _text_of("targets", f"{kind}/{thing}")
    return address("activity", visit.clinic_id, wanted) if wanted else ""


def _as_filter(kind: str, thing: str) -> str:
    return _text_of("clients", thing) if kind == "client" else _text_of("abouts", f"{kind}/{thing}")


def _text_of(member: str, value: str) -> str:
    """The text of a filter for an id; empty for one that no filter says, as it is too long."""
    try:
        return query.format(Query(Choice(**{member: frozenset({value})})))
    except InvalidInput:
        return ""


def _name(views: Sequence[View], kind: str, thing: str) -> str:
    """The newest name that an entry has for it; names of things are snapshots, and change."""
    for view in sorted(views, key=lambda view: (view.occurred_at, view.seq), reverse=True):
        for holder in (view.target, view.client and {**view.client, "kind": "client"}, view.actor, view.on_behalf_of):
            if holder and holder.get("id") == thing and holder.get("name") and holder["kind"] == kind:
                return str(holder["name"])
    return ""


def _name_in(told: Story, client: str) -> str:
    return _name([one.view for one in told.entries], "client", client)


class Confirm(forms.Form):
    """That somebody means it, and who asked for it."""

    requested_by = forms.ChoiceField(
        label=gettext_lazy("Who asked for it?"),
        choices=[("client", gettext_lazy("The client")), ("staff", gettext_lazy("The clinic"))],
        widget=forms.RadioSelect,
        initial="client",
    )
    merged = forms.BooleanField(
        label=gettext_lazy("Also the records that were merged with this one"), required=False, initial=True
    )
    sure = forms.BooleanField(label=gettext_lazy("I understand that this cannot be undone."))


@require_http_methods(["GET", "HEAD", "POST"])
@in_clinic(Right.ANONYMIZE)
def anonymize(request: HttpRequest, visit: Visit, thing: str) -> HttpResponse:
    form = Confirm(request.POST or None)
    merged = merged_with(visit.session, thing)
    if not merged:
        del form.fields["merged"]
    try:
        told = visit.story(f"client/{thing}")
        done = beside = None
        if request.method == "POST" and form.is_valid():
            others = merged if form.cleaned_data.get("merged") else ()
            done, beside = anonymizing.anonymize(visit.recorder, thing, others, form.cleaned_data["requested_by"])
    except NotFound:  # also where somebody else did it while the page was open
        is_staff = any(visit.session.token(realm, thing) is not None for realm in ("staff", "support"))
        return render(request, "indelible/story/nobody.html", {"is_staff": is_staff}, status=404)
    if done is not None:
        if done.unfinished:
            messages.warning(request, _("An export or a backup that is being made at this moment may still hold the "
                                        "values: delete that file when it is ready."))  # fmt: skip
        if done.older_copy:
            messages.warning(request, _("A copy of the keep that was made before can still open the values: tell "
                                        "whoever runs the service, who makes that copy again."))  # fmt: skip
        if beside is not None and not beside.complete:
            messages.warning(request, _("A database that the log takes documents from could not be looked into, and "
                                        "may still name the client: tell whoever runs the service, who then runs "
                                        "`indelible anonymize` again."))  # fmt: skip
        messages.success(request, _("The client was anonymized. Nobody can read the name, contact or device any more; "
                                    "the entries and their proofs are as they were."))  # fmt: skip
        return redirect("activity", visit.clinic_id)
    found = {"form": form, "merged": _records(visit, merged), "name": _name_in(told, thing), "thing": thing,
             "count": len(told.entries), "whole": told.whole}  # fmt: skip
    return render(request, "indelible/story/anonymize.html", found, status=400 if form.errors else 200)


def _records(visit: Visit, clients: Sequence[str]) -> list[dict[str, str]]:
    """Other records of a client, each with its name and the address of its story."""
    return [
        {"name": _name_in(visit.story(f"client/{one}"), one) or one,
         "url": entry_rows.story_url(visit.clinic_id, "client", one)}
        for one in clients
    ]  # fmt: skip


@require_POST
@in_clinic(Right.ANONYMIZE)
def link(request: HttpRequest, visit: Visit, thing: str) -> HttpResponse:
    """Make a link with which the client can do it without signing in. It is signed, and ends by itself."""
    told = visit.story(f"client/{thing}")
    return render(request, "indelible/story/link.html", {
        "name": _name_in(told, thing),
        "thing": thing,
        "link": settings.INDELIBLE_URL + reverse("forget", args=[sign(visit.session, thing)]),
        "until": localization.short_day((timezone.now() + LINK_LASTS).date()),
    })  # fmt: skip


def sign(session: Session, client_id: str) -> str:
    """Return the token of a self-service link: what it is for and when it was made, signed with the secret key.

    Who was anonymized and came back is somebody new to the log, whom an old link is not for.
    """
    known = (session.token("client", client_id) or b"").hex()
    return signing.dumps({"clinic": session.clinic.id, "client": client_id, "known": known}, salt=_SALT, compress=True)


def _opened(token: str) -> dict[str, Any]:
    try:
        return dict(signing.loads(token, salt=_SALT, max_age=LINK_LASTS))
    except signing.BadSignature as error:
        raise Http404 from error


@require_http_methods(["GET", "HEAD", "POST"])
def forget(request: HttpRequest, token: str) -> HttpResponse:
    """The client's own page: what will go, what stays, and the button. Whoever has the link may."""
    meant = _opened(token)
    try:
        log = journal().clinic(meant["clinic"])
    except IndelibleError as error:
        raise Http404 from error
    session = log.reading()
    now_known = session.token("client", meant["client"])
    known = now_known is not None and now_known.hex() == meant.get("known")
    found = {"clinic_name": session.name, "done": now_known is None, "used": now_known is not None and not known,
             "form_action": request.path}  # fmt: skip
    if request.method == "POST" and known:
        outboxes = Outboxes(journal().shared, settings.ENVIRONMENT.every_outbox)
        records = (*merged_with(session, meant["client"]), meant["client"])
        for one in records:  # the same person asks for all of them
            with suppress(NotFound):  # somebody else did it in this moment
                Recorder(log, Client(one), current_request()).anonymize(one, "client")
        beside = outboxes.empty(log.clinic.id, records)
        for problem in beside.unreached:  # the client cannot mend it; whoever runs the service can
            _LOG.error("a client was anonymized, and an outbox may name them still: %s", problem)
        found["done"] = True
    return render(request, "indelible/story/forget.html", found)
