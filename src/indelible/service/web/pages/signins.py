"""The sign-ins page: every sign-in of a person with address, device and method, and what is unusual about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from ....catalogue.recognition import SIGN_INS
from ....errors import InvalidInput
from ....read.actors import acting
from ....read.habits import FAILED, marks
from ....read.session import Cursor
from ....read.view import View
from ...accounts.roles import Right
from .. import entry_rows
from ..access import Visit, in_clinic
from ..url_query import address
from ..view_recording import note_reading

ROWS = 50
# Asks for the clients' sign-ins too.
EVERYBODY = "all"
ACTIONS = SIGN_INS | FAILED | {
    "account.logged_out", "account.password_changed", "account.password_reset", "account.password_reset_requested",
    "account.two_factor_enabled", "account.two_factor_disabled", "account.recovery_code_used",
    "account.session_revoked", "account.email_changed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SignIn:
    """One line of the page."""

    row: entry_rows.Row
    person: str
    person_url: str
    ip: str
    device: str
    method: str
    second_factor: str
    state: str


@require_safe
@in_clinic(Right.READ)
def sign_ins(request: HttpRequest, visit: Visit) -> HttpResponse:
    person = _person(request, visit)
    only = request.GET.get("only", "")
    after = _cursor(request)
    actions = {"failed": FAILED, "sign-ins": SIGN_INS}.get(only, ACTIONS)
    session, page = visit.access.sign_ins(person, frozenset(actions), after=after, limit=ROWS)
    new = marks(session, page.views)
    people = []
    if visit.may(Right.SIGN_INS_OF_ALL):
        people = [one for one in acting(visit.session) if one.kind in ("staff", "support")]
    found = {
        "page": page,
        "lines": [_line(view, visit.clinic_id, new) for view in page.views],
        "people": people,
        "person": person,
        "known": person in ("", EVERYBODY) or any(one.value == person for one in people),
        "only": only,
        "zone": visit.session.zone,
        "older": address("sign_ins", visit.clinic_id, person=person, only=only, after=page.older.encode())
        if page.older
        else "",
    }
    note_reading(request, visit)
    template = "rows" if request.htmx and request.htmx.target == "older" else "page"
    return render(request, f"indelible/signins/{template}.html", found)


def _person(request: HttpRequest, visit: Visit) -> str:
    """The person asked for, as `kind/id`; who may not see others' sign-ins gets their own."""
    if not visit.may(Right.SIGN_INS_OF_ALL):
        return f"staff/{visit.user.public_id}"
    return request.GET.get("person", "").strip()


def _cursor(request: HttpRequest) -> Cursor | None:
    try:
        return Cursor.decode(request.GET["after"]) if request.GET.get("after") else None
    except InvalidInput:
        return None


def whose(view: View) -> tuple[str, str, str]:
    """Return kind, id and name of the person that a sign-in is about: the target, else the actor."""
    target = view.target
    holder = target if target and target["kind"] in ("staff", "client") else view.actor
    return holder["kind"], holder.get("id") or "", holder.get("name") or ""


def _line(view: View, clinic_id: str, new: Mapping[int, Sequence[str]]) -> SignIn:
    context: dict[str, Any] = view.context
    ip = view.request.get("ip") or ""
    kind, person_id, name = whose(view)
    return SignIn(
        row=entry_rows.row(view, clinic_id, new),
        person=name or person_id,
        person_url=address("sign_ins", clinic_id, person=f"{kind}/{person_id}") if person_id else "",
        ip=ip,
        device=view.device,
        method=_in_words(context.get("method")),
        second_factor=_in_words(factor if (factor := context.get("second_factor")) != "none" else None),
        state="failed" if view.action in FAILED else "revoked" if view.action == "account.session_revoked" else "",
    )


def _in_words(code: str | None) -> str:
    return gettext(code.replace("_", " ")) if code else ""
