"""What the parts of the story share: the clinic's state, and the diary that they write events into, in any order.

The story is told day by day of the visits, each visit whole: it was booked weeks before, and is paid and perhaps
refunded days after. `REACH_DAYS` bounds how long before a visit anything about it happens. So whoever wants the first
n days tells n + REACH_DAYS of them, puts the events in order and keeps the first n, and gets the same as the beginning
of a longer year.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from random import Random

from . import calendar, people
from .offer import DELETED, SERVICES, Service
from .people import Customer, Json, Member

REACH_DAYS = 75
# Clients that the clinic had before it began to keep this log, and those that may come in its first year.
OLD_CLIENTS = 1_100
NEW_CLIENTS_A_YEAR = 1_400

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(slots=True)
class Voucher:
    """A voucher that was sold, and what is left of it. `expires_on` is its last day; some are `forgotten`."""

    id: str
    name: str
    code_last4: str
    holder: Customer
    balance_minor: int
    sold_on: date
    expires_on: date
    forgotten: bool


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
        self.vouchers: list[Voucher] = []
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
        self._events.sort(key=lambda one: one[0])  # stable: what was written first stays first
        for number, (at, event) in enumerate(self._events, 1):
            if at >= end:
                return
            event["occurred_at"] = calendar.local(at).isoformat(timespec="microseconds")
            event["key"] = f"demo-{number:06d}"
            yield event

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

    def client_for(self, day: date) -> Customer | None:
        """Return a client who may come on this day, or None for somebody new."""
        rng, ordinal = self.rng, day.toordinal()
        year = (ordinal - self.start.toordinal()) // 365
        if self.met < OLD_CLIENTS + NEW_CLIENTS_A_YEAR * (year + 1) and rng.random() < 0.16:
            return None
        latest = calendar.at(day, 0) - 2 * calendar.HOUR
        for _ in range(40):
            if self.vouchers and rng.random() < 0.03:
                someone = rng.choice(self.vouchers).holder
            else:
                someone = self.clients[int(rng.random() ** 1.5 * len(self.clients))]
            if someone.last_day < ordinal - 4 and someone.known_from < latest:
                return someone
        return None

    # The offer

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
