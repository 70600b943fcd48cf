"""The keys of a clinic: which programs may record in its log and read it; making and revoking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from allauth.account.adapter import get_adapter
from django import forms
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from ....format import instant
from ...accounts import key_issuing, keys
from ...accounts.keys import Scope
from ...accounts.memberships import local_day
from ...accounts.models import ApiKey
from ...accounts.roles import Right
from ...accounts.row_locks import hold
from .. import first_entry
from ..access import Visit, in_clinic
from ..validators import check_printable

_WORDS: dict[Scope, Promise | str] = {
    Scope.RECORD: gettext_lazy("Record what happens"),
    Scope.READ: gettext_lazy("Read every entry, with proofs"),
    Scope.EXPORT: gettext_lazy("Export files"),
    Scope.ANONYMIZE: gettext_lazy("Anonymize clients, for ever"),
    Scope.MANAGE: gettext_lazy("Manage people, keys and settings"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One key of the page; days are the clinic's."""

    key: ApiKey
    id: str
    may: Sequence[Promise | str]
    made: date
    used: date | None
    last_day: date | None
    revoked: date | None
    stands: bool


class NewKey(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=ApiKey.LONGEST_NAME, validators=[check_printable],
        help_text=gettext_lazy("Which program it is for. Entries about the key show it."),
    )  # fmt: skip
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("What the program may do"), widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose one thing at least.")},
    )  # fmt: skip
    last_day = forms.DateField(
        label=gettext_lazy("Last day"), required=False, widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("Without one it opens the log until somebody revokes it."),
    )  # fmt: skip
    password = forms.CharField(
        label=gettext_lazy("Your password"), strip=False, max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )  # fmt: skip

    def __init__(self, visit: Visit, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._visit = visit
        given = keys.may_give(visit.role)
        self.fields["scopes"].choices = [(one.value, _WORDS[one]) for one in Scope if one in given]

    def clean_last_day(self) -> date | None:
        last: date | None = self.cleaned_data["last_day"]
        if last is not None and last < self._visit.session.today:
            raise forms.ValidationError(_("This day is past."))
        return last

    def clean(self) -> None:
        """Check the password as a sign-in does, with its limit; only where the rest is as it must be."""
        if not self.errors and not get_adapter().reauthenticate(self._visit.user, self.cleaned_data["password"]):
            self.add_error("password", _("This is not your password."))

    @property
    def ends_at(self) -> int:
        """The first instant behind the last day, in the clinic's zone; 0 without one."""
        last: date | None = self.cleaned_data["last_day"]
        if last is None:
            return 0
        zone = instant.zone(self._visit.session.zone)
        return instant.from_datetime(datetime.combine(last + timedelta(days=1), time(), zone), "last_day")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@in_clinic(Right.SETTINGS)
def clinic_keys(request: HttpRequest, visit: Visit) -> HttpResponse:
    """List the keys; a POST makes one, and its answer is the only page that ever shows it."""
    form = NewKey(visit, request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _page(request, visit, form, 400 if form.errors else 200)
    sent = form.cleaned_data
    with transaction.atomic():
        hold(visit.membership)
        made, text = key_issuing.issue(
            sent["name"], sent["scopes"], by=visit.actor, clinic_id=visit.clinic_id, ends_at=form.ends_at
        )  # fmt: skip
    return _page(request, visit, NewKey(visit), made=made, text=text, curl=_curl(visit.clinic_id, made, text))


@require_POST
@in_clinic(Right.SETTINGS)
def revoke(request: HttpRequest, visit: Visit, key: str) -> HttpResponse:
    """End a key. Whoever may see the keys may do it, also with one that they could not make: a lost one cannot wait."""
    found = keys.by_log_id(key, visit.clinic_id)
    if found is None:
        raise Http404
    with transaction.atomic():
        hold(visit.membership)
        key_issuing.withdraw(found, by=visit.actor)
    messages.success(request, _("The key is revoked: it opens nothing any more."))
    return redirect("keys", visit.clinic_id)


def _page(request: HttpRequest, visit: Visit, form: NewKey, status: int = 200, **more: object) -> HttpResponse:
    zone = visit.session.zone
    every = ApiKey.objects.filter(clinic_id=visit.clinic_id).order_by("revoked_at", "-pk")
    of_platform = [one for one in ApiKey.objects.filter(clinic_id="").order_by("-pk") if keys.stands(one)]
    return render(request, "indelible/clinic/keys.html", {
        "keys": [_line(one, zone) for one in every],
        "platform": [_line(one, zone) for one in of_platform],
        "form": form,
        **more,
    }, status=status)  # fmt: skip


def _line(key: ApiKey, zone: str) -> Line:
    def day(us: int) -> date | None:
        return local_day(us, zone) if us else None

    may = [_WORDS[one] for one in Scope if one in keys.scopes_of(key)]
    return Line(
        key, keys.log_id(key), may, local_day(key.made_at, zone),
        day(key.used_at), day(key.ends_at - 1) if key.ends_at else None, day(key.revoked_at), keys.stands(key),
    )  # fmt: skip


def _curl(clinic_id: str, key: ApiKey, text: str) -> str:
    """A command that shows that the key works; nothing for one that is only for what cannot be undone."""
    scopes, below = keys.scopes_of(key), f"{settings.INDELIBLE_URL}/api/v1/clinics/{clinic_id}"
    shown = f"-H 'Authorization: Bearer {text}'"
    if Scope.RECORD in scopes:
        return first_entry.curl(clinic_id, text)
    if Scope.READ in scopes:
        return f"curl {below}/entries {shown}"
    if Scope.MANAGE in scopes:
        return f"curl {below}/members {shown}"
    return f"curl '{below}/export?format=csv' {shown}" if Scope.EXPORT in scopes else ""
