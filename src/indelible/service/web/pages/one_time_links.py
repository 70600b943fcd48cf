"""One-time links: the first start, an invitation, a new password."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from django import forms
from django.contrib.auth import login, logout, password_validation
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ....catalogue.account import PasswordReset, StaffAdded
from ....django import record
from ....errors import IndelibleError, StorageFailure
from ....record.document import Request, Staff
from ...accounts import devices, keys, sessions
from ...accounts.clinics import begin_log, new_clinic_id, own
from ...accounts.grants import hold_giving, still_stands
from ...accounts.models import Membership, OneTimeLink, User
from ...accounts.recording import record_everywhere, staff
from ...accounts.request_transaction import begin
from ...accounts.roles import ROLES
from ...accounts.row_locks import hold_account
from ...accounts.signals import ONE_TIME_LINK
from ...shared_journal import journal
from ..validators import check_printable
from .clinic import NewClinic, likely_zone

_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


class Password(forms.Form):
    password = forms.CharField(
        label=gettext_lazy("Password"), strip=False, max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("At least 12 characters. A sentence that only you would write is a good one."),
    )  # fmt: skip

    user: User | None = None

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        about = self.user or User(email=self.cleaned_data.get("email", ""), name=self.cleaned_data.get("name", ""))
        password_validation.validate_password(password, about)
        return password


class Owner(NewClinic, Password):
    """The first start: somebody, and their clinic."""

    email = forms.EmailField(label=gettext_lazy("Your e-mail address"),
                             widget=forms.EmailInput(attrs={"autocomplete": "username"}))  # fmt: skip
    person = forms.CharField(label=gettext_lazy("Your name"), max_length=200, validators=[check_printable],
                             widget=forms.TextInput(attrs={"autocomplete": "name"}))  # fmt: skip
    field_order = ("person", "email", "password", "name", "zone")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["zone"].initial = likely_zone
        self.fields["zone"].widget.attrs["data-zone"] = ""  # zone.js chooses the browser's


class Taking(Password):
    """The first start on a file that holds logs already: somebody, and which of its clinics are theirs."""

    email = forms.EmailField(label=gettext_lazy("Your e-mail address"),
                             widget=forms.EmailInput(attrs={"autocomplete": "username"}))  # fmt: skip
    person = forms.CharField(label=gettext_lazy("Your name"), max_length=200, validators=[check_printable],
                             widget=forms.TextInput(attrs={"autocomplete": "name"}))  # fmt: skip
    clinics = forms.MultipleChoiceField(
        label=gettext_lazy("Clinics that become yours"), widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose one clinic at least.")},
    )  # fmt: skip
    field_order = ("person", "email", "password", "clinics")

    def __init__(self, found: Sequence[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["clinics"].choices = [(clinic, f"{name} ({clinic})") for clinic, name in found]
        self.fields["clinics"].initial = [clinic for clinic, _ in found]


class Joining(Password):
    name = forms.CharField(label=gettext_lazy("Your name"), max_length=200, validators=[check_printable],
                           widget=forms.TextInput(attrs={"autocomplete": "name"}))  # fmt: skip
    field_order = ("name", "password")


def _link(kind: str, secret: str) -> OneTimeLink:
    found = OneTimeLink.find(kind, secret)
    if found is None or not still_stands(found):
        raise Http404
    return found


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: HttpRequest, secret: str) -> HttpResponse:
    """The first start: make the owner, and the clinic, where none was recorded in this file already."""
    link = _link(OneTimeLink.WELCOME, secret)
    found = _found(link)
    form = Taking(found, request.POST or None) if found else Owner(request.POST or None)
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data
        password = make_password(sent["password"])
        begun = None if found else _begun(link, sent["name"], sent["zone"])
        with transaction.atomic():
            _use_up(link)
            OneTimeLink.objects.filter(kind=OneTimeLink.WELCOME).delete()
            if User.objects.exists():
                raise Http404
            user = User.objects.create_hashed(sent["email"], password, name=sent["person"])
            if begun is not None:
                own(begun, user)
            for clinic in sent.get("clinics", ()):
                _take(clinic, user)
        _sign_in(request, user)
        return redirect("home") if begun is None else redirect("first_entry", begun)
    return render(request, "indelible/welcome/first.html", {"form": form, "found": found},
                  status=400 if form.errors else 200)  # fmt: skip


def _found(link: OneTimeLink) -> list[tuple[str, str]]:
    """The ids and names of the clinics that were recorded in this file without the service, by name.

    Not of the one that this link began.
    """
    every = [
        (clinic.id, state.name)
        for clinic, state in journal().clinics()
        if state.closed_at is None and clinic.id != link.clinic_id
    ]
    return sorted(every, key=lambda one: one[1].casefold())


def _take(clinic_id: str, owner: User) -> None:
    """Make somebody the owner of a clinic that was recorded without the service, and record that."""
    Membership.objects.create(user=owner, clinic_id=clinic_id, role="owner")
    record(StaffAdded(role="owner"), target=staff(owner), actor=Staff(owner.public_id, owner.name, "owner"),
           clinic=clinic_id)  # fmt: skip


def _begun(link: OneTimeLink, name: str, zone: str) -> str:
    """Begin the log of a first start, or go on with the one that was begun by this link and that nobody owns yet.

    The log comes first: whatever fails after it leaves a log without an owner, and a link that still works and knows
    it. Of two requests at once, both go on with the id of the first.
    """
    OneTimeLink.objects.filter(pk=link.pk, clinic_id="").update(clinic_id=new_clinic_id())
    known = OneTimeLink.objects.filter(pk=link.pk).values_list("clinic_id", flat=True).first()
    if known is None:  # used up meanwhile
        raise Http404
    if not journal().clinics([known]):
        with suppress(StorageFailure):  # the other request was quicker
            return begin_log(name, zone, known)
    return str(known)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Join a clinic: with a new account, or with the one that has the invited address."""
    link = _link(OneTimeLink.INVITATION, secret)
    try:
        log = journal().clinic(link.clinic_id)
    except IndelibleError as error:
        raise Http404 from error
    found: dict[str, Any] = {"clinic_name": log.state().name, "role": ROLES[link.role], "link": link}
    known = User.objects.filter(email=link.email).first()
    if known is not None:
        return _join_known(request, link, known, found)
    form = Joining(request.POST or None)
    if request.method == "POST" and form.is_valid():
        password = make_password(form.cleaned_data["password"])
        begin(request)
        with transaction.atomic():
            _use_up(link)
            user = User.objects.create_hashed(link.email, password, name=form.cleaned_data["name"],
                                              language=link.language)  # fmt: skip
            _join(link, user)
        _sign_in(request, user)
        return redirect("activity", link.clinic_id)
    found["form"] = form
    return render(request, "indelible/welcome/invitation.html", found, status=400 if form.errors else 200)


def _join_known(request: HttpRequest, link: OneTimeLink, known: User, found: dict[str, Any]) -> HttpResponse:
    """Whoever has an account signs in first: the link alone must not open it."""
    if request.user != known:
        return render(request, "indelible/welcome/sign_in_first.html", {**found, "next": request.path})
    if request.method == "POST":
        begin(request)
        with transaction.atomic():
            _use_up(link)
            _join(link, known)
        return redirect("activity", link.clinic_id)
    return render(request, "indelible/welcome/invitation.html", {**found, "known": known})


def _use_up(link: OneTimeLink) -> None:
    """Use a link up, before what it is for is done: of two requests at once, one finds it."""
    if not OneTimeLink.objects.filter(pk=link.pk).delete()[0]:
        raise Http404


def _join(link: OneTimeLink, user: User) -> None:
    """Make the membership. The entry's actor is who invited. Raises Conflict for who belongs to the clinic already.

    An older link must not make less of somebody than they became since: the clinic's only owner, perhaps.
    """
    hold_giving(link)
    hold_account(user)
    ended = {"clinic_id": link.clinic_id, "until__lt": journal().clinic(link.clinic_id).reading().today}
    if not user.memberships.filter(**ended).update(role=link.role, until=link.until, since=timezone.now()):
        Membership.objects.create(user=user, clinic_id=link.clinic_id, role=link.role, until=link.until)
    inviter = link.made_by
    actor = Staff(inviter.public_id, inviter.name) if inviter else Staff(user.public_id, user.name)
    if link.made_by_key is not None:
        actor = keys.actor_of(link.made_by_key)
    # Not with the device of this request, which is not the actor's.
    record(StaffAdded(role=link.role), target=staff(user), actor=actor, clinic=link.clinic_id, request=Request())


def _sign_in(request: HttpRequest, user: User) -> None:
    """Sign in whoever came by a link. If somebody else was signed in in this browser, they are signed out first."""
    logout(request)
    record_authentication(request, user, ONE_TIME_LINK)
    login(request, user, _BACKEND)


class NewPassword(Password):
    pass


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new_password(request: HttpRequest, secret: str) -> HttpResponse:
    """Set a new password with a link that a manager made. Every session of the account ends.

    A second factor stays: the link stands for the password, and for nothing else.
    """
    link = _link(OneTimeLink.PASSWORD, secret)
    form = NewPassword(request.POST or None)
    form.user = link.user
    if request.method == "POST" and form.is_valid():
        password = make_password(form.cleaned_data["password"])
        begin(request)
        with transaction.atomic():
            _use_up(link)
            hold_giving(link)
            User.objects.filter(pk=link.user.pk).update(password=password)
            OneTimeLink.objects.filter(kind=OneTimeLink.PASSWORD, user=link.user).delete()
            record_everywhere(PasswordReset(sessions_revoked=sessions.sign_out(request, link.user)), link.user)
        devices.learn(request, link.user)  # so that strangers who guess at the account do not keep its owner out
        return redirect("account_login")
    return render(request, "indelible/welcome/password.html", {"form": form, "title": _("New password")},
                  status=400 if form.errors else 200)  # fmt: skip
