"""The address that a request came from, behind as many proxies as are trusted."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """Return the address that the request came from; None where none can be told.

    Behind n trusted proxies (INDELIBLE_TRUSTED_PROXIES) it is the n-th from the right of X-Forwarded-For: what stands
    left of it was written by whoever asks, and may be anything.
    """
    proxies = int(getattr(settings, "INDELIBLE_TRUSTED_PROXIES", None) or 0)
    if proxies <= 0:
        return plain_address(request.META.get("REMOTE_ADDR", ""))
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    return plain_address(hops[-proxies]) if len(hops) >= proxies else None


def plain_address(text: str) -> str | None:
    """Return an address without port, brackets and zone; None where the text is none.

    `203.0.113.9:1234`, `[2001:db8::1]:1234`, `fe80::1%eth0`; `::ffff:203.0.113.9` is the IPv4 address in it.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)
