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

Every process of the service counts in the same buckets (`service/rate_limits.py`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from .. import rate_limits
from ..rate_limits import Bucket, Limit, give_back

__all__ = ["Bucket", "give_back"]

DEVICE = Limit(10, 60)
PAIR = Limit(5, 60)
NETWORK = Limit(10, 6)
SITE = Limit(50, 1)
ACCOUNT = Limit(50, 600)
ACCOUNT_CODES = Limit(20, 600)
# How often it is recorded that an account is being guessed at, beyond what fits into its own bucket.
REMINDER = Limit(1, 600)


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


def by_address(limit: Limit, what: str, address: str) -> list[Bucket]:
    """A limit of something else, for each network."""
    return [Bucket(limit, f"{what}:{_networks(address)[0]}")]


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
    return rate_limits.take_all(buckets) == 0.0
