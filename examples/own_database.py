"""A program with a database of its own: the booking and the document that tells of it are saved together or not at all.

Run it: python examples/own_database.py
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from indelible import Journal, Outbox, Staff
from indelible.catalogue.bookings import BookingCancelled
from indelible.drain.passes import drain_all
from indelible.drain.sources import open_source
from indelible.outbox.sql import install

MARIA = Staff("usr_12", "Maria Fernandes", "receptionist")
outbox = Outbox("c_lisbon")


def cancel(host: sqlite3.Connection, booking: str, reason: str) -> None:
    """Cancel a booking and say so in the outbox, in one transaction."""
    with host:
        outbox.record(host, BookingCancelled(reason_text=reason), actor=MARIA, target=("booking", booking))
        changed = host.execute("UPDATE booking SET state = 'cancelled' WHERE id = ?", (booking,))
        if changed.rowcount == 0:
            raise LookupError(f"no booking {booking}: neither a change nor an entry")


with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "clinic.db"
    with closing(sqlite3.connect(path)) as host:
        install(host)  # `indelible outbox sql` prints it for a host's migrations
        host.execute("CREATE TABLE booking (id TEXT PRIMARY KEY, state TEXT)")
        host.execute("INSERT INTO booking VALUES ('bk_99812', 'booked')")
        host.commit()

        try:
            cancel(host, "bk_no_such", "a typing error")
        except LookupError as error:
            print(error)
        cancel(host, "bk_99812", "migraine")

    # Elsewhere, as a service: indelible drain clinic.db
    with Journal.create(Path(folder) / "activity.db") as journal, closing(open_source(str(path))) as source:
        log = journal.add_clinic("c_lisbon", name="Clínica da Estrela", zone="Europe/Lisbon")
        drain_all(journal, source)
        for entry in log.read():
            print(entry.seq, entry.local_time, entry.sentence)
