"""The sign-ins page: what is unusual first, with what each person signs in, and every sign-in as a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from ....catalogue import vocabulary
from ....catalogue.recognition import SIGN_INS, network
from ....errors import InvalidInput
from ....read import unusual
from ....read.actors import acting
from ....read.habits import FAILED, marks
from ....read.session import Cursor
from ....read.view import View
from ...accounts.roles import Right
from .. import entry_rows, localization
from ..access import Visit, in_clinic
from ..unusual_words import Door, Teller, done_from, whose
from ..url_query import address
from ..view_recording import note_reading

ROWS = 50
# Of what is unusual and not grave so much is shown at once; the rest is folded up.
SHOWN = 5
# Asks for the clients' sign-ins too.
EVERYBODY = "all"
DAYS = {"7": _("Last 7 days"), "30": _("Last 30 days"), "90": _("Last 90 days"), "365": _("Last 365 days")}
ACTIONS = SIGN_INS | FAILED | {
    "account.logged_out", "account.password_changed", "account.password_reset", "account.password_reset_requested",
    "account.two_factor_enabled", "account.two_factor_disabled", "account.recovery_code_used",
    "account.session_revoked", "account.email_changed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SignIn:
    """One line of the list."""

    row: entry_rows.Row
    person: str
    person_url: str
    ip: Door
    device: Door
    method: str
    second_factor: str
    state: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What the address asks for. `person` is kind/id, everybody of the clinic ("") or EVERYBODY; `problem` says which
    day cannot be read."""

    person: str
    only: str
    days: str
    first: date | None
    last: date | None
    problem: str = ""

    @property
    def in_address(self) -> dict[str, str]:
        if self.days:
            return {"person": self.person, "only": self.only, "days": self.days}
        first, last = (one.isoformat() if one else "" for one in (self.first, self.last))
        return {"person": self.person, "only": self.only, "from": first, "to": last}

    @property
    def is_narrow(self) -> bool:
        return bool(self.only or self.first or self.last)


@require_safe
@in_clinic(Right.READ)
def sign_ins(request: HttpRequest, visit: Visit) -> HttpResponse:
    wish = _wish(request, visit)
    after = _cursor(request)
    actions = {"failed": FAILED, "sign-ins": SIGN_INS}.get(wish.only, ACTIONS)
    people = []
    if visit.may(Right.SIGN_INS_OF_ALL):
        people = [one for one in acting(visit.session) if one.kind in ("staff", "support")]
    session, page = visit.access.sign_ins(
        wish.person, frozenset(actions), first=wish.first, last=wish.last, after=after, limit=ROWS
    )
    new = marks(session, page.views)
    found: dict[str, Any] = {
        "page": page,
        "lines": [_line(view, visit, new) for view in page.views],
        "people": people,
        "wish": wish,
        "person": wish.person,
        "known": wish.person in ("", EVERYBODY) or any(one.value == wish.person for one in people),
        "only": wish.only,
        "presets": DAYS,
        "zone": visit.session.zone,
        "older": address("sign_ins", visit.clinic_id, **wish.in_address, after=page.older.encode())
        if page.older
        else "",
    }
    if request.htmx and request.htmx.target == "older":
        note_reading(request, visit)
        return render(request, "indelible/signins/rows.html", found)
    if after is None and not wish.is_narrow and not wish.problem:
        found |= _unusual(visit, wish)
    note_reading(request, visit)
    return render(request, "indelible/signins/page.html", found, status=400 if wish.problem else 200)


def _unusual(visit: Visit, wish: Wish) -> dict[str, Any]:
    """What the page begins with. Clients sign in from anywhere: nothing is unusual about that."""
    if wish.person.startswith("client/"):
        return {}
    found = visit.access.unusual("" if wish.person == EVERYBODY else wish.person)
    teller = Teller(visit, found.items)
    told = [teller.item(item) for item in found.items]
    others = [one for one in told if not one.grave]
    return {
        "unusual": True,
        "one_person": bool(wish.person) and wish.person != EVERYBODY,
        "grave": [one for one in told if one.grave],
        "others": others[:SHOWN],
        "folded": others[SHOWN:],
        "devices": [teller.person(one) for one in found.people],
        "since": visit.session.day(found.since),
        "whole": found.whole,
        "most_events": unusual.MOST_EVENTS,
        "most_sign_ins": unusual.MOST_SIGN_INS,
    }


def _wish(request: HttpRequest, visit: Visit) -> Wish:
    """Who may not see others' sign-ins asks for their own, whatever the address says."""
    own = f"staff/{visit.actor.id}"
    person = request.GET.get("person", "").strip() if visit.may(Right.SIGN_INS_OF_ALL) else own
    only = request.GET.get("only", "")
    days = request.GET.get("days", "")
    if days in DAYS:
        today = visit.session.today
        return Wish(person, only, days, today - timedelta(days=int(days) - 1), today)
    first, problem = _day(request.GET.get("from", ""), gettext("From"))
    last, another = _day(request.GET.get("to", ""), gettext("To"))
    problem = problem or another
    if first and last and first > last:
        problem = gettext("“From” is after “To”; swap the two days.")
    return Wish(person, only, "", None if problem else first, None if problem else last, problem)


def _day(text: str, field: str) -> tuple[date | None, str]:
    try:
        return (date.fromisoformat(text) if text else None), ""
    except ValueError:
        return None, gettext("“%(field)s” is no day; write it as 2026-05-04.") % {"field": field}


def _cursor(request: HttpRequest) -> Cursor | None:
    try:
        return Cursor.decode(request.GET["after"]) if request.GET.get("after") else None
    except InvalidInput:
        return None


def _line(view: View, visit: Visit, new: Mapping[int, Sequence[str]]) -> SignIn:
    context: dict[str, Any] = view.context
    ip, device = view.request.get("ip") or "", view.device
    kind, person_id, name = whose(view)
    return SignIn(
        row=entry_rows.row(view, visit.clinic_id, new),
        person=name or person_id,
        person_url=address("sign_ins", visit.clinic_id, person=f"{kind}/{person_id}") if person_id else "",
        ip=Door(ip, done_from(visit, kind, person_id, ip if network(ip) else "")),
        device=Door(view.device_in(localization.SPEECH), done_from(visit, kind, person_id, device)),
        method=_in_words(context.get("method")),
        second_factor=_in_words(factor if (factor := context.get("second_factor")) != "none" else None),
        state="failed" if view.action in FAILED else "revoked" if view.action == "account.session_revoked" else "",
    )


def _in_words(code: str | None) -> str:
    return gettext(vocabulary.said(code)) if code else ""
