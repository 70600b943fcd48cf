"""The service's own tables, in a database of their own with an outbox: who signs in, and where they may what.

Nothing here is a record of what happened; that is the log. A clinic is a clinic of the log, by its id.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .roles import ROLES, Right, Role


def new_public_id() -> str:
    return f"usr_{secrets.token_hex(6)}"


class Users(BaseUserManager):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_hashed(email, make_password(password), **fields)

    def create_hashed(self, email: str, password: str, **fields: Any) -> User:
        """Make an account whose password was hashed before, outside of the transaction: that takes long."""
        user: User = self.model(email=email.strip().lower(), password=password, **fields)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """Somebody who signs in, with an e-mail address. The log knows them by `public_id`."""

    public_id = models.CharField(max_length=64, unique=True, default=new_public_id)
    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=200)
    language = models.CharField(_("language"), max_length=8, blank=True)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    objects: ClassVar[Users] = Users()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_full_name(self) -> str:
        return self.name


class Membership(models.Model):
    """That somebody belongs to a clinic, as what, and for an auditor until which day (inclusive, the clinic's days)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    clinic_id = models.CharField(max_length=64, db_index=True)
    role = models.CharField(_("role"), max_length=16, choices=[(role.code, role.label) for role in ROLES.values()])
    until = models.DateField(_("until"), null=True, blank=True)
    since = models.DateTimeField(default=timezone.now)
    letters = models.CharField(max_length=8, blank=True)  # week, day or never; empty: as the role has it

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "clinic_id"], name="one_membership")]

    @property
    def wants_letters(self) -> str:
        """How often they get the letter: day, week or never. Who cannot verify has no use for one."""
        return (self.letters or self.in_role.letters) if Right.VERIFY in self.in_role.rights else "never"

    @property
    def in_role(self) -> Role:
        return ROLES[self.role]

    def has_ended(self, today: date) -> bool:
        return self.until is not None and today > self.until


class SavedView(models.Model):
    """A filter that a member of a clinic gave a name to, for themselves. `filter` is its text, which names no client
    (`service/web/pages/views.py`).

    It is of a user and a clinic, not of a membership: one statement must be enough to remove a membership as it was
    read (`row_locks.py`). Who removes one removes these too.
    """

    LONGEST_NAME = 60

    user = models.ForeignKey(User, models.CASCADE, related_name="saved_views")
    clinic_id = models.CharField(max_length=64)
    name = models.CharField(max_length=LONGEST_NAME)
    filter = models.TextField()

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "clinic_id", "name"], name="one_view_of_a_name")
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def of(cls, membership: Membership) -> models.QuerySet[SavedView]:
        return cls.objects.filter(user_id=membership.user_id, clinic_id=membership.clinic_id)


class ClinicLink(models.Model):
    """Under which address a clinic's host shows its things of a kind (`service/links.py`)."""

    clinic_id = models.CharField(max_length=64)
    kind = models.CharField(max_length=64)
    address = models.CharField(max_length=500)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["clinic_id", "kind"], name="one_link_a_kind")]


class OneTimeLink(models.Model):
    """A link that lets somebody in once: first start, invitation, password. Only a digest of its secret is kept."""

    WELCOME, INVITATION, PASSWORD = "welcome", "invitation", "password"

    kind = models.CharField(max_length=16)
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    clinic_id = models.CharField(max_length=64, blank=True)
    email = models.EmailField(blank=True)
    name = models.CharField(max_length=200, blank=True)
    role = models.CharField(max_length=16, blank=True)
    until = models.DateField(null=True)
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="links")
    made_by = models.ForeignKey(User, models.CASCADE, null=True, related_name="links_made")
    made_by_key = models.ForeignKey("ApiKey", models.CASCADE, null=True, related_name="links_made")
    language = models.CharField(max_length=8, blank=True)  # of the account that is made with it

    @property
    def in_role(self) -> Role:
        return ROLES[self.role]

    @classmethod
    def make(cls, kind: str, lasts: timedelta, **fields: Any) -> tuple[OneTimeLink, str]:
        """Return the link and its secret, which nobody can find out from the database."""
        secret = secrets.token_urlsafe(32)
        expires: datetime = timezone.now() + lasts
        return cls.objects.create(kind=kind, digest=_digest(secret), expires_at=expires, **fields), secret

    @classmethod
    def find(cls, kind: str, secret: str) -> OneTimeLink | None:
        """Return the link of a secret while it can be used."""
        found: OneTimeLink | None = cls.objects.filter(
            kind=kind, digest=_digest(secret), expires_at__gt=timezone.now()
        ).first()
        return found


class ApiKey(models.Model):
    """A key of the HTTP interface, of one clinic, or of the platform where `clinic_id` is empty. What its holder has is
    kept only as a digest (`keys.py`); `scopes` are words with white space between.

    Instants are microseconds since 1970 UTC; 0 is never.
    """

    LONGEST_NAME = 60

    public_id = models.CharField(max_length=32, unique=True)
    digest = models.CharField(max_length=64)
    clinic_id = models.CharField(max_length=64, blank=True, db_index=True)
    name = models.CharField(max_length=LONGEST_NAME)
    scopes = models.CharField(max_length=100)
    made_at = models.BigIntegerField()
    ends_at = models.BigIntegerField(default=0)
    used_at = models.BigIntegerField(default=0)
    revoked_at = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class ViewerPass(models.Model):
    """That a host shows somebody the log in its own page: first a pass, then the session that it was used up for.

    Of both secrets only digests are kept, and what is claimed is sealed under the secret (`viewer_passes.py`): whoever
    has the file can neither open the log with it nor read who was shown what. `key` is that by which the host
    asked over HTTP: with it ends what it opened.
    """

    digest = models.CharField(max_length=64, unique=True)
    session_digest = models.CharField(max_length=64, unique=True, null=True)
    clinic_id = models.CharField(max_length=64, db_index=True)
    key = models.ForeignKey(ApiKey, models.CASCADE, null=True, related_name="viewer_passes")
    claims = models.BinaryField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField(null=True)
    kept = models.JSONField(default=dict)


class Letter(models.Model):
    """An e-mail to a member about the entries `first` to `last` of their clinic's log: it waits, was sent, or was given
    up. What it says is not here: it is written when it is sent, of what its reader may see then.

    All instants are microseconds since 1970 UTC. `since` and `until` are the span of a letter, 0 of an alert; it waits
    while `next_try_at` is there. `message_id` is the same however often it is tried, so that a mail program shows it
    once.
    """

    DAY, WEEK, ALERT = "day", "week", "alert"

    membership = models.ForeignKey(Membership, models.CASCADE, related_name="sent_letters")
    kind = models.CharField(max_length=8)
    message_id = models.CharField(max_length=100, unique=True)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    since = models.BigIntegerField(default=0)
    until = models.BigIntegerField(default=0)
    made_at = models.BigIntegerField()
    tries = models.IntegerField(default=0)
    next_try_at = models.BigIntegerField(null=True)
    sent_at = models.BigIntegerField(null=True)
    checkpoint_size = models.BigIntegerField(default=0)
    is_recorded = models.BooleanField(default=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["next_try_at"], name="letters_that_wait", condition=models.Q(next_try_at__isnull=False)
            )
        ]


class LookedThrough(models.Model):
    """Up to which entry a clinic's log was looked through for what its people are told at once."""

    clinic_id = models.CharField(max_length=64, unique=True)
    seq = models.BigIntegerField()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
