"""What can be done in the clinic, each in the caller's transaction.

A change and the documents that tell of it are committed together, or not at all.
"""

import secrets

from django.forms.models import model_to_dict

from indelible import System
from indelible.catalogue.bookings import BookingCancelled, BookingCreated, BookingRescheduled
from indelible.catalogue.fields import Changed, FieldChange
from indelible.catalogue.payments import ChargeFailed, ChargeRefunded, ChargeSucceeded
from indelible.catalogue.services import ServiceCreated, ServiceDeleted, ServiceEdited
from indelible.catalogue.vouchers import VoucherPurchased, VoucherRedeemed, VoucherSessionReturned
from indelible.django import record

from .models import CURRENCY, Booking, Charge, Service, Voucher


class Declined(Exception):
    """The card was declined; nothing was booked."""


def create_service(**fields):
    service = Service.objects.create(**fields)
    made = ServiceCreated(
        duration_minutes=service.minutes,
        price_minor=service.price_minor,
        deposit_minor=service.deposit_minor,
        policy_window_minutes=service.window_minutes,
        currency=CURRENCY,
    )
    record(made, target=service)
    return service


def edit_service(service, **fields):
    changes = []
    for name, new in fields.items():
        old = getattr(service, name)
        if old != new:
            money = CURRENCY if name.endswith("_minor") else None
            changes.append(FieldChange(field=name, old=old, new=new, currency=money))
            setattr(service, name, new)
    if changes:
        service.save()
        record(ServiceEdited(changes=changes), target=service)


def delete_service(service):
    """The entry has all that is needed to make it again."""
    record(ServiceDeleted(mode="removed", snapshot=model_to_dict(service) | {"currency": CURRENCY}), target=service)
    service.delete()


def book(service, client, starts_at, voucher=None, card="good"):
    """Book with a deposit by card, or with a session of a voucher."""
    booking = Booking.objects.create(
        service=service,
        service_name=service.name,
        window_minutes=service.window_minutes,
        client=client,
        starts_at=starts_at,
        voucher=voucher,
    )
    created = BookingCreated(
        service=service.pk,
        service_name=service.name,
        starts_at=starts_at,
        voucher=None if voucher is None else voucher.pk,
        deposit_minor=service.deposit_minor if voucher is None else None,
        currency=CURRENCY,
        policy_window_minutes=service.window_minutes,
    )
    record(created, target=booking, client=client)
    if voucher is None:
        booking.charge = charge(service.deposit_minor, card, client, purpose="deposit", booking=booking.pk)
        booking.save()
    else:
        voucher.sessions_left -= 1
        voucher.save()
        redeemed = VoucherRedeemed(
            sessions_used=1, sessions_left=voucher.sessions_left, sessions_total=voucher.sessions_total,
            service=voucher.service_id, booking=booking.pk,
        )  # fmt: skip
        record(redeemed, target=voucher, client=client)
    return booking


def charge(amount_minor, card, client, **concerns):
    """Charge a card. A declined one undoes whatever it was for, and is in the log all the same."""
    if card == "declined":
        failed = ChargeFailed(
            amount_minor=amount_minor, currency=CURRENCY, purpose=concerns["purpose"], failure_code="card_declined"
        )
        record(failed, target=("charge", f"declined_{secrets.token_hex(6)}"), client=client, apart=True)
        raise Declined
    made = Charge.objects.create(client=client, amount_minor=amount_minor)
    succeeded = ChargeSucceeded(
        amount_minor=amount_minor, currency=CURRENCY, method="card", source="online", **concerns
    )  # fmt: skip
    record(succeeded, target=made, client=client)
    return made


def reschedule(booking, starts_at):
    old, booking.starts_at = booking.starts_at, starts_at
    booking.save()
    moved = BookingRescheduled(
        service=booking.service_id, service_name=booking.service_name, starts_at=Changed(old=old, new=starts_at)
    )
    record(moved, target=booking, client=booking.client)


def cancel(booking, now):
    """Cancel a booking. The policy gives back what it promised, by itself: the actor of that is the system."""
    notice = int((booking.starts_at - now).total_seconds() // 60)
    in_time = notice >= booking.window_minutes
    booking.state = "cancelled"
    booking.save()
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
    record(cancelled, target=booking, client=booking.client)
    policy = System("policy:cancellation")
    if in_time and booking.charge is not None:
        booking.charge.refunded_minor = booking.charge.amount_minor
        booking.charge.save()
        refunded = ChargeRefunded(
            amount_minor=booking.charge.amount_minor, currency=CURRENCY, source="policy", booking=booking.pk
        )
        record(refunded, target=booking.charge, client=booking.client, actor=policy)
    if in_time and booking.voucher is not None:
        booking.voucher.sessions_left += 1
        booking.voucher.save()
        returned = VoucherSessionReturned(
            sessions_returned=1, sessions_left=booking.voucher.sessions_left, booking=booking.pk
        )
        record(returned, target=booking.voucher, client=booking.client, actor=policy)


def sell_pack(service, client, sessions, price_minor, card="good"):
    voucher = Voucher.objects.create(service=service, client=client, sessions_total=sessions, sessions_left=sessions)
    paid = charge(price_minor, card, client, purpose="voucher", voucher=voucher.pk)
    purchased = VoucherPurchased(
        service=service.pk, service_name=service.name, sessions_total=sessions, price_minor=price_minor,
        currency=CURRENCY, charge=paid.pk,
    )  # fmt: skip
    record(purchased, target=voucher, client=client)
    return voucher
