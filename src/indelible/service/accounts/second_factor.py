"""allauth's forms for a code or a passkey at sign-in, which record what fails there and allauth tells nobody of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from allauth.mfa.webauthn.internal.auth import extract_user_from_response
from cryptography.exceptions import InvalidSignature
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ...django.addresses import client_address
from . import attempts, devices
from .models import User
from .recording import Method, record_failed_login

_LOCKED = ("too_many_login_attempts", "rate_limited")


class _Locking(forms.Form):
    """Limits wrong codes, and records that; each wrong one is recorded by allauth's signal, in `signals.py`."""

    def clean_code(self) -> str:
        """Count the attempt as `attempts.py` says, by who tries."""
        request = context.request
        device, address = devices.known(request, self.user), client_address(request) or "unknown"
        account = f"code of {self.user.public_id}"
        if device:
            counted = attempts.by_device(device, account)
        else:
            counted = [*attempts.by_network(address, account), attempts.by_account_codes(account)]
        if not attempts.take(counted):
            if attempts.take([attempts.reminder(f"{account} {device or address}")]):
                record_failed_login(self.user, "locked")
            raise get_account_adapter().validation_error("too_many_login_attempts")
        code = str(super().clean_code())
        attempts.give_back(counted)
        return code


class Code(_Locking, AuthenticateForm):
    """A code of the app, or a recovery code."""


class CodeAgain(_Locking, ReauthenticateForm):
    """The same, of somebody who is signed in and proves who they are."""


@contextmanager
def _recorded(user: User | None, method: Method) -> Iterator[None]:
    """A passkey that does not fit is a failed sign-in, whichever way the library says so."""
    try:
        yield
    except ValidationError as error:
        record_failed_login(user, "locked" if error.code in _LOCKED else "wrong_code", method)
        raise
    except InvalidSignature as error:
        record_failed_login(user, "wrong_code", method)
        raise get_adapter().validation_error("incorrect_code") from error


class NewPasskey(AddWebAuthnForm):
    """A new passkey, which alone is enough to sign in where the browser and the device can do that."""

    name = forms.CharField(label=_("Name"), required=False, max_length=100,
                           help_text=_("So that you know it again, such as the device that it is on."))  # fmt: skip
    passwordless = forms.BooleanField(label=_("Sign in with it instead of the password"), required=False, initial=True)


class Passkey(AuthenticateWebAuthnForm):
    """As the second factor, after the password."""

    def clean_credential(self) -> Any:
        with _recorded(self.user, "password"):
            return super().clean_credential()


class PasskeyAgain(ReauthenticateWebAuthnForm):
    def clean_credential(self) -> Any:
        with _recorded(self.user, "passkey"):
            return super().clean_credential()


class PasskeyAlone(LoginWebAuthnForm):
    """Instead of the password. Whose it is, the passkey says; nothing else is known of who failed."""

    def clean_credential(self) -> Any:
        with _recorded(_claimed(self.cleaned_data["credential"]), "passkey"):
            return super().clean_credential()


def _claimed(credential: Any) -> User | None:
    try:
        user: User = extract_user_from_response(credential)
    except (ValidationError, AttributeError):  # not even in the form of an answer
        return None
    return user
