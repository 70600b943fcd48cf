"""The story of a booking, a voucher, a service, a client or a person: everything that happened to it, in order."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from typing import Any

import orjson
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
from ....drain.erasure import Emptied, Outboxes
from ....erasure.anonymizing import Anonymized
from ....errors import IndelibleError, NotFound
from ....read import query
from ....read.habits import marks
from ....read.merging import merged_with
from ....read.query import Choice, Query
from ....read.session import Session
from ....read.story import Story, Told
from ....record.document import Client
from ....record.own import RequestedBy
from ....recorder import Recorder
from ...accounts.roles import Right
from ...shared_journal import journal
from .. import entry_rows, localization
from ..access import Visit, in_clinic
from ..url_query import address
from ..view_recording import note_reading

_LOG = logging.getLogger("indelible.forgetting")

# Entries of one page: a service has thousands of bookings, and the list pages through them.
MOST_TOLD = 300
# How long a client may take to follow the link that the clinic handed out.
LINK_LASTS = timedelta(days=7)
_SALT = "indelible/forget/v1"


@require_safe
@in_clinic(Right.READ)
def story(request: HttpRequest, visit: Visit, kind: str, thing: str) -> HttpResponse:
    told = visit.story(f"{kind}/{thing}")
    name = _name(told, kind, thing)
    snapshot = _snapshot(told, visit.clinic_id, thing)
    if len(told.entries) > MOST_TOLD:
        told = replace(told, entries=_foremost(told.entries, thing), whole=False)
    found = {
        "told": told,
        "kind_name": entry_rows.kind_name(kind),
        "heading": name or thing,
        "thing": thing,
        "entries": told.entries,
        "days": _days(visit.session, told, thing),
        "snapshot": snapshot,
        "zone": visit.session.zone,
        "list": address("activity", visit.clinic_id, _as_filter(kind, thing)),
        "may_anonymize": kind == "client" and visit.may(Right.ANONYMIZE),
    }
    note_reading(request, visit)
    return render(request, "indelible/story/page.html", found)


def _foremost(entries: Sequence[Told], thing: str) -> tuple[Told, ...]:
    """What was done to the thing itself, and the newest of what only concerns it, such as a service's bookings."""
    itself = {one.view.seq for one in entries if (one.view.target or {}).get("id") == thing}
    others = [one.view.seq for one in entries if one.view.seq not in itself]
    shown = itself | set(others[-max(1, MOST_TOLD - len(itself)) :])
    return tuple(one for one in entries if one.view.seq in shown)


@dataclass(frozen=True, slots=True)
class Happened:
    """One entry of a story, with what a printed page must hold too."""

    row: entry_rows.Row
    why: str
    ip: str
    details: Sequence[Any]


def _days(session: Session, told: Story, thing: str) -> list[dict[str, Any]]:
    new = marks(session, [one.view for one in told.entries])
    happened = [
        Happened(
            entry_rows.row(one.view, session.clinic.id, new),
            one.why,
            one.view.request.get("ip") or "",
            entry_rows.context_details(one.view, session.clinic.id, thing),
        )
        for one in told.entries
    ]
    return [
        {"heading": localization.day(day), "entries": list(group)}
        for day, group in groupby(happened, key=lambda one: one.row.local.date())
    ]


def _snapshot(told: Story, clinic_id: str, thing: str) -> dict[str, Any] | None:
    """What the thing was when it was deleted last, in full, so that it can be made again."""
    for one in reversed(told.entries):
        view = one.view
        target = view.target or {}
        deleted = view.action.endswith((".deleted", ".removed"))  # what was created or restored has a snapshot too
        if deleted and target.get("id") == thing and view.context.get("snapshot"):
            return {
                "row": entry_rows.row(view, clinic_id),
                "details": entry_rows.snapshot_details(view, clinic_id),
                "text": orjson.dumps(view.context["snapshot"], option=orjson.OPT_INDENT_2).decode(),
            }
    return None


def _as_filter(kind: str, thing: str) -> str:
    if kind == "client":
        return query.format(Query(Choice(clients=frozenset({thing}))))
    return query.format(Query(Choice(abouts=frozenset({f"{kind}/{thing}"}))))


def _name(told: Story, kind: str, thing: str) -> str:
    """The newest name that an entry has for it; names of things are snapshots, and change."""
    for one in reversed(told.entries):
        view = one.view
        for holder in (view.target, view.client and {**view.client, "kind": "client"}, view.actor, view.on_behalf_of):
            if holder and holder.get("id") == thing and holder.get("name") and holder["kind"] == kind:
                return str(holder["name"])
    return ""


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
            done, beside = _anonymize(visit.recorder, thing, others, form.cleaned_data["requested_by"])
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
    found = {"form": form, "merged": _records(visit, merged), "name": _name(told, "client", thing), "thing": thing,
             "count": len(told.entries), "whole": told.whole}  # fmt: skip
    return render(request, "indelible/story/anonymize.html", found, status=400 if form.errors else 200)


def _anonymize(
    recorder: Recorder, client: str, others: Sequence[str], requested_by: RequestedBy
) -> tuple[Anonymized, Emptied]:
    """Anonymize a client and other records of the same person; return what went of the client, what is left of all.

    What waits in the outboxes is drained before, and what is held there and names them is emptied. Raises NotFound
    where the client is not known, with nothing written. Another record that went meanwhile is no fault.
    """
    outboxes = Outboxes(journal().shared, settings.ENVIRONMENT.every_outbox)
    done = recorder.anonymize(client, requested_by)
    for one in others:
        with suppress(NotFound):
            also = recorder.anonymize(one, requested_by)
            unfinished = tuple(dict.fromkeys((*done.unfinished, *also.unfinished)))
            done = replace(done, unfinished=unfinished, older_copy=done.older_copy or also.older_copy)
    return done, outboxes.empty(recorder.clinic_id, (client, *others))


def _records(visit: Visit, clients: Sequence[str]) -> list[dict[str, str]]:
    """Other records of a client, each with its name and the address of its story."""
    return [
        {"name": _name(visit.story(f"client/{one}"), "client", one) or one,
         "url": entry_rows.story_url(visit.clinic_id, "client", one)}
        for one in clients
    ]  # fmt: skip


@require_POST
@in_clinic(Right.ANONYMIZE)
def link(request: HttpRequest, visit: Visit, thing: str) -> HttpResponse:
    """Make a link with which the client can do it without signing in. It is signed, and ends by itself."""
    told = visit.story(f"client/{thing}")
    return render(request, "indelible/story/link.html", {
        "name": _name(told, "client", thing),
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
