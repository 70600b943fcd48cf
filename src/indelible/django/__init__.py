"""Recording from a Django project into an outbox in its own database, on PostgreSQL or SQLite.

    INSTALLED_APPS = [..., "indelible.django"]
    MIDDLEWARE = [..., "indelible.django.middleware.RecordingMiddleware"]

    with transaction.atomic():
        booking.cancel()
        record(BookingCancelled(...), target=booking)

The document commits or rolls back with the change. What is not given comes from the request that is being answered.

    recording     `record`, `record_imported`
    transactions  which database's transaction that is, and what must not be forgotten when it ends
    captured      `recorded`: what a block recorded, for a host's tests
    context       who acts, in which clinic, and where from
    migrations    the outbox's own SQL
"""

from __future__ import annotations

from .captured import recorded
from .context import current_actor, current_request, recording_as
from .recording import record, record_imported

__all__ = ["current_actor", "current_request", "record", "record_imported", "recorded", "recording_as"]
