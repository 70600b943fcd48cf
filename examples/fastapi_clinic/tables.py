"""What the clinic keeps. `activity_target` and `activity_person` are all that these tables know of a log."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import DateTime, ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

CURRENCY = "EUR"


def an_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(6)}"


class Base(DeclarativeBase):
    pass


class Service(Base):
    __tablename__ = "service"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: an_id("svc"))
    name: Mapped[str]
    minutes: Mapped[int]
    price_minor: Mapped[int]
    deposit_minor: Mapped[int]
    # A client who cancels earlier than this before the start gets the deposit back.
    window_minutes: Mapped[int]

    def activity_target(self) -> tuple[str, str, str]:
        return ("service", self.id, self.name)


class Client(Base):
    __tablename__ = "client"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]

    def activity_person(self) -> tuple[str, str]:
        return (self.id, self.name)


class Voucher(Base):
    """A pack of sessions of one service."""

    __tablename__ = "voucher"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: an_id("vch"))
    service_id: Mapped[str]
    client_id: Mapped[str] = mapped_column(ForeignKey("client.id"))
    sessions_total: Mapped[int]
    sessions_left: Mapped[int]

    def activity_target(self) -> tuple[str, str]:
        return ("voucher", self.id)


class Charge(Base):
    __tablename__ = "charge"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: an_id("ch"))
    amount_minor: Mapped[int]
    refunded_minor: Mapped[int] = mapped_column(default=0)

    def activity_target(self) -> tuple[str, str]:
        return ("charge", self.id)


class Booking(Base):
    __tablename__ = "booking"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: an_id("bk"))
    service_id: Mapped[str]
    service_name: Mapped[str]
    window_minutes: Mapped[int]  # as the client agreed to it
    client_id: Mapped[str] = mapped_column(ForeignKey("client.id"))
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    state: Mapped[str] = mapped_column(default="booked")
    charge_id: Mapped[str | None] = mapped_column(ForeignKey("charge.id"))
    voucher_id: Mapped[str | None] = mapped_column(ForeignKey("voucher.id"))

    client: Mapped[Client] = relationship(lazy="joined")
    charge: Mapped[Charge | None] = relationship(lazy="joined")
    voucher: Mapped[Voucher | None] = relationship(lazy="joined")

    def activity_target(self) -> tuple[str, str]:
        return ("booking", self.id)
