"""The client of the HTTP API: records into a log, and reads it, from another machine.

    from indelible import Staff
    from indelible.catalogue.bookings import BookingCancelled
    from indelible.client import Client

    log = Client("https://log.example", key, clinic="c_lisbon", spool="/var/lib/host/spool")
    log.record(BookingCancelled(late=True), actor=Staff("usr_12", "Maria Fernandes"), target=("booking", "bk_99812"))

    blocking      `Client`; `awaited` has `AsyncClient`, with the same methods to be awaited
    calls         what is asked for each of them, and how its answer is read: no network in there
    answers       what comes back: `Receipt`, `Page`; `problems`, what is raised instead
    documents     the JSON of what is to be recorded, always with a key
    retrying      when something is tried again, and how long that waits
    spool         a file where documents wait while the service is away; `sending` empties it

A whole document is a dict, and then neither catalogue nor pydantic is loaded; an action of the catalogue is checked
here, before anything is sent. Without a spool no database is loaded.
"""

from __future__ import annotations

from ..errors import Conflict, InvalidInput, NotFound
from .answers import Page, Receipt
from .awaited import AsyncClient
from .blocking import Client
from .documents import document
from .problems import NotAllowed, Refused, SpoolFull, Unavailable

__all__ = [
    "AsyncClient",
    "Client",
    "Conflict",
    "InvalidInput",
    "NotAllowed",
    "NotFound",
    "Page",
    "Receipt",
    "Refused",
    "SpoolFull",
    "Unavailable",
    "document",
]
