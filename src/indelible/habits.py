"""What is new about a sign-in: a device or a network that its person's earlier sign-ins do not have.

A mark is a fact of the moment at which the log took the entry, so it is the same on every page and never changes:

    earlier     the person's successful sign-ins that have a lower number and did not happen later, newest first; at
                most LOOK_BACK of them
    new_device  the device, in words, is that of none of them; where the host itself said whether it is new, its word
    new_network the network of the address is that of none of them

A failed attempt is compared and makes nothing known. Nothing is said where too little is known: nobody's first sign-in
is new; what was erased or cannot be read might be the same; an attempt on an unknown account is nobody's, and a sign-in
that somebody else made for a person (support, a system) is no habit of theirs.

A mark costs one look into the index of actor and action, and opens few entries where the habit is an old one: earlier
sign-ins are opened a few at a time, and none twice for one page.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from .journal import ClinicLog
from .store import Selection
from .view import View

# Sign-ins before an entry that say what is usual for its person: most of a year of working days.
LOOK_BACK = 200
# How many of them are opened at a time: nearly every sign-in is like one of the last few.
_STEPS = (8, 32, LOOK_BACK - 40)

SIGN_INS = frozenset({"account.logged_in"})
FAILED = frozenset({"account.login_failed", "account.locked"})
NEW_DEVICE, NEW_NETWORK = "new_device", "new_network"


class _Trace(NamedTuple):
    """What an earlier sign-in tells: empty for what was not recorded, None for what cannot be read (any more)."""

    person: str
    device: str | None
    network: str | None


def marks(log: ClinicLog, views: Iterable[View]) -> Mapping[int, Sequence[str]]:
    """Return the marks of the sign-ins among some entries, by seq; an entry without any is left out."""
    traces: dict[int, _Trace] = {}
    found = ((view.seq, tuple(_marks(log, view, traces))) for view in views if view.action in SIGN_INS | FAILED)
    return {seq: one for seq, one in found if one}


def network(ip: str) -> str:
    """Return the network of an address, as coarse as a provider gives out: /24 of IPv4, /48 of IPv6."""
    try:
        parsed = ipaddress.ip_address(ip)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return str(ipaddress.ip_network(f"{parsed}/{24 if parsed.version == 4 else 48}", strict=False))


def _marks(log: ClinicLog, view: View, traces: dict[int, _Trace]) -> Iterator[str]:
    mine = _trace(view)
    said = view.context.get("new_device")
    sought = {NEW_DEVICE: mine.device if said is None else "", NEW_NETWORK: mine.network}
    if said is True:
        yield NEW_DEVICE
    sought = {mark: value for mark, value in sought.items() if value}
    if not mine.person or not sought:
        return
    compared = set()
    for trace in _earlier(log, view, mine.person, traces):
        for mark, known in ((NEW_DEVICE, trace.device), (NEW_NETWORK, trace.network)):
            if known is None or known == sought.get(mark):
                sought.pop(mark, None)
            elif known:
                compared.add(mark)
        if not sought:
            return
    yield from (mark for mark in sought if mark in compared)


def _earlier(log: ClinicLog, view: View, person: str, traces: dict[int, _Trace]) -> Iterator[_Trace]:
    """The person's sign-ins before an entry, newest first."""
    token, clinic_id = bytes.fromhex(person), log.info.id
    selection = Selection(
        up_to=view.seq - 1,
        intervals=((None, view.occurred_at + 1),),
        actors=tuple((kind, token) for kind in ("client", "staff", "support")),
        actions=tuple(SIGN_INS),
    )
    place: tuple[int, int] | None = None
    for step in _STEPS:
        found = log.store.page(clinic_id, selection, place, step)
        unknown = [one for one in found if one.seq not in traces]
        traces.update((opened.seq, _trace(opened)) for opened in log.opened(unknown))
        yield from (traces[one.seq] for one in found if traces[one.seq].person == person)
        if len(found) < step:
            return
        place = (found[-1].occurred_at, found[-1].seq)


def _trace(view: View) -> _Trace:
    request, states = view.request, view.states
    device = None if "request.user_agent" in states else view.device
    address = None if "request.ip" in states else network(request.get("ip") or "")
    return _Trace(_person(view), device, address)


def _person(view: View) -> str:
    """The token of whose account it is; empty where it is nobody's, or where somebody else signed in."""
    actor, target = view.members["actor"], view.members.get("target") or {}
    holder = target if target.get("kind") in ("client", "staff") and "person" in target else actor
    if "person" not in holder:
        return ""
    if view.action in SIGN_INS and actor.get("person") != holder["person"]:
        return ""
    return str(view.members["tokens"][holder["person"]])
