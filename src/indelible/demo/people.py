"""The people of the demo: names put together at random, their devices and their addresses.

Every IP address is of the ranges kept for documentation: 192.0.2.0/24, 198.51.100.0/24 and 203.0.113.0/24 (RFC 5737)
and 2001:db8::/32 (RFC 3849).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .diary import Coupon, Pack

Json = dict[str, Any]

CLINIC_IP = "192.0.2.10"
STRANGER_IP = "203.0.113.66"
STRANGER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
IPHONE_AGENT = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.5 Mobile/15E148 Safari/604.1"
)

_GIVEN = (
    "Ana", "Maria", "Inês", "Beatriz", "Mariana", "Leonor", "Carolina", "Matilde", "Joana", "Sofia", "Rita",
    "Catarina", "Teresa", "Helena", "Luísa", "Cláudia", "Patrícia", "Sónia", "Mónica", "Fátima", "Conceição",
    "Graça", "Lurdes", "Raquel", "Sara", "João", "José", "António", "Francisco", "Rodrigo", "Tomás", "Gonçalo",
    "Duarte", "Martim", "Afonso", "Simão", "Tiago", "Rui", "Nuno", "Luís", "Sérgio", "Vítor", "Hélder", "Álvaro",
    "Estêvão", "Anaïs", "Chloé", "Jürgen", "Søren", "Zoë", "Niamh", "Łukasz", "Giulia", "Matteo", "Ingrid",
    "Björn", "Aoife", "Harriet", "Oliver", "Priya", "Kwame", "Yusuf",
)  # fmt: skip
_FAMILY = (
    "Sousa", "Fernandes", "Almeida", "Gonçalves", "Simões", "Magalhães", "Conceição", "Araújo", "Cândido",
    "Figueiredo", "Nóbrega", "Tavares", "Brandão", "Falcão", "Guimarães", "Lourenço", "Patrício", "Quintão",
    "Rebelo", "Salomé", "Teixeira", "Vasconcelos", "Ximenes", "Abrunhosa", "Botelho", "Caiado", "Damásio",
    "Espírito-Santo", "Frazão", "Galvão", "Henriques", "Infante", "Jardim", "Leitão", "Meireles", "Novais",
    "Osório", "Pinhão", "Queirós", "Ramalho", "Sequeira", "Torrão", "Valadão", "Müller", "Ødegaard", "Lefèvre",
    "O’Connor", "Kowalczyk", "Ferrari", "Whitfield", "Okafor", "Nair", "Çelik",
)  # fmt: skip
_PARTICLES = ("", "", "", "", "", "da ", "de ", "dos ")
_OTHER_SCRIPTS = (
    "Олена Коваленко", "Дмитро Бондар", "王小玲", "陈伟明", "Γιώργος Νικολάου", "Ελένη Παππά", "فاطمة الزهراء",
    "יעל כהן", "प्रिया शर्मा", "佐藤美咲", "김서연", "Наталья Орлова",
)  # fmt: skip

# With how many of a hundred clients use each.
_CLIENT_AGENTS = (
    (34, IPHONE_AGENT),
    (12, "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
         " Version/17.6 Mobile/15E148 Safari/604.1"),
    (28, "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)"
         " Chrome/137.0.0.0 Mobile Safari/537.36"),
    (10, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
         " Chrome/137.0.0.0 Safari/537.36"),
    (6, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
        " Chrome/136.0.0.0 Safari/537.36 Edg/136.0.0.0"),
    (7, "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
        " Version/18.4 Safari/605.1.15"),
    (3, "Mozilla/5.0 (Android 14; Mobile; rv:139.0) Gecko/139.0 Firefox/139.0"),
)  # fmt: skip
_PHONE, _CHROME, _EDGE, _MAC = (_CLIENT_AGENTS[index][1] for index in (0, 3, 4, 5))

# id, name, role, how this member signs in at work
_STAFF = (
    ("usr_1", "Helena Vasconcelos", "owner", _MAC),
    ("usr_2", "Rui Magalhães", "manager", _EDGE),
    ("usr_12", "Maria Fernandes", "receptionist", _EDGE),
    ("usr_14", "Tiago Nóbrega", "receptionist", _CHROME),
    ("usr_15", "Aoife Brennan", "receptionist", _EDGE),
    ("usr_21", "Inês Figueiredo", "practitioner", _PHONE),
    ("usr_22", "Gonçalo Simões", "practitioner", _CHROME),
    ("usr_23", "Søren Lindqvist", "practitioner", _MAC),
    ("usr_24", "Carolina Araújo", "practitioner", _PHONE),
    ("usr_25", "Łucja Kowalczyk", "practitioner", _CHROME),
    ("usr_26", "Duarte Espírito-Santo", "practitioner", _PHONE),
    ("usr_27", "Олена Коваль", "practitioner", _EDGE),
    ("usr_28", "Beatriz Queirós", "practitioner", _PHONE),
)


class Who(Protocol):
    """Somebody or something that acts: a member of staff, a client, the booking assistant."""

    @property
    def actor(self) -> Json: ...

    @property
    def request(self) -> Json: ...


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the clinic's staff. `shift` is the start of a practitioner's day, in minutes after midnight."""

    id: str
    name: str
    role: str
    agent: str
    shift: int
    number: int

    @property
    def actor(self) -> Json:
        return {"kind": "staff", "id": self.id, "name": self.name, "role": self.role}

    @property
    def person(self) -> Json:
        return {"id": self.id, "name": self.name}

    @property
    def account(self) -> Json:
        return {"kind": "staff", "id": self.id, "name": self.name}

    @property
    def request(self) -> Json:
        return {"channel": "staff_web", "ip": CLINIC_IP, "user_agent": self.agent}


@dataclass(slots=True)
class Customer:
    """A client, and what the story must remember.

    `known_from` is the instant since when the clinic has a record, `busy_until` the last day (an ordinal) of something
    that is not over yet. `points` are those that nothing told so far will take.
    """

    id: str
    name: str
    number: int
    channel: str
    agent: str
    ip: str
    card: tuple[str, str]
    member: bool
    known_from: int
    last_day: int = 0
    busy_until: int = 0
    points: int = 0
    packs: list[Pack] = field(default_factory=list)
    coupons: list[Coupon] = field(default_factory=list)

    @property
    def actor(self) -> Json:
        return {"kind": "client", "id": self.id, "name": self.name}

    @property
    def person(self) -> Json:
        return {"id": self.id, "name": self.name}

    @property
    def target(self) -> Json:
        return {"kind": "client", "id": self.id, "name": self.name}

    @property
    def account(self) -> Json:
        return {"kind": "loyalty_account", "id": f"loy_{self.number}", "name": self.name}

    @property
    def request(self) -> Json:
        return {"channel": self.channel, "ip": self.ip, "user_agent": self.agent}


@dataclass(frozen=True, slots=True)
class Assistant:
    """The booking assistant while it acts for a client."""

    client: Customer

    @property
    def actor(self) -> Json:
        return {"kind": "agent", "id": "assistant_1", "name": "Booking assistant",
                "on_behalf_of": {"kind": "client", **self.client.person}}  # fmt: skip

    @property
    def request(self) -> Json:
        return {"channel": "assistant"}


def staff() -> tuple[Member, ...]:
    """Return the clinic's staff: owner, manager, three receptionists, eight practitioners."""
    return tuple(
        Member(id, name, role, agent, 9 * 60 if number % 2 else 10 * 60, number)
        for number, (id, name, role, agent) in enumerate(_STAFF)
    )


def full_name(rng: Random) -> str:
    """Return a made-up name, one in sixty of them in another script."""
    if rng.random() < 1 / 60:
        return rng.choice(_OTHER_SCRIPTS)
    first, last = rng.choice(_GIVEN), rng.choice(_FAMILY)
    middle = rng.choice(_FAMILY) if rng.random() < 0.35 else ""
    name = f"{first} {middle}{' ' if middle else ''}{rng.choice(_PARTICLES)}{last}"
    # Nobody of the staff has a namesake: a name that is searched for finds one person.
    return full_name(rng) if any(name == member[1] for member in _STAFF) else name


def customer(rng: Random, number: int, known_from: int) -> Customer:
    """Return a new client with a device, an address and a card."""
    agent = rng.choices([agent for _, agent in _CLIENT_AGENTS], [share for share, _ in _CLIENT_AGENTS])[0]
    in_app = "iPhone" in agent or "Android 10" in agent
    return Customer(
        id=f"cli_{number}",
        name=full_name(rng),
        number=number,
        channel="client_app" if in_app and rng.random() < 0.5 else "client_web",
        agent=agent,
        ip=_address(rng),
        card=(rng.choices(("visa", "mastercard", "amex"), (60, 36, 4))[0], f"{rng.randrange(10_000):04d}"),
        member=rng.random() < 0.8,
        known_from=known_from,
    )


def _address(rng: Random) -> str:
    if rng.random() < 0.5:
        return f"2001:db8:{rng.randrange(1, 0xFFFF):x}:{rng.randrange(1, 0xFFFF):x}::{rng.randrange(1, 0xFFFF):x}"
    return f"198.51.100.{rng.randint(1, 254)}"
