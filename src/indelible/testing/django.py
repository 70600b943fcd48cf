"""For a Django host's own tests: what a block of code recorded, also within `TestCase`'s transaction. Needs no log.

class Cancelling(RecordsMixin, TestCase):
    def test_it_is_recorded(self):
        with self.assertRecords("booking.cancelled") as documents:
            self.client.post("/bookings/bk_1/cancel")
        self.assertEqual(documents[0]["target"]["id"], "bk_1")
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..django.captured import recorded

__all__ = ["RecordsMixin", "recorded"]


class RecordsMixin:
    """Beside any of Django's test cases, in front of it."""

    @contextmanager
    def assertRecords(self, *actions: str, using: str | None = None) -> Iterator[list[dict[str, Any]]]:  # noqa: N802 - as unittest names them
        """The block records these actions, in this order, and nothing else. Gives their documents when it ends."""
        with recorded(using) as documents:
            yield documents
        found = tuple(str(one["action"]) for one in documents)
        if found != actions:
            raise AssertionError(f"recorded {', '.join(found) or 'nothing'}, not {', '.join(actions) or 'nothing'}")
