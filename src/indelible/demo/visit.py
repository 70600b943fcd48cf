"""One booking of the demo while its story is told, and what entries say about it."""

from __future__ import annotations

from dataclasses import dataclass

from . import calendar
from .calendar import MINUTE
from .diary import Coupon, Pack
from .offer import CURRENCY, Service
from .people import Customer, Json, Member
from .till import Charge

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(slots=True)
class Visit:
    """One booking. `last` is the instant of the last thing that happened to it, `paid` what was charged at booking.

    `double_of` is the client of whom this visit's client is a second record.
    """

    id: str
    client: Customer
    practitioner: Member
    service: Service
    source: str
    start: int
    booked_for: int
    price_minor: int
    last: int
    paid: Charge | None = None
    pack: Pack | None = None
    coupon: Coupon | None = None
    double_of: Customer | None = None
    first: bool = False
    assisted: bool = False

    @property
    def end(self) -> int:
        return self.start + self.service.duration_minutes * MINUTE

    @property
    def about(self) -> Json:
        """What every entry about the booking says."""
        about = {"service": self.service.id, "service_name": self.service.name}
        return about if self.pack is None else {**about, "voucher": self.pack.id}

    @property
    def discount_minor(self) -> int:
        if self.coupon is None:
            return 0
        return self.price_minor if self.coupon.service else self.coupon.worth_minor

    @property
    def due_minor(self) -> int:
        """What it costs in money: the price less the coupon, and nothing where a pack pays."""
        return 0 if self.pack else self.price_minor - self.discount_minor

    def lost_minor(self, late: bool) -> int:
        """What of the money paid ahead a cancellation costs."""
        if self.paid is None or not late:
            return 0
        return self.paid.amount_minor * (10_000 - self.service.late_refund_basis_points) // 10_000

    def target(self, start: int) -> Json:
        when = calendar.local(start)
        name = f"{self.service.name}, {when.day} {_MONTHS[when.month - 1]} {when.hour:02d}:{when.minute:02d}"
        return {"kind": "booking", "id": self.id, "name": name}


def booked(visit: Visit) -> Json:
    """Return the context of a booking's creation."""
    context = {
        "starts_at": text(visit.booked_for),
        "ends_at": text(visit.booked_for + visit.service.duration_minutes * MINUTE),
        "duration_minutes": visit.service.duration_minutes,
        "practitioner": visit.practitioner.person,
        "price_minor": visit.price_minor,
        "currency": CURRENCY,
        "source": visit.source,
        **visit.about,
    }
    if visit.source == "online":
        context |= {**visit.service.policy, **visit.service.late_refund, "policy_accepted": True}
    if visit.coupon:
        context |= {"coupon": visit.coupon.id, "discount_minor": visit.discount_minor}
    return context


def text(us: int) -> str:
    return calendar.local(us).isoformat(timespec="seconds")
