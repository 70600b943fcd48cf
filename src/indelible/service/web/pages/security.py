"""Your account: who you are here, and how it is protected."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.usersessions.views import list_usersessions
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ....catalogue.account import EmailChanged, SessionRevoked
from ...accounts import sessions as signed_in
from ...accounts.models import User
from ...accounts.recording import record_everywhere
from ...accounts.row_locks import changed
from ..validators import check_printable


class Profile(forms.Form):
    name = forms.CharField(label=gettext_lazy("Your name"), max_length=200, validators=[check_printable])
    email = forms.EmailField(label=gettext_lazy("E-mail address"), help_text=gettext_lazy("You sign in with it."))
    password = forms.CharField(
        label=gettext_lazy("Your password"), required=False, strip=False, max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text=gettext_lazy("Only needed for another e-mail address."),
    )  # fmt: skip

    def __init__(self, user: User, *args: object, **kwargs: object) -> None:
        super().__init__(*args, initial={"name": user.name, "email": user.email}, **kwargs)
        self.user = user

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()

    def clean(self) -> None:
        """Check the password as a sign-in does: with its limit, and recorded where it is wrong.

        It comes first: nobody finds out who else has an account by trying addresses in a browser left open.
        """
        sent = self.cleaned_data
        if "email" not in sent or sent["email"] == self.user.email:
            return
        if not get_adapter().reauthenticate(self.user, sent.get("password") or ""):
            self.add_error("password", _("Another e-mail address needs your password."))
        elif User.objects.filter(email=sent["email"]).exclude(pk=self.user.pk).exists():
            self.add_error("email", _("Another account has this address; choose another one."))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def security(request: HttpRequest) -> HttpResponse:
    user: User = request.user
    form = Profile(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        _save(user, form.cleaned_data["name"], form.cleaned_data["email"])
        messages.success(request, _("Saved."))
        return redirect("account_security")
    factors = {kind: list(Authenticator.objects.filter(user=user, type=kind)) for kind in Authenticator.Type}
    codes = factors[Authenticator.Type.RECOVERY_CODES]
    return render(request, "indelible/account/security.html", {
        "form": form,
        "totp": bool(factors[Authenticator.Type.TOTP]),
        "passkeys": len(factors[Authenticator.Type.WEBAUTHN]),
        "codes": len(codes[0].wrap().get_unused_codes()) if codes else None,
        "sessions": len(signed_in.living(user)),
    }, status=400 if form.errors else 200)  # fmt: skip


def _save(user: User, name: str, email: str) -> None:
    with transaction.atomic():
        former = user.email
        if not User.objects.filter(pk=user.pk, email=former).update(name=name, email=email):
            raise changed()
        user.name, user.email = name, email
        user.save(update_fields=["name", "email"])  # tells who listens, such as what keeps addresses
        if email != former:
            change = EmailChanged.model_validate({"email": {"old": former, "new": email}})
            record_everywhere(change, user)
            told = {"from_email": former, "to_email": email}
            get_adapter().send_notification_mail("account/email/email_changed", user, told, email=former)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def sessions(request: HttpRequest) -> HttpResponse:
    """Where somebody is signed in. A POST ends the session whose number it sends, or all others."""
    number = request.POST.get("session", "")
    if not number:
        response: HttpResponse = list_usersessions(request)
        return response
    with transaction.atomic():
        alive = signed_in.living(request.user, but=request.session.session_key)
        found = [(one, public_id) for one, public_id in alive if str(one.pk) == number]
        if not found:
            raise Http404
        one, public_id = found[0]
        revoked = SessionRevoked(scope="one", cause="user", session=public_id)
        record_everywhere(revoked, request.user)
        one.end()
    messages.success(request, _("The session is ended."))
    return redirect("usersessions_list")
