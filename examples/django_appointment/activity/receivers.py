"""Receivers of django-appointment's signals. Each records in the transaction of what it hears of.

An appointment's time, service and staff member stand in its request. The request comes first and alone, while a visitor
chooses; what happens to it is told when there is an appointment for it.
"""

from contextlib import suppress
from datetime import datetime, timedelta

from appointment.models import Appointment, AppointmentRequest, DayOff, Service, StaffMember
from django.db.models.signals import post_save, pre_delete, pre_save
from django.dispatch import receiver
from django.utils import timezone

from indelible.catalogue.account import StaffAdded, StaffRemoved
from indelible.catalogue.bookings import BookingCancelled, BookingCreated, BookingEdited, BookingRescheduled
from indelible.catalogue.fields import Changed, FieldChange
from indelible.catalogue.payments import ChargeSucceeded
from indelible.catalogue.services import (
    ScheduleBlocked,
    ScheduleUnblocked,
    ServiceCreated,
    ServiceDeleted,
    ServiceEdited,
)
from indelible.django import record
from indelible.errors import InvalidInput
from indelible.format import money

from .who import actor, person

# What no entry tells of: written by the application itself, at each save.
UNTOLD = {"id", "id_request", "created_at", "updated_at", "reschedule_attempts", "payment_type"}
PRICES = ("price", "down_payment")


# What a save changed


def _values(thing):
    """A model's values as they would come from the database; a host may have assigned "09:00" to a time."""
    return {field.name: field.to_python(getattr(thing, field.attname)) for field in thing._meta.concrete_fields}


@receiver(pre_save, sender=Service)
@receiver(pre_save, sender=Appointment)
@receiver(pre_save, sender=AppointmentRequest)
@receiver(pre_save, sender=DayOff)
def remember(sender, instance, update_fields=None, **_):
    """What stands in the database is what the save replaces, whatever the object had before."""
    there = None if instance._state.adding else sender._base_manager.filter(pk=instance.pk).first()
    instance.activity_before = None if there is None else _values(there)
    instance.activity_fields = update_fields


def _changes(instance):
    """{name: (old, new)} of what this save changed, in the order of the model's fields."""
    old, only = instance.activity_before, instance.activity_fields
    return {
        name: (old[name], new)
        for name, new in _values(instance).items()
        if name not in UNTOLD and old[name] != new and (only is None or name in only)
    }


# In the words of an entry


def _amounts(currency, **amounts):
    """Amounts in minor units, with their currency. Nothing where it is no currency: django-appointment takes any three
    letters, and an entry has no amount whose unit is not known."""
    with suppress(InvalidInput):
        found = {name: money.minor(amount, currency.upper()) for name, amount in amounts.items() if amount is not None}
        return {**found, "currency": currency.upper()} if found else {}
    return {}


def _plain(value):
    if isinstance(value, timedelta):
        return int(value.total_seconds() // 60)
    return value if isinstance(value, str | int | bool | None) else str(value)


def _service(service):
    return ("service", service.pk, service.name)


def _booking(appointment):
    return ("booking", appointment.pk)


def _starts_at(values):
    return timezone.make_aware(datetime.combine(values["date"], values["start_time"]))


def _colleague(member):
    return None if member is None else {"id": str(member.pk), "name": member.get_staff_member_name() or None}


def _about(request):
    """What every entry about an appointment says of its request."""
    return {"service": str(request.service_id), "service_name": request.service.name}


# Services


@receiver(post_save, sender=Service)
def service_saved(instance, created, **_):
    if created:
        said = _amounts(instance.currency, price_minor=instance.price, deposit_minor=instance.down_payment)
        minutes = int(instance.duration.total_seconds() // 60)
        record(ServiceCreated(duration_minutes=minutes, **said), target=_service(instance), actor=actor())
        return
    changes = []
    for name, (old, new) in _changes(instance).items():
        if name not in PRICES:
            changes.append(FieldChange(field=name, old=_plain(old), new=_plain(new)))
        elif said := _amounts(instance.currency, old=old, new=new):
            changes.append(FieldChange(field=f"{name}_minor", **said))
    if changes:
        record(ServiceEdited(changes=changes), target=_service(instance), actor=actor())


@receiver(pre_delete, sender=Service)
def service_deleted(instance, **_):
    values = {name: value for name, value in _values(instance).items() if name not in UNTOLD}
    prices = {f"{name}_minor": values.pop(name) for name in PRICES}
    snapshot = {name: _plain(value) for name, value in values.items()} | _amounts(instance.currency, **prices)
    record(ServiceDeleted(mode="removed", snapshot=snapshot), target=_service(instance), actor=actor())


# Appointments


@receiver(post_save, sender=Appointment)
def appointment_saved(instance, created, **_):
    request, client = instance.appointment_request, instance.client
    about = {"target": _booking(instance), "client": person(client), "actor": actor(client)}
    if created:
        made = BookingCreated(
            **_about(request),
            starts_at=_starts_at(_values(request)),
            practitioner=_colleague(request.staff_member),
            **_amounts(request.service.currency, price_minor=request.service.price),
        )
        record(made, **about)
        return
    changes = _changes(instance)
    if changes.pop("paid", (True, True)) == (False, True):
        _paid(instance, about)
    changes.pop("paid", None), changes.pop("amount_to_pay", None)
    if changes:
        record(BookingEdited(**_about(request), fields_changed=list(changes)), **about)


def _paid(appointment, about):
    said = _amounts(appointment.get_appointment_currency(), amount_minor=appointment.amount_to_pay)
    if said:
        paid = ChargeSucceeded(**said, booking=str(appointment.pk))
        record(paid, **{**about, "target": ("charge", f"appointment-{appointment.pk}")})


@receiver(post_save, sender=AppointmentRequest)
def request_saved(instance, created, **_):
    appointment = None if created else Appointment.objects.filter(appointment_request=instance).first()
    if appointment is None:
        return
    about = {
        "target": _booking(appointment), "client": person(appointment.client), "actor": actor(appointment.client),
    }  # fmt: skip
    changes = _changes(instance)
    was, now = (_starts_at(each) for each in (instance.activity_before, _values(instance)))
    if was != now:
        moved = BookingRescheduled(**_about(instance), starts_at=Changed(old=was, new=now))
        record(moved, **about)
    others = [name for name in changes if name not in ("date", "start_time", "end_time")]
    if others:
        record(BookingEdited(**_about(instance), fields_changed=others), **about)


@receiver(pre_delete, sender=Appointment)
def appointment_deleted(instance, **_):
    """In django-appointment an appointment that is cancelled is deleted; also with its service."""
    request = instance.appointment_request
    starts_at = _starts_at(_values(request))
    cancelled = BookingCancelled(
        **_about(request),
        starts_at=starts_at,
        notice_minutes=int((starts_at - timezone.now()).total_seconds() // 60),
    )
    record(cancelled, target=_booking(instance), client=person(instance.client), actor=actor())


# Staff


@receiver(post_save, sender=StaffMember)
def member_saved(instance, created, **_):
    if created:
        record(StaffAdded(), target=("staff", instance.user_id, instance.get_staff_member_name()), actor=actor())


@receiver(pre_delete, sender=StaffMember)
def member_deleted(instance, **_):
    record(StaffRemoved(), target=("staff", instance.user_id, instance.get_staff_member_name()), actor=actor())


def _days(off):
    days = _values(off)
    return {
        "practitioner": _colleague(off.staff_member),
        "starts_at": timezone.make_aware(datetime.combine(days["start_date"], datetime.min.time())),
        "ends_at": timezone.make_aware(datetime.combine(days["end_date"] + timedelta(days=1), datetime.min.time())),
        "reason_code": "leave",
    }


@receiver(post_save, sender=DayOff)
def day_off_saved(instance, created, **_):
    if created or _changes(instance):
        record(ScheduleBlocked(**_days(instance)), target=("schedule_block", instance.pk), actor=actor())


@receiver(pre_delete, sender=DayOff)
def day_off_deleted(instance, **_):
    record(ScheduleUnblocked(**_days(instance)), target=("schedule_block", instance.pk), actor=actor())
