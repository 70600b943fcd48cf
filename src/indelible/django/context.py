"""Who and what is behind what is being recorded; the same for a log in Django's file and for an outbox."""

from __future__ import annotations

from ..outbox.django.context import (
    USERS,
    Context,
    answering,
    client_address,
    current,
    current_actor,
    current_clinic,
    current_request,
    recording_as,
)

__all__ = [
    "USERS", "Context", "answering", "client_address", "current", "current_actor", "current_clinic", "current_request",
    "recording_as",
]  # fmt: skip
