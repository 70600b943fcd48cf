"""What of django-allauth is ours: nobody signs up (people are invited), and what its flows leave in the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from ..catalogue.account import PasswordResetRequested, SessionRevoked
from ..django.context import client_address
from . import mail
from .models import User
from .recording import public_session, record_everywhere, record_failed_login


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
            record_failed_login(credentials.get("email"), "locked")
            raise

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        record_failed_login(credentials.get("email"), "wrong_password")

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """Without a mail server there is none: the page says whom to ask instead."""
        if mail.is_set_up():
            record_everywhere(PasswordResetRequested(medium="email"), user)
            super().send_password_reset_mail(user, email, context)

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Changes of an account are in the log; an e-mail that says so is sent where one can be."""
        if mail.is_set_up():
            super().send_notification_mail(*args, **kwargs)


class MFAAdapter(DefaultMFAAdapter):
    """Authenticators as allauth keeps them; `signals.py` records them."""


class UserSessionsAdapter(DefaultUserSessionsAdapter):
    def end_sessions(self, sessions: Sequence[Any]) -> None:
        """End sessions, and record it for the account whose they were."""
        if not sessions:
            return
        user: User = sessions[0].user
        if len(sessions) == 1:
            ended = SessionRevoked(scope="one", cause="user", session=public_session(sessions[0].session_key))
        else:
            ended = SessionRevoked(scope="all_others", cause="user", sessions_revoked=len(sessions))
        record_everywhere(ended, user)
        super().end_sessions(sessions)
