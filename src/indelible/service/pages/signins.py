"""The sign-ins page: every sign-in of a person with address, device and method, and what is unusual about it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from ...errors import InvalidInput
from ...reading import Cursor
from ...view import View
from .. import present
from ..access import Visit, in_clinic
from ..actors import acting
from ..noting import note_reading
from ..roles import Right
from .asking import address

ROWS = 50
# Sign-ins before the page's that say what is usual for a person. Older habits are forgotten.
HISTORY = 200
# Asks for the clients' sign-ins too.
EVERYBODY = "all"
SIGN_INS = frozenset({"account.logged_in"})
FAILED = frozenset({"account.login_failed", "account.locked"})
ACTIONS = SIGN_INS | FAILED | {
    "account.logged_out", "account.password_changed", "account.password_reset", "account.password_reset_requested",
    "account.two_factor_enabled", "account.two_factor_disabled", "account.recovery_code_used",
    "account.session_revoked", "account.email_changed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SignIn:
    """One line of the page."""

    row: present.Row
    person: str
    person_url: str
    ip: str
    device: str
    method: str
    second_factor: str
    marks: Sequence[str]


@require_safe
@in_clinic(Right.READ)
def sign_ins(request: HttpRequest, visit: Visit) -> HttpResponse:
    person = _person(request, visit)
    only = request.GET.get("only", "")
    after = _cursor(request)
    actions = {"failed": FAILED, "sign-ins": SIGN_INS}.get(only, ACTIONS)
    page = visit.sign_ins(person, frozenset(actions), after=after, limit=ROWS)
    usual = _usual(visit, page.views)
    people = acting(visit.log) if visit.may(Right.SIGN_INS_OF_ALL) else []
    found = {
        "page": page,
        "lines": [_line(view, visit.clinic_id, usual) for view in page.views],
        "people": people,
        "person": person,
        "known": person in ("", EVERYBODY) or any(one.value == person for one in people),
        "only": only,
        "zone": visit.log.info.zone,
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


@dataclass(slots=True)
class _Habits:
    """What was seen of a person's successful sign-ins before some instant."""

    devices: set[str]
    networks: set[str]


def _usual(visit: Visit, views: Sequence[View]) -> dict[int, _Habits]:
    """Return, by the seq of each sign-in of the page, what was usual for its person before it."""
    people = {whose(view)[:2] for view in views if whose(view)[1]}
    found: dict[int, _Habits] = {}
    for kind, person_id in people:
        history = visit.earlier(person_id, SIGN_INS, HISTORY)
        habits = _Habits(set(), set())
        shown = {view.seq for view in views if whose(view)[:2] == (kind, person_id)}
        for view in sorted({view.seq: view for view in (*history, *_of(views, shown))}.values(), key=_when):
            if view.seq in shown:
                found[view.seq] = _Habits(set(habits.devices), set(habits.networks))
            if view.action in SIGN_INS:
                habits.devices.add(view.device)
                habits.networks.add(network(view.request.get("ip") or ""))
    return found


def _of(views: Iterable[View], seqs: set[int]) -> Iterable[View]:
    return (view for view in views if view.seq in seqs)


def _when(view: View) -> tuple[int, int]:
    return view.occurred_at, view.seq


def network(ip: str) -> str:
    """Return the network of an address, as coarse as a provider gives out: /24 of IPv4, /48 of IPv6."""
    try:
        parsed = ipaddress.ip_address(ip)
    except ValueError:
        return ""
    return str(ipaddress.ip_network(f"{ip}/{24 if parsed.version == 4 else 48}", strict=False))


def _line(view: View, clinic_id: str, usual: dict[int, _Habits]) -> SignIn:
    context: dict[str, Any] = view.context
    ip = view.request.get("ip") or ""
    kind, person_id, name = whose(view)
    return SignIn(
        row=present.row(view, clinic_id),
        person=name or person_id,
        person_url=address("sign_ins", clinic_id, person=f"{kind}/{person_id}") if person_id else "",
        ip=ip,
        device=view.device,
        method=_in_words(context.get("method")),
        second_factor=_in_words(factor if (factor := context.get("second_factor")) != "none" else None),
        marks=tuple(_marks(view, ip, usual.get(view.seq))),
    )


def _marks(view: View, ip: str, habits: _Habits | None) -> Iterable[str]:
    if view.action in FAILED:
        yield "failed"
    if view.action == "account.session_revoked":
        yield "revoked"
    if view.action not in SIGN_INS | FAILED or habits is None or not habits.networks:
        return  # the first sign-in that is known: nothing is usual yet
    if view.context.get("new_device") or (view.device and view.device not in habits.devices):
        yield "new_device"
    if network(ip) and network(ip) not in habits.networks:
        yield "new_network"


def _in_words(code: str | None) -> str:
    return gettext(code.replace("_", " ")) if code else ""
