"""For a host's own tests: what a block of code put into the outbox, inside the test's own transaction.

    from indelible.testing.outbox import recorded              # a pytest fixture, in a conftest.py

    def test_a_cancelled_booking_is_recorded(session, recorded):
        with recorded(session) as documents:
            cancel(session, "bk_1")
        assert [one["action"] for one in documents] == ["booking.cancelled"]

It needs no log. Without pytest the same is `indelible.outbox.recorded`.
"""

from __future__ import annotations

import pytest

from .. import outbox


@pytest.fixture
def recorded() -> type[outbox.recorded]:
    """`recorded(session_or_connection)`, for a `with` block."""
    return outbox.recorded
