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

from .roles import ROLES, Role


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

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "clinic_id"], name="one_membership")]

    @property
    def in_role(self) -> Role:
        return ROLES[self.role]

    def has_ended(self, today: date) -> bool:
        return self.until is not None and today > self.until


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


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
