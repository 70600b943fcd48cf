"""The middleware that knows, for everything recorded while a request is answered, who asked and from where."""

from __future__ import annotations

from ..outbox.django import middleware

__all__ = ["RecordingMiddleware"]


class RecordingMiddleware(middleware.RecordingMiddleware):
    """As in `indelible.outbox.django.middleware`; without INDELIBLE_CHANNEL a request came through `staff_web`."""

    channel = "staff_web"
