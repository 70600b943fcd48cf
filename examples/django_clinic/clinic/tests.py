"""What a host's own tests see of what they recorded, within `TestCase`'s transaction; with `test --parallel` too."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.test import TestCase
from django.utils import timezone

from indelible import Staff
from indelible.django import recording_as
from indelible.testing.django import RecordsMixin

from . import doing
from .models import Booking, Client

MARIA = Staff("usr_12", "Maria Fernandes")
SERVICE = {"name": "Facial", "minutes": 60, "price_minor": 8000, "deposit_minor": 2000, "window_minutes": 1440}


class OneBooking(RecordsMixin, TestCase):
    def setUp(self):
        self.someone = Client.objects.create(name="Ana Sousa")
        self.client.force_login(User.objects.create_user("maria"))
        with recording_as(MARIA, clinic="c_lisbon"):
            self.service = doing.create_service(**SERVICE)

    def body(self, **more):
        starts_at = (timezone.now() + timedelta(days=3)).isoformat()
        return {"service": self.service.pk, "client": self.someone.pk, "starts_at": starts_at, **more}

    def post(self, path, body):
        return self.client.post(path, body, content_type="application/json", headers={"host": "localhost"})


class Cancelling(OneBooking):
    def test_it_gives_the_deposit_back_and_says_so(self):
        booking = self.post("/bookings", self.body()).json()["id"]
        with self.assertRecords("booking.cancelled", "charge.refunded") as documents:
            self.post(f"/bookings/{booking}/cancel", {})
        self.assertEqual(documents[0]["actor"]["kind"], "staff")
        self.assertEqual(documents[1]["actor"], {"kind": "system", "reason": "policy:cancellation"})


class Declining(OneBooking):
    def test_it_books_nothing_and_is_recorded(self):
        with self.assertRecords("charge.failed"):
            answer = self.post("/bookings", self.body(card="declined"))
        self.assertEqual((answer.status_code, Booking.objects.count()), (402, 0))
