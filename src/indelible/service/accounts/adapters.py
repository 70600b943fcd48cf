"""What of django-allauth is ours: nobody signs up (people are invited), and what its flows leave in the log."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

import qrcode
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from cryptography.fernet import Fernet
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac
from qrcode.image.svg import SvgPathFillImage

from ...catalogue.account import PasswordResetRequested, SessionRevoked
from ...django.addresses import client_address
from ...record.document import System
from . import attempts, devices, mail, sessions
from .models import User
from .recording import record_everywhere, record_failed_login
from .request_transaction import begin
from .row_locks import changed

_LOG = logging.getLogger("indelible.mail")


def _seal() -> Fernet:
    """What secrets of authenticator apps are sealed with: whoever has the database alone cannot make their codes."""
    key = salted_hmac("indelible.second-factor", "", algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))


class AccountAdapter(DefaultAccountAdapter):
    # Of the attempt that is under way: where it is counted, and whether its account is guessed at from everywhere.
    _counted: list[attempts.Bucket]
    _guessed_at = False

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Who tries, for django-allauth's own limits: a device that the person knows, else the address."""
        device = devices.known(request, _named({"email": request.POST.get("login") or request.POST.get("email")}))
        return f"device-{device}" if device else client_address(request) or "unknown"

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the attempt as a failure until it is none. Raises ValidationError for who failed too often.

        Recorded for each attempt up to allauth's limit of the whole page; more than that only get a 429, so that nobody
        fills a log by hammering at its door.
        """
        account, named = _account(credentials), _named(credentials)
        device = devices.known(request, named)
        self._counted = (
            attempts.by_device(device, account) if device
            else attempts.by_network(client_address(request) or "unknown", account)
        )  # fmt: skip
        if not attempts.take(self._counted):
            record_failed_login(named, "locked")
            raise self.validation_error("too_many_login_attempts")
        everybody = attempts.by_account(account)
        self._guessed_at = device is None and not attempts.take([everybody])
        if device is None and not self._guessed_at:
            self._counted.append(everybody)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """What follows on the right password is one transaction, which begins when the password is hashed.

        An account that is being guessed at from everywhere lets nobody in by a password alone: right and wrong ones
        look the same then.
        """
        user: User | None = super().authenticate(request, **credentials)
        if self._guessed_at and (user is None or not is_mfa_enabled(user)):
            if user is not None:
                self.authentication_failed(request, **credentials)
            raise self.validation_error("too_many_login_attempts")
        if user is not None:
            attempts.give_back(self._counted)
            begin(request)
        return user

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        if not self._guessed_at:
            record_failed_login(_named(credentials), "wrong_password")
        elif attempts.take([attempts.reminder(_account(credentials))]):
            record_failed_login(_named(credentials), "locked")

    def set_password(self, user: User, password: str) -> None:
        """Set a password in the place of the one that was read: of two changes at once, one is done."""
        hashed = make_password(password)
        begin(context.request)
        if not User.objects.filter(pk=user.pk, password=user.password).update(password=hashed):
            raise changed()
        user.password = hashed

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        record_failed_login(user, "disabled")
        answer: HttpResponse = super().respond_user_inactive(request, user)
        return answer

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """Without a mail server there is none: the page says whom to ask instead."""
        if mail.is_set_up():
            # Anybody can type an address, so that it is not the account's owner who asked.
            record_everywhere(PasswordResetRequested(medium="email"), user, actor=System("login:forgot-password"))
            super().send_password_reset_mail(user, email, context)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send after the commit: a slow server must not keep the log locked, nor a broken one undo what was done."""
        if mail.is_set_up():
            transaction.on_commit(partial(_send, super().send_mail, template_prefix, email, context))


def _account(credentials: dict[str, Any]) -> str:
    """The address of the account that somebody wants into, whether there is one or not."""
    return str(credentials.get("email") or "").strip().lower()


def _named(credentials: dict[str, Any]) -> User | None:
    """Whose account somebody wants into."""
    return User.objects.filter(email=_account(credentials)).first()


def _send(send: Any, *message: Any) -> None:
    try:
        send(*message)
    except OSError as error:
        _LOG.warning("an e-mail about an account could not be sent: %s", type(error).__name__)


class MFAAdapter(DefaultMFAAdapter):
    """Authenticators as allauth keeps them, their secrets sealed; `signals.py` records them."""

    def encrypt(self, text: str) -> str:
        return _seal().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _seal().decrypt(encrypted_text.encode()).decode()

    def build_totp_svg(self, url: str) -> str:
        """The QR code on a white ground of its own: on a dark page a camera would not read it."""
        drawn = io.BytesIO()
        qrcode.make(url, image_factory=SvgPathFillImage).save(drawn)
        return drawn.getvalue().decode()


class UserSessionsAdapter(DefaultUserSessionsAdapter):
    def end_sessions(self, ended: Sequence[Any]) -> None:
        """End every session but the one that asks."""
        if not ended:
            return
        user: User = ended[0].user
        keys = {one.session_key for one in ended}
        alive = sum(one.session_key in keys for one, _ in sessions.living(user))
        if alive:
            revoked = SessionRevoked(scope="all_others", cause="user", sessions_revoked=alive)
            record_everywhere(revoked, user)
        super().end_sessions(ended)
