"""What is unusual among sign-ins, and with what people sign in, in words: each thing named is a door to its entries."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.urls import reverse
from django.utils.translation import gettext, ngettext

from ...catalogue.recognition import network
from ...errors import InvalidInput
from ...read import query, unusual
from ...read.habits import NEW_DEVICE, NEW_NETWORK
from ...read.query import Choice, Query
from ...read.unusual import Device, Item, Person
from ...read.view import View, device_in
from ..accounts.models import Membership
from ..accounts.roles import Right
from . import entry_rows, localization
from .access import Visit
from .localization import number
from .url_query import address

# A device that was not used for so long is said to have been used until then.
_RECENTLY = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Door:
    """Words that lead somewhere; without a `url` they are words."""

    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """An item as the page says it: what it is, about whom, when, from where, what followed, and what to do next."""

    heading: str
    grave: bool
    row: entry_rows.Row
    person: Door
    doors: Sequence[Door]
    marks: Sequence[str]
    when: str
    followed: Sequence[tuple[str, entry_rows.Row]]
    everything: Door
    advice: str
    steps: Sequence[Door]


@dataclass(frozen=True, slots=True)
class ToldPerson:
    """With what somebody signs in."""

    person: Door
    devices: Sequence[Door]
    more: int
    usual: Door
    networks: int


class Teller:
    """Tells items and people to one reader of a clinic."""

    def __init__(self, visit: Visit, items: Sequence[Item]) -> None:
        self._visit = visit
        # Whose password this service can reset: who is a member of the clinic here, not only in the host's program.
        self._members: Collection[str] = ()
        if visit.may(Right.PEOPLE) and any(item.grave for item in items):
            members = Membership.objects.filter(clinic_id=visit.clinic_id)
            self._members = set(members.values_list("user__public_id", flat=True))

    def item(self, item: Item) -> Told:
        view, clinic_id = item.view, self._visit.clinic_id
        kind, person_id, name = whose(view)
        followed = sorted({one.seq: one for one in (*item.after, *item.did)}.values(), key=lambda one: one.seq)
        advice, steps = self._next(item, person_id, name or person_id)
        return Told(
            heading=_heading(item, name or person_id),
            grave=item.grave,
            row=entry_rows.row(view, clinic_id),
            person=Door(name or person_id, self._sign_ins(kind, person_id)),
            doors=list(self._doors(view, kind, person_id)),
            marks=[text for sign in item.signs[1:] if (text := _mark(sign, item))],
            when=f"{localization.day(view.local_time.date())}, {_clock(view)}",
            followed=[(_time_beside(one, view), entry_rows.row(one, clinic_id)) for one in followed],
            everything=self._everything(view, person_id),
            advice=advice,
            steps=steps,
        )

    def person(self, one: Person) -> ToldPerson:
        return ToldPerson(
            person=Door(one.name, self._sign_ins(one.kind, one.id)),
            devices=[Door(self._used(device), self._from(one.kind, one.id, device.words)) for device in one.devices],
            more=one.more,
            usual=Door(network_in_words(one.network), self._from(one.kind, one.id, one.network)),
            networks=one.networks,
        )

    def _used(self, device: Device) -> str:
        session = self._visit.session
        first, last = session.day(device.first_at), session.day(device.last_at)
        said = {
            "device": device_in(device.words, localization.SPEECH) or gettext("An unknown device"),
            "first": localization.short_day(first),
            "last": localization.short_day(last),
        }
        if device.entries == 1:
            return gettext("%(device)s once, %(first)s") % said
        if session.today - last > _RECENTLY:
            return gettext("%(device)s from %(first)s to %(last)s") % said
        return gettext("%(device)s since %(first)s") % said

    # Doors

    def _sign_ins(self, kind: str, person_id: str) -> str:
        return address("sign_ins", self._visit.clinic_id, person=f"{kind}/{person_id}") if person_id else ""

    def _doors(self, view: View, kind: str, person_id: str) -> Iterator[Door]:
        """Device, address and network of an entry, each with the list of what that person did from there."""
        ip = view.request.get("ip") or ""
        net = network(ip)
        for text, words in (
            (view.device_in(localization.SPEECH), view.device),
            (ip, ip if net else ""),
            (network_in_words(net), net),
        ):
            if text:
                yield Door(text, self._from(kind, person_id, words))

    def _from(self, kind: str, person_id: str, words: str) -> str:
        return done_from(self._visit, kind, person_id, words)

    def _everything(self, view: View, person_id: str) -> Door:
        first = self._visit.session.day(view.occurred_at)
        last = self._visit.session.day(view.occurred_at + unusual.FOLLOWED_FOR)
        text = gettext("Everything this account did that day")
        try:
            wanted = Query(Choice(actors=frozenset({person_id})), first=first, last=last)
        except InvalidInput:
            return Door(text)
        return Door(text, address("activity", self._visit.clinic_id, query.format(wanted)))

    # What to do

    def _next(self, item: Item, person_id: str, name: str) -> tuple[str, Sequence[Door]]:
        """What is left to be done, and where this service can do it. What the person's own program does is said."""
        done = {view.action for view in item.after}
        if item.signs[0] == unusual.GUESSING:
            return gettext("Nobody got in. If it goes on, ask whose address that is, and turn on 2FA."), ()
        if item.signs[0] == unusual.FACTOR_OFF:
            return gettext("Ask whether it was meant, and turn 2FA on again."), self._steps(person_id, {"factor"})
        if item.signs[0] == unusual.RECOVERY_CODE:
            return gettext("Ask whether the phone was lost. If it was not, change the password."), ()
        if not item.grave:
            return self._asking(item, person_id, name)
        left = {
            what for what, actions in {
                "sessions": {"account.session_revoked"},
                "password": {"account.password_changed", "account.password_reset"},
                "factor": {"account.two_factor_enabled"},
            }.items() if not actions & done
        }  # fmt: skip
        if not left:
            return gettext("The sessions were ended, the password was changed and 2FA was turned on since. "
                           "Look through what the account did before that."), ()  # fmt: skip
        if person_id == self._visit.actor.id:
            return gettext("If this was not you:"), self._steps(person_id, left)
        said = {
            "sessions": gettext("end all sessions"),
            "password": gettext("change the password"),
            "factor": gettext("turn on 2FA"),
        }
        steps = ", ".join(said[what] for what in ("sessions", "password", "factor") if what in left)
        words = gettext("Ask %(name)s whether it was them. If not, in this account: %(steps)s.")
        return words % {"name": name, "steps": steps}, self._steps(person_id, left)

    def _asking(self, item: Item, person_id: str, name: str) -> tuple[str, Sequence[Door]]:
        """For a sign-in that may well be theirs."""
        if item.signs[0] in (unusual.LOCKED, unusual.REVOKED):
            return "", ()
        if person_id == self._visit.actor.id:
            return gettext("If this was not you:"), self._steps(person_id, {"sessions", "password"})
        return gettext("Ask %(name)s whether it was them.") % {"name": name}, ()

    def _steps(self, person_id: str, left: Collection[str]) -> Sequence[Door]:
        """Where this service does it: on one's own account pages, or for another where the people are."""
        if self._visit.member is None:  # whoever has no account here has theirs in their host's program
            return ()
        if person_id == self._visit.actor.id:
            own = {
                "sessions": Door(gettext("End sessions"), reverse("usersessions_list")),
                "password": Door(gettext("Change your password"), reverse("account_change_password")),
                "factor": Door(gettext("Turn on 2FA"), reverse("mfa_index")),
            }
            return [door for what, door in own.items() if what in left]
        if person_id in self._members and "password" in left:
            return [Door(gettext("Send a link for a new password"), reverse("people", args=[self._visit.clinic_id]))]
        return ()


def whose(view: View) -> tuple[str, str, str]:
    """Return kind, id and name of the person that an entry about an account is about: the target, else the actor."""
    target = view.target
    holder = target if target and target["kind"] in ("staff", "client") else view.actor
    same = [one for one in (holder, view.actor) if (one["kind"], one.get("id")) == (holder["kind"], holder.get("id"))]
    return holder["kind"], holder.get("id") or "", next((name for one in same if (name := one.get("name"))), "")


def _clock(view: View) -> str:
    return f"{view.local_time:%H:%M}{localization.twice(view.occurred_at, view.zones.present)}"


def _time_beside(view: View, other: View) -> str:
    """When something happened, beside something that is dated: the day only where it is another."""
    local = view.local_time
    return _clock(view) if local.date() == other.local_time.date() else localization.short_moment(local)


def done_from(visit: Visit, kind: str, person_id: str, words: str) -> str:
    """Return the address of the list of what somebody did from a device, an address or a network.

    There is none for an id that no filter can name, nor for who does not see accounts: no list of theirs has a sign-in.
    """
    if not words or not visit.may(Right.SIGN_INS_OF_ALL):
        return ""
    try:
        wanted = Query(Choice(abouts=frozenset({f"{kind}/{person_id}"} if person_id else ())), words=(words,))
    except InvalidInput:
        return ""
    return address("activity", visit.clinic_id, query.format(wanted))


def network_in_words(net: str) -> str:
    """Return a network as people read it: 203.0.113.x, or that of an IPv6 address as it is."""
    if not net:
        return ""
    parsed = ipaddress.ip_network(net)
    return str(parsed.network_address).rpartition(".")[0] + ".x" if parsed.version == 4 else net


def _heading(item: Item, name: str) -> str:
    said = {"n": number(item.failed), "name": name or gettext("somebody")}
    match item.signs[0]:
        case unusual.ENTERED:
            return ngettext("%(n)s failed attempt, then in", "%(n)s failed attempts, then in", item.failed) % said
        case unusual.GUESSING:
            text = ngettext("%(n)s failed attempt, nobody got in", "%(n)s failed attempts, nobody got in", item.failed)
            return text % said
        case sign if sign in (NEW_DEVICE, NEW_NETWORK):
            return gettext("From a new device and a new network")
        case unusual.ODD_HOUR:
            return gettext("At an hour when %(name)s never signs in") % said
        case unusual.FACTOR_OFF:
            return gettext("2FA turned off")
        case unusual.RECOVERY_CODE:
            return gettext("Recovery code used")
        case unusual.LOCKED:
            return gettext("Account locked")
    return gettext("Sessions ended by %(name)s") % {"name": item.view.own_name_in(localization.SPEECH)}


def _mark(sign: str, item: Item) -> str:
    if sign == unusual.ODD_HOUR:
        return gettext("never at this hour")
    if sign == NEW_NETWORK and item.signs[0] == NEW_DEVICE:
        return ""  # the heading says both
    return {NEW_DEVICE: gettext("new device"), NEW_NETWORK: gettext("new network")}.get(sign, "")
