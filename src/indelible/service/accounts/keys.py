"""Keys of the HTTP interface: what a program shows in the place of a person who signs in.

    ind_live_3f9c2a7d10be_Wq…      prefix, what kind of installation, the key's id, 256 random bits

Whoever has the text may do what the key's scopes say, in one clinic or, with a key of the platform, in all of them. The
database holds a digest of the random part, from which nobody gets the text back; so it is shown once, when it is made.
A key that was revoked or has ended opens nothing from that moment on: it is looked up at each request.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum

from django.conf import settings
from django.db import OperationalError

from ...errors import InvalidInput
from ...record.document import Actor, Integration
from .models import ApiKey
from .roles import Right, Role

# Microseconds between two notes of when a key was last used.
NOTED_EACH = 60_000_000

_BY_ID = f"SELECT * FROM {ApiKey._meta.db_table} WHERE public_id = %s"  # noqa: S608
_KEY = re.compile(r"ind_(live|test)_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)


class Scope(StrEnum):
    """What a key may be for."""

    RECORD = "record"
    READ = "read"
    EXPORT = "export"
    ANONYMIZE = "anonymize"
    MANAGE = "manage"


# What of a person's rights each scope stands for. To record needs none of them: only programs do.
RIGHTS: dict[Scope, frozenset[Right]] = {
    Scope.RECORD: frozenset(),
    Scope.READ: frozenset({Right.READ, Right.SIGN_INS_OF_ALL, Right.TOTALS, Right.VERIFY}),
    Scope.EXPORT: frozenset({Right.EXPORT}),
    Scope.ANONYMIZE: frozenset({Right.ANONYMIZE}),
    Scope.MANAGE: frozenset({Right.PEOPLE, Right.SETTINGS, Right.NEW_CLINIC}),
}
# What a program must not do unasked, for ever or with everybody's access: an owner alone gives these.
_OWNERS_TO_GIVE = frozenset({Scope.ANONYMIZE, Scope.MANAGE})


def scopes_of(key: ApiKey) -> frozenset[Scope]:
    return frozenset(Scope(word) for word in key.scopes.split())


def may_give(role: Role) -> frozenset[Scope]:
    """Which scopes somebody in a role may give to a key: of nothing that they may not do themselves."""
    if Right.SETTINGS not in role.rights:
        return frozenset()
    mine = frozenset(scope for scope in Scope if RIGHTS[scope] <= role.rights)
    return mine if role.code == "owner" else mine - _OWNERS_TO_GIVE


def log_id(key: ApiKey) -> str:
    """How the log calls a key: the actor of what it does, and the target of what is done to it."""
    return f"key_{key.public_id}"


def actor_of(key: ApiKey) -> Actor:
    """As whom entries name a key. An integration has no name there: what a key is called is in the entry of its
    making."""
    return Integration(log_id(key))


def by_log_id(text: str, clinic_id: str) -> ApiKey | None:
    """Return the key that the log calls so, of a clinic, or of the platform where that is empty; ended ones, too."""
    return (
        ApiKey.objects.filter(public_id=text.removeprefix("key_"), clinic_id=clinic_id).first()
        if (text.startswith("key_"))
        else None
    )


def now() -> int:
    """The machine's time in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def make(name: str, scopes: Iterable[str], *, clinic_id: str = "", ends_at: int = 0) -> tuple[ApiKey, str]:
    """Make a key, of the platform where no clinic is given, and return it with its text, which nobody can show again.

    Raises InvalidInput for a name, a scope or an end that cannot be.
    """
    if not name.strip() or len(name) > ApiKey.LONGEST_NAME or not name.isprintable():
        raise InvalidInput(f"must be 1 to {ApiKey.LONGEST_NAME} printable characters", "name")
    wanted = list(scopes)
    if not wanted or not set(wanted) <= set(Scope):
        raise InvalidInput(f"must be one or more of {', '.join(Scope)}", "scopes")
    if ends_at and ends_at <= now():
        raise InvalidInput("must be in the future", "ends_at")
    public_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    made = ApiKey.objects.create(
        public_id=public_id,
        digest=_digest(secret),
        clinic_id=clinic_id,
        name=name.strip(),
        scopes=" ".join(scope for scope in Scope if scope in wanted),
        made_at=now(),
        ends_at=ends_at,
    )
    return made, f"ind_{_kind()}_{public_id}_{secret}"


def could_be(text: str) -> bool:
    """Whether a text has the form of a key, so that somebody may be guessing."""
    return _KEY.fullmatch(text) is not None


def find(text: str) -> ApiKey | None:
    """Return the key of a text while it opens something."""
    match = _KEY.fullmatch(text)
    if match is None or match[1] != _kind():
        return None
    # As SQL, because at each request Django would take longer to write it than SQLite takes to answer.
    found = next(iter(ApiKey.objects.raw(_BY_ID, [match[2]])), None)
    if found is None or not hmac.compare_digest(found.digest, _digest(match[3])):
        return None
    return found if stands(found) else None


def stands(key: ApiKey) -> bool:
    """Whether a key was neither revoked nor has ended."""
    return not key.revoked_at and (not key.ends_at or now() < key.ends_at)


def note_use(key: ApiKey) -> None:
    """Keep when a key was used, once a minute."""
    if (at := now()) - key.used_at < NOTED_EACH:
        return
    with suppress(OperationalError):  # a full disk keeps no program from reading
        ApiKey.objects.filter(pk=key.pk, used_at=key.used_at).update(used_at=at)


def revoke(key: ApiKey) -> bool:
    """End a key now; return whether it was not revoked before."""
    return bool(ApiKey.objects.filter(pk=key.pk, revoked_at=0).update(revoked_at=now()))


def _kind() -> str:
    """What keys are of here: a copy of a production's accounts that somebody tries things in takes none of its keys."""
    return "live" if settings.ENVIRONMENT.production else "test"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
