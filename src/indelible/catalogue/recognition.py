"""What a sign-in is recognised by: the device and the network of its person, as links that die with the person.

    link kind      .device: the device in words (`device.py`)      .network: the network of the address, see `network`
    link ref       HMAC(person key, kind)[:8] || HMAC(person key, kind || 0 || text)[:8]

So whether somebody signed in from here before is one look into an index, and opens no value; the first half finds that
anything at all is known of them. Who does not have the person's key learns nothing from a link, and nobody has it once
the person is erased. The words for a device may be others in a later release: then a known one is new once.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from . import device

SIGN_INS = frozenset({"account.logged_in"})
# No thing of a host has a kind with a dot.
DEVICE, NETWORK = ".device", ".network"
_IP, _AGENT = "request.ip", "request.user_agent"


def network(ip: str) -> str:
    """Return the network of an address, as coarse as a provider gives out: /24 of IPv4, /48 of IPv6; "" for no such."""
    try:
        parsed = ipaddress.ip_address(ip)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    kept, left = (24, 8) if parsed.version == 4 else (48, 80)
    return f"{type(parsed)(int(parsed) >> left << left)}/{kept}"


def person(members: Mapping[str, Any]) -> int | None:
    """Return whose account it is, as an index into the body's tokens; None where it is nobody's, or where somebody else
    signed in for them."""
    actor, target = members["actor"], members.get("target") or {}
    holder = target if target.get("kind") in ("client", "staff") and "person" in target else actor
    if "person" not in holder:
        return None
    if members["action"] in SIGN_INS and actor.get("person") != holder["person"]:
        return None
    return int(holder["person"])


def marks(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a sign-in with these values at request.ip and .user_agent is recognised by: (link kind, text)."""
    if isinstance(agent := values.get(_AGENT), str) and (words := device.words(agent)):
        yield DEVICE, words
    if isinstance(ip := values.get(_IP), str) and (net := network(ip)):
        yield NETWORK, net
