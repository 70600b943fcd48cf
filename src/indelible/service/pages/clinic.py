"""The clinic's own settings: its name and time zone; a test e-mail; and another clinic."""

from __future__ import annotations

import secrets
import zoneinfo
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.mail import send_mail
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from ...catalogue.settings import ClinicCreated
from ...django import current_request, record
from ...document import Staff, Target
from ...journal import ClinicLog
from .. import mail
from ..access import Visit, in_clinic
from ..models import Membership, User
from ..opened_log import journal
from ..roles import ROLES, Right
from . import failures
from .naming import check_printable


def zones() -> list[tuple[str, str]]:
    """Every zone that somebody may live in, by name."""
    names = sorted(name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/"))
    return [(name, name.replace("_", " ")) for name in ("UTC", *names)]


class Clinic(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name of the clinic"), max_length=200, validators=[check_printable])
    zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"), choices=zones,
        help_text=gettext_lazy("Days and times of the log are this zone's. What was recorded in another says so."),
    )  # fmt: skip


class Settings(Clinic):
    """What is changed is what differs from what the page showed: an old page does not undo what others set since."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.show_hidden_initial = True

    def was(self, name: str) -> str | None:
        """What the page showed."""
        return self.data.get(self.add_initial_prefix(name)) or None


@require_http_methods(["GET", "HEAD", "POST"])
@in_clinic(Right.SETTINGS)
def settings(request: HttpRequest, visit: Visit) -> HttpResponse:
    log = visit.log
    now = next(clinic for clinic in journal().clinics() if clinic.id == visit.clinic_id)
    form = Settings(request.POST or None, initial={"name": now.name, "zone": now.zone})
    if request.method == "POST" and form.is_valid():
        by, where, sent = visit.actor, current_request(), form.cleaned_data
        if "name" in form.changed_data:
            log.rename(sent["name"], actor=by, request=where, was=form.was("name"))
        if "zone" in form.changed_data:
            log.set_time_zone(sent["zone"], actor=by, request=where, was=form.was("zone"))
        messages.success(request, _("Saved."))
        return redirect("settings", visit.clinic_id)
    found = {"form": form, "mail": mail.is_set_up()}
    return render(request, "indelible/clinic/settings.html", found, status=400 if form.errors else 200)


@require_POST
@in_clinic(Right.SETTINGS)
def test_mail(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Send an e-mail to the visitor, and say what the mail server answered."""
    if not mail.is_set_up():
        messages.error(request, _("There is no mail server yet; set INDELIBLE_SMTP and start again."))
        return redirect("settings", visit.clinic_id)
    try:
        send_mail(_("A test e-mail from your activity log"), _("If you can read this, e-mail works.\n"), None,
                  [visit.user.email])  # fmt: skip
    except OSError as error:  # smtplib's errors are OSErrors
        why = f"{type(error).__name__} {getattr(error, 'smtp_code', '')}".strip()
        messages.error(request, _("The mail server refused: %(why)s") % {"why": why})
    else:
        messages.success(request, _("The e-mail was handed to the mail server; look into your inbox."))
    return redirect("settings", visit.clinic_id)


def new_clinic_id() -> str:
    return f"c_{secrets.token_hex(5)}"


def start_log(name: str, zone: str, clinic_id: str | None = None) -> ClinicLog:
    """Begin the log of a clinic that belongs to nobody yet. It is a transaction of its own."""
    return journal().add_clinic(clinic_id or new_clinic_id(), name=name, zone=zone)


def own(log: ClinicLog, owner: User) -> None:
    """Make somebody the owner of a clinic that was just begun, and record that it was created."""
    with transaction.atomic():
        Membership.objects.create(user=owner, clinic_id=log.info.id, role="owner")
        record(ClinicCreated(zone=log.info.zone), clinic=log.info.id, actor=Staff(owner.public_id, owner.name, "owner"),
               target=Target("clinic", log.info.id, log.info.name))  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def new_clinic(request: HttpRequest) -> HttpResponse:
    if not any(Right.NEW_CLINIC in ROLES[one.role].rights for one in request.user.memberships.all()):
        return failures.not_yours(request)
    form = Clinic(request.POST or None, initial=_like(request.user))
    if request.method == "POST" and form.is_valid():
        log = start_log(form.cleaned_data["name"], form.cleaned_data["zone"])
        own(log, request.user)
        return redirect("activity", log.info.id)
    return render(request, "indelible/clinic/new.html", {"form": form}, status=400 if form.errors else 200)


def _like(user: User) -> dict[str, Any]:
    """A second clinic is mostly near the first one."""
    from ..access import memberships

    mine = memberships(user)
    return {"zone": mine[0][1].info.zone} if mine else {}
