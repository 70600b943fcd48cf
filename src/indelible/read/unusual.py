"""What is unusual among the sign-ins of the people who work here, of the last SPAN_DAYS days: what a page begins with.

    entered      so many failed attempts, each within an hour of the one before, and within an hour the right password
    guessing     the same, and nobody got in
    new_device, new_network      as `habits.py` has them, both at once, or one of them after failed attempts
    odd_hour     within an hour of this time of day that person signed in on no other day, of at least HABIT sign-ins
    factor_off, recovery_code, revoked, locked     the entry says it; `revoked` where another did it, or for a risk

One sign-in is one item with all of its signs, so that "7 failed, then in" is one line and not eight. An item is grave
where somebody got in who is not known: after failed attempts with a new device or network, or with both new at an hour
when that person never signs in, or with both new and the account changed within the hour. What was done about the
account in the day after it is told with it, so that who reads sees whether it was dealt with.

What is looked at is bounded, and says so (`whole`): of what is about accounts the newest MOST_EVENTS entries, of
sign-ins the newest MOST_SIGN_INS moments, which open nothing; the first sign-in with a device is found by its link
(`catalogue/recognition.py`), and no more than MOST_OPENED entries are opened for items and devices together. A
sign-in that was imported later and happened before another with the same device takes its place as the first.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ..catalogue.recognition import DEVICE, NETWORK, SIGN_INS, network
from ..format import instant
from ..keep.personal import Dead
from ..stores.contract import ActorTerm, Known, Moment, Selection
from .actors import MOST
from .habits import FAILED, NEW_DEVICE, NEW_NETWORK, marks
from .query import Choice, Query
from .session import Session
from .view import View

SPAN_DAYS = 400
MOST_EVENTS, MOST_SIGN_INS, MOST_OPENED = 400, 6_000, 250
# Of one person so many devices and networks are looked at, and so many devices are told, the last used first.
_OF_A_PERSON, _TOLD_OF_A_PERSON, MOST_PEOPLE = 40, 5, 30
# An entry of a device is counted up to this number: beyond it, how often says nothing more.
COUNTED = 500
# Odd hours that are looked into, and items whose following entries are told.
_MOST_ODD, _MOST_FOLLOWED, _TOLD_AFTER = 40, 3, 4

# Attempts that are no slip of the hand: before a success from somewhere new, before any success, and before none.
SLIPS, MANY = 3, 5
HABIT = 30
_HOUR = 3_600_000_000
_DAY = 24 * _HOUR
FOLLOWED_FOR = 6 * _HOUR

ENTERED, GUESSING, ODD_HOUR = "entered", "guessing", "odd_hour"
FACTOR_OFF, RECOVERY_CODE, REVOKED, LOCKED = "factor_off", "recovery_code", "revoked", "locked"
_CHANGES = frozenset({
    "account.password_changed", "account.password_reset", "account.two_factor_disabled", "account.email_changed",
})  # fmt: skip
_EVENTS = FAILED | _CHANGES | {
    "account.recovery_code_used", "account.session_revoked", "account.two_factor_enabled",
}  # fmt: skip
_SIGNS = {
    "account.two_factor_disabled": FACTOR_OFF,
    "account.recovery_code_used": RECOVERY_CODE,
    "account.session_revoked": REVOKED,
    "account.locked": LOCKED,
}
# Who works here: their accounts are looked at.
_OURS = ("staff", "support")


@dataclass(frozen=True, slots=True)
class Item:
    """Something unusual. `view` is the sign-in where somebody got in, else the last entry of it; `failed` how many
    attempts there were, the first at `since`; `after` what was done about the account within a day of it, and `did` the
    first things that its person did within six hours besides."""

    view: View
    signs: tuple[str, ...]
    grave: bool = False
    failed: int = 0
    since: int = 0
    after: Sequence[View] = ()
    did: Sequence[View] = ()


@dataclass(frozen=True, slots=True)
class Device:
    """A device in words, since when a person signs in with it, when last, and how often, counted up to COUNTED."""

    words: str
    first_at: int
    last_at: int
    entries: int


@dataclass(frozen=True, slots=True)
class Person:
    """With what somebody signs in, the last used first; `more` how many further devices there are. `network` is where
    from most often, where that is known, of `networks`."""

    kind: str
    id: str
    name: str
    devices: Sequence[Device]
    more: int
    network: str
    networks: int


@dataclass(frozen=True, slots=True)
class Unusual:
    """Items, newest first, since `since`; people by name. Not `whole`: there was more than is looked at."""

    items: Sequence[Item] = ()
    people: Sequence[Person] = ()
    since: int = 0
    whole: bool = True


@dataclass(slots=True)
class _Run:
    """Failed attempts on one account, and the seq of the sign-in that followed within an hour."""

    attempts: list[View] = field(default_factory=list)
    entered: Moment | None = None


def unusual(session: Session, person: str = "", *, seen: Session | None = None) -> Unusual:
    """Return what is unusual about the sign-ins of everybody who works here, or of a person as kind/id. What they did
    besides is read in `seen`, for who reads may see less of that."""
    who = _who(session, person)
    since = session.now - SPAN_DAYS * _DAY
    if not who:
        return Unusual(since=since)
    events = _events(session, person, since)
    moments = _moments(session, who, since)
    known = _known(session, who)
    runs = _runs(events, moments)
    odd = _odd_hours(session.zone, moments)
    wanted = _candidates(runs, odd, known, since)
    told = _told_devices(known, who)
    opened = _open(session, [*wanted, *told])
    new = marks(session, [view for seq in wanted if (view := opened.get(seq))])
    items = _items(events, runs, odd, opened, {seq: tuple(new.get(seq, ())) for seq in wanted})
    items = _followed(seen or session, items)
    whole = len(events) < MOST_EVENTS and len(moments) < MOST_SIGN_INS and len(wanted) + len(told) <= MOST_OPENED
    return Unusual(items, _people(session, who, known, opened), since, whole)


# What is read


def _who(session: Session, person: str) -> list[ActorTerm]:
    """The people who work here, as far as they did anything, by kind and token."""
    if not person:
        return [(kind, token) for kind, token in session.actors(MOST) if kind in _OURS]
    kind, _, one = person.partition("/")
    if kind not in _OURS or not one:
        return []
    token = session.token(kind, one)
    return [] if token is None else [(kind, token)]


def _events(session: Session, person: str, since: int) -> list[View]:
    """What is about the accounts of our people besides signing in, oldest first."""
    targets = frozenset({person}) if person else frozenset()
    wanted = Query(Choice(actions=_EVENTS, targets=targets), Choice(kinds=frozenset({"client"})))
    selection = replace(session.select(wanted), intervals=((since, None),))
    views = list(session.views(selection, limit=MOST_EVENTS))
    views.reverse()
    return [view for view in views if (view.target or view.actor)["kind"] != "client"]


def _moments(session: Session, who: Sequence[ActorTerm], since: int) -> list[Moment]:
    """When people signed in, oldest first."""
    selection = Selection(session.up_to, ((since, None),), tuple(who), tuple(sorted(SIGN_INS)))
    return list(reversed(session.moments(selection, MOST_SIGN_INS)))


def _known(session: Session, who: Sequence[ActorTerm]) -> dict[bytes, list[Known]]:
    """The devices and networks of each person, by token."""
    session.sealer.refresh()
    whose: dict[tuple[str, bytes], bytes] = {}
    for _, token in who:
        if token is not None:
            with suppress(Dead):
                for kind in (DEVICE, NETWORK):
                    whose[kind, session.sealer.recognised(token, kind)] = token
    of: dict[bytes, list[Known]] = defaultdict(list)
    for one in session.known(list(whose), each=_OF_A_PERSON, counted=COUNTED):
        of[whose[one.kind, one.ref[:8]]].append(one)
    return of


def _open(session: Session, seqs: Iterable[int]) -> dict[int, View]:
    wanted = list(dict.fromkeys(seqs))[:MOST_OPENED]
    if not wanted:
        return {}
    selection = Selection(session.up_to, seqs=tuple((seq, seq) for seq in sorted(wanted)))
    return {view.seq: view for view in session.open(session.stored(selection, None, MOST_OPENED))}


def account(view: View) -> bytes | None:
    """Return whose account an entry is about, as their token; None where it is nobody's."""
    members = view.members
    target, actor = members.get("target") or {}, members["actor"]
    holder = target if target.get("kind") in _OURS and "person" in target else actor
    if target.get("kind") == "clinic" or "person" not in holder:
        return None
    return bytes.fromhex(members["tokens"][holder["person"]])


# What is found in it


def _runs(events: Sequence[View], moments: Sequence[Moment]) -> list[_Run]:
    """Failed attempts that belong together: of one account, each within an hour of the one before, up to a sign-in."""
    failures: dict[bytes | None, list[View]] = defaultdict(list)
    for view in events:
        if view.action == "account.login_failed":
            failures[account(view)].append(view)
    entered: dict[bytes | None, list[Moment]] = defaultdict(list)
    for one in moments:
        entered[one.actor].append(one)
    return [run for whose, attempts in failures.items() for run in _runs_of(attempts, entered.get(whose, ()))]


def _runs_of(attempts: Sequence[View], entered: Sequence[Moment]) -> Iterator[_Run]:
    run = _Run()
    for view in attempts:
        before = run.attempts[-1].occurred_at if run.attempts else view.occurred_at
        if run.attempts:
            between = _first_after(entered, before)
            if view.occurred_at - before > _HOUR or (between and between.occurred_at <= view.occurred_at):
                yield _closed(run, between)
                run = _Run()
        run.attempts.append(view)
    if run.attempts:
        yield _closed(run, _first_after(entered, run.attempts[-1].occurred_at))


def _first_after(entered: Sequence[Moment], instant_us: int) -> Moment | None:
    at = bisect_left(entered, instant_us, key=lambda one: one.occurred_at)
    return entered[at] if at < len(entered) else None


def _closed(run: _Run, entered: Moment | None) -> _Run:
    soon = entered is not None and entered.occurred_at - run.attempts[-1].occurred_at <= _HOUR
    return _Run(run.attempts, entered if soon else None)


def _odd_hours(zone: str, moments: Sequence[Moment]) -> list[int]:
    """The sign-ins at an hour of the day at which their person never does, newest first; of who has few, none."""
    hours = _Hours(zone)
    of: dict[bytes | None, list[tuple[int, int, int]]] = defaultdict(list)
    for one in moments:
        of[one.actor].append((one.seq, *hours.of(one.occurred_at)))
    odd: list[int] = []
    for signed_in in of.values():
        if len(signed_in) < HABIT:
            continue
        days: list[set[int]] = [set() for _ in range(24)]
        for _, day, hour in signed_in:
            days[hour].add(day)
        odd += [seq for seq, _, hour in signed_in if len(days[hour - 1] | days[hour] | days[(hour + 1) % 24]) < 2]
    return sorted(odd, reverse=True)[:_MOST_ODD]


class _Hours:
    """The day and the hour of instants on a clinic's clock. Its offset is asked for once a day, but on days when the
    clocks change."""

    def __init__(self, zone: str) -> None:
        self._zone = instant.zone(zone)
        self._offsets: dict[int, int | None] = {}

    def of(self, us: int) -> tuple[int, int]:
        day = us // _DAY
        if day not in self._offsets:
            first, last = (instant.offset_minutes(at, self._zone) for at in (day * _DAY, (day + 1) * _DAY - 1))
            self._offsets[day] = first if first == last else None
        minutes = self._offsets[day]
        minutes = instant.offset_minutes(us, self._zone) if minutes is None else minutes
        local = us + minutes * 60_000_000
        return local // _DAY, local % _DAY // _HOUR


def _first_ones(known: Mapping[bytes, Sequence[Known]], since: int) -> Iterator[int]:
    """The sign-ins that were the first with both a device and a network, and not the first of all."""
    for some in known.values():
        firsts = Counter[int]()
        for kind in (DEVICE, NETWORK):
            of_kind = sorted((one for one in some if one.kind == kind), key=lambda one: (one.first_at, one.first_seq))
            firsts.update(one.first_seq for one in of_kind[1:] if one.first_at >= since)
        yield from (seq for seq, kinds in firsts.items() if kinds == 2)


def _candidates(
    runs: Iterable[_Run], odd: Sequence[int], known: Mapping[bytes, Sequence[Known]], since: int
) -> list[int]:
    """The sign-ins to look into, the newest of each reason first."""
    entered = [run.entered.seq for run in runs if run.entered and len(run.attempts) >= SLIPS]
    return list(dict.fromkeys([*sorted(entered, reverse=True), *sorted(_first_ones(known, since), reverse=True), *odd]))


def _items(
    events: Sequence[View], runs: Sequence[_Run], odd: Sequence[int], opened: Mapping[int, View],
    new: Mapping[int, tuple[str, ...]],
) -> list[Item]:  # fmt: skip
    about: dict[bytes | None, list[View]] = defaultdict(list)
    for event in events:
        if event.action not in FAILED:
            about[account(event)].append(event)
    of_run = {run.entered.seq: run for run in runs if run.entered}
    items = [
        item for seq, found in new.items()
        if (view := opened.get(seq)) and (item := _signed_in(view, of_run.get(seq), found, seq in odd, about))
    ]  # fmt: skip
    items += [
        Item(run.attempts[-1], (GUESSING,), failed=len(run.attempts), since=run.attempts[0].occurred_at)
        for run in runs
        if run.entered is None and len(run.attempts) >= MANY
    ]
    told = {event.seq for item in items for event in item.after}
    items += [Item(one, (_SIGNS[one.action],)) for one in events if one.seq not in told and _is_unusual(one)]
    return sorted(items, key=lambda one: (one.view.occurred_at, one.view.seq), reverse=True)


def _signed_in(
    view: View, run: _Run | None, new: Sequence[str], odd: bool, about: Mapping[bytes | None, Sequence[View]]
) -> Item | None:
    """A sign-in with all that is unusual about it; None where that is nothing after all."""
    failed = len(run.attempts) if run else 0
    both = NEW_DEVICE in new and NEW_NETWORK in new
    after = [one for one in about.get(account(view), ()) if 0 <= one.occurred_at - view.occurred_at <= _DAY]
    changed = any(one.action in _CHANGES and one.occurred_at - view.occurred_at <= _HOUR for one in after)
    guessed = failed >= MANY or (failed >= SLIPS and bool(new))
    if not (guessed or both or odd):
        return None
    signs = (*((ENTERED,) if guessed else ()), *new, *((ODD_HOUR,) if odd else ()))
    grave = (guessed and bool(new)) or (both and (odd or changed))
    since = run.attempts[0].occurred_at if run else view.occurred_at
    return Item(view, signs, grave, failed if guessed else 0, since, after)


def _is_unusual(view: View) -> bool:
    """Whether an entry about an account is unusual by itself: a session that one ends oneself is not."""
    if view.action != "account.session_revoked":
        return view.action in _SIGNS
    by_another = "person" in view.members["actor"] and account(view) != _acting(view)
    return by_another or view.context.get("cause") in ("admin", "risk")


def _acting(view: View) -> bytes:
    return bytes.fromhex(view.members["tokens"][view.members["actor"]["person"]])


def _followed(session: Session, items: Sequence[Item]) -> list[Item]:
    """The same, the newest grave ones with the first things that their person did afterwards, but about the account."""
    grave = [item for item in items if item.grave][:_MOST_FOLLOWED]
    if not grave:
        return list(items)
    spans = {item.view.seq: (item.view.occurred_at, item.view.occurred_at + FOLLOWED_FOR) for item in grave}
    theirs = {token for item in grave if (token := account(item.view))}
    selection = Selection(
        session.up_to, tuple(sorted(set(spans.values()))), tuple(("staff", one) for one in sorted(theirs)),
        not_actions=tuple(sorted(session.codes(("account", "log")))),
    )  # fmt: skip
    did = list(reversed(list(session.views(selection, limit=_MOST_FOLLOWED * 50))))
    return [_with_did(item, spans[item.view.seq], did) if item.view.seq in spans else item for item in items]


def _with_did(item: Item, span: tuple[int, int], did: Iterable[View]) -> Item:
    theirs = [
        one for one in did
        if span[0] <= one.occurred_at < span[1] and "person" in one.members["actor"]
        and _acting(one) == account(item.view)
    ]  # fmt: skip
    return replace(item, did=theirs[:_TOLD_AFTER])


# Devices


def _told_devices(known: Mapping[bytes, Sequence[Known]], who: Sequence[ActorTerm]) -> list[int]:
    """The entries that say what the devices and the usual network of each person are called."""
    seqs: list[int] = []
    for _, token in who[:MOST_PEOPLE]:
        some = known.get(token or b"", ())
        seqs += [one.first_seq for one in _last_used(some)[:_TOLD_OF_A_PERSON]]
        seqs += [one.first_seq for one in _usual(some)]
    return seqs


def _last_used(some: Iterable[Known]) -> list[Known]:
    return sorted((one for one in some if one.kind == DEVICE), key=lambda one: one.last_at, reverse=True)


def _usual(some: Iterable[Known]) -> list[Known]:
    """The network that is used most, or of several such the last."""
    networks = [one for one in some if one.kind == NETWORK]
    return sorted(networks, key=lambda one: (one.entries, one.last_at), reverse=True)[:1]


def _people(
    session: Session, who: Sequence[ActorTerm], known: Mapping[bytes, Sequence[Known]], opened: Mapping[int, View]
) -> list[Person]:
    shown = [(kind, token) for kind, token in who[:MOST_PEOPLE] if token is not None and known.get(token)]
    names = session.people([token for _, token in shown])
    found = []
    for kind, token in shown:
        named = names.get(token)
        if named is None:
            continue
        some = known[token]
        devices = _last_used(some)
        told = [
            Device(opened[one.first_seq].device, one.first_at, one.last_at, one.entries)
            for one in devices[:_TOLD_OF_A_PERSON]
            if one.first_seq in opened
        ]
        usual = "".join(
            network(opened[one.first_seq].request.get("ip") or "") for one in _usual(some) if one.first_seq in opened
        )
        found.append(Person(kind, named["id"], named.get("name") or named["id"], told, len(devices) - len(told),
                            usual, sum(one.kind == NETWORK for one in some)))  # fmt: skip
    return sorted(found, key=lambda one: one.name.casefold())
