"""What the demo's clinic sells: services and their prices in euro cents, rewards, coupons, vouchers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

CURRENCY = "EUR"


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

    @property
    def target(self) -> dict[str, Any]:
        return {"kind": "service", "id": self.id, "name": self.name}

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
        }


SERVICES = (
    Service("srv_1", "Facial", "face", 60, 5500, 5900, 20),
    Service("srv_2", "Limpeza de pele profunda", "face", 75, 6800, 7200, 12),
    Service("srv_3", "Hydrating facial", "face", 45, 4500, 4800, 14),
    Service("srv_4", "Chemical peel", "face", 45, 8500, 8900, 6),
    Service("srv_5", "Laser hair removal, legs", "laser", 60, 12000, 12500, 8),
    Service("srv_6", "Laser hair removal, underarms", "laser", 30, 4500, 4700, 12),
    Service("srv_7", "Massagem relaxante", "body", 60, 5000, 5400, 18),
    Service("srv_8", "Deep tissue massage", "body", 60, 6000, 6400, 12),
    Service("srv_9", "Drenagem linfática", "body", 60, 5500, 5900, 10),
    Service("srv_10", "Radiofrequency", "body", 45, 7500, 7900, 6),
    Service("srv_11", "Consultation", "medical", 30, 4000, 4000, 16),
    Service("srv_12", "Dermatology consultation", "medical", 30, 9000, 9500, 7),
    Service("srv_13", "Physiotherapy", "medical", 45, 4800, 5000, 14),
    Service("srv_14", "Nutrition consultation", "medical", 45, 5500, 5500, 6),
    Service("srv_15", "Manicure", "hands and feet", 45, 2500, 2700, 14),
    Service("srv_16", "Pedicure", "hands and feet", 45, 3000, 3200, 10),
)

# The one that is deleted by mistake.
DELETED = SERVICES[8]

# id, name, what it costs in points, what it is worth
REWARDS = (
    ("rwd_1", "10 euros off", 1000, 1000),
    ("rwd_2", "Free manicure", 2400, 2500),
    ("rwd_3", "25 euros off", 2300, 2500),
    ("rwd_4", "Free hydrating facial", 4200, 4500),
    ("rwd_5", "Birthday massage", 4500, 5000),
)

# id, name, basis points
COUPONS = (("cpn_BEMVINDA10", "BEMVINDA10", 1000), ("cpn_OUTONO15", "OUTONO15", 1500), ("cpn_AMIGA20", "AMIGA20", 2000))

# What a voucher is worth, and how often it is chosen.
VOUCHER_WORTH = (3000, 5000, 7500, 10000, 15000)
VOUCHER_SHARES = (20, 40, 15, 18, 7)
VOUCHER_DAYS = 183
