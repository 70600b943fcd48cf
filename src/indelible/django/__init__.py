"""Recording from a Django project whose tables and log are in one SQLite file.

    INSTALLED_APPS = [..., "indelible.django"]
    MIDDLEWARE = [..., "indelible.django.middleware.RecordingMiddleware"]
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ..., "OPTIONS": sqlite_options()}}

    with transaction.atomic():
        booking.cancel()
        record(BookingCancelled(...), target=booking)

Entry and change commit or roll back together. What is not given comes from the request that is being answered.
"""

from __future__ import annotations

from .context import current_request, recording_as
from .log import close_journal, journal, sqlite_options
from .recording import record

__all__ = ["close_journal", "current_request", "journal", "record", "recording_as", "sqlite_options"]
