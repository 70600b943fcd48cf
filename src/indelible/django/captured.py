"""`recorded`: what a block recorded, for a host's own tests, inside `TestCase`'s transaction or without one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connections

from ..outbox import captured
from ..outbox.prepared import Prepared
from .transactions import default_alias

# What is recorded apart while a `TestCase` runs. A transaction of its own would outlive the test.
_aside: ContextVar[list[Prepared] | None] = ContextVar("indelible_outbox_aside", default=None)


@contextmanager
def recorded(using: str | None = None) -> Iterator[list[dict[str, Any]]]:
    """A list of a block's documents (dicts), filled when the block ends, in the order in which they were recorded.

        with recorded() as documents:
            self.client.post("/bookings/bk_1/cancel")
        self.assertEqual([one["action"] for one in documents], ["booking.cancelled"])

    What was rolled back is not in it. In a `TestCase` what was recorded `apart` comes last, and is nowhere else.
    `using` is the database, else the one of INDELIBLE_OUTBOX_ALIAS.
    """
    aside: list[Prepared] = []
    token = _aside.set(aside)
    try:
        with captured.recorded(connections[using or default_alias()]) as documents:
            yield documents
        documents += [json.loads(row.document) for row in aside]
    finally:
        _aside.reset(token)


def put_aside(row: Prepared) -> None:
    found = _aside.get()
    if found is not None:
        found.append(row)
