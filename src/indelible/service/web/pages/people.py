"""The people page: who belongs to the clinic, as what; inviting, changing roles, letting go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.mail import send_mail
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from ....catalogue.account import PasswordResetRequested
from ...accounts import mail
from ...accounts import people as accounts
from ...accounts.grants import hold_resetting, may_reset
from ...accounts.models import Membership, OneTimeLink
from ...accounts.people import Clinic, Giver
from ...accounts.recording import record_everywhere
from ...accounts.roles import ROLES, Right
from ..access import Visit, in_clinic

PASSWORD_LINK_LASTS = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Member:
    """One line of the page, with what the visitor may do to it."""

    membership: Membership
    ended: bool
    may_change: bool
    may_reset: bool
    roles: Sequence[Any]


class Invite(forms.Form):
    email = forms.EmailField(label=gettext_lazy("E-mail address"))
    role = forms.ChoiceField(label=gettext_lazy("Role"))
    until = forms.DateField(label=gettext_lazy("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"}),
                            help_text=gettext_lazy("An auditor's last day. Others need none."))  # fmt: skip

    def __init__(self, visit: Visit, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = visit.session.today
        self.fields["role"].choices = [(code, role.label) for code, role in ROLES.items() if code in visit.role.gives]
        self.fields["role"].initial = "staff"

    def clean(self) -> dict[str, Any]:
        sent = super().clean() or {}
        if sent.get("role") in ROLES and not ROLES[sent["role"]].expires:
            sent["until"] = None
        _check_until(self, sent.get("role", ""), sent.get("until"), self.today)
        return sent


def _check_until(form: forms.Form, role: str, until: date | None, today: date) -> None:
    if role not in ROLES:
        return
    if ROLES[role].expires and until is None:
        form.add_error("until", _("An auditor needs a last day."))
    if until is not None and until < today:
        form.add_error("until", _("This day is past."))


class Change(Invite):
    """Another role for somebody who is there."""

    email = None  # takes the field away


@require_safe
@in_clinic(Right.PEOPLE)
def people(request: HttpRequest, visit: Visit) -> HttpResponse:
    return _page(request, visit, Invite(visit))


def _page(request: HttpRequest, visit: Visit, form: Invite, status: int = 200, **more: Any) -> HttpResponse:
    every = Membership.objects.select_related("user").filter(clinic_id=visit.clinic_id).order_by("user__name")
    return render(request, "indelible/people/page.html", {
        "members": [_member(visit, one) for one in every],
        "invitations": OneTimeLink.objects.filter(kind=OneTimeLink.INVITATION, clinic_id=visit.clinic_id,
                                                  expires_at__gt=timezone.now(), role__in=visit.role.gives),
        "form": form,
        "roles": ROLES.values(),
        **more,
    }, status=status)  # fmt: skip


def _member(visit: Visit, one: Membership) -> Member:
    may = _giver(visit).may_change(one)
    return Member(one, one.has_ended(visit.session.today), may, may and may_reset(visit.user, one.user),
                  [ROLES[code] for code in ROLES if code in visit.role.gives])  # fmt: skip


def _giver(visit: Visit) -> Giver:
    return Giver(visit.actor, visit.role.gives, visit.membership)


def _clinic(visit: Visit) -> Clinic:
    return Clinic(visit.clinic_id, visit.session.name, visit.session.today)


def _found(visit: Visit, public_id: str) -> Membership:
    """Return the membership of somebody whom the visitor may change; else as if nobody were there."""
    one = Membership.objects.select_related("user").filter(
        clinic_id=visit.clinic_id, user__public_id=public_id
    ).first()  # fmt: skip
    if one is None or not _giver(visit).may_change(one):
        raise Http404
    return one


@require_POST
@in_clinic(Right.PEOPLE)
def invite(request: HttpRequest, visit: Visit) -> HttpResponse:
    form = Invite(visit, request.POST)
    if not form.is_valid():
        return _page(request, visit, form, 400)
    email = form.cleaned_data["email"].lower()
    if Membership.objects.filter(clinic_id=visit.clinic_id, user__email=email).exists():
        form.add_error("email", _("Somebody with this address belongs to the clinic already."))
        return _page(request, visit, form, 400)
    sent = form.cleaned_data
    link, address = accounts.invite(_giver(visit), _clinic(visit), email, sent["role"], sent["until"])
    return _hand_over(request, visit, link.email, address, "invitation")


def _hand_over(request: HttpRequest, visit: Visit, email: str, link: str, kind: str) -> HttpResponse:
    """Send a link by e-mail; where there is no mail server, or it refuses, show it to be copied."""
    if mail.is_set_up():
        subject, text = mail.texts(kind, visit.session.name, link)
        try:
            send_mail(subject, text, None, [email])
        except OSError as error:
            messages.warning(request, _("The e-mail could not be sent (%(why)s); copy the link instead.")
                             % {"why": type(error).__name__})  # fmt: skip
        else:
            messages.success(request, _("The e-mail is on its way."))
            return redirect("people", visit.clinic_id)
    return _page(request, visit, Invite(visit), link=link, link_for=email, link_kind=kind)


@require_POST
@in_clinic(Right.PEOPLE)
def withdraw(request: HttpRequest, visit: Visit, number: int) -> HttpResponse:
    """End an invitation that nobody took."""
    mine = OneTimeLink.objects.filter(kind=OneTimeLink.INVITATION, clinic_id=visit.clinic_id,
                                      role__in=visit.role.gives)  # fmt: skip
    link = mine.filter(pk=number).first()
    if link is None:
        raise Http404
    accounts.withdraw(_giver(visit), _clinic(visit), link)
    messages.success(request, _("The invitation is withdrawn."))
    return redirect("people", visit.clinic_id)


@require_POST
@in_clinic(Right.PEOPLE)
def change(request: HttpRequest, visit: Visit, person: str) -> HttpResponse:
    one = _found(visit, person)
    form = Change(visit, request.POST)
    if not form.is_valid():
        problems = [text for errors in form.errors.values() for text in errors]
        messages.error(request, " ".join(problems))
        return redirect("people", visit.clinic_id)
    role, until = form.cleaned_data["role"], form.cleaned_data["until"]
    if (role, until) != (one.role, one.until):
        accounts.change(_giver(visit), _clinic(visit), one, role, until)
        messages.success(request, _("The role is changed."))
    return redirect("people", visit.clinic_id)


@require_POST
@in_clinic(Right.PEOPLE)
def remove(request: HttpRequest, visit: Visit, person: str) -> HttpResponse:
    """Let somebody go: from now on the clinic is not theirs, in every session."""
    one = _found(visit, person)
    accounts.remove(_giver(visit), _clinic(visit), one)
    messages.success(request, _("They cannot enter this clinic any more."))
    return redirect("people", visit.clinic_id)


@require_POST
@in_clinic(Right.PEOPLE)
def password_link(request: HttpRequest, visit: Visit, person: str) -> HttpResponse:
    """Make a link with which somebody sets a new password."""
    one = _found(visit, person)
    if not may_reset(visit.user, one.user):
        raise Http404
    with transaction.atomic():
        hold_resetting(visit.user, one.user)
        OneTimeLink.objects.filter(kind=OneTimeLink.PASSWORD, user=one.user).delete()
        _link, secret = OneTimeLink.make(OneTimeLink.PASSWORD, PASSWORD_LINK_LASTS, user=one.user, made_by=visit.user)
        record_everywhere(PasswordResetRequested(medium="staff"), one.user, actor=visit.actor)
    address = settings.INDELIBLE_URL + reverse("new_password", args=[secret])
    return _hand_over(request, visit, one.user.email, address, "password")
