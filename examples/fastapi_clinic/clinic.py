"""What can be done in the clinic, each in the caller's transaction.

A change and the documents that tell of it are committed together, or not at all.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from indelible import Request, System
from indelible.catalogue.bookings import BookingCancelled, BookingCreated, BookingRescheduled
from indelible.catalogue.fields import Changed, FieldChange
from indelible.catalogue.payments import ChargeFailed, ChargeRefunded, ChargeSucceeded
from indelible.catalogue.services import ServiceCreated, ServiceDeleted, ServiceEdited
from indelible.catalogue.vouchers import VoucherPurchased, VoucherRedeemed, VoucherSessionReturned
from indelible.record.document import Actor
from indelible.sqlalchemy import Recorder

from .tables import CURRENCY, Booking, Charge, Client, Service, Voucher, an_id


@dataclass(frozen=True)
class Click:
    """Who clicked, where from, and what ties together what comes of it."""

    actor: Actor | None
    origin: Request
    operation: str


NOBODY = Click(None, Request(), "")
click: ContextVar[Click] = ContextVar("click", default=NOBODY)
log = Recorder(
    "c_lisbon",
    actor=lambda: click.get().actor,
    request=lambda: click.get().origin,
    operation=lambda: click.get().operation,
)


class Declined(Exception):
    """The card was declined; nothing was booked."""


async def create_service(session: AsyncSession, **fields: Any) -> Service:
    service = Service(**fields)
    session.add(service)
    made = ServiceCreated(
        duration_minutes=service.minutes,
        price_minor=service.price_minor,
        deposit_minor=service.deposit_minor,
        policy_window_minutes=service.window_minutes,
        currency=CURRENCY,
    )
    await log.record(session, made, target=service)
    return service


async def edit_service(session: AsyncSession, service: Service, **fields: Any) -> None:
    changes = []
    for name, new in fields.items():
        old = getattr(service, name)
        if old != new:
            money = CURRENCY if name.endswith("_minor") else None
            changes.append(FieldChange(field=name, old=old, new=new, currency=money))
            setattr(service, name, new)
    if changes:
        await log.record(session, ServiceEdited(changes=changes), target=service)


async def delete_service(session: AsyncSession, service: Service) -> None:
    """The entry has all that is needed to make it again."""
    snapshot = {column.name: getattr(service, column.name) for column in Service.__table__.columns}
    deleted = ServiceDeleted(mode="removed", snapshot=snapshot | {"currency": CURRENCY})
    await log.record(session, deleted, target=service)
    await session.delete(service)


async def book(
    session: AsyncSession, service: Service, client: Client, starts_at: datetime, voucher: Voucher | None, card: str
) -> Booking:
    """Book with a deposit by card, or with a session of a voucher."""
    booking = Booking(
        service_id=service.id,
        service_name=service.name,
        window_minutes=service.window_minutes,
        client=client,
        starts_at=starts_at,
        voucher=voucher,
    )
    session.add(booking)
    created = BookingCreated(
        service=service.id,
        service_name=service.name,
        starts_at=starts_at,
        voucher=None if voucher is None else voucher.id,
        deposit_minor=service.deposit_minor if voucher is None else None,
        currency=CURRENCY,
        policy_window_minutes=service.window_minutes,
    )
    await log.record(session, created, target=booking, client=client)
    if voucher is None:
        booking.charge = await charge(session, service.deposit_minor, card, client, "deposit", booking=booking.id)
    else:
        voucher.sessions_left -= 1
        redeemed = VoucherRedeemed(
            sessions_used=1, sessions_left=voucher.sessions_left, sessions_total=voucher.sessions_total,
            service=voucher.service_id, booking=booking.id,
        )  # fmt: skip
        await log.record(session, redeemed, target=voucher, client=client)
    return booking


async def charge(
    session: AsyncSession, amount_minor: int, card: str, client: Client, purpose: Any, **concerns: str
) -> Charge:
    """Charge a card. A declined one undoes whatever it was for, and is in the log all the same."""
    if card == "declined":
        failed = ChargeFailed(
            amount_minor=amount_minor, currency=CURRENCY, purpose=purpose, failure_code="card_declined"
        )
        await log.record(session, failed, target=("charge", an_id("ch")), client=client, apart=True)
        raise Declined
    made = Charge(amount_minor=amount_minor)
    session.add(made)
    succeeded = ChargeSucceeded(
        amount_minor=amount_minor, currency=CURRENCY, purpose=purpose, method="card", source="online", **concerns
    )
    await log.record(session, succeeded, target=made, client=client)
    return made


async def reschedule(session: AsyncSession, booking: Booking, starts_at: datetime) -> None:
    old, booking.starts_at = booking.starts_at, starts_at
    moved = BookingRescheduled(
        service=booking.service_id, service_name=booking.service_name, starts_at=Changed(old=old, new=starts_at)
    )
    await log.record(session, moved, target=booking, client=booking.client)


async def cancel(session: AsyncSession, booking: Booking, now: datetime) -> None:
    """Cancel a booking. The policy gives back what it promised, by itself: the actor of that is the system."""
    notice = int((booking.starts_at - now).total_seconds() // 60)
    in_time = notice >= booking.window_minutes
    booking.state = "cancelled"
    cancelled = BookingCancelled(
        service=booking.service_id,
        service_name=booking.service_name,
        starts_at=booking.starts_at,
        notice_minutes=notice,
        late=not in_time,
        policy_window_minutes=booking.window_minutes,
        charge=booking.charge_id,
        voucher=booking.voucher_id,
        refund_rule="full" if in_time else "none",
    )
    await log.record(session, cancelled, target=booking, client=booking.client)
    policy = System("policy:cancellation")
    if in_time and booking.charge is not None:
        booking.charge.refunded_minor = booking.charge.amount_minor
        refunded = ChargeRefunded(
            amount_minor=booking.charge.amount_minor, currency=CURRENCY, source="policy", booking=booking.id
        )
        await log.record(session, refunded, target=booking.charge, client=booking.client, actor=policy)
    if in_time and booking.voucher is not None:
        booking.voucher.sessions_left += 1
        returned = VoucherSessionReturned(
            sessions_returned=1, sessions_left=booking.voucher.sessions_left, booking=booking.id
        )
        await log.record(session, returned, target=booking.voucher, client=booking.client, actor=policy)


async def sell_pack(
    session: AsyncSession, service: Service, client: Client, sessions: int, price_minor: int, card: str
) -> Voucher:
    voucher = Voucher(
        service_id=service.id, client_id=client.id, sessions_total=sessions, sessions_left=sessions
    )  # fmt: skip
    session.add(voucher)
    await session.flush()
    paid = await charge(session, price_minor, card, client, "voucher", voucher=voucher.id)
    purchased = VoucherPurchased(
        service=service.id, service_name=service.name, sessions_total=sessions, price_minor=price_minor,
        currency=CURRENCY, charge=paid.id,
    )  # fmt: skip
    await log.record(session, purchased, target=voucher, client=client)
    return voucher
