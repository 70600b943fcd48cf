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
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from cryptography.fernet import Fernet
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac
from qrcode.image.svg import SvgPathFillImage

from ..catalogue.account import PasswordResetRequested, SessionRevoked
from ..django.context import client_address
from ..document import System
from . import mail, sessions
from .models import User
from .one_transaction import begin
from .recording import record_everywhere, record_failed_login
from .standing import changed

_LOG = logging.getLogger("indelible.mail")


def _seal() -> Fernet:
    """What secrets of authenticator apps are sealed with: whoever has the database alone cannot make their codes."""
    key = salted_hmac("indelible.second-factor", "", algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that the log records too; the rate limits count by it."""
        return client_address(request) or "unknown"

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            # Recorded for each attempt up to allauth's limit of the whole page; more than that only get a 429, so that
            # nobody fills a log by hammering at its door.
            record_failed_login(_named(credentials), "locked")
            raise

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """What follows on the right password is one transaction, which begins when the password is hashed."""
        user: User | None = super().authenticate(request, **credentials)
        if user is not None:
            begin(request)
        return user

    def set_password(self, user: User, password: str) -> None:
        """Set a password in the place of the one that was read: of two changes at once, one is done."""
        hashed = make_password(password)
        begin(context.request)
        if not User.objects.filter(pk=user.pk, password=user.password).update(password=hashed):
            raise changed()
        user.password = hashed

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        record_failed_login(_named(credentials), "wrong_password")

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


def _named(credentials: dict[str, Any]) -> User | None:
    """Whose account somebody wants into."""
    return User.objects.filter(email=str(credentials.get("email") or "").strip().lower()).first()


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
