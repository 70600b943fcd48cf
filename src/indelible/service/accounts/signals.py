"""Connects what accounts do to the log. Receivers run in the transaction of the request that they belong to."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.models import EmailAddress
from allauth.account.signals import password_changed, password_reset
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed, authenticator_used
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest

from ...catalogue import device
from ...catalogue.account import (
    LoggedIn,
    LoggedOut,
    PasswordChanged,
    PasswordReset,
    RecoveryCodeUsed,
    TwoFactorDisabled,
    TwoFactorEnabled,
)
from ...django import record
from ...read.query import Choice, Query
from ...record.document import Staff
from ..shared_journal import journal
from . import devices, sessions
from .models import Membership, User
from .recording import clinics_of, record_everywhere, record_failed_login, staff

# Earlier sign-ins that a device is looked for in.
_HISTORY = 100
# How somebody who was invited signs in the first time.
ONE_TIME_LINK = "one_time_link"
_FACTORS = {"totp": "totp", "webauthn": "passkey", "recovery_codes": "recovery_code"}
_SECOND_FACTORS = {Authenticator.Type.TOTP: "totp", Authenticator.Type.WEBAUTHN: "passkey"}


@receiver(post_save, sender=User)
def keep_address(sender: Any, instance: User, created: bool, **more: Any) -> None:
    """Whoever was invited at an address, or set up the service, has shown that it is theirs."""
    if not created and more.get("update_fields") is not None and "email" not in more["update_fields"]:
        return
    EmailAddress.objects.update_or_create(
        user=instance, primary=True, defaults={"email": instance.email, "verified": True}
    )


@receiver(user_logged_in)
def logged_in(sender: Any, request: HttpRequest, user: User, **more: Any) -> None:
    method, factor = _methods(request, user)
    devices.learn(request, user)
    session = sessions.begin(request.session)
    for membership in clinics_of(user):
        action = LoggedIn.model_validate(
            {
                "method": method,
                "second_factor": factor,
                "new_device": _is_new_device(membership, user, request.META.get("HTTP_USER_AGENT", "")),
                "session": session,
            }
        )
        record(action, clinic=membership.clinic_id, target=staff(user),
               actor=Staff(user.public_id, user.name, membership.role))  # fmt: skip


def _methods(request: HttpRequest, user: User) -> tuple[str, str]:
    """How somebody signed in: the method, and the second factor or "none"."""
    method, factor = "password", "none"
    for one in get_authentication_records(request, user):
        if one.get("method") == "mfa" and one.get("passwordless"):
            method, factor = "passkey", "none"
        elif one.get("method") == "mfa":
            factor = _FACTORS.get(str(one.get("type")), "none")
        elif one.get("method") in ("password", ONE_TIME_LINK):
            method = "password" if one["method"] == "password" else "magic_link"
    return method, factor


def _is_new_device(membership: Membership, user: User, agent: str) -> bool | None:
    """Whether the device was never seen in the person's earlier sign-ins; None for the first one of all."""
    log = journal().clinic(membership.clinic_id)
    wanted = Choice(actions=frozenset({"account.logged_in"}), actors=frozenset({user.public_id}))
    known = {view.device for view in log.page(Query(wanted), limit=_HISTORY).views}
    return device.words(agent) not in known if known else None


@receiver(user_logged_out)
def logged_out(sender: Any, request: HttpRequest, user: User | None, **more: Any) -> None:
    if user is not None:
        record_everywhere(LoggedOut(cause="user", session=sessions.public_id(request.session)), user)


@receiver(password_changed)
def changed_password(sender: Any, request: HttpRequest, user: User, **more: Any) -> None:
    """Django lets no session live on with an old password but the one that changed it."""
    ended = sessions.end(user, but=request.session.session_key)
    record_everywhere(PasswordChanged(sessions_revoked=ended), user)


@receiver(password_reset)
def reset_password(sender: Any, request: HttpRequest, user: User, **more: Any) -> None:
    devices.learn(request, user)  # whoever reads the account's e-mail
    record_everywhere(PasswordReset(sessions_revoked=sessions.sign_out(request, user)), user)


@receiver(post_save, sender=Authenticator)
def added_factor(sender: Any, instance: Authenticator, created: bool, **more: Any) -> None:
    factor = _SECOND_FACTORS.get(instance.type)
    if created and factor is not None:
        record_everywhere(TwoFactorEnabled.model_validate({"factor": factor}), instance.user)


@receiver(post_delete, sender=Authenticator)
def removed_factor(sender: Any, instance: Authenticator, **more: Any) -> None:
    factor = _SECOND_FACTORS.get(instance.type)
    if factor is not None:
        record_everywhere(TwoFactorDisabled.model_validate({"factor": factor}), instance.user)


@receiver(authenticator_used)
def used_factor(sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **more: Any) -> None:
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        authenticator.refresh_from_db()  # the code was struck out in the table, not in this object
        record_everywhere(RecoveryCodeUsed(remaining=len(authenticator.wrap().get_unused_codes())), user)


@receiver(authentication_failed)
def failed_factor(sender: Any, request: HttpRequest, user: User, **more: Any) -> None:
    record_failed_login(user, "wrong_code")
