"""What the clinic keeps. `activity_target` and `activity_person` are all that these models know of a log."""

from django.db import models

CURRENCY = "EUR"


class Service(models.Model):
    name = models.CharField(max_length=100)
    minutes = models.PositiveIntegerField()
    price_minor = models.PositiveIntegerField()
    deposit_minor = models.PositiveIntegerField()
    # A client who cancels earlier than this before the start gets the deposit back.
    window_minutes = models.PositiveIntegerField()

    def activity_target(self):
        return ("service", self.pk, self.name)


class Client(models.Model):
    name = models.CharField(max_length=100)

    def activity_person(self):
        return (self.pk, self.name)


class Voucher(models.Model):
    """A pack of sessions of one service."""

    service = models.ForeignKey(Service, models.PROTECT)
    client = models.ForeignKey(Client, models.PROTECT)
    sessions_total = models.PositiveIntegerField()
    sessions_left = models.PositiveIntegerField()

    def activity_target(self):
        return ("voucher", self.pk)


class Charge(models.Model):
    client = models.ForeignKey(Client, models.PROTECT)
    amount_minor = models.PositiveIntegerField()
    refunded_minor = models.PositiveIntegerField(default=0)

    def activity_target(self):
        return ("charge", self.pk)


class Booking(models.Model):
    service = models.ForeignKey(Service, models.SET_NULL, null=True)
    service_name = models.CharField(max_length=100)
    window_minutes = models.PositiveIntegerField()  # as the client agreed to it
    client = models.ForeignKey(Client, models.PROTECT)
    starts_at = models.DateTimeField()
    state = models.CharField(max_length=10, default="booked")
    charge = models.ForeignKey(Charge, models.PROTECT, null=True)
    voucher = models.ForeignKey(Voucher, models.PROTECT, null=True)

    def activity_target(self):
        return ("booking", self.pk)
