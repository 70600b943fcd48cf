"""How often somebody may fail to sign in: limits of who tries, not of who is tried.

A limit is a bucket that a failure fills by one and that drains at a steady rate: `burst` failures at once, then one
more each `seconds`. What succeeds is taken out again.

    who tries                             at once  then one each   is held by it
    a device that the person knows        10       minute          that device, for that person
    any other, from one network           5        minute          that network, for that person
    any other, from one network           10       6 s             that network, for everybody (IPv6: its /64)
    any other, from one /48 of IPv6       50       1 s             that site, for everybody
    all others together, for one person   50       10 minutes      a password alone: see below
    all others together, codes            20       10 minutes      codes from devices that the person does not know

So a stranger's failures hold the stranger. Guesses from many networks at one account run into the fifth limit: from
there on no device that the person does not know comes in by a password alone, whether it is right or wrong, until the
guessing ends; one that the person knows does, and so does a second factor, or a passkey.

The counts are in the memory of the one process that serves, and begin anew with it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.core.cache import cache


@dataclass(frozen=True, slots=True)
class Limit:
    """`burst` failures at once, and one more each `seconds`."""

    burst: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """One limit of one who tries; `key` names both."""

    limit: Limit
    key: str


DEVICE = Limit(10, 60)
PAIR = Limit(5, 60)
NETWORK = Limit(10, 6)
SITE = Limit(50, 1)
ACCOUNT = Limit(50, 600)
ACCOUNT_CODES = Limit(20, 600)
# How often it is recorded that an account is being guessed at, beyond what fits into its own bucket.
REMINDER = Limit(1, 600)

_lock = threading.Lock()
clock: Callable[[], float] = time.monotonic


def by_device(device: str, account: str) -> list[Bucket]:
    return [Bucket(DEVICE, f"device:{device}:{account}")]


def by_network(address: str, account: str) -> list[Bucket]:
    network, site = _networks(address)
    found = [Bucket(PAIR, f"pair:{network}:{account}"), Bucket(NETWORK, f"network:{network}")]
    return found if site is None else [*found, Bucket(SITE, f"site:{site}")]


def by_account(account: str) -> Bucket:
    return Bucket(ACCOUNT, f"account:{account}")


def by_account_codes(account: str) -> Bucket:
    return Bucket(ACCOUNT_CODES, f"codes:{account}")


def reminder(account: str) -> Bucket:
    return Bucket(REMINDER, f"reminder:{account}")


def _networks(address: str) -> tuple[str, str | None]:
    """The network that one who tries has to themselves, and with IPv6 the site that it may be one of thousands of."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return "unknown", None
    if known.version == 4:
        return str(known), None
    return tuple(str(ipaddress.ip_network((known, bits), strict=False)) for bits in (64, 48))  # type: ignore[return-value]


def take(buckets: Sequence[Bucket]) -> bool:
    """Count one failure in each bucket, or in none where one of them is full; return whether it was counted."""
    with _lock:
        levels = [_level(bucket) + 1 for bucket in buckets]
        if any(level > bucket.limit.burst for bucket, level in zip(buckets, levels, strict=True)):
            return False
        for bucket, level in zip(buckets, levels, strict=True):
            _keep(bucket, level)
        return True


def give_back(buckets: Sequence[Bucket]) -> None:
    """Uncount what was no failure."""
    with _lock:
        for bucket in buckets:
            _keep(bucket, max(_level(bucket) - 1, 0.0))


def _level(bucket: Bucket) -> float:
    level, then = cache.get(_cached(bucket), (0.0, 0.0))
    return float(max(level - (clock() - then) / bucket.limit.seconds, 0.0))


def _cached(bucket: Bucket) -> str:
    """The bucket's key in the cache: what somebody typed may be long, and hold anything."""
    return f"attempts:{hashlib.sha256(bucket.key.encode()).hexdigest()}"


def _keep(bucket: Bucket, level: float) -> None:
    cache.set(_cached(bucket), (level, clock()), bucket.limit.burst * bucket.limit.seconds)
