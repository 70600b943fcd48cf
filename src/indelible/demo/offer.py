"""What the demo's clinic sells: services with the terms of cancelling them, packs of sessions, rewards. Prices are euro
cents.

Every service can be cancelled until a day before without a loss. Who cancels later loses half of what was paid ahead,
and with some services all of it. The dearer ones ask for a deposit where they are booked online.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

CURRENCY = "EUR"
WINDOW_MINUTES = 24 * 60
# From how much on a service asks for a deposit, and for which part of its price.
DEPOSIT_FROM_MINOR = 6_000
DEPOSIT_BASIS_POINTS = 3_000
REMINDER_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Service:
    """A service. `raised_minor` is its price from the first working week of January on."""

    id: str
    name: str
    category: str
    duration_minutes: int
    price_minor: int
    raised_minor: int
    share: int
    late_refund_basis_points: int = 5_000

    @property
    def target(self) -> dict[str, Any]:
        return {"kind": "service", "id": self.id, "name": self.name}

    @property
    def asks_deposit(self) -> bool:
        return self.price_minor >= DEPOSIT_FROM_MINOR

    @property
    def late_refund(self) -> dict[str, Any]:
        """What goes back to a client who cancels too late."""
        part = self.late_refund_basis_points
        return {"late_refund": "partial", "late_refund_basis_points": part} if part else {"late_refund": "none"}

    @property
    def policy(self) -> dict[str, Any]:
        """Which policy a booking of this service is under."""
        name = "pol_half_back" if self.late_refund_basis_points else "pol_nothing_back"
        return {"policy": name, "policy_version": 1, "policy_window_minutes": WINDOW_MINUTES}

    def snapshot(self, price_minor: int) -> dict[str, Any]:
        """All that is needed to make the service again."""
        return {
            "id": self.id,
            "name": self.name,
            "service_category": self.category,
            "duration_minutes": self.duration_minutes,
            "buffer_minutes": 0,
            "price_minor": price_minor,
            "currency": CURRENCY,
            "tax_rate_basis_points": 2300,
            "online_bookable": True,
            "policy_window_minutes": WINDOW_MINUTES,
            **({"deposit_basis_points": DEPOSIT_BASIS_POINTS} if self.asks_deposit else {}),
            **self.late_refund,
            "reminder_minutes": REMINDER_MINUTES,
        }


SERVICES = (
    Service("srv_1", "Facial", "face", 60, 5500, 5900, 20),
    Service("srv_2", "Limpeza de pele profunda", "face", 75, 6800, 7200, 12),
    Service("srv_3", "Hydrating facial", "face", 45, 4500, 4800, 14),
    Service("srv_4", "Chemical peel", "face", 45, 8500, 8900, 6, 0),
    Service("srv_5", "Laser hair removal, legs", "laser", 60, 12000, 12500, 8),
    Service("srv_6", "Laser hair removal, underarms", "laser", 30, 4500, 4700, 12),
    Service("srv_7", "Massagem relaxante", "body", 60, 5000, 5400, 18),
    Service("srv_8", "Deep tissue massage", "body", 60, 6000, 6400, 12),
    Service("srv_9", "Drenagem linfática", "body", 60, 5500, 5900, 10),
    Service("srv_10", "Radiofrequency", "body", 45, 7500, 7900, 6, 0),
    Service("srv_11", "Consultation", "medical", 30, 4000, 4000, 16),
    Service("srv_12", "Dermatology consultation", "medical", 30, 9000, 9500, 7, 0),
    Service("srv_13", "Physiotherapy", "medical", 45, 4800, 5000, 14),
    Service("srv_14", "Nutrition consultation", "medical", 45, 5500, 5500, 6),
    Service("srv_15", "Manicure", "hands and feet", 45, 2500, 2700, 14),
    Service("srv_16", "Pedicure", "hands and feet", 45, 3000, 3200, 10),
)

# The one that is deleted by mistake.
DELETED = SERVICES[8]


@dataclass(frozen=True, slots=True)
class Offer:
    """A pack of sessions of one service. `raised_minor` is its price from January on; it is good for `days`."""

    id: str
    service: Service
    sessions: int
    price_minor: int
    raised_minor: int
    days: int
    share: int

    @property
    def name(self) -> str:
        return f"{self.service.name} ×{self.sessions}"

    @property
    def target(self) -> dict[str, Any]:
        return {"kind": "voucher_offer", "id": self.id, "name": self.name}


# Eleven, sixteen, eleven and twenty percent less than the sessions cost one by one. One of them becomes dearer.
OFFERS = (
    Offer("off_1", SERVICES[0], 5, 24500, 26500, 183, 9),
    Offer("off_2", SERVICES[6], 10, 42000, 42000, 365, 4),
    Offer("off_3", DELETED, 5, 24500, 24500, 183, 5),
    Offer("off_4", SERVICES[5], 10, 36000, 36000, 365, 3),
)


@dataclass(frozen=True, slots=True)
class Reward:
    """What points buy: one visit of `service` free, or else `worth_minor` off any. `lowered` is what it costs later."""

    id: str
    name: str
    points: int
    lowered: int
    worth_minor: int
    service: Service | None = None

    @property
    def target(self) -> dict[str, Any]:
        return {"kind": "reward", "id": self.id, "name": self.name}

    @property
    def described(self) -> dict[str, Any]:
        free = {} if self.service is None else {"service": self.service.id}
        kind = "discount" if self.service is None else "free_service"
        return {"reward_type": kind, "cost_points": self.points, **free, "value_minor": self.worth_minor,
                "currency": CURRENCY}  # fmt: skip


REWARDS = (
    Reward("rwd_1", "10 euros off", 200, 200, 1000),
    Reward("rwd_2", "Free manicure", 480, 430, 2500, SERVICES[14]),
    Reward("rwd_3", "25 euros off", 460, 410, 2500),
    Reward("rwd_4", "Free hydrating facial", 850, 800, 4500, SERVICES[2]),
    # For a birthday, not for points that somebody has saved; it is deleted before anybody took it.
    Reward("rwd_5", "Birthday massage", 900, 900, 5000, SERVICES[6]),
)
TAKEN = REWARDS[:4]
# On which day after the start the cost of the three in the middle goes down.
CHEAPER_DAYS = {REWARDS[1].id: 64, REWARDS[2].id: 171, REWARDS[3].id: 262}

# What a friend's first visit is worth to whoever sent her.
REFERRAL_MINOR = 500
