"""The same booking four times: alone, with our record beside it, and as each of two others tracks it."""

from auditlog.registry import auditlog
from django.db import models
from simple_history.models import HistoricalRecords


class _Booking(models.Model):
    client = models.CharField(max_length=40)
    service = models.CharField(max_length=40)
    starts_at = models.DateTimeField()
    state = models.CharField(max_length=10, default="booked")
    price_minor = models.IntegerField()
    notes = models.TextField(default="")

    class Meta:
        abstract = True

    def activity_target(self):
        return ("booking", self.pk)


class Bare(_Booking):
    pass


class Recorded(_Booking):
    pass


class Audited(_Booking):
    pass


class Historied(_Booking):
    history = HistoricalRecords()


auditlog.register(Audited)
