"""The clinic's own settings: its name and time zone; a test e-mail; another clinic; and its first entry."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.mail import send_mail
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ....catalogue import find
from ....read.query import Choice, Query
from ...accounts import clinic_links, mail
from ...accounts.clinics import begin_log, own
from ...accounts.memberships import memberships
from ...accounts.models import User
from ...accounts.roles import ROLES, Right
from ...links import WrongLine, parse, text
from .. import entry_rows, failures
from ..access import Visit, in_clinic
from ..first_entry import WAYS
from ..validators import check_printable


def zones() -> list[tuple[str, str]]:
    """Every zone that somebody may live in, by name."""
    names = sorted(name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/"))
    return [(name, name.replace("_", " ")) for name in ("UTC", *names)]


# Where a clinic whose owner reads in a language most likely is: the first choice, until somebody chooses.
_ZONES = {"pt": "Europe/Lisbon", "es": "Europe/Madrid"}


def likely_zone() -> str:
    return _ZONES.get(translation.get_language() or "", "Europe/London")


class NewClinic(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name of the clinic"), max_length=200, validators=[check_printable])
    zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"), choices=zones,
        help_text=gettext_lazy("Days and times of the log are this zone's. What was recorded in another says so."),
    )  # fmt: skip


class Settings(NewClinic):
    """What is changed is what differs from what the page showed: an old page does not undo what others set since."""

    links = forms.CharField(
        label=gettext_lazy("Where your program shows its things"), required=False, strip=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocapitalize": "none"}),
        help_text=gettext_lazy("One line for each kind, such as booking: https://app.example/bookings/{id} – the id of "
                               "the thing goes where {id} stands. Stories and entries then lead there."),
    )  # fmt: skip

    def clean_links(self) -> dict[str, str]:
        try:
            return clinic_links.parsed(self.cleaned_data["links"])
        except WrongLine as error:
            said = {"number": error.number, "what": gettext(error.what)}
            raise forms.ValidationError(gettext("Line %(number)s %(what)s.") % said) from error

    def linked(self) -> dict[str, str]:
        """What the page showed of the addresses, also of a kind that the log does not know any more. Raises
        InvalidInput for what no page of ours has shown."""
        return parse(self.was("links") or "")

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
    session = visit.session
    shown = {"name": session.name, "zone": session.zone, "links": text(clinic_links.own(visit.clinic_id))}
    form = Settings(request.POST or None, initial=shown)
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data
        if "name" in form.changed_data:
            visit.recorder.rename(sent["name"], was=form.was("name"))
        if "zone" in form.changed_data:
            visit.recorder.set_time_zone(sent["zone"], was=form.was("zone"))
        if "links" in form.changed_data:
            clinic_links.change(visit.clinic_id, session.name, sent["links"], form.linked(), visit.actor)
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


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def new_clinic(request: HttpRequest) -> HttpResponse:
    if not any(Right.NEW_CLINIC in ROLES[one.role].rights for one in request.user.memberships.all()):
        return failures.not_yours(request)
    form = NewClinic(request.POST or None, initial=_like(request.user))
    if request.method == "POST" and form.is_valid():
        clinic_id = begin_log(form.cleaned_data["name"], form.cleaned_data["zone"])
        own(clinic_id, request.user)
        return redirect("first_entry", clinic_id)
    return render(request, "indelible/clinic/new.html", {"form": form}, status=400 if form.errors else 200)


def _like(user: User) -> dict[str, Any]:
    """A second clinic is mostly near the first one."""
    mine = memberships(user)
    return {"zone": mine[0][2].zone} if mine else {}


# What the service records itself: who signs in, who was invited, what the clinic is called. A log with nothing else has
# nothing in it that a clinic does.
OWN = Choice(
    categories=frozenset({"account", "log"}),
    actions=frozenset({"clinic.created", "clinic.time_zone_changed", "settings.changed"}),
)


def has_more_than_its_own(visit: Visit) -> bool:
    """Whether something occurs that the service does not record itself."""
    others = set(visit.session.actions) - OWN.actions
    return any((found := find(code)) is None or found.category not in OWN.categories for code in others)


def first_of_host(visit: Visit) -> entry_rows.Row | None:
    """Return the newest entry that the clinic's own programs recorded, or None."""
    if not has_more_than_its_own(visit):
        return None
    found = visit.session.page(Query(unwanted=OWN), limit=1).views
    return entry_rows.row(found[0], visit.clinic_id) if found else None


@require_safe
@in_clinic(Right.SETTINGS)
def first_entry(request: HttpRequest, visit: Visit) -> HttpResponse:
    """How to record the first entry, and whether it is there."""
    found = {"first": first_of_host(visit)}
    if request.htmx:
        return render(request, "indelible/clinic/first_entry_here.html", found)
    chosen = request.GET.get("way", "")
    way = chosen if chosen in WAYS else next(iter(WAYS))
    return render(request, "indelible/clinic/first_entry.html", {
        **found, "ways": WAYS, "way": way, "chosen": WAYS[way], "code": WAYS[way].code(visit.clinic_id),
    })  # fmt: skip
