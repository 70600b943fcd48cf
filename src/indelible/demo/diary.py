"""What the parts of the story share: the clinic's state, and the diary that they write events into, in any order.

The story is told day by day of the visits, each visit whole: it was booked weeks before, and is paid and perhaps
refunded days after. `REACH_DAYS` bounds how long before a visit anything about it happens. So whoever wants the first
n days tells n + REACH_DAYS of them, puts the events in order and keeps the first n, and gets the same as the beginning
of a longer year.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from . import calendar, people
from .offer import CHEAPER_DAYS, DELETED, SERVICES, Offer, Reward, Service
from .people import Customer, Json, Member

REACH_DAYS = 75
# Clients that the clinic had before it began to keep this log, and those that may come in its first year.
OLD_CLIENTS = 1_100
NEW_CLIENTS_A_YEAR = 1_400

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


# On or after which days of the year a chargeback begins, and how it ends; and a client is entered twice.
_DISPUTE_DAYS = ((24, "lost"), (61, "won"), (150, "warning_closed"))
_DOUBLE_DAYS = (33, 187)


@dataclass(slots=True, eq=False)
class Pack:
    """A pack of sessions that a client has. `expires_on` is its last day; `kept` sessions of it are never used.

    `free` has an instant for every session that is left: since when it is there. The story is not told in the order of
    time, so a booking may only take a session that was there before it. In this way no pack ever has fewer than none.
    """

    id: str
    offer: Offer
    holder: Customer
    since: int
    expires_on: date
    price_minor: int
    kept: int
    free: list[int]

    @property
    def service(self) -> Service:
        return self.offer.service

    @property
    def target(self) -> Json:
        return {"kind": "voucher", "id": self.id, "name": self.offer.name}

    @property
    def about(self) -> Json:
        """What every entry about it says."""
        return {"service": self.service.id, "service_name": self.service.name, "sessions_total": self.offer.sessions}

    def wanted(self, day: date) -> bool:
        """Whether a session of it will be used on this day or a later one."""
        return len(self.free) > self.kept and day <= self.expires_on


@dataclass(slots=True, eq=False)
class Coupon:
    """A client's own coupon, used once: one visit of `service` free, or else `worth_minor` off any."""

    id: str
    name: str
    holder: Customer
    since: int
    worth_minor: int
    service: Service | None = None
    reward: Reward | None = None
    used: bool = False

    @property
    def target(self) -> Json:
        return {"kind": "coupon", "id": self.id, "name": self.name}

    def wanted(self, _: date) -> bool:
        return not self.used


class Clinic:
    """The clinic's state while its story is told, and the diary."""

    def __init__(self, seed: int, start: date) -> None:
        self.rng = rng = Random(seed)  # noqa: S311 - a story to be told again, not a secret
        self.start = start
        self.opened = calendar.at(start + calendar.DAY, 0)  # the first day goes into setting up
        self.staff = people.staff()
        self.owner, self.deputy = self.staff[0], self.staff[1]
        self.practitioners = [member for member in self.staff if member.role == "practitioner"]
        self.receptionists = [member for member in self.staff if member.role == "receptionist"]
        self.careless = self.receptionists[2]
        self.clients = [people.customer(rng, number, 0) for number in range(1, OLD_CLIENTS + 1)]
        self.met = OLD_CLIENTS
        self.packs: list[Pack] = []
        # What clients have for one service only, by its id: it makes them come.
        self.hopes: dict[str, list[Pack | Coupon]] = {service.id: [] for service in SERVICES}
        self.disputes = [(start + timedelta(days=after), result) for after, result in _DISPUTE_DAYS]
        self.doubles = [start + timedelta(days=after) for after in _DOUBLE_DAYS]
        self.cheaper = {reward: calendar.at(open_day(start.toordinal() + after), 15 * 60 + 40)
                        for reward, after in CHEAPER_DAYS.items()}  # fmt: skip
        self.free: dict[str, list[tuple[int, int]]] = {member.id: [] for member in self.practitioners}
        # Practitioners' hours that no other visit may have: instants from and to.
        self.taken: dict[str, list[tuple[int, int]]] = {member.id: [] for member in self.practitioners}
        self.lost = self._lost_service()
        self.break_in = calendar.at(open_day(start.toordinal() + 13), 3 * 60 + 12)
        self.raise_at = calendar.at(_next_january(start), 9 * 60 + 40)
        if self.lost[0] <= self.raise_at <= self.lost[1]:  # a service that is not there cannot become dearer
            self.raise_at = calendar.at(open_day(calendar.local(self.lost[1]).toordinal() + 1), 9 * 60 + 40)
        self._events: list[tuple[int, Json]] = []
        self._numbers: dict[str, int] = {}

    # The diary

    def note(
        self, at: int, action: str, actor: Json, target: Json, context: Json | None = None, *, operation: str,
        client: Customer | None = None, request: Json | None = None, people: list[Json] | None = None,
    ) -> None:  # fmt: skip
        """Write down one event: at an instant, what, by whom, on what."""
        event: Json = {"action": action, "occurred_at": "", "actor": actor, "target": target}
        if client is not None:
            event["client"] = client.person
        if people:
            event["people"] = people
        if context:
            event["context"] = context
        if request is not None:
            event["request"] = request
        event["operation"] = operation
        self._events.append((at, event))

    def told(self, end: int) -> Iterator[Json]:
        """Yield the events before the instant `end` as documents, in order, each with its time and its key."""
        for number, (at, event) in enumerate(self.in_order(), 1):
            if at >= end:
                return
            event["occurred_at"] = calendar.local(at).isoformat(timespec="microseconds")
            event["key"] = f"demo-{number:06d}"
            yield event

    def in_order(self) -> list[tuple[int, Json]]:
        """Put the events in order and return them, each with its instant."""
        self._events.sort(key=lambda one: one[0])  # stable: what was written first stays first
        return self._events

    def written(self, after: int = 0) -> list[tuple[int, Json]]:
        """Return the events written down so far, less the first `after`, each with its instant, in any order."""
        return self._events[after:]

    # Ids

    def operation(self) -> str:
        return f"req_{self.rng.getrandbits(40):010x}"

    def new_id(self, prefix: str) -> str:
        """Return an id that was not there before. The numbers jump, so that they do not tell the order of visits."""
        count = self._numbers[prefix] = self._numbers.get(prefix, 0) + 1
        return f"{prefix}_{100_000 + count * 48_271 % 899_981}"  # 899,981 is prime: no number comes twice

    def stripe_id(self, prefix: str) -> str:
        return f"{prefix}_3{''.join(self.rng.choices(_ALPHABET, k=23))}"

    # People

    def reception(self, at: int) -> Member:
        """Who is at the desk at an instant when the clinic is open."""
        return self.rng.choice(self.on_desk(calendar.local(at).date()))

    def on_desk(self, day: date) -> list[Member]:
        one = self.receptionists[day.toordinal() // 7 % len(self.receptionists)]
        return [one] if day.weekday() == 5 else [member for member in self.receptionists if member is not one]

    def works(self, member: Member, day: date) -> bool:
        """Whether a practitioner works on a day: not in two weeks of August, and on every other Saturday."""
        if day.month == 8 and (day.day // 16) == member.number % 2:
            return False
        return day.weekday() != 5 or day.toordinal() // 7 % 2 == member.number % 2

    def present(self, day: date) -> list[Member]:
        """Who of the staff works on a day when the clinic is open."""
        at_work = [*self.on_desk(day), *(member for member in self.practitioners if self.works(member, day))]
        return at_work if day.weekday() == 5 else [*at_work, self.owner, self.deputy]

    def meet(self, known_from: int) -> Customer:
        """Let a new client come in."""
        self.met += 1
        someone = people.customer(self.rng, self.met, known_from)
        self.clients.append(someone)
        return someone

    def newcomer(self, name: str, ip: str, last4: str, *, member: bool = False) -> Customer:
        """Return a client of a planted story, with a phone of her own, who is never drawn for another visit."""
        self.met += 1
        return Customer(f"cli_{self.met}", name, self.met, "client_app", people.IPHONE_AGENT, ip, ("visa", last4),
                        member=member, known_from=self.opened)  # fmt: skip

    def client_for(self, day: date) -> Customer | None:
        """Return a client who may come on this day, or None for somebody new."""
        rng, ordinal = self.rng, day.toordinal()
        year = (ordinal - self.start.toordinal()) // 365
        if self.met < OLD_CLIENTS + NEW_CLIENTS_A_YEAR * (year + 1) and rng.random() < 0.16:
            return None
        latest = calendar.at(day, 0) - 2 * calendar.HOUR
        for _ in range(40):
            someone = self.clients[int(rng.random() ** 1.5 * len(self.clients))]
            if someone.last_day < ordinal - 4 and someone.known_from < latest:
                return someone
        return None

    def returning(self, service: Service, day: date) -> tuple[Customer | None, int]:
        """Return a client who has something for this service and may come on this day, and since when she has it."""
        rng, hopes = self.rng, self.hopes[service.id]
        for _ in range(4):
            if not hopes or rng.random() < 0.3:
                break
            hope = rng.choice(hopes)
            if not hope.wanted(day):
                hopes.remove(hope)
            elif hope.holder.last_day < day.toordinal() - 6 and hope.since < calendar.at(day, 0) - 12 * calendar.HOUR:
                return hope.holder, hope.since
        return None, 0

    # The offer

    def cost(self, reward: Reward, at: int) -> int:
        """How many points a reward costs at an instant."""
        return reward.lowered if at >= self.cheaper.get(reward.id, at + 1) else reward.points

    def pack_price(self, offer: Offer, at: int) -> int:
        return offer.raised_minor if at >= self.raise_at else offer.price_minor

    def service(self) -> Service:
        return self.rng.choices(SERVICES, [service.share for service in SERVICES])[0]

    def _lost_service(self) -> tuple[int, int]:
        """From when to when a service is missing: deleted by mistake, made again by the manager two days later."""
        day = open_day(self.start.toordinal() + 8)
        back = day + 2 * calendar.DAY
        while self.careless not in self.on_desk(day) or open_day(back.toordinal()) != back:
            day = open_day(day.toordinal() + 1)
            back = day + 2 * calendar.DAY
        return calendar.at(day, 11 * 60 + 42) + 17 * 1_000_000, calendar.at(back, 9 * 60 + 31) + 8 * 1_000_000

    def price(self, service: Service, at: int) -> int:
        return service.raised_minor if at >= self.raise_at else service.price_minor

    def bookable(self, service: Service, at: int) -> bool:
        return service is not DELETED or not self.lost[0] <= at <= self.lost[1]


def _next_january(start: date) -> date:
    """The first working day of the next January."""
    this_year = date(start.year, 1, 2)
    return open_day((this_year if start < this_year else date(start.year + 1, 1, 2)).toordinal())


def open_day(ordinal: int) -> date:
    """Return the first weekday from this one (a proleptic Gregorian ordinal) on that is no holiday."""
    day = date.fromordinal(ordinal)
    while day.weekday() == 5 or calendar.opening(day) is None:
        day += calendar.DAY
    return day
