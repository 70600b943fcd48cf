"""Your account: who you are here, and how it is protected."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from ...catalogue.account import EmailChanged
from ..models import User
from ..recording import record_everywhere


class Profile(forms.Form):
    name = forms.CharField(label=gettext_lazy("Your name"), max_length=200)
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
        email = str(self.cleaned_data["email"]).lower()
        if User.objects.filter(email=email).exclude(pk=self.user.pk).exists():
            raise forms.ValidationError(_("Another account has this address; choose another one."))
        return email

    def clean(self) -> None:
        sent = self.cleaned_data
        changes = sent.get("email", self.user.email) != self.user.email
        if changes and not self.user.check_password(sent.get("password") or ""):
            self.add_error("password", _("Another e-mail address needs your password."))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def security(request: HttpRequest) -> HttpResponse:
    user: User = request.user
    form = Profile(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        _save(user, form.cleaned_data["name"], form.cleaned_data["email"])
        messages.success(request, _("Saved."))
        return redirect("account_security")
    kinds = list(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    return render(request, "indelible/account/security.html", {
        "form": form,
        "totp": Authenticator.Type.TOTP in kinds,
        "passkeys": kinds.count(Authenticator.Type.WEBAUTHN),
        "sessions": len(UserSession.objects.purge_and_list(user)),
    }, status=400 if form.errors else 200)  # fmt: skip


def _save(user: User, name: str, email: str) -> None:
    with transaction.atomic():
        if email != user.email:
            change = EmailChanged.model_validate({"email": {"old": user.email, "new": email}})
            record_everywhere(change, user)
        user.name, user.email = name, email
        user.save(update_fields=["name", "email"])
