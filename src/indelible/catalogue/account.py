"""Signing in, and who may.

An account is whoever signs in with it, so the target of an account's action is that person: `staff` or `client`, with
the id that the host uses for them. Whose it is, is never guessed: what is about a client must be found in the client's
story, and go when the client is anonymized. IP address and device are in the document's `request`. A session is named
in the context; its id is one that the host may print: never the secret that proves the session.

What somebody typed into a login form is never recorded: people type passwords into the wrong field. Where it belongs to
no account, the target of `account.login_failed` is the clinic, and the actor the system (`login:unknown-account`).
"""

from __future__ import annotations

from typing import Literal

from .action import Action
from .fields import Changed, Count, EmailChange, Instant, SessionRef, Words
from .vocabulary import Scopes, StaffRole


class LoggedIn(
    Action,
    code="account.logged_in",
    label="Logged in",
    category="account",
    targets=("staff", "client"),
    sentence="{actor} logged in",
    detail=(
        "{method}",
        "second factor: {second_factor}",
    ),
):
    method: Literal["password", "passkey", "sso", "magic_link", "one_time_code", "pin"] | None = None
    second_factor: Literal["none", "totp", "sms", "email", "passkey", "recovery_code"] | None = None
    new_device: bool | None = None
    session: SessionRef | None = None


class LoginFailed(
    Action,
    code="account.login_failed",
    label="Failed login",
    category="account",
    targets=("staff", "client", "clinic"),
    sentence="Failed login for {target}",
    detail=(
        "{reason_code}",
        "attempt {attempt}",
    ),
):
    reason_code: (
        Literal["wrong_password", "wrong_code", "locked", "unknown_account", "sso_error", "disabled", "other"] | None
    ) = None
    method: Literal["password", "passkey", "sso", "magic_link", "one_time_code", "pin"] | None = None
    attempt: Count | None = None


class LoggedOut(
    Action,
    code="account.logged_out",
    label="Logged out",
    category="account",
    targets=("staff", "client"),
    sentence="{actor} logged out",
    detail=("{cause}",),
):
    cause: Literal["user", "idle_timeout", "expired"] | None = None
    session: SessionRef | None = None


class AccountLocked(
    Action,
    code="account.locked",
    label="Locked account",
    category="account",
    targets=("staff", "client"),
    sentence="{actor} locked the account of {target}",
    detail=(
        "{reason_code}",
        "until {until}",
    ),
):
    reason_code: Literal["too_many_failures", "admin", "risk"] | None = None
    until: Instant | None = None


class PasswordChanged(
    Action,
    code="account.password_changed",
    label="Changed password",
    category="account",
    targets=("staff", "client"),
    sentence="{actor} changed the password of {target}",
    detail=("sessions ended: {sessions_revoked}",),
):
    sessions_revoked: Count | None = None


class PasswordResetRequested(
    Action,
    code="account.password_reset_requested",
    label="Requested password reset",
    category="account",
    targets=("staff", "client"),
    sentence="{actor} requested a password reset for {target}",
):
    medium: Literal["email", "sms", "staff"] | None = None


class PasswordReset(
    Action,
    code="account.password_reset",
    label="Reset password",
    category="account",
    targets=("staff", "client"),
    sentence="{actor} reset the password of {target}",
    detail=("sessions ended: {sessions_revoked}",),
):
    sessions_revoked: Count | None = None


class TwoFactorEnabled(
    Action,
    code="account.two_factor_enabled",
    label="Enabled 2FA",
    category="account",
    targets=("staff", "client"),
    sentence="{actor} enabled 2FA for {target}",
    detail=("{factor}",),
):
    factor: Literal["totp", "sms", "email", "passkey", "security_key"] | None = None


class TwoFactorDisabled(
    Action,
    code="account.two_factor_disabled",
    label="Disabled 2FA",
    category="account",
    targets=("staff", "client"),
    sentence="{actor} disabled 2FA for {target}",
    detail=("{factor}",),
):
    factor: Literal["totp", "sms", "email", "passkey", "security_key"] | None = None


class RecoveryCodeUsed(
    Action,
    code="account.recovery_code_used",
    label="Used recovery code",
    category="account",
    targets=("staff", "client"),
    sentence="{actor} used a recovery code of {target}",
    detail=("codes left: {remaining}",),
):
    remaining: Count | None = None


class SessionRevoked(
    Action,
    code="account.session_revoked",
    label="Revoked session",
    category="account",
    targets=("staff", "client"),
    sentence="{actor} revoked a session of {target}",
    detail=(
        "{cause}",
        "sessions ended: {sessions_revoked}",
    ),
):
    """One session, or all of an account: `scope` and `sessions_revoked` say how many."""

    scope: Literal["one", "all_others", "all"] | None = None
    cause: Literal["user", "admin", "password_change", "risk"] | None = None
    session: SessionRef | None = None
    sessions_revoked: Count | None = None


class EmailChanged(
    Action,
    code="account.email_changed",
    label="Changed login e-mail",
    category="account",
    targets=("staff", "client"),
    sentence="{actor} changed the login e-mail of {target}",
    detail=("{email}",),
):
    email: EmailChange | None = None


class StaffInvited(
    Action,
    code="staff.invited",
    label="Invited staff member",
    category="account",
    targets=("staff",),
    sentence="{actor} invited staff member {target}",
    detail=("{role}",),
):
    """Before there is an account: `staff.added` tells that the invitation was taken."""

    role: StaffRole | None = None
    medium: Literal["email", "sms", "link"] | None = None
    expires_at: Instant | None = None


class StaffAdded(
    Action,
    code="staff.added",
    label="Added staff member",
    category="account",
    targets=("staff",),
    sentence="{actor} added staff member {target}",
    detail=("{role}",),
):
    role: StaffRole | None = None


class StaffRoleChanged(
    Action,
    code="staff.role_changed",
    label="Changed role",
    category="account",
    targets=("staff",),
    sentence="{actor} changed the role of {target} from {role.old} to {role.new}",
    detail=(
        "may now: {permissions_added}",
        "may no more: {permissions_removed}",
    ),
):
    role: Changed[StaffRole]
    permissions_added: Words | None = None
    permissions_removed: Words | None = None


class StaffDeactivated(
    Action,
    code="staff.deactivated",
    label="Deactivated staff member",
    category="account",
    targets=("staff",),
    sentence="{actor} deactivated staff member {target}",
    detail=(
        "reservations ahead: {future_bookings}",
        "sessions ended: {sessions_revoked}",
    ),
):
    future_bookings: Count | None = None
    sessions_revoked: Count | None = None


class StaffRemoved(
    Action,
    code="staff.removed",
    label="Removed staff member",
    category="account",
    targets=("staff",),
    sentence="{actor} removed staff member {target}",
    detail=(
        "reservations ahead: {future_bookings}",
        "sessions ended: {sessions_revoked}",
    ),
):
    """The host's record is gone, or an invitation was taken back. Who only may sign in no more is deactivated."""

    role: StaffRole | None = None
    future_bookings: Count | None = None
    sessions_revoked: Count | None = None


class ApiKeyCreated(
    Action,
    code="api_key.created",
    label="Created API key",
    category="account",
    targets=("api_key",),
    sentence="{actor} created API key {target}",
    headline=("{target}",),
    detail=("may: {scopes}", "until {ends_at}", "opens every clinic: {all_clinics}"),
):
    """A program may read or record here from now on. What it shows is a secret, which is in no entry; the target's name
    is what people call the key, and its id is the actor of what the program does.

    `all_clinics` is a key of the platform that runs the clinics, which opens each of them.
    """

    scopes: Scopes | None = None
    ends_at: Instant | None = None
    all_clinics: bool | None = None


class ApiKeyRevoked(
    Action,
    code="api_key.revoked",
    label="Revoked API key",
    category="account",
    targets=("api_key",),
    sentence="{actor} revoked API key {target}",
    headline=("{target}",),
    detail=("opened every clinic: {all_clinics}",),
):
    all_clinics: bool | None = None
